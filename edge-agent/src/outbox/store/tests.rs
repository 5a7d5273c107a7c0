//! The store against a model: a map of what was committed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use proptest::prelude::*;
use proto::{Chain, Lane, LostReason, StreamId, chain};

use super::{Budget, Store};
use crate::outbox::{
    queue::Entry,
    stream::{Placed, SlabLimits},
};

const LIMITS: SlabLimits = SlabLimits {
    items_max: 7,
    bytes_max: 100_000,
    lost_max: 3,
};
/// 800 KiB: a few hundred of the test's items.
const BUDGET: Budget = Budget {
    pages_max: 200,
    reserve_pages: 20,
};

/// Crashes here are copies of the files, which need no syncing.
fn open(path: &Path) -> Store {
    let store = Store::open(path, BUDGET, 0).unwrap();
    store.db.pragma_update(None, "synchronous", "OFF").unwrap();
    store
}

fn item(len: usize, fill: u8) -> Entry {
    Entry::Item {
        bytes: vec![fill; len],
        placed: None,
    }
}

fn put(store: &mut Store, lane: Lane, len: usize, fill: u8) -> (Option<Placed>, [u64; 5]) {
    let done = store
        .commit(&[(lane, item(len, fill))], &BTreeMap::new(), 1)
        .unwrap();
    (done.placed[0], done.lost)
}

/// What a centre that has `acked` gets: every number, as an item or as lost. Checks that the
/// numbers and the chain have no hole.
fn drain(
    store: &mut Store,
    id: StreamId,
    acked: u64,
) -> BTreeMap<u64, Result<Vec<u8>, LostReason>> {
    let key = store.key(id).unwrap();
    let next = store.streams()[&key].next;
    let mut all = BTreeMap::new();
    let mut at = acked + 1;
    let mut expected: Option<Chain> = None;
    while at < next {
        let (slab, _) = store.read(id, at, LIMITS, 2).unwrap().unwrap();
        assert!(slab.lost.len() <= LIMITS.lost_max);
        for lost in &slab.lost {
            assert_eq!(lost.from, at, "losses adjoin");
            for seq in lost.from..=lost.to {
                all.insert(seq, Err(lost.reason));
            }
            at = lost.to + 1;
        }
        assert_eq!(slab.first_seq, at);
        assert!(
            slab.end() > slab.first_seq || !slab.lost.is_empty(),
            "progress"
        );
        if slab.lost.is_empty()
            && let Some(expected) = expected
        {
            assert_eq!(
                slab.prev_chain, expected,
                "the chain goes on where nothing was lost"
            );
        }
        expected = Some(chain::fold(
            slab.prev_chain,
            slab.items.iter().map(Vec::as_slice),
        ));
        at = slab.end();
        for (seq, item) in (slab.first_seq..).zip(slab.items) {
            all.insert(seq, Ok(item));
        }
    }
    assert_eq!(at, next);
    all
}

fn lost_count(store: &mut Store, id: StreamId) -> u64 {
    drain(store, id, 0)
        .values()
        .filter(|found| **found == Err(LostReason::Full))
        .count() as u64
}

#[test]
fn the_least_important_gives_way_first_and_alarms_have_a_reserve() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("o.sqlite"));
    let epoch = store.epoch();
    let id = |lane| StreamId { epoch, lane };
    let mut lost = [0; 5];
    let mut put = |store: &mut Store, lane, count| {
        for _ in 0..count {
            let (_, more) = put(store, lane, 3_000, 1);
            lost.iter_mut()
                .zip(more)
                .for_each(|(sum, more)| *sum += more);
        }
        lost
    };
    for lane in [Lane::Evidence, Lane::Tracks, Lane::Counts, Lane::Events] {
        put(&mut store, lane, 30);
    }
    assert_eq!(
        put(&mut store, Lane::Counts, 40)[..4],
        [0; 4],
        "evidence gave way to counts"
    );
    let lost = put(&mut store, Lane::Events, 150);
    assert_eq!(lost[4], 30);
    assert_eq!(lost[3], 30);
    assert_eq!(lost[2], 70);
    assert!(lost[1] > 0, "then the oldest events");
    let before = lost;
    let lost = put(&mut store, Lane::Counts, 5);
    assert_eq!(lost[1], before[1], "no event for a count");
    assert_eq!(lost[2], before[2] + 5, "the counts themselves are lost");
    let lost = put(&mut store, Lane::Alarms, 10);
    assert_eq!(
        lost,
        lost_sums(&before, 5),
        "the reserve takes alarms without loss"
    );
    let lost = put(&mut store, Lane::Alarms, 400);
    assert!(
        lost[0] > 0 && lost[0] < 300,
        "at last the oldest alarms, not more than needed"
    );
    for lane in Lane::ALL {
        assert_eq!(
            lost_count(&mut store, id(lane)),
            lost[lane.index()],
            "{lane:?}: all declared"
        );
    }
    let newest = drain(&mut store, id(Lane::Alarms), 0)
        .into_values()
        .next_back()
        .unwrap();
    assert!(newest.is_ok(), "the newest alarm is there");
}

