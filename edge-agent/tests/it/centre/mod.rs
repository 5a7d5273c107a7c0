//! A centre as small as can be: the protocol's own receiver over a map, behind a real broker and a
//! real gRPC server.

mod authority;
mod broker;
mod grpc;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use prost::Message as _;
use proto::{
    CheckedBatch, CheckedHello, CheckedStatus, Lost, StreamId,
    message::Watermark,
    receiver::{self, Mark, Verdict, judge},
    sign::{self, Domain, SigningKey, VerifyingKey},
    v1::{self, Down, Up, down, up},
};
use scene::FrameTime;

pub(crate) use self::{
    authority::Authority,
    broker::Broker,
    grpc::{CODE, Server},
};

pub(crate) const AGENT: &str = "tram-7";
pub(crate) const WINDOW: u32 = 4;

/// What a centre holds; clones share it.
#[derive(Clone)]
pub(crate) struct Centre {
    pub(crate) authority: Arc<Authority>,
    pub(crate) state: Arc<Mutex<State>>,
}

pub(crate) struct State {
    pub(crate) centre: receiver::Centre,
    pub(crate) key: SigningKey,
    pub(crate) agent_key: Option<VerifyingKey>,
    pub(crate) marks: BTreeMap<StreamId, Mark>,
    /// In the order of arrival.
    pub(crate) items: Vec<(StreamId, u64, Vec<u8>)>,
    pub(crate) gaps: Vec<(StreamId, Lost)>,
    pub(crate) statuses: Vec<CheckedStatus>,
    pub(crate) batches: u64,
    pub(crate) forks: u64,
}

impl Centre {
    pub(crate) fn new() -> Self {
        let state = State {
            centre: receiver::Centre {
                store_id: rand::random(),
                term: rand::random(),
            },
            key: SigningKey::from_bytes(&rand::random()),
            agent_key: None,
            marks: BTreeMap::new(),
            items: Vec::new(),
            gaps: Vec::new(),
            statuses: Vec::new(),
            batches: 0,
            forks: 0,
        };
        Self {
            authority: Arc::new(Authority::new()),
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// As the process does at its start.
    pub(crate) fn new_term(&self) {
        self.state.lock().unwrap().centre.term = rand::random();
    }

    /// Takes one message; `None` when it is to be answered with nothing.
    pub(crate) fn take(&self, up: Up) -> Option<Down> {
        let mut state = self.state.lock().unwrap();
        let key = state.agent_key.expect("no agent is enrolled");
        let window = WINDOW;
        let now = FrameTime::from_micros(
            i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap(),
        );
        let ack = match up.message.unwrap() {
            up::Message::Hello(envelope) => {
                let payload = sign::open(Domain::Hello, &envelope, &key).unwrap();
                let hello = CheckedHello::decode(payload).unwrap();
                let up_to = |id| state.marks.get(&id).map_or(0, |mark| mark.up_to);
                state.centre.welcome(&hello, up_to, window, now)
            }
            up::Message::Batch(envelope) => {
                let payload = sign::open(Domain::Batch, &envelope, &key).unwrap();
                let batch = CheckedBatch::decode(payload).unwrap();
                let id = batch.stream();
                let agent = batch.agent().to_owned();
                state.store(batch);
                let up_to = state.marks.get(&id).map_or(0, |mark| mark.up_to);
                state
                    .centre
                    .ack(&agent, vec![Watermark { id, up_to }], window, now)
            }
            up::Message::Status(envelope) => {
                let payload = sign::open(Domain::Status, &envelope, &key).unwrap();
                state.statuses.push(CheckedStatus::decode(payload).unwrap());
                return None;
            }
        };
        let payload = v1::Ack::from(ack).encode_to_vec();
        let envelope = sign::seal(Domain::Ack, payload, &state.key);
        Some(Down {
            message: Some(down::Message::Ack(envelope)),
        })
    }

    /// Waits until the centre is as it should be; says what is missing when that takes too long.
    pub(crate) async fn wait(&self, what: &str, seconds: u64, is_so: impl Fn(&State) -> bool) {
        let late = Instant::now() + Duration::from_secs(seconds);
        loop {
            {
                let state = self.state.lock().unwrap();
                if is_so(&state) {
                    return;
                }
                assert!(
                    Instant::now() < late,
                    "{what}: not after {seconds} s; {} items, {} gaps, {} batches, {} statuses",
                    state.items.len(),
                    state.gaps.len(),
                    state.batches,
                    state.statuses.len(),
                );
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Items of one lane, in the order of arrival.
    pub(crate) fn lane(&self, lane: proto::Lane) -> Vec<Vec<u8>> {
        let state = self.state.lock().unwrap();
        let of_lane = state.items.iter().filter(|(id, ..)| id.lane == lane);
        of_lane.map(|(.., item)| item.clone()).collect()
    }
}

impl State {
    fn store(&mut self, batch: CheckedBatch) {
        self.batches += 1;
        let (id, first) = (batch.stream(), batch.first_seq());
        match judge(self.marks.get(&id), &batch) {
            Verdict::Accept { skip, mark, gaps } => {
                let new = (first..).zip(batch.into_items()).skip(skip);
                self.items.extend(new.map(|(seq, item)| (id, seq, item)));
                self.gaps.extend(gaps.into_iter().map(|gap| (id, gap)));
                self.marks.insert(id, mark);
            }
            Verdict::Fork => self.forks += 1,
            Verdict::Duplicate | Verdict::Ahead { .. } => {}
        }
    }
}
