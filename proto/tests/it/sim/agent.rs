//! A box: an outbox on a disk, and a process that drives `proto::sender`.

use std::collections::BTreeMap;

use prost::Message;
use proto::{
    CheckedAck, Lane, Lost, LostReason, StreamId, chain,
    sender::{Action, BatchRequest, Drafted, HeldStream, Mono, Sender, Sending},
};

use super::{
    oracle::{Issue, Oracle, Violation},
    plan::{Bug, Plan},
    random::Random,
};

pub(crate) const AGENT: &str = "box-1";

#[derive(Clone)]
struct Row {
    prev_chain: chain::Chain,
    issue: Issue,
    item: Vec<u8>,
    damaged: bool,
}

/// A stream as the disk has it.
#[derive(Clone)]
struct Shelf {
    base: u64,
    next: u64,
    acked: u64,
    /// What of `acked` would be found after a crash: it is not synced for itself.
    acked_synced: u64,
    lost: Vec<Lost>,
    rows: BTreeMap<u64, Row>,
    chain: chain::Chain,
    last_issue: u64,
}

impl Shelf {
    fn new() -> Self {
        Self {
            base: 1,
            next: 1,
            acked: 0,
            acked_synced: 0,
            lost: Vec::new(),
            rows: BTreeMap::new(),
            chain: chain::START,
            last_issue: 0,
        }
    }
}

struct Process {
    sender: Sender,
    epoch: u64,
    /// Put, not committed: gone in a crash.
    pending: Vec<(Lane, Issue, Vec<u8>)>,
}

pub(crate) struct Agent {
    /// In the order in which the streams began.
    disk: Vec<(StreamId, Shelf)>,
    process: Option<Process>,
    last_epoch: Option<u64>,
    booted_at: i64,
    issue_last: u64,
    bug: Bug,
    /// Items handed to the network, for the figure of economy.
    pub(crate) items_sent: u64,
}

/// What the box wants of the world.
pub(crate) enum Wish {
    Connect,
    Send(Vec<u8>, Kind),
    WakeAt(i64),
}

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Hello,
    Batch,
}

