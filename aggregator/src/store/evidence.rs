//! Pictures: files under their hash, and the table that knows them.
//!
//! ```text
//! tmp file ─▶ fsync ─▶ rename to evidence/ab/<sha256> ─▶ fsync folder ─▶ row
//! ```
//! A row never names a file that is not there; a file without a row is left over from a crash and
//! replaced or adopted when its picture comes again.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rusqlite::OptionalExtension;

use super::{
    Store, StoreError, make_private_folder, rows::EvidenceFile, time::Timestamp, writer::Writing,
};

impl Store {
    pub async fn evidence(&self, sha256: [u8; 32]) -> Result<Option<EvidenceFile>, StoreError> {
        let path = path(self.dir(), &sha256);
        self.read(move |db| {
            let sql = "SELECT media_type, size_bytes, masked, agent, camera, captured_us
                       FROM evidence WHERE sha256 = ?1";
            let found = db.prepare_cached(sql)?.query_row([sha256], |row| {
                Ok(EvidenceFile {
                    path,
                    media_type: row.get(0)?,
                    size_bytes: row.get::<_, i64>(1)?.cast_unsigned(),
                    masked: row.get(2)?,
                    agent: row.get(3)?,
                    camera: row.get(4)?,
                    captured_at: Timestamp::from_micros(row.get(5)?),
                })
            });
            Ok(found.optional()?)
        })
        .await
    }

    /// Writes a picture's file, durably, before its row may be written. The file is not deleted
    /// while what is returned is held.
    pub(super) async fn keep_picture(
        &self,
        sha256: [u8; 32],
        data: Vec<u8>,
    ) -> Result<Kept, StoreError> {
        let kept = self.inner.arriving.keep(sha256);
        let path = path(self.dir(), &sha256);
        let written = tokio::task::spawn_blocking(move || write_durably(&path, &data)).await;
        match written {
            Ok(Ok(())) => Ok(kept),
            Ok(Err(error)) if error.kind() == io::ErrorKind::StorageFull => Err(StoreError::Full),
            Ok(Err(error)) => Err(StoreError::Unwritable {
                reason: error.to_string(),
            }),
            Err(error) => Err(StoreError::Failed {
                reason: error.to_string(),
            }),
        }
    }

    /// Deletes pictures' files that no row names any more.
    pub(super) async fn forget_pictures(&self, pictures: Vec<[u8; 32]>) {
        if pictures.is_empty() {
            return;
        }
        let inner = Arc::clone(&self.inner);
        let forget = move |tx: &mut Writing<'_>| {
            for sha256 in pictures {
                // Asked here, in the order of writes: it may have come again meanwhile.
                let sql = "SELECT 1 FROM evidence WHERE sha256 = ?1";
                if tx.find(sql, [sha256], |_| Ok(()))?.is_none()
                    && !inner.arriving.is_kept(&sha256)
                    && let Err(error) = fs::remove_file(path(&inner.dir, &sha256))
                    && error.kind() != io::ErrorKind::NotFound
                {
                    tracing::warn!(%error, "an old picture could not be deleted");
                }
            }
            Ok::<_, StoreError>(())
        };
        if let Err(error) = self.write(forget).await {
            tracing::warn!(%error, "old pictures could not be deleted");
        }
    }
}

/// Pictures whose files are written and whose rows are not yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Arriving(Arc<Mutex<BTreeMap<[u8; 32], usize>>>);

/// Keeps a picture's file from being deleted.
pub(super) struct Kept {
    arriving: Arriving,
    sha256: [u8; 32],
}

impl Arriving {
    fn keep(&self, sha256: [u8; 32]) -> Kept {
        let mut pictures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *pictures.entry(sha256).or_default() += 1;
        Kept {
            arriving: self.clone(),
            sha256,
        }
    }

    fn is_kept(&self, sha256: &[u8; 32]) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(sha256)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut pictures = self
            .arriving
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = pictures.get_mut(&self.sha256) {
            *count -= 1;
            if *count == 0 {
                pictures.remove(&self.sha256);
            }
        }
    }
}

/// Where a picture lies in the data folder.
pub(super) fn path(dir: &Path, sha256: &[u8; 32]) -> PathBuf {
    let name = hex::encode(sha256);
    let shelf: String = name.chars().take(2).collect();
    dir.join("evidence").join(shelf).join(name)
}

fn write_durably(path: &Path, data: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    make_private_folder(folder)?;
    // Named by a fresh id: two may write the same picture at once.
    let temporary = folder.join(format!("tmp-{}", uuid::Uuid::new_v4()));
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(data)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(folder)?.sync_all()
    });
    if written.is_err() {
        // Best effort: the error that matters is the first one.
        drop(fs::remove_file(&temporary));
    }
    written
}
