//! The cameras that the centre was told of, kept over restarts: one that was deleted meanwhile is
//! announced as removed, and does not stay on people's screens for ever.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use tracing::warn;

use crate::config::{CAMERAS_MAX, is_slug};

const FILE: &str = "cameras.announced";
const FILE_BYTES_MAX: u64 = 64 * 1024;

pub(super) struct Announced {
    path: PathBuf,
    ids: BTreeSet<String>,
}

impl Announced {
    /// What cannot be read is left out: at worst a camera stays listed at the centre.
    pub(super) fn load(state_dir: &Path) -> Self {
        let path = state_dir.join(FILE);
        let ids = read(&path).unwrap_or_else(|error| {
            if error.kind() != io::ErrorKind::NotFound {
                warn!(path = %path.display(), %error, "announced cameras cannot be read");
            }
            BTreeSet::new()
        });
        Self { path, ids }
    }

    pub(super) fn ids(&self) -> &BTreeSet<String> {
        &self.ids
    }

    /// Before a camera is announced, so that its removal will be, whatever happens between.
    pub(super) fn add(&mut self, ids: impl IntoIterator<Item = String>) {
        let before = self.ids.len();
        self.ids.extend(ids);
        if self.ids.len() != before {
            self.keep();
        }
    }

    /// After its removal was committed.
    pub(super) fn remove(&mut self, id: &str) {
        if self.ids.remove(id) {
            self.keep();
        }
    }

    fn keep(&self) {
        if let Err(error) = write(&self.path, &self.ids) {
            warn!(path = %self.path.display(), %error, "announced cameras are not kept");
        }
    }
}

fn read(path: &Path) -> io::Result<BTreeSet<String>> {
    if FILE_BYTES_MAX < fs::metadata(path)?.len() {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let text = fs::read_to_string(path)?;
    let ids = text
        .lines()
        .filter(|line| is_slug(line))
        .take(2 * CAMERAS_MAX);
    Ok(ids.map(str::to_owned).collect())
}

fn write(path: &Path, ids: &BTreeSet<String>) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = File::create(&new)?;
    for id in ids {
        writeln!(file, "{id}")?;
    }
    file.sync_all()?;
    fs::rename(&new, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_announced_is_known_after_a_restart_and_nonsense_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut announced = Announced::load(dir.path());
        announced.add(["gate".to_owned(), "yard".to_owned()]);
        announced.remove("yard");
        assert!(Announced::load(dir.path()).ids().iter().eq(["gate"]));
        fs::write(dir.path().join(FILE), "gate\n../etc\n\u{1}\n\nroof").unwrap();
        assert!(
            Announced::load(dir.path())
                .ids()
                .iter()
                .eq(["gate", "roof"])
        );
        fs::write(dir.path().join(FILE), [0xff, 0xfe]).unwrap();
        assert!(Announced::load(dir.path()).ids().is_empty());
    }
}
