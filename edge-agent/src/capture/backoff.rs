//! When to try a camera again.

use std::time::Duration;

use super::fault::CaptureError;

const FIRST: Duration = Duration::from_secs(1);
/// A camera that is down is back in view within 5 s of its return.
const SOON: Duration = Duration::from_secs(4);
/// What only a person can put right is not hurried; some cameras lock an account after a few wrong
/// passwords.
const LATE: Duration = Duration::from_secs(30);

/// Exponential backoff with full jitter: cameras behind one switch do not come back in step
/// (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    ceiling: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { ceiling: FIRST }
    }

    /// The wait after `error`, with `random` from 0 to 1.
    pub(super) fn next(&mut self, error: &CaptureError, random: f64) -> Duration {
        let ceiling = self.ceiling.min(longest(error));
        self.ceiling = (self.ceiling * 2).min(LATE);
        ceiling.mul_f64(random.clamp(0.0, 1.0))
    }

    pub(super) fn reset(&mut self) {
        self.ceiling = FIRST;
    }
}

fn longest(error: &CaptureError) -> Duration {
    match error {
        CaptureError::Init(_)
        | CaptureError::Element(_)
        | CaptureError::Login
        | CaptureError::Codec(_) => LATE,
        CaptureError::Open(_)
        | CaptureError::Connect
        | CaptureError::Path
        | CaptureError::Format
        | CaptureError::NoVideo
        | CaptureError::Stalled(_)
        | CaptureError::Ended
        | CaptureError::Picture(_)
        | CaptureError::Broken(_) => SOON,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(error: &CaptureError) -> Vec<u64> {
        let mut backoff = Backoff::new();
        (0..7).map(|_| backoff.next(error, 1.0).as_secs()).collect()
    }

    #[test]
    fn it_doubles_up_to_a_limit_that_depends_on_who_can_help() {
        assert_eq!(seconds(&CaptureError::Connect), [1, 2, 4, 4, 4, 4, 4]);
        assert_eq!(seconds(&CaptureError::Login), [1, 2, 4, 8, 16, 30, 30]);
    }

    #[test]
    fn it_starts_again_after_a_success() {
        let mut backoff = Backoff::new();
        for _ in 0..5 {
            assert_eq!(backoff.next(&CaptureError::Login, 0.0), Duration::ZERO);
        }
        backoff.reset();
        assert_eq!(
            backoff.next(&CaptureError::Login, 0.5),
            Duration::from_millis(500)
        );
    }
}
