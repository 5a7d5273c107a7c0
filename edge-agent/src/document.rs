//! A TOML file that reports every fault in it, each with its line.

use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue, Deserializer},
};

use crate::capture::redact;

const FILE_BYTES_MAX: u64 = 1 << 20;
const FAULTS_MAX: usize = 100;

/// One thing that is wrong in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub file: PathBuf,
    /// 1-based; `None` when the fault is with the file as a whole.
    pub line: Option<usize>,
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file.display(), self.message),
            None => write!(f, "{}: {}", self.file.display(), self.message),
        }
    }
}

/// A file's text, bounded in size.
pub(crate) fn read_text(file: &Path) -> Result<String, Fault> {
    let fault = |message: String| Fault {
        file: file.to_owned(),
        line: None,
        message,
    };
    let metadata = std::fs::metadata(file).map_err(|e| fault(format!("cannot be read: {e}")))?;
    // A pipe would be waited for without end.
    if !metadata.is_file() {
        return Err(fault("is not a file".to_owned()));
    }
    let size = metadata.len();
    if size > FILE_BYTES_MAX {
        return Err(fault(format!(
            "has {size} bytes, more than the {FILE_BYTES_MAX} allowed"
        )));
    }
    std::fs::read_to_string(file).map_err(|e| fault(format!("cannot be read: {e}")))
}

/// Parsed text that remembers where each value stood.
pub(crate) struct Document<'a> {
    file: &'a Path,
    text: &'a str,
    root: Spanned<DeTable<'a>>,
    is_well_formed: bool,
    pub faults: Vec<Fault>,
}

impl<'a> Document<'a> {
    pub(crate) fn parse(file: &'a Path, text: &'a str) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        let is_well_formed = errors.is_empty();
        let mut document = Self {
            file,
            text,
            root,
            is_well_formed,
            faults: Vec::new(),
        };
        for error in errors.into_iter().take(FAULTS_MAX) {
            document.fault_at(error.span(), error.message());
        }
        document
    }

    /// The document as a `T`, or what can be had of it. A faulty piece is reported, taken out and
    /// the rest is read again, so that one run names every fault. `None`: nothing could be had.
    pub(crate) fn read<T: DeserializeOwned>(&mut self) -> Option<T> {
        // What follows a slip of the pen would only hide it.
        if !self.is_well_formed {
            return None;
        }
        let mut removed: Vec<String> = Vec::new();
        for _ in 0..FAULTS_MAX {
            let error = match T::deserialize(Deserializer::from(self.root.clone())) {
                Ok(value) => return Some(value),
                Err(error) => error,
            };
            let message = error.message().to_owned();
            let follows_from_a_removal = removed
                .iter()
                .any(|key| message == format!("missing field `{key}`"));
            if !follows_from_a_removal {
                self.fault_at(error.span(), &message);
            }
            let span = error.span()?;
            removed.push(remove_from_table(self.root.get_mut(), &span)?);
        }
        None
    }

    pub(crate) fn file(&self) -> &Path {
        self.file
    }

    /// Records a fault at a place named as `line[1].points[3]`, or the nearest place around it.
    pub(crate) fn fault(&mut self, path: &str, message: impl fmt::Display) {
        let span = self.find(path);
        let message = if path.is_empty() {
            message.to_string()
        } else {
            format!("{path}: {message}")
        };
        self.fault_at(span, &message);
    }

    fn fault_at(&mut self, span: Option<Range<usize>>, message: &str) {
        let line = span.map(|span| {
            let before = self.text.as_bytes().iter().take(span.start);
            before.filter(|&&byte| byte == b'\n').count() + 1
        });
        let message = redact(message).replace('\n', " ");
        self.faults.push(Fault {
            file: self.file.to_owned(),
            line,
            message,
        });
    }

    /// The faults so far, in the order of the file.
    pub(crate) fn take_faults(&mut self) -> Vec<Fault> {
        let mut faults = std::mem::take(&mut self.faults);
        faults.sort_by_key(|fault| fault.line);
        faults
    }

    /// Whether `path` was written.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.resolve(path).1
    }

    fn find(&self, path: &str) -> Option<Range<usize>> {
        self.resolve(path).0
    }

    /// The nearest place around `path`, and whether that is `path` itself.
    fn resolve(&self, path: &str) -> (Option<Range<usize>>, bool) {
        let mut span = None;
        let mut table = Some(self.root.get_ref());
        for part in path.split('.') {
            let (key, indexes) = part.split_once('[').unwrap_or((part, ""));
            let Some(mut value) = table.and_then(|table| table.get(key)) else {
                return (span, false);
            };
            span = Some(value.span());
            for index in indexes.split('[').filter(|index| !index.is_empty()) {
                let index = index.trim_end_matches(']').parse::<usize>().ok();
                let Some(item) = index.and_then(|i| value.get_ref().get(i)) else {
                    return (span, false);
                };
                value = item;
                span = Some(value.span());
            }
            table = value.get_ref().as_table();
        }
        (span, true)
    }
}

/// Takes out the entry or array item whose key or value has `span`; answers the entry's key.
fn remove_from_table(table: &mut DeTable<'_>, span: &Range<usize>) -> Option<String> {
    let found = table.iter().find_map(|(key, value)| {
        (key.span() == *span || (value.span() == *span && !value.get_ref().is_array()))
            .then(|| key.get_ref().to_string())
    });
    if let Some(key) = found {
        table.remove(key.as_str());
        return Some(key);
    }
    for (key, value) in table.iter_mut() {
        if let Some(inner) = remove_from_value(value, key.get_ref(), span) {
            return Some(inner);
        }
    }
    // An array as a whole, but only when none of its items has the same span.
    let key = table
        .iter()
        .find(|(_, value)| value.span() == *span)?
        .0
        .get_ref()
        .to_string();
    table.remove(key.as_str());
    Some(key)
}

fn remove_from_value(
    value: &mut Spanned<DeValue<'_>>,
    key: &str,
    span: &Range<usize>,
) -> Option<String> {
    match value.get_mut() {
        DeValue::Table(table) => remove_from_table(table, span),
        DeValue::Array(items) => {
            let found = items.iter().position(|item| item.span() == *span);
            if let Some(index) = found {
                let kept = std::mem::replace(items, DeArray::new())
                    .into_iter()
                    .enumerate();
                *items = kept
                    .filter(|(i, _)| *i != index)
                    .map(|(_, item)| item)
                    .collect();
                return Some(key.to_owned());
            }
            items
                .iter_mut()
                .find_map(|item| remove_from_value(item, key, span))
        }
        _ => None,
    }
}
