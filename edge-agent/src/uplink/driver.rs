//! Does what `proto::sender` says, and tells it what happened.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use prost::Message as _;
use proto::{
    CheckedAck, StreamId, chain,
    limits::{
        BATCH_BYTES_MAX, BATCH_HEAD_BYTES_MAX, ITEMS_PER_BATCH_MAX, LOST_PER_BATCH_MAX,
    },
    sender::{
        AckOutcome, Action, BatchRequest, Drafted, HeldStream, Ignored, Mono, Sender, Sending, Taken,
    },
    sign::{self, Domain},
    v1::{self, Envelope, Up, down, up::Message},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    ClockOffset, LinkState, Settings,
    choice::Choice,
    link::{Carriers, Link, LinkError},
};
use crate::{
    identity::Identity,
    outbox::{Outbox, ReadError, SlabLimits, Snapshot, Stream},
};

const STATUS_EVERY: Duration = Duration::from_secs(10);
/// How long a connection may carry nothing from the centre before another carrier is tried.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// How long the wire may not take the next message before the connection counts as broken.
const SEND_MAX: Duration = Duration::from_secs(30);
const READ_RETRY: Duration = Duration::from_secs(1);
const SLAB: SlabLimits = SlabLimits {
    items_max: ITEMS_PER_BATCH_MAX,
    bytes_max: BATCH_BYTES_MAX - BATCH_HEAD_BYTES_MAX,
    lost_max: LOST_PER_BATCH_MAX,
};

pub(super) struct Driver {
    outbox: Outbox,
    identity: Identity,
    carriers: Carriers,
    choice: Choice,
    sender: Sender,
    /// Of this run of the process.
    epoch: u64,
    /// Zero of the steady clock.
    origin: Instant,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What the sender was told of the outbox.
    told: BTreeMap<StreamId, Stream>,
    status: watch::Receiver<v1::Status>,
    status_at: Instant,
    link: Option<Link>,
    /// The centre has answered on this connection.
    answered: bool,
    /// By when it must, or another carrier is tried.
    answer_by: Option<Instant>,
    report: watch::Sender<LinkState>,
    warned_of_store: Option<[u8; 16]>,
}

