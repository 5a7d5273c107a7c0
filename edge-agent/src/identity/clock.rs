//! The latest time the centre is known to have said, for a box whose clock starts in 1970.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rustls::pki_types::UnixTime;

use super::files::write_whole;

const FILE: &str = "latest_time";
/// Written to disk when it is so much later than what is there, seconds (flash wear).
const STEP_SECONDS: u64 = 3_600;

/// No certificate is judged by an earlier time than this.
#[derive(Clone, Debug)]
pub(crate) struct TimeFloor {
    path: PathBuf,
    /// Seconds since 1970.
    seconds: Arc<AtomicU64>,
    written: Arc<AtomicU64>,
}

impl TimeFloor {
    pub(super) fn load(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let seconds = fs::read_to_string(&path)
            .ok()
            .and_then(|text| text.trim().parse().ok());
        let seconds = seconds.unwrap_or(0);
        Self {
            path,
            seconds: Arc::new(AtomicU64::new(seconds)),
            written: Arc::new(AtomicU64::new(seconds)),
        }
    }

    /// `seconds` since 1970, by a message that the centre signed.
    pub(crate) fn raise(&self, seconds: u64) {
        let before = self.seconds.fetch_max(seconds, Ordering::Relaxed);
        let written = self.written.load(Ordering::Relaxed);
        if seconds <= before || seconds < written.saturating_add(STEP_SECONDS) {
            return;
        }
        self.written.store(seconds, Ordering::Relaxed);
        if let Err(error) = write_whole(&self.path, seconds.to_string().as_bytes()) {
            tracing::debug!(path = %self.path.display(), %error, "latest time is not kept");
        }
    }

    pub(super) fn at_least(&self, now: UnixTime) -> UnixTime {
        let seconds = now.as_secs().max(self.seconds.load(Ordering::Relaxed));
        UnixTime::since_unix_epoch(Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_does_not_fall_behind_what_the_centre_said_even_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let floor = TimeFloor::load(folder.path());
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        assert_eq!(floor.at_least(at(5)), at(5));
        floor.raise(2_000_000_000);
        floor.raise(1_000_000_000);
        assert_eq!(floor.at_least(at(5)), at(2_000_000_000));
        assert_eq!(floor.at_least(at(2_000_000_001)), at(2_000_000_001));
        let restarted = TimeFloor::load(folder.path());
        assert_eq!(restarted.at_least(at(5)), at(2_000_000_000));
    }
}
