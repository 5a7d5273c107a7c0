//! How long an ack takes, and so when one is overdue.

/// Before anything was measured.
const TIMEOUT_FIRST_US: i64 = 3_000_000;
const TIMEOUT_MIN_US: i64 = 1_000_000;
const TIMEOUT_MAX_US: i64 = 60_000_000;

/// Smoothed as in RFC 6298: 7/8 of the old value and 1/8 of the new.
#[derive(Debug, Default)]
pub(super) struct RoundTrip {
    smoothed_us: Option<i64>,
}

impl RoundTrip {
    pub(super) fn measured(&mut self, sample_us: i64) {
        let sample_us = sample_us.clamp(0, TIMEOUT_MAX_US);
        let smoothed = self.smoothed_us.map_or(sample_us, |old| {
            let change = sample_us.saturating_sub(old) / 8;
            old.saturating_add(change)
        });
        self.smoothed_us = Some(smoothed);
    }

    pub(super) fn smoothed_us(&self) -> i64 {
        self.smoothed_us.unwrap_or(0)
    }

    /// Twice the round trip, doubled for each time that nothing came, between 1 and 60 s.
    pub(super) fn timeout_us(&self, unanswered: u32) -> i64 {
        let timeout = self.smoothed_us.map_or(TIMEOUT_FIRST_US, |us| {
            us.saturating_mul(2).max(TIMEOUT_MIN_US)
        });
        let factor = 1_i64 << unanswered.min(16);
        timeout.saturating_mul(factor).min(TIMEOUT_MAX_US)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_follows_the_round_trip_within_its_bounds() {
        let mut round_trip = RoundTrip::default();
        assert_eq!(round_trip.timeout_us(0), TIMEOUT_FIRST_US);
        round_trip.measured(1_000);
        assert_eq!(round_trip.timeout_us(0), TIMEOUT_MIN_US);
        assert_eq!(round_trip.timeout_us(2), 4 * TIMEOUT_MIN_US);
        assert_eq!(round_trip.timeout_us(u32::MAX), TIMEOUT_MAX_US);
        for _ in 0..200 {
            round_trip.measured(5_000_000);
        }
        assert!((9_900_000..=10_000_000).contains(&round_trip.timeout_us(0)));
        round_trip.measured(i64::MAX);
        assert!(round_trip.timeout_us(0) <= TIMEOUT_MAX_US);
    }
}
