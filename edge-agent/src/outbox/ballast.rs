//! A file that can be removed when the disk is full, so that there is room to make room: SQLite
//! needs some to delete and to check-point.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Twice what the write-ahead log grows to between two check-points.
const BALLAST_BYTES: usize = 2 * 256 * 4_096;

#[derive(Debug)]
pub(super) struct Ballast {
    path: PathBuf,
    held: bool,
}

impl Ballast {
    /// Of the database at `database`.
    pub(super) fn of(database: &Path) -> Self {
        let path = database.with_extension("ballast");
        let whole = |file: &fs::Metadata| file.len() == BALLAST_BYTES as u64;
        let held = fs::metadata(&path).as_ref().is_ok_and(whole);
        Self { path, held }
    }

    pub(super) fn is_held(&self) -> bool {
        self.held
    }

    /// Fails while the disk is full.
    pub(super) fn make(&mut self) -> io::Result<()> {
        // Not zeros: some file systems would not keep them.
        let written = fs::write(&self.path, vec![0xa5; BALLAST_BYTES]);
        if written.is_err() {
            self.release();
        }
        self.held = written.is_ok();
        written
    }

    pub(super) fn release(&mut self) {
        self.held = false;
        if let Err(error) = fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "ballast cannot be removed");
        }
    }
}