fn lost_sums(before: &[u64; 5], counts: u64) -> [u64; 5] {
    let mut sums = *before;
    sums[2] += counts;
    sums
}

#[test]
fn acknowledged_items_go_before_all_others_but_only_when_space_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("o.sqlite"));
    let id = StreamId {
        epoch: store.epoch(),
        lane: Lane::Alarms,
    };
    for fill in 0..20 {
        put(&mut store, Lane::Alarms, 3_000, fill);
    }
    store.commit(&[], &BTreeMap::from([(id, 15)]), 1).unwrap();
    let again = drain(&mut store, id, 0);
    assert!(
        again.values().all(Result::is_ok),
        "a restored centre can have all of it again"
    );
    let mut lost = 0;
    for _ in 0..170 {
        lost += put(&mut store, Lane::Events, 3_000, 9)
            .1
            .iter()
            .sum::<u64>();
    }
    let again = drain(&mut store, id, 0);
    assert_eq!(again[&1], Err(LostReason::Forgotten));
    assert_eq!(again[&15], Err(LostReason::Forgotten));
    assert!((16..=20).all(|seq| again[&seq].is_ok()));
    let events = StreamId {
        lane: Lane::Events,
        ..id
    };
    assert_eq!(lost, lost_count(&mut store, events));
}

#[test]
fn a_later_schema_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("o.sqlite");
    let store = open(&path);
    store.db.pragma_update(None, "user_version", 9).unwrap();
    drop(store);
    let error = Store::open(&path, BUDGET, 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "made by a later edge-agent (schema 9, this one knows 1)"
    );
}

#[test]
fn finished_epochs_do_not_gather() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("o.sqlite");
    for round in 0..30 {
        let mut store = open(&path);
        let epochs: BTreeSet<i64> = store.streams().keys().map(|key| key.ord).collect();
        assert!(epochs.len() <= 9, "round {round}: {} epochs", epochs.len());
        put(&mut store, Lane::Events, 10, 1);
        if round != 3 {
            let id = StreamId {
                epoch: store.epoch(),
                lane: Lane::Events,
            };
            store.commit(&[], &BTreeMap::from([(id, 1)]), 1).unwrap();
        }
    }
    let store = open(&path);
    let left = store
        .streams()
        .values()
        .filter(|row| !row.is_drained())
        .count();
    assert_eq!(left, 1, "what the centre lacks stays");
}

#[derive(Clone, Debug)]
enum Step {
    Put {
        lane: usize,
        len: usize,
    },
    Dropped {
        lane: usize,
        count: u64,
    },
    /// Acknowledges this part of a stream, in 1/8.
    Ack {
        stream: usize,
        eighths: u64,
    },
    Drain {
        stream: usize,
    },
    /// A regular stop and start.
    Reopen,
    /// A start from the files as they were at this moment.
    Crash,
    /// A flipped bit in a row; SQLite does not notice.
    Rot {
        stream: usize,
        seq: u64,
        bit: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0_usize..5, 1_usize..9_000).prop_map(|(lane, len)| Step::Put { lane, len }),
        1 => (0_usize..5, 1_u64..5).prop_map(|(lane, count)| Step::Dropped { lane, count }),
        3 => (any::<usize>(), 0_u64..=8).prop_map(|(stream, eighths)| Step::Ack { stream, eighths }),
        2 => any::<usize>().prop_map(|stream| Step::Drain { stream }),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
        1 => (any::<usize>(), any::<u64>(), any::<usize>())
            .prop_map(|(stream, seq, bit)| Step::Rot { stream, seq, bit }),
    ]
}

/// What must come out.
#[derive(Default)]
struct Model {
    items: BTreeMap<(StreamId, u64), Vec<u8>>,
    next: BTreeMap<StreamId, u64>,
    acked: BTreeMap<StreamId, u64>,
    /// Evicted or dropped before they were acknowledged, as the store counted.
    lost: u64,
    rotten: BTreeSet<(StreamId, u64)>,
}

impl Model {
    fn pick(&self, index: usize) -> Option<StreamId> {
        self.next
            .keys()
            .nth(index % self.next.len().max(1))
            .copied()
    }

    /// Compares one stream; answers how many of its numbers are lost for want of space.
    fn check(&self, store: &mut Store, id: StreamId) -> u64 {
        if store.key(id).is_none() {
            assert_eq!(
                self.acked.get(&id).copied().unwrap_or(0) + 1,
                self.next[&id]
            );
            return 0;
        }
        let acked = self.acked.get(&id).copied().unwrap_or(0);
        let mut full = 0;
        for (seq, found) in drain(store, id, acked) {
            match found {
                Ok(item) => assert_eq!(Some(&item), self.items.get(&(id, seq)), "{id} {seq}"),
                Err(LostReason::Damaged) => assert!(self.rotten.contains(&(id, seq)), "{id} {seq}"),
                Err(LostReason::Full) => full += 1,
                Err(reason) => panic!("{id} {seq}: lost as {reason:?}"),
            }
        }
        full
    }

