//! A bounded number of something, in all and for each holder.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Places for connections or streams.
pub(super) struct Slots<K: Ord> {
    held: Arc<Mutex<BTreeMap<K, usize>>>,
    total_max: usize,
    each_max: usize,
}

/// A place, free again when this is dropped.
pub(super) struct Slot<K: Ord> {
    held: Arc<Mutex<BTreeMap<K, usize>>>,
    holder: K,
}

impl<K: Ord + Clone> Slots<K> {
    pub(super) fn new(total_max: usize, each_max: usize) -> Self {
        Self {
            held: Arc::default(),
            total_max,
            each_max,
        }
    }

    /// A place for `holder`, unless all are taken or it has its share.
    pub(super) fn take(&self, holder: K) -> Option<Slot<K>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = held.values().sum();
        let own = held.get(&holder).copied().unwrap_or(0);
        if total >= self.total_max || own >= self.each_max {
            return None;
        }
        held.insert(holder.clone(), own + 1);
        Some(Slot {
            held: Arc::clone(&self.held),
            holder,
        })
    }
}

impl<K: Ord> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = held.get_mut(&self.holder) {
            *own -= 1;
            if *own == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_all_and_each_and_come_back() {
        let slots = Slots::new(3, 2);
        let first = slots.take("a").unwrap();
        let _second = slots.take("a").unwrap();
        assert!(slots.take("a").is_none(), "has its share");
        let third = slots.take("b").unwrap();
        assert!(slots.take("c").is_none(), "all are taken");
        drop(third);
        drop(first);
        let _fourth = slots.take("c").unwrap();
        assert_eq!(slots.held.lock().unwrap().len(), 2);
    }
}
