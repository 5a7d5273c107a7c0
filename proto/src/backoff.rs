//! When to try again: exponential backoff with full jitter, so that a thousand agents that lost
//! the centre together do not come back together.
//!
//! `delay = random in 0..=min(longest, first * 2^attempt)`, after Brooker, "Exponential Backoff And
//! Jitter", AWS Architecture Blog, 2015.

/// How long to wait before the next attempt. All times in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backoff {
    first_us: i64,
    longest_us: i64,
    attempt: u32,
}

impl Backoff {
    /// The first delay is at most `first_us`, every later one at most `longest_us`.
    pub fn new(first_us: i64, longest_us: i64) -> Self {
        let first_us = first_us.max(0);
        Self {
            first_us,
            longest_us: longest_us.max(first_us),
            attempt: 0,
        }
    }

    /// The longest that the next delay can be.
    pub fn ceiling_us(&self) -> i64 {
        let factor = 1_i64.checked_shl(self.attempt).filter(|factor| *factor > 0);
        factor
            .and_then(|factor| self.first_us.checked_mul(factor))
            .map_or(self.longest_us, |us| us.min(self.longest_us))
    }

    /// The next delay; `random` is any uniformly random number.
    pub fn delay_us(&mut self, random: u64) -> i64 {
        let delay = below(random, self.ceiling_us());
        self.attempt = self.attempt.saturating_add(1);
        delay
    }

    /// It worked: the next delay is a first one again.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// `random` scaled to 0..=`most`.
pub(crate) fn below(random: u64, most: i64) -> i64 {
    let most = u64::try_from(most).unwrap_or(0);
    let scaled = u128::from(random).saturating_mul(u128::from(most).saturating_add(1)) >> 64;
    i64::try_from(scaled).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn delays_stay_between_zero_and_a_ceiling_that_doubles_up_to_the_longest(
            first in 1..10_000_000_i64,
            longest in 1..i64::MAX,
            randoms in proptest::collection::vec(any::<u64>(), 1..100),
        ) {
            let mut backoff = Backoff::new(first, longest);
            let longest = longest.max(first);
            let mut ceiling = first;
            for random in randoms {
                prop_assert_eq!(backoff.ceiling_us(), ceiling);
                let delay = backoff.delay_us(random);
                prop_assert!(0 <= delay && delay <= ceiling);
                ceiling = ceiling.saturating_mul(2).min(longest);
            }
            backoff.reset();
            prop_assert_eq!(backoff, Backoff::new(first, longest));
        }

        #[test]
        fn the_jitter_is_full(first in 1..1_000_000_i64) {
            prop_assert_eq!(Backoff::new(first, first).delay_us(0), 0);
            prop_assert_eq!(Backoff::new(first, first).delay_us(u64::MAX), first);
            let half = Backoff::new(first, first).delay_us(u64::MAX / 2);
            prop_assert!((first - 1) / 2 <= half && half <= first / 2 + 1);
        }
    }
}