impl Agent {
    pub(crate) fn new(bug: Bug) -> Self {
        Self {
            disk: Vec::new(),
            process: None,
            last_epoch: None,
            booted_at: 0,
            issue_last: 0,
            bug,
            items_sent: 0,
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.process.is_some()
    }

    pub(crate) fn start(&mut self, now: i64, random: &mut Random) {
        let reuses = matches!(self.bug, Bug::EpochReused | Bug::ChainUnchecked);
        let epoch = self
            .last_epoch
            .filter(|_| reuses)
            .unwrap_or_else(|| random.next() | 1);
        self.last_epoch = Some(epoch);
        for (_, shelf) in &mut self.disk {
            shelf.acked = shelf.acked_synced;
            if self.bug == Bug::LossesForgotten {
                shelf.lost.clear();
            }
        }
        let held = self.disk.iter().map(|(id, shelf)| HeldStream {
            id: *id,
            base: shelf.base,
            next: shelf.next,
            acked: shelf.acked,
            lost: shelf.lost.clone(),
        });
        let sending = Sending {
            agent: AGENT.to_owned(),
            epoch,
            software: "sim".to_owned(),
            seed: random.next(),
        };
        let sender = Sender::new(sending, held, self.mono(now));
        self.process = Some(Process {
            sender,
            epoch,
            pending: Vec::new(),
        });
    }

    /// The process is gone, and with it what was not committed.
    pub(crate) fn crash(&mut self) {
        self.process = None;
    }

    /// After a loss of power: a lying disk lost rows that it had called written, and the steady
    /// clock begins anew.
    pub(crate) fn lose_power(&mut self, now: i64, lies: bool, o: &mut Oracle, random: &mut Random) {
        self.crash();
        self.booted_at = now - 1;
        if !lies {
            return;
        }
        let epoch = self.last_epoch;
        for (id, shelf) in self
            .disk
            .iter_mut()
            .filter(|(id, _)| Some(id.epoch) == epoch)
        {
            let held = shelf.next - shelf.base;
            for _ in 0..random.below(4).min(held) {
                shelf.next -= 1;
                o.rolled_back.insert((*id, shelf.next));
                if let Some(row) = shelf.rows.remove(&shelf.next) {
                    shelf.chain = row.prev_chain;
                    shelf.last_issue = row.issue.parent;
                }
            }
            let last = shelf.next - 1;
            shelf.acked_synced = shelf.acked_synced.min(last);
            shelf.lost.retain(|lost| lost.to <= last);
        }
    }

    pub(crate) fn put(&mut self, random: &mut Random) {
        let Some(process) = &mut self.process else {
            return;
        };
        self.issue_last += 1;
        let mut item = self.issue_last.to_le_bytes().to_vec();
        item.resize(8 + usize::try_from(random.below(40)).unwrap(), 0);
        let lane = random.pick(&Lane::ALL);
        process.pending.push((
            lane,
            Issue {
                id: self.issue_last,
                parent: 0,
            },
            item,
        ));
    }

    /// Commits what was put, in one transaction, then tells the sender.
    pub(crate) fn commit(&mut self, oracle: &mut Oracle) {
        let Some(process) = &mut self.process else {
            return;
        };
        for (lane, mut issue, item) in std::mem::take(&mut process.pending) {
            let id = StreamId {
                epoch: process.epoch,
                lane,
            };
            let index = self
                .disk
                .iter()
                .position(|(known, _)| *known == id)
                .unwrap_or_else(|| {
                    self.disk.push((id, Shelf::new()));
                    self.disk.len() - 1
                });
            let shelf = &mut self.disk[index].1;
            let seq = shelf.next;
            issue.parent = shelf.last_issue;
            oracle.issued.entry((id, seq)).or_default().push(issue);
            oracle.committed.insert((id, seq));
            let prev_chain = shelf.chain;
            shelf.chain = chain::after(&prev_chain, &item);
            shelf.last_issue = issue.id;
            shelf.rows.insert(
                seq,
                Row {
                    prev_chain,
                    issue,
                    item,
                    damaged: false,
                },
            );
            shelf.next += 1;
            process.sender.stored(id, shelf.next);
        }
    }

    /// Space is needed: the oldest rows of some stream go, and the loss is recorded with them.
    pub(crate) fn evict(&mut self, oracle: &mut Oracle, random: &mut Random) {
        if self.disk.is_empty() {
            return;
        }
        let index = usize::try_from(random.below(self.disk.len() as u64)).unwrap();
        let (id, shelf) = &mut self.disk[index];
        let base = (shelf.base + 1 + random.below(6)).min(shelf.next);
        for seq in shelf.base..base {
            let unacked = shelf.acked < seq;
            let reason = if unacked {
                LostReason::Full
            } else {
                LostReason::Forgotten
            };
            if shelf.rows.remove(&seq).is_some() {
                oracle.gone(*id, seq, reason);
                if unacked {
                    shelf.lost.push(Lost {
                        from: seq,
                        to: seq,
                        reason,
                    });
                }
            }
        }
        shelf.base = base;
        if let Some(process) = &mut self.process {
            process.sender.evicted(*id, base);
        }
    }

    pub(crate) fn damage(&mut self, oracle: &mut Oracle, random: &mut Random) {
        let rows = self.disk.iter_mut().flat_map(|(id, shelf)| {
            shelf
                .rows
                .iter_mut()
                .map(|(seq, row)| (*id, *seq, row))
                .collect::<Vec<_>>()
        });
        let mut rows = rows.collect::<Vec<_>>();
        if rows.is_empty() {
            return;
        }
        let index = usize::try_from(random.below(rows.len() as u64)).unwrap();
        let (id, seq, row) = &mut rows[index];
        row.damaged = true;
        row.item[0] ^= 0x80;
        oracle.gone(*id, *seq, LostReason::Damaged);
    }

    pub(crate) fn connected(&mut self, now: i64) {
        let mono = self.mono(now);
        if let Some(process) = &mut self.process {
            process.sender.connected(mono);
        }
    }

    pub(crate) fn disconnected(&mut self, now: i64) {
        let mono = self.mono(now);
        if let Some(process) = &mut self.process {
            process.sender.disconnected(mono);
        }
    }

    pub(crate) fn receive(&mut self, payload: &[u8], now: i64) {
        let mono = self.mono(now);
        let Some(process) = &mut self.process else {
            return;
        };
        let mut ack = CheckedAck::decode(payload).expect("acks of the simulated centre are valid");
        if self.bug == Bug::RestoreIgnored {
            for mark in &mut ack.watermarks {
                let shelf = self.disk.iter().find(|(id, _)| *id == mark.id);
                mark.up_to = mark.up_to.max(shelf.map_or(0, |(_, shelf)| shelf.acked));
            }
        }
        process.sender.ack(&ack, mono);
    }

    /// Does all that the sender asks for now.
    pub(crate) fn drive(
        &mut self,
        now: i64,
        plan: &Plan,
        oracle: &mut Oracle,
        random: &mut Random,
    ) -> Vec<Wish> {
        let mono = self.mono(now);
        let mut wishes = Vec::new();
        for _ in 0..10_000 {
            let Some(process) = &mut self.process else {
                return wishes;
            };
            match process.sender.next(mono) {
                Action::Connect => wishes.push(Wish::Connect),
                Action::SendHello(hello) => {
                    wishes.push(Wish::Send(hello.message(now).encode_to_vec(), Kind::Hello));
                }
                Action::SendBatch(request) => {
                    wishes.extend(self.batch(request, mono, plan));
                }
                Action::Free { stream, up_to } => {
                    let term = process.sender.centre().map(|centre| centre.term);
                    oracle.freed(term, stream, up_to);
                    self.free(stream, up_to, random);
                }
                Action::Wait { until } => {
                    let until = until.map(|at| at.as_micros() + self.booted_at);
                    wishes.extend(until.map(Wish::WakeAt));
                    return wishes;
                }
            }
        }
        oracle.violate(Violation::Spinning);
        wishes
    }

    fn batch(&mut self, request: BatchRequest, mono: Mono, plan: &Plan) -> Option<Wish> {
        let process = self.process.as_mut()?;
        let (stream, seqs) = (request.stream, request.first_seq..request.end_seq);
        let shelf = &mut self.disk.iter_mut().find(|(id, _)| *id == stream)?.1;
        let mut draft = request.draft();
        for (seq, row) in shelf.rows.range(seqs).take(plan.rows_per_batch) {
            let hidden = row.damaged && self.bug != Bug::ChecksumOff;
            let seq = if self.bug == Bug::HolesClosed {
                draft.next_seq()
            } else {
                *seq
            };
            let goes_on = match (hidden, self.bug) {
                (true, Bug::HolesClosed) => true,
                (true, _) => draft.damaged(seq),
                (false, _) => draft.push(seq, &row.prev_chain, row.item.clone()),
            };
            if !goes_on {
                break;
            }
        }
        match draft.finish(AGENT) {
            Drafted::Batch(batch, receipt) => {
                self.items_sent += batch.items.len() as u64;
                if self.bug == Bug::FreedWhenSent {
                    let end = batch.first_seq + batch.items.len() as u64;
                    shelf.rows.retain(|seq, _| end <= *seq);
                }
                process.sender.sent(receipt, mono);
                Some(Wish::Send(batch.encode_to_vec(), Kind::Batch))
            }
            Drafted::Hole(stream, lost) => {
                shelf.lost.push(lost);
                process.sender.lost(stream, lost);
                None
            }
        }
    }

    fn free(&mut self, stream: StreamId, up_to: u64, random: &mut Random) {
        if let Some((_, shelf)) = self.disk.iter_mut().find(|(id, _)| *id == stream) {
            shelf.acked = up_to;
            shelf.lost.retain(|lost| up_to < lost.to);
            // It may go back, and then a crash must not find it high; or the welcome tells.
            if random.percent(70) {
                shelf.acked_synced = up_to;
            }
        }
    }

    fn mono(&self, now: i64) -> Mono {
        Mono::from_micros(now - self.booted_at)
    }

    /// What the centre has to have at the end: the streams, and the number that follows the last.
    pub(crate) fn streams(&self) -> impl Iterator<Item = (StreamId, u64)> {
        self.disk.iter().map(|(id, shelf)| (*id, shelf.next))
    }
}
