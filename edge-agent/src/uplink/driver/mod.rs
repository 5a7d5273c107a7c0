//! Does what `proto::sender` says, and tells it what happened.

mod ack;
mod batch;
mod status;

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use prost::Message as _;
use proto::{
    StreamId,
    sender::{Action, HeldStream, Mono, Sender, Sending},
    sign::{self, Domain},
    v1::{self, Envelope, Up, up::Message},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    LinkState, Settings,
    choice::Choice,
    link::{Carriers, Link, LinkError},
};
use crate::{
    identity::Identity,
    outbox::{Outbox, Snapshot, Stream},
};

const STATUS_EVERY: Duration = Duration::from_secs(10);
/// How long a connection may carry nothing from the centre before another carrier is tried.
const ANSWER_MAX: Duration = Duration::from_mins(1);
/// How long the wire may not take the next message before the connection counts as broken.
const SEND_MAX: Duration = Duration::from_secs(30);
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
        let held = snapshots
            .borrow()
            .streams
            .iter()
            .map(held_stream)
            .collect::<Vec<_>>();
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
                self.send(Message::Hello(self.seal(Domain::Hello, hello)))
                    .await;
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
        let up = Up {
            message: Some(message),
        };
        match tokio::time::timeout(SEND_MAX, link.up.send(up)).await {
            Ok(Ok(())) => return true,
            Ok(Err(_ended)) => self.ended().await,
            Err(_elapsed) => self.broke(&LinkError::Silent(SEND_MAX.as_secs())),
        }
        false
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
        let wake = wakes
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now + STATUS_EVERY);
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
        let status = status::within_limits(status);
        let envelope = self.seal(Domain::Status, status.encode_to_vec());
        Up {
            message: Some(Message::Status(envelope)),
        }
    }

    fn seal(&self, domain: Domain, payload: Vec<u8>) -> Envelope {
        sign::seal(domain, payload, &self.identity.signing)
    }
}

fn held_stream(stream: &Stream) -> HeldStream {
    let Stream {
        id, next, acked, ..
    } = *stream;
    HeldStream {
        id,
        base: 1,
        next,
        acked,
        lost: Vec::new(),
    }
}

fn mono(origin: Instant) -> Mono {
    Mono::from_micros(i64::try_from(origin.elapsed().as_micros()).unwrap_or(i64::MAX))
}

fn micros(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// Microseconds since 1970 by the wall clock, which may be wrong: to be sent, never to be waited for.
fn wall_us() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
