//! Items between `put` and their commit.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use proto::Lane;
use tokio::sync::oneshot;

use super::stream::Placed;

/// How long an item of each lane may wait for others to share its commit (flash wear).
const DELAY: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(1),
    Duration::from_secs(1),
];
/// Bytes a lane may queue; only a disk that is stuck lets them gather.
const LANE_BYTES_MAX: [usize; 5] = [4 << 20, 4 << 20, 1 << 20, 1 << 20, 4 << 20];
const LANE_ENTRIES_MAX: usize = 16_384;
/// A commit begins at once when this much waits, and takes little more than this.
const COMMIT_BYTES: usize = 1 << 20;
const COMMIT_ENTRIES: usize = 4_096;

#[derive(Debug)]
pub(super) enum Entry {
    Item {
        bytes: Vec<u8>,
        placed: Option<oneshot::Sender<Placed>>,
    },
    /// So many items gave way; their numbers are declared lost.
    Dropped(u64),
}

#[derive(Debug, Default)]
struct LaneQueue {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// When the oldest entry was put; `None` when there is none.
    since: Option<Instant>,
}

/// One bounded queue for each lane, so that a flood in one does not displace another.
#[derive(Debug, Default)]
pub(super) struct Queue {
    lanes: [LaneQueue; 5],
}

impl Queue {
    pub(super) fn has_room(&self, lane: Lane, len: usize) -> bool {
        let queue = &self.lanes[lane.index()];
        queue.entries.len() < LANE_ENTRIES_MAX && queue.bytes + len <= LANE_BYTES_MAX[lane.index()]
    }

    /// Without room, the oldest items of the lane give way.
    pub(super) fn push(
        &mut self,
        lane: Lane,
        bytes: Vec<u8>,
        placed: Option<oneshot::Sender<Placed>>,
        now: Instant,
    ) {
        if !self.has_room(lane, bytes.len()) {
            self.lanes[lane.index()].give_way(LANE_BYTES_MAX[lane.index()], bytes.len());
        }
        let queue = &mut self.lanes[lane.index()];
        queue.bytes += bytes.len();
        queue.entries.push_back(Entry::Item { bytes, placed });
        queue.since.get_or_insert(now);
    }

    /// Numbers for items that could not be committed anywhere.
    pub(super) fn push_dropped(&mut self, lane: Lane, count: u64, now: Instant) {
        let queue = &mut self.lanes[lane.index()];
        queue.add_dropped(count);
        queue.since.get_or_insert(now);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lane| lane.entries.is_empty())
    }

    /// When the next commit should begin; `None` when nothing waits.
    pub(super) fn due(&self) -> Option<Instant> {
        let bytes: usize = self.lanes.iter().map(|lane| lane.bytes).sum();
        let entries: usize = self.lanes.iter().map(|lane| lane.entries.len()).sum();
        let delays = if bytes >= COMMIT_BYTES || entries >= COMMIT_ENTRIES {
            [Duration::ZERO; 5]
        } else {
            DELAY
        };
        let due = |(lane, delay): (&LaneQueue, Duration)| lane.since.map(|since| since + delay);
        self.lanes.iter().zip(delays).filter_map(due).min()
    }

    /// The next commit's entries: every lane shares the sync that one of them needs.
    pub(super) fn take(&mut self, now: Instant) -> Vec<(Lane, Entry)> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        for lane in Lane::ALL {
            let queue = &mut self.lanes[lane.index()];
            while bytes < COMMIT_BYTES && taken.len() < COMMIT_ENTRIES {
                let Some(entry) = queue.entries.pop_front() else {
                    break;
                };
                if let Entry::Item { bytes: item, .. } = &entry {
                    queue.bytes -= item.len();
                    bytes += item.len();
                }
                taken.push((lane, entry));
            }
            queue.since = if queue.entries.is_empty() {
                None
            } else {
                Some(now)
            };
        }
        taken
    }
}

impl LaneQueue {
    /// Drops from the front until `len` more bytes fit. Their senders are dropped with them, which
    /// tells those who wait for a commit.
    fn give_way(&mut self, bytes_max: usize, len: usize) {
        let mut dropped = 0;
        while !self.entries.is_empty()
            && (self.entries.len() >= LANE_ENTRIES_MAX || self.bytes + len > bytes_max)
        {
            match self.entries.pop_front() {
                Some(Entry::Item { bytes, .. }) => {
                    self.bytes -= bytes.len();
                    dropped += 1;
                }
                Some(Entry::Dropped(count)) => dropped += count,
                None => break,
            }
        }
        self.add_dropped(dropped);
    }

    fn add_dropped(&mut self, count: u64) {
        match self.entries.front_mut() {
            _ if count == 0 => {}
            Some(Entry::Dropped(before)) => *before += count,
            _ => self.entries.push_front(Entry::Dropped(count)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(entries: &[(Lane, Entry)]) -> u64 {
        let count = |entry: &Entry| match entry {
            Entry::Item { .. } => 1,
            Entry::Dropped(count) => *count,
        };
        entries.iter().map(|(_, entry)| count(entry)).sum()
    }

    #[test]
    fn an_alarm_is_due_at_once_and_takes_the_others_with_it() {
        let now = Instant::now();
        let mut queue = Queue::default();
        assert_eq!(queue.due(), None);
        queue.push(Lane::Tracks, vec![1], None, now);
        assert_eq!(queue.due(), Some(now + Duration::from_secs(1)));
        queue.push(Lane::Events, vec![2], None, now);
        assert_eq!(queue.due(), Some(now + Duration::from_millis(100)));
        queue.push(Lane::Alarms, vec![3], None, now);
        assert_eq!(queue.due(), Some(now));
        let lanes: Vec<Lane> = queue.take(now).iter().map(|(lane, _)| *lane).collect();
        assert_eq!(lanes, [Lane::Alarms, Lane::Events, Lane::Tracks]);
        assert_eq!(queue.due(), None);
    }

    #[test]
    fn a_full_lane_counts_what_gave_way_and_leaves_the_others_alone() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.push(Lane::Counts, vec![1], None, now);
        let len = 200_000;
        for _ in 0..100 {
            queue.push(Lane::Alarms, vec![0; len], None, now);
        }
        assert!(!queue.has_room(Lane::Alarms, len));
        assert!(queue.has_room(Lane::Counts, len));
        assert!(queue.lanes[0].bytes <= LANE_BYTES_MAX[0]);
        let mut total = 0;
        while !queue.is_empty() {
            total += numbers(&queue.take(now));
        }
        assert_eq!(total, 101, "every item keeps its number");
    }

    #[test]
    fn one_who_waits_for_a_dropped_item_is_told() {
        let now = Instant::now();
        let mut queue = Queue::default();
        let (placed, mut answer) = oneshot::channel();
        queue.push(Lane::Alarms, vec![0; 1 << 20], Some(placed), now);
        for _ in 0..4 {
            queue.push(Lane::Alarms, vec![0; 1 << 20], None, now);
        }
        assert_eq!(answer.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    }
}
