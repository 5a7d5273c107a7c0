//! Which carrier to use. Told what works, and the time.

use std::time::{Duration, Instant};

use super::{Carrier, Settings};

#[derive(Debug)]
pub(super) struct Choice {
    primary: Carrier,
    fallback: Option<Carrier>,
    failures_max: u32,
    primary_retry: Duration,
    failures: u32,
    /// Since when the fallback is used.
    fallen_back: Option<Instant>,
    /// The primary is being tried again: one failure is enough.
    trying: bool,
}

impl Choice {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            primary: settings.primary,
            fallback: settings
                .fallback
                .filter(|fallback| *fallback != settings.primary),
            failures_max: settings.failures_before_fallback.max(1),
            primary_retry: settings.primary_retry,
            failures: 0,
            fallen_back: None,
            trying: false,
        }
    }

    pub(super) fn carrier(&self) -> Carrier {
        match (self.fallback, self.fallen_back) {
            (Some(fallback), Some(_)) => fallback,
            _ => self.primary,
        }
    }

    pub(super) fn has_other(&self) -> bool {
        self.fallback.is_some()
    }

    /// The centre answered on this carrier.
    pub(super) fn worked(&mut self) {
        self.failures = 0;
        self.trying = false;
    }

    /// A connection could not be had, or ended without an answer of the centre.
    pub(super) fn failed(&mut self, now: Instant) {
        self.failures += 1;
        let failures_max = if self.trying { 1 } else { self.failures_max };
        if self.fallback.is_none() || self.failures < failures_max {
            return;
        }
        self.failures = 0;
        self.trying = false;
        self.fallen_back = if self.fallen_back.is_none() {
            Some(now)
        } else {
            None
        };
    }

    /// When to leave the fallback for another try of the primary.
    pub(super) fn primary_at(&self) -> Option<Instant> {
        Some(self.fallen_back? + self.primary_retry)
    }

    /// At [`Self::primary_at`]. If it fails, the fallback is used at once.
    pub(super) fn try_primary(&mut self) {
        self.fallen_back = None;
        self.failures = 0;
        self.trying = true;
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Carrier::{Grpc, Mqtt},
        *,
    };

    fn choice(fallback: Option<Carrier>) -> Choice {
        Choice::new(&Settings {
            fallback,
            ..Settings::only(Mqtt)
        })
    }

    #[test]
    fn without_a_fallback_the_primary_is_tried_for_ever() {
        for fallback in [None, Some(Mqtt)] {
            let mut choice = choice(fallback);
            (0..100).for_each(|_| choice.failed(Instant::now()));
            assert_eq!(choice.carrier(), Mqtt);
            assert_eq!(choice.primary_at(), None);
        }
    }

    #[test]
    fn three_failures_in_a_row_change_the_carrier_and_later_the_primary_gets_one_try() {
        let now = Instant::now();
        let mut choice = choice(Some(Grpc));
        choice.failed(now);
        choice.failed(now);
        choice.worked();
        choice.failed(now);
        choice.failed(now);
        assert_eq!(choice.carrier(), Mqtt, "not in a row");
        choice.failed(now);
        assert_eq!(choice.carrier(), Grpc);
        assert_eq!(choice.primary_at(), Some(now + Duration::from_mins(5)));
        choice.try_primary();
        assert_eq!(choice.carrier(), Mqtt);
        choice.failed(now);
        assert_eq!(choice.carrier(), Grpc, "one failure was enough");
        choice.try_primary();
        choice.worked();
        choice.failed(now);
        assert_eq!(
            choice.carrier(),
            Mqtt,
            "it works again, so it has three again"
        );
    }

    #[test]
    fn when_neither_works_both_are_tried_in_turn() {
        let now = Instant::now();
        let mut choice = choice(Some(Grpc));
        let tried: Vec<Carrier> = (0..9)
            .map(|_| {
                choice.failed(now);
                choice.carrier()
            })
            .collect();
        assert_eq!(
            tried,
            [Mqtt, Mqtt, Grpc, Grpc, Grpc, Mqtt, Mqtt, Mqtt, Grpc]
        );
    }
}
