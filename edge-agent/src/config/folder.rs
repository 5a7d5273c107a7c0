//! The configuration folder: which files belong to it, and whether they changed.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::CAMERAS_MAX;
use crate::document::Fault;

/// The camera files, sorted by name.
pub(super) fn camera_files(dir: &Path, faults: &mut Vec<Fault>) -> Vec<PathBuf> {
    let folder = dir.join("cameras");
    let mut files = list(&folder);
    if CAMERAS_MAX < files.len() {
        let message = format!("has {} cameras, more than {CAMERAS_MAX}", files.len());
        faults.push(Fault {
            file: folder,
            line: None,
            message,
        });
        files.truncate(CAMERAS_MAX);
    }
    files
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .filter(|path| {
            !path
                .file_name()
                .is_some_and(|n| n.as_encoded_bytes().starts_with(b"."))
        })
        .collect();
    files.sort();
    files
}

/// Names, sizes and change times of a configuration's files: cheap to take twice a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(Vec<(PathBuf, u64, Option<SystemTime>)>);

impl Fingerprint {
    pub fn take(dir: &Path) -> Self {
        let mut files = list(&dir.join("cameras"));
        files.push(dir.join("agent.toml"));
        let describe = |path: PathBuf| {
            let metadata = std::fs::metadata(&path).ok();
            let size = metadata.as_ref().map_or(0, std::fs::Metadata::len);
            (path, size, metadata.and_then(|m| m.modified().ok()))
        };
        Self(files.into_iter().map(describe).collect())
    }
}