impl Driver {
    pub(super) fn new(
        outbox: Outbox,
        identity: Identity,
        settings: Settings,
        carriers: Carriers,
        status: watch::Receiver<v1::Status>,
        report: watch::Sender<LinkState>,
    ) -> Self {
        let snapshots = outbox.watch();
        let epoch = snapshots.borrow().epoch;
        let sending = Sending {
            agent: identity.agent.clone(),
            epoch,
            software: concat!("edge-agent ", env!("CARGO_PKG_VERSION")).to_owned(),
            seed: rand::random(),
        };
        let origin = Instant::now();
        // Losses and bases are told after this, in the order in which they are found.
        let held = snapshots.borrow().streams.iter().map(held_stream).collect::<Vec<_>>();
        let mut driver = Self {
            outbox,
            carriers,
            choice: Choice::new(&settings),
            sender: Sender::new(sending, held, mono(origin)),
            epoch,
            origin,
            snapshots,
            told: BTreeMap::new(),
            status,
            status_at: origin,
            link: None,
            answered: false,
            answer_by: None,
            report,
            warned_of_store: Some(identity.store_id),
            identity,
        };
        driver.snapshots.mark_changed();
        driver
    }

    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        loop {
            self.tell_of_outbox();
            let action = self.sender.next(mono(self.origin));
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = self.act(action) => {}
            }
        }
        if let Some(link) = self.link.take() {
            // Queued behind what is under way; a full queue can do without it, the will says it.
            let _queued = link.up.try_send(self.status_message(false)).is_ok();
            link.close().await;
        }
    }

    async fn act(&mut self, action: Action) {
        match action {
            Action::Connect => self.connect().await,
            Action::SendHello(hello) => {
                let hello = hello.message(wall_us()).encode_to_vec();
                self.send(Message::Hello(self.seal(Domain::Hello, hello))).await;
            }
            Action::SendBatch(request) => self.send_batch(request).await,
            Action::Free { stream, up_to } => self.outbox.ack(stream, up_to),
            Action::Wait { until } => self.wait(until).await,
        }
    }

    async fn connect(&mut self) {
        let carrier = self.choice.carrier();
        let will = self.status_message(false);
        match self.carriers.connect(carrier, &self.identity, will).await {
            Ok(link) => {
                tracing::info!(carrier = carrier.name(), "connected to the centre");
                let now = Instant::now();
                self.link = Some(link);
                // Without another carrier there is nothing better to do than wait.
                self.answer_by = self.choice.has_other().then_some(now + ANSWER_MAX);
                self.status_at = now;
                self.sender.connected(mono(self.origin));
                self.report.send_modify(|state| state.connects += 1);
            }
            Err(error) => self.broke(&error),
        }
    }

    /// The connection is gone, or could not be had.
    fn broke(&mut self, error: &LinkError) {
        let carrier = self.choice.carrier();
        tracing::warn!(carrier = carrier.name(), %error, "no connection to the centre, trying again");
        if !std::mem::take(&mut self.answered) {
            self.choice.failed(Instant::now());
        }
        self.link = None;
        self.answer_by = None;
        self.sender.disconnected(mono(self.origin));
        self.report.send_modify(|state| {
            state.carrier = None;
            state.problem = error.to_string();
        });
    }

    /// The carrier ended the connection.
    async fn ended(&mut self) {
        if let Some(link) = self.link.take() {
            let reason = link.reason().await;
            self.broke(&reason);
        }
    }

    /// False when the connection broke over it.
    async fn send(&mut self, message: Message) -> bool {
        let Some(link) = &self.link else { return false };
        let up = Up { message: Some(message) };
        match tokio::time::timeout(SEND_MAX, link.up.send(up)).await {
            Ok(Ok(())) => return true,
            Ok(Err(_ended)) => self.ended().await,
            Err(_elapsed) => self.broke(&LinkError::Silent(SEND_MAX.as_secs())),
        }
        false
    }

    async fn send_batch(&mut self, request: BatchRequest) {
        let (stream, from, end) = (request.stream, request.first_seq, request.end_seq);
        let mut draft = request.draft();
        if from < end {
            match self.outbox.read(stream, from, SLAB).await {
                Ok(slab) if !slab.lost.is_empty() => {
                    // It asks again, and then for what follows.
                    slab.lost.into_iter().for_each(|lost| self.sender.lost(stream, lost));
                    return;
                }
                Ok(slab) => {
                    let mut before = slab.prev_chain;
                    for (seq, item) in (slab.first_seq..).zip(slab.items) {
                        let after = chain::after(&before, &item);
                        if !draft.push(seq, &before, item) {
                            break;
                        }
                        before = after;
                    }
                }
                Err(ReadError::UnknownStream { .. }) => return self.sender.forget(stream),
                Err(error) => {
                    tracing::warn!(%error, "outbox cannot be read, trying again");
                    return tokio::time::sleep(READ_RETRY).await;
                }
            }
        }
        match draft.finish(self.sender.agent()) {
            Drafted::Batch(batch, receipt) => {
                let envelope = self.seal(Domain::Batch, batch.encode_to_vec());
                if self.send(Message::Batch(envelope)).await {
                    self.sender.sent(receipt, mono(self.origin));
                    self.report.send_modify(|state| state.batches_sent += 1);
                }
            }
            Drafted::Hole(stream, lost) => self.sender.lost(stream, lost),
        }
    }

    async fn wait(&mut self, until: Option<Mono>) {
        let now = Instant::now();
        if self.link.is_some() && self.status_at <= now {
            self.status_at = now + STATUS_EVERY;
            let status = self.status_message(true);
            if let Some(message) = status.message {
                self.send(message).await;
            }
            return;
        }
        if self.answer_by.is_some_and(|by| by <= now) {
            return self.broke(&LinkError::Silent(ANSWER_MAX.as_secs()));
        }
        if self.choice.primary_at().is_some_and(|at| at <= now) {
            tracing::info!("trying the primary carrier again");
            self.choice.try_primary();
            if self.link.take().is_some() {
                self.answered = false;
                self.answer_by = None;
                self.sender.disconnected(mono(self.origin));
            }
            return;
        }
        let until = until.map(|until| self.origin + micros(until.as_micros()));
        let status_at = self.link.as_ref().map(|_| self.status_at);
        let wakes = [until, status_at, self.answer_by, self.choice.primary_at()];
        let wake = wakes.into_iter().flatten().min().unwrap_or(now + STATUS_EVERY);
        let down = async {
            match &mut self.link {
                Some(link) => link.down.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            down = down => match down {
                Some(down) => self.take(down),
                None => self.ended().await,
            },
            changed = self.snapshots.changed() => match changed {
                // It is looked at, and only then seen, in `tell_of_outbox`.
                Ok(()) => self.snapshots.mark_changed(),
                // The outbox is closed: nothing changes any more.
                Err(_closed) => tokio::time::sleep_until(wake.into()).await,
            },
            () = tokio::time::sleep_until(wake.into()) => {}
        }
    }

    fn take(&mut self, down: v1::Down) {
        let Some(down::Message::Ack(envelope)) = down.message else {
            return self.refuse(&"a message of a kind that this edge-agent does not know");
        };
        let payload = match sign::open(Domain::Ack, &envelope, &self.identity.ack) {
            Ok(payload) => payload,
            Err(error) => return self.refuse(&error),
        };
        let ack = match CheckedAck::decode(payload) {
            Ok(ack) => ack,
            Err(error) => return self.refuse(&error),
        };
        match self.sender.ack(&ack, mono(self.origin)) {
            AckOutcome::Taken(taken) => self.taken(&ack, taken),
            AckOutcome::Ignored(Ignored::OtherAgent) => self.refuse(&"an ack for another agent"),
            AckOutcome::Ignored(reason) => tracing::debug!(?reason, "ack ignored"),
        }
    }

    /// What is not proved frees nothing.
    fn refuse(&mut self, why: &dyn std::fmt::Display) {
        tracing::warn!(error = %why, "ack refused");
        self.report.send_modify(|state| state.acks_refused += 1);
    }

    fn taken(&mut self, ack: &CheckedAck, taken: Taken) {
        if self.warned_of_store != Some(ack.store_id) {
            self.warned_of_store = Some(ack.store_id);
            tracing::warn!(
                store = hex::encode(ack.store_id),
                "the centre has another store than before, sending it what is kept"
            );
        }
        for (stream, range) in &taken.rewound {
            tracing::warn!(%stream, from = range.start(), to = range.end(), "the centre lost data, sending it again");
        }
        for stream in &taken.ahead_of_outbox {
            tracing::error!(%stream, "the centre has more than the outbox, which lost committed items");
        }
        let server_us = ack.server.as_micros();
        if let Ok(seconds) = u64::try_from(server_us / 1_000_000) {
            self.identity.floor.raise(seconds);
        }
        if let Some(round_trip_us) = taken.welcome_round_trip_us {
            let half_us = round_trip_us / 2;
            let offset_us = server_us + half_us - wall_us();
            let clock = ClockOffset { offset_us, uncertainty_us: half_us };
            self.report.send_modify(|state| state.clock = Some(clock));
        }
        self.answer_by = None;
        if !std::mem::replace(&mut self.answered, true) {
            self.choice.worked();
            let carrier = self.choice.carrier();
            self.report.send_modify(|state| {
                state.carrier = Some(carrier);
                state.problem.clear();
            });
        }
    }

    fn tell_of_outbox(&mut self) {
        // An error means that the outbox is closed; what it held last still counts.
        if !self.snapshots.has_changed().unwrap_or(false) {
            return;
        }
        let snapshot = Arc::clone(&self.snapshots.borrow_and_update());
        let mut gone = std::mem::take(&mut self.told);
        for stream in &snapshot.streams {
            let before = gone.remove(&stream.id);
            self.tell_of_stream(before, stream);
            self.told.insert(stream.id, *stream);
        }
        gone.into_keys().for_each(|id| self.sender.forget(id));
    }

    fn tell_of_stream(&mut self, before: Option<Stream>, stream: &Stream) {
        let Stream { id, base, next, .. } = *stream;
        if before.is_none_or(|before| before.next < next) {
            self.sender.stored(id, next);
        }
        if before.map_or(1, |before| before.base) < base {
            self.sender.evicted(id, base);
        }
    }

    fn status_message(&self, online: bool) -> Up {
        let stats = self.outbox.stats();
        let status = v1::Status {
            agent: self.identity.agent.clone(),
            epoch: self.epoch,
            online,
            wall_us: wall_us(),
            backlog_items: stats.backlog_items.iter().sum(),
            backlog_bytes: stats.backlog_bytes.iter().sum(),
            durable: stats.durable,
            ..self.status.borrow().clone()
        };
        let envelope = self.seal(Domain::Status, status.encode_to_vec());
        Up { message: Some(Message::Status(envelope)) }
    }

    fn seal(&self, domain: Domain, payload: Vec<u8>) -> Envelope {
        sign::seal(domain, payload, &self.identity.signing)
    }
}

fn held_stream(stream: &Stream) -> HeldStream {
    let Stream { id, next, acked, .. } = *stream;
    HeldStream { id, base: 1, next, acked, lost: Vec::new() }
}

fn mono(origin: Instant) -> Mono {
    Mono::from_micros(i64::try_from(origin.elapsed().as_micros()).unwrap_or(i64::MAX))
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// Microseconds since 1970 by the wall clock, which may be wrong: to be sent, never to be waited for.
fn wall_us() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
