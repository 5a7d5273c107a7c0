//! How often somebody may fail to sign in: token buckets, a bounded number of them.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Buckets kept of each kind; when there are more, the fullest goes, which forgets the least.
const BUCKETS_MAX: usize = 4096;

/// How many at once, and how long until one more.
#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: u32,
    refill: Duration,
}

/// A name from one address: a person who mistypes gets by, a guesser gets 120 tries an hour.
const PAIR: Rate = Rate {
    burst: 5,
    refill: Duration::from_secs(30),
};
/// An address, whatever the names.
const ADDRESS: Rate = Rate {
    burst: 30,
    refill: Duration::from_secs(6),
};
/// A name, from wherever. Wide, so that a guesser cannot lock its owner out from another address.
const NAME: Rate = Rate {
    burst: 300,
    refill: Duration::from_secs(6),
};

/// A bucket is kept as the time at which it will be full again.
struct Buckets<K> {
    full_at: BTreeMap<K, Instant>,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self {
            full_at: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Buckets<K> {
    /// Takes one token, or tells how long until there is one.
    fn take(&mut self, key: &K, rate: Rate, now: Instant) -> Result<(), Duration> {
        let full_at = self.full_at.get(key).copied().unwrap_or(now).max(now);
        let spent = full_at.saturating_duration_since(now);
        let limit = rate.refill * (rate.burst - 1);
        let wait = spent.saturating_sub(limit);
        if !wait.is_zero() {
            return Err(wait);
        }
        if !self.full_at.contains_key(key) && self.full_at.len() >= BUCKETS_MAX {
            self.make_room(now);
        }
        self.full_at.insert(key.clone(), full_at + rate.refill);
        Ok(())
    }

    fn give_back(&mut self, key: &K, rate: Rate) {
        if let Some(full_at) = self.full_at.get_mut(key) {
            *full_at = full_at.checked_sub(rate.refill).unwrap_or(*full_at);
        }
    }

    fn make_room(&mut self, now: Instant) {
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() < BUCKETS_MAX {
            return;
        }
        let fullest = self
            .full_at
            .iter()
            .min_by_key(|(_, full_at)| **full_at)
            .map(|(key, _)| key.clone());
        if let Some(key) = fullest {
            self.full_at.remove(&key);
        }
    }
}

#[derive(Default)]
struct State {
    pairs: Buckets<(String, IpAddr)>,
    addresses: Buckets<IpAddr>,
    names: Buckets<String>,
}

/// Limits sign-in attempts. Only failures count in the end: a success gives its token back.
#[derive(Default)]
pub struct SignInLimit {
    state: Mutex<State>,
}

impl SignInLimit {
    /// Counts an attempt before the password is looked at, so that parallel guesses count too.
    ///
    /// The error is how long to wait.
    pub fn attempt(&self, name: &str, peer: IpAddr, now: Instant) -> Result<(), Duration> {
        let address = network(peer);
        let pair = (name.to_owned(), address);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.addresses.take(&address, ADDRESS, now)?;
        state.pairs.take(&pair, PAIR, now)?;
        state.names.take(&pair.0, NAME, now)
    }

    /// The attempt was right.
    pub fn succeeded(&self, name: &str, peer: IpAddr) {
        let address = network(peer);
        let pair = (name.to_owned(), address);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.addresses.give_back(&address, ADDRESS);
        state.pairs.give_back(&pair, PAIR);
        state.names.give_back(&pair.0, NAME);
    }
}

/// Who holds one IPv6 address usually holds its /64.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn a_guesser_waits_and_the_owner_elsewhere_does_not() {
        let (limit, start) = (SignInLimit::default(), Instant::now());
        for _ in 0..PAIR.burst {
            limit.attempt("admin", HOME, start).unwrap();
        }
        assert_eq!(limit.attempt("admin", HOME, start), Err(PAIR.refill));
        limit.attempt("admin", AWAY, start).unwrap();
        // Patience gives one more, not two.
        limit.attempt("admin", HOME, start + PAIR.refill).unwrap();
        assert!(limit.attempt("admin", HOME, start + PAIR.refill).is_err());
    }

    #[test]
    fn one_address_trying_many_names_waits() {
        let (limit, start) = (SignInLimit::default(), Instant::now());
        let refused = (0..100)
            .filter(|n| limit.attempt(&format!("user{n}"), HOME, start).is_err())
            .count();
        assert_eq!(refused, 70);
    }

    #[test]
    fn signing_in_rightly_is_never_limited() {
        let (limit, start) = (SignInLimit::default(), Instant::now());
        for _ in 0..1000 {
            limit.attempt("admin", HOME, start).unwrap();
            limit.succeeded("admin", HOME);
        }
    }

    #[test]
    fn the_neighbours_in_a_64_count_as_one() {
        let (limit, start) = (SignInLimit::default(), Instant::now());
        let mut refused = 0;
        for host in 0..10_u16 {
            let peer = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host));
            refused += usize::from(limit.attempt("admin", peer, start).is_err());
        }
        assert_eq!(refused, 5);
    }

    #[test]
    fn memory_is_bounded() {
        let mut buckets = Buckets::default();
        let start = Instant::now();
        for key in 0..BUCKETS_MAX + 100 {
            buckets.take(&key, NAME, start).unwrap();
        }
        assert_eq!(buckets.full_at.len(), BUCKETS_MAX);
    }

    proptest! {
        /// Whatever the times of the attempts, no span lets through more than burst + span/refill.
        #[test]
        fn no_more_than_the_rate(waits in proptest::collection::vec(0_u64..20_000, 1..200)) {
            let mut buckets = Buckets::default();
            let start = Instant::now();
            let mut now = start;
            let mut passed: u32 = 0;
            for wait in waits {
                now += Duration::from_millis(wait);
                passed += u32::from(buckets.take(&(), PAIR, now).is_ok());
            }
            let elapsed = u32::try_from((now - start).as_secs() / PAIR.refill.as_secs()).unwrap();
            prop_assert!(passed <= PAIR.burst + elapsed);
        }
    }
}
