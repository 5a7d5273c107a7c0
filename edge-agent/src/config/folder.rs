//! The configuration folder: which files belong to it, and whether they changed.

use std::{
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::CAMERAS_MAX;
use crate::document::Fault;

/// The camera files, sorted by name. A folder that cannot be read is a fault, not a box without
/// cameras: a running agent would give up all it has.
pub(super) fn camera_files(dir: &Path, faults: &mut Vec<Fault>) -> Vec<PathBuf> {
    let folder = dir.join("cameras");
    let mut files = match list(&folder) {
        Ok(files) => files,
        Err(error) => {
            let message = format!("cannot be read: {error}");
            faults.push(Fault {
                file: folder,
                line: None,
                message,
            });
            return Vec::new();
        }
    };
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

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let path = entry.path();
        if !is_hidden && path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Names, sizes and change times of a configuration's files: cheap to take twice a second.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(Vec<(PathBuf, u64, Option<SystemTime>)>);

impl Fingerprint {
    pub fn take(dir: &Path) -> Self {
        let folder = dir.join("cameras");
        // The folder itself stands for what it does not let us see.
        let mut files = list(&folder).unwrap_or_else(|_unreadable| vec![folder]);
        files.push(dir.join("agent.toml"));
        let describe = |path: PathBuf| {
            let metadata = std::fs::metadata(&path).ok();
            let size = metadata.as_ref().map_or(0, std::fs::Metadata::len);
            (path, size, metadata.and_then(|m| m.modified().ok()))
        };
        Self(files.into_iter().map(describe).collect())
    }
}
