//! A centre: a store with commits, crashes and backups, driving `proto::receiver`.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use proto::{
    CheckedAck, CheckedBatch, CheckedHello, LostReason, StreamId,
    message::Watermark,
    receiver::{self, Centre, Mark, Verdict},
    v1,
};
use scene::FrameTime;

use super::{
    agent::Kind,
    oracle::{Oracle, Violation},
    plan::Bug,
    random::Random,
};

const WALL_US: i64 = 1_750_000_000_000_000;

/// What a transaction commits and a backup holds.
#[derive(Clone, Default)]
pub(crate) struct Store {
    pub(crate) marks: BTreeMap<StreamId, Mark>,
    /// In the order of their effects.
    pub(crate) effects: Vec<(StreamId, u64, Vec<u8>)>,
    pub(crate) gaps: BTreeMap<(StreamId, u64), LostReason>,
    pub(crate) rollbacks: BTreeSet<(StreamId, u64)>,
    announced: BTreeMap<StreamId, u64>,
    epochs: BTreeSet<u64>,
}

pub(crate) struct CentreSim {
    pub(crate) store: Store,
    centre: Centre,
    pub(crate) running: bool,
    pub(crate) window: u32,
    /// Received, not committed: gone in a crash.
    inbox: Vec<(Kind, Vec<u8>)>,
    backups: Vec<Store>,
    bug: Bug,
}

impl CentreSim {
    pub(crate) fn new(bug: Bug, random: &mut Random) -> Self {
        Self {
            store: Store::default(),
            centre: Centre {
                store_id: [1; 16],
                term: random.next() | 1,
            },
            running: true,
            window: 8,
            inbox: Vec::new(),
            backups: Vec::new(),
            bug,
        }
    }

    pub(crate) fn crash(&mut self) {
        self.running = false;
        self.inbox.clear();
    }

    pub(crate) fn start(&mut self, oracle: &mut Oracle, random: &mut Random) {
        self.running = true;
        if self.bug != Bug::TermKept {
            self.centre.term = random.next() | 1;
        }
        oracle.term_begins(self.centre.term);
        self.note_committed(oracle);
    }

    pub(crate) fn back_up(&mut self) {
        self.backups.push(self.store.clone());
    }

    pub(crate) fn restore(&mut self, random: &mut Random) {
        if let Some(index) = random.below(self.backups.len() as u64 + 1).checked_sub(1) {
            self.store = self.backups[usize::try_from(index).unwrap()].clone();
        }
    }

    pub(crate) fn replace_store(&mut self, random: &mut Random) {
        self.store = Store::default();
        self.backups.clear();
        self.centre.store_id[0] = self.centre.store_id[0].wrapping_add(1);
        self.centre.store_id[1] = u8::try_from(random.below(256)).unwrap();
    }

    pub(crate) fn receive(&mut self, kind: Kind, payload: Vec<u8>) {
        if self.running {
            self.inbox.push((kind, payload));
        }
    }

    /// One transaction over all that came, then the acks; or a crash somewhere in between.
    pub(crate) fn commit(
        &mut self,
        now: i64,
        crash_percent: u64,
        oracle: &mut Oracle,
        random: &mut Random,
    ) -> Vec<Vec<u8>> {
        if !self.running || self.inbox.is_empty() {
            return Vec::new();
        }
        let before = self.store.clone();
        let mut touched = BTreeSet::new();
        let mut welcomes = Vec::new();
        for (kind, payload) in std::mem::take(&mut self.inbox) {
            match kind {
                Kind::Batch => {
                    let batch =
                        CheckedBatch::decode(&payload).expect("the box sends valid batches");
                    touched.insert(batch.stream());
                    self.take_batch(&batch, oracle);
                }
                Kind::Hello => {
                    let hello = CheckedHello::decode(&payload).expect("the box sends valid Hellos");
                    self.take_hello(&hello);
                    welcomes.push(hello);
                }
            }
        }
        let server = FrameTime::from_micros(WALL_US + now);
        let up_to = |id| self.store.marks.get(&id).map_or(0, |mark| mark.up_to);
        let answer = |hello| self.centre.welcome(hello, up_to, self.window, server);
        let mut acks = welcomes.iter().map(answer).collect::<Vec<_>>();
        let marks = touched.into_iter().map(|id| Watermark {
            id,
            up_to: up_to(id),
        });
        let marks = marks.collect::<Vec<_>>();
        if !marks.is_empty() {
            acks.push(
                self.centre
                    .ack(super::agent::AGENT, marks, self.window, server),
            );
        }
        let acks = acks
            .into_iter()
            .map(|ack: CheckedAck| v1::Ack::from(ack).encode_to_vec());
        let acks = acks.collect();
        if random.percent(crash_percent) {
            self.crash();
            match self.bug {
                Bug::AckBeforeCommit => {
                    self.store = before;
                    return acks;
                }
                Bug::MarkApartFromItems => self.store.marks = before.marks,
                // Before or after the commit; the acks are lost in either case.
                _ if random.percent(50) => self.store = before,
                _ => self.note_committed(oracle),
            }
            return Vec::new();
        }
        self.note_committed(oracle);
        acks
    }