    fn check_all(&self, store: &mut Store) {
        for id in self.next.keys() {
            self.check(store, *id);
        }
    }
}

fn copy_database(from: &Path, to: &Path) {
    for suffix in ["", "-wal"] {
        let with = |path: &Path| format!("{}{suffix}", path.display());
        if fs::exists(with(from)).unwrap() {
            fs::copy(with(from), with(to)).unwrap();
        }
    }
}

fn run(steps: Vec<Step>) {
    let folder = tempfile::tempdir().unwrap();
    let mut path = folder.path().join("0.sqlite");
    let mut store = open(&path);
    let mut model = Model::default();
    for (at, step) in steps.into_iter().enumerate() {
        match step {
            Step::Put { lane, len } => {
                let (lane, fill) = (Lane::ALL[lane], u8::try_from(at % 256).unwrap());
                let id = StreamId {
                    epoch: store.epoch(),
                    lane,
                };
                let next = model.next.entry(id).or_insert(1);
                let (placed, lost) = put(&mut store, lane, len, fill);
                if let Some(placed) = placed {
                    assert_eq!((placed.id, placed.seq), (id, *next));
                    model.items.insert((id, *next), vec![fill; len]);
                }
                *next += 1;
                model.lost += lost.iter().sum::<u64>();
            }
            Step::Dropped { lane, count } => {
                let lane = Lane::ALL[lane];
                let id = StreamId {
                    epoch: store.epoch(),
                    lane,
                };
                *model.next.entry(id).or_insert(1) += count;
                let entries = [(lane, Entry::Dropped(count))];
                let done = store.commit(&entries, &BTreeMap::new(), 1).unwrap();
                assert_eq!(done.lost[lane.index()], count);
            }
            Step::Ack { stream, eighths } => {
                let Some(id) = model.pick(stream) else {
                    continue;
                };
                let acked = (model.next[&id] - 1) * eighths / 8;
                if acked > model.acked.get(&id).copied().unwrap_or(0) {
                    model.acked.insert(id, acked);
                    store
                        .commit(&[], &BTreeMap::from([(id, acked)]), 1)
                        .unwrap();
                }
            }
            Step::Drain { stream } => {
                if let Some(id) = model.pick(stream) {
                    model.check(&mut store, id);
                }
            }
            Step::Reopen => {
                drop(store);
                store = open(&path);
            }
            Step::Crash => {
                let copy = folder.path().join(format!("{}.sqlite", at + 1));
                copy_database(&path, &copy);
                path = copy;
                store = open(&path);
            }
            Step::Rot { stream, seq, bit } => rot(&mut store, &mut model, stream, seq, bit),
        }
        assert!(super::pages(&store.db).unwrap().0 <= BUDGET.pages_max);
    }
    model.check_all(&mut store);
}

fn rot(store: &mut Store, model: &mut Model, stream: usize, seq: u64, bit: usize) {
    let Some(id) = model.pick(stream) else { return };
    let Some(key) = store.key(id) else { return };
    let seq = 1 + seq % (model.next[&id] - 1).max(1);
    let Some(mut bytes) = model.items.get(&(id, seq)).cloned() else {
        return;
    };
    let len = bytes.len();
    bytes[bit / 8 % len] ^= 1 << (bit % 8);
    let changed = store
        .db
        .execute(
            "UPDATE item SET bytes = ?1 WHERE lane = ?2 AND epoch_ord = ?3 AND seq = ?4",
            rusqlite::params![bytes, key.lane_column(), key.ord, seq.cast_signed()],
        )
        .unwrap();
    if changed > 0 {
        model.rotten.insert((id, seq));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_was_committed_comes_out_or_is_declared_lost(
        steps in proptest::collection::vec(step(), 1..250),
    ) {
        run(steps);
    }

    /// Without rot and acknowledgements, what is declared lost is exactly what is missing.
    #[test]
    fn eviction_is_declared_exactly(
        puts in proptest::collection::vec((0_usize..5, 1_usize..30_000), 1..150),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder.path().join("o.sqlite"));
        let mut lost = [0; 5];
        let mut given = BTreeMap::new();
        for (lane, len) in puts {
            let lane = Lane::ALL[lane];
            *given.entry(lane).or_insert(0_u64) += 1;
            let (_, more) = put(&mut store, lane, len, 7);
            lost.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        for (lane, given) in given {
            let id = StreamId { epoch: store.epoch(), lane };
            let all = drain(&mut store, id, 0);
            prop_assert_eq!(all.len() as u64, given);
            let missing = all.values().filter(|found| found.is_err()).count() as u64;
            prop_assert_eq!(missing, lost[lane.index()]);
        }
    }
}
