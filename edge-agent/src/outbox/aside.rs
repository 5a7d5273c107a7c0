//! Where a damaged database goes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Renames the database and its log; of those set aside before, none is kept (bounded disk).
pub(super) fn set_aside(path: &Path, now_us: i64) -> io::Result<PathBuf> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let prefix = format!("{stem}.damaged-");
    let folder = path.parent().unwrap_or(Path::new("."));
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            fs::remove_file(entry.path())?;
        }
    }
    let aside = folder.join(format!("{prefix}{now_us}.sqlite"));
    fs::rename(path, &aside)?;
    for (suffix, kept) in [("-wal", true), ("-shm", false)] {
        let from = with_suffix(path, suffix);
        let moved = if kept {
            fs::rename(&from, with_suffix(&aside, suffix))
        } else {
            fs::remove_file(&from)
        };
        match moved {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