    fn note_committed(&self, oracle: &mut Oracle) {
        for (stream, mark) in &self.store.marks {
            oracle.committed_mark(self.centre.term, *stream, mark.up_to);
        }
    }

    fn take_batch(&mut self, batch: &CheckedBatch, oracle: &mut Oracle) {
        let id = batch.stream();
        let mark = self.store.marks.get(&id).cloned();
        let mut verdict = receiver::judge(mark.as_ref(), batch);
        if let Verdict::Ahead { .. } = verdict {
            let announced = self.store.announced.entry(id).or_default();
            *announced = (batch.last_seq() + 1).max(*announced);
            if self.bug == Bug::AheadTaken {
                verdict = jump(batch);
            }
        }
        if verdict == Verdict::Fork {
            oracle.violate(Violation::Fork(id));
            if self.bug == Bug::ChainUnchecked {
                let chain = None;
                let mark = mark.map(|mark| Mark { chain, ..mark });
                verdict = receiver::judge(mark.as_ref(), batch);
            }
        }
        let Verdict::Accept {
            mut skip,
            mark,
            gaps,
        } = verdict
        else {
            return;
        };
        if self.bug == Bug::OverlapStored {
            skip = 0;
        }
        for gap in gaps.iter().filter(|_| self.bug != Bug::GapUnrecorded) {
            for seq in gap.from..=gap.to {
                self.store.gaps.insert((id, seq), gap.reason);
            }
        }
        let first = batch.first_seq();
        let new = (first..).zip(batch.items()).skip(skip);
        self.store
            .effects
            .extend(new.map(|(seq, item)| (id, seq, item.clone())));
        self.store.marks.insert(id, mark);
    }

    fn take_hello(&mut self, hello: &CheckedHello) {
        let is_new = self.store.epochs.insert(hello.epoch);
        for stream in &hello.streams {
            self.store.epochs.insert(stream.id.epoch);
            let up_to = self
                .store
                .marks
                .get(&stream.id)
                .map_or(0, |mark| mark.up_to);
            let announced = self.store.announced.entry(stream.id).or_default();
            if is_new
                && stream.id.epoch != hello.epoch
                && let Some(lost) = receiver::rollback(*announced, stream, up_to)
            {
                let seqs = (lost.from..=lost.to).map(|seq| (stream.id, seq));
                self.store.rollbacks.extend(seqs);
            }
            *announced = stream.next.max(*announced);
        }
    }

    pub(crate) fn up_to(&self, stream: StreamId) -> u64 {
        self.store.marks.get(&stream).map_or(0, |mark| mark.up_to)
    }

    /// What must hold of the store at any time, and at the end.
    pub(crate) fn audit(&self, oracle: &mut Oracle) {
        let mut stored = BTreeMap::<(StreamId, u64), u64>::new();
        let mut last = BTreeMap::<StreamId, u64>::new();
        let mut found = Vec::new();
        for (stream, seq, item) in &self.store.effects {
            let place = (*stream, *seq);
            let id = u64::from_le_bytes(item[..8].try_into().unwrap());
            let issues = oracle.issued.get(&place).map_or(&[][..], Vec::as_slice);
            match issues.iter().find(|issue| issue.id == id) {
                None => found.push(Violation::Forged(*stream, *seq)),
                Some(issue) => {
                    let before = stored.get(&(*stream, seq.wrapping_sub(1)));
                    if before.is_some_and(|before| *before != issue.parent) {
                        found.push(Violation::Mixed(*stream, *seq));
                    }
                }
            }
            let previous = last.insert(*stream, *seq).unwrap_or(0);
            if stored.insert(place, id).is_some() {
                found.push(Violation::Doubled(*stream, *seq));
            } else if *seq < previous {
                found.push(Violation::Disordered(*stream, *seq));
            }
        }
        for (stream, mark) in &self.store.marks {
            for seq in 1..=mark.up_to {
                let is_stored = stored.contains_key(&(*stream, seq));
                if is_stored == self.store.gaps.contains_key(&(*stream, seq)) {
                    found.push(Violation::Unexplained(*stream, seq));
                }
            }
        }
        for ((stream, seq), reason) in &self.store.gaps {
            oracle.declared(*stream, *seq, *reason);
        }
        for (stream, seq) in &self.store.rollbacks {
            if !oracle.rolled_back.contains(&(*stream, *seq)) {
                found.push(Violation::FalseLoss(*stream, *seq, LostReason::Rollback));
            }
        }
        for (stream, seq) in &oracle.committed {
            let place = (*stream, *seq);
            let explained = stored.contains_key(&place)
                || self.store.gaps.contains_key(&place)
                || oracle.rolled_back.contains(&place);
            if !explained {
                found.push(Violation::Missing(*stream, *seq));
            }
        }
        oracle.violations.extend(found);
    }
}

/// What a centre would do that takes whatever comes.
fn jump(batch: &CheckedBatch) -> Verdict {
    let mark = Mark {
        up_to: batch.last_seq(),
        chain: None,
    };
    Verdict::Accept {
        skip: 0,
        mark,
        gaps: batch.lost().to_vec(),
    }
}
