//! One message in, at most one out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use prost::Message;
use proto::{
    CheckedBatch, CheckedHello, CheckedStatus, DecodeError,
    limits::{MESSAGE_BYTES_MAX, WINDOW_BATCHES_MAX},
    message::Watermark,
    receiver::Centre,
    sign::{self, Domain, SignatureError, SigningKey},
    v1::{self, Envelope, down, up},
};
use scene::FrameTime;

use super::{
    agents::{Agents, Known},
    liveness::Liveness,
};
use crate::{
    metrics::Metrics,
    store::{
        AgentReport, CameraReport, CameraState, Judged, Store, StoreError, Timestamp, Verified,
    },
};

/// A message is not taken. Nothing of it is stored, and it is not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("agent is not enrolled here")]
    UnknownAgent,
    #[error("agent is revoked")]
    Revoked,
    #[error("wrong password")]
    WrongPassword,
    #[error("message names agent {named:?}, but {connected:?} is connected")]
    OtherAgent { named: String, connected: String },
    #[error("message of {bytes} bytes, at most {MESSAGE_BYTES_MAX} are read")]
    TooLarge { bytes: usize },
    #[error("message is malformed: {0}")]
    Malformed(#[from] prost::DecodeError),
    #[error("message is empty")]
    Empty,
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error(transparent)]
    Content(#[from] DecodeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refusal {
    /// For the metric of batches and messages.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownAgent => "unknown_agent",
            Self::Revoked => "revoked",
            Self::WrongPassword => "wrong_password",
            Self::OtherAgent { .. } => "other_agent",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed(_) | Self::Empty | Self::Content(_) => "malformed",
            Self::Signature(_) => "bad_signature",
            Self::Store(_) => "store",
        }
    }
}

/// Takes what carriers bring. One for the whole centre.
pub struct Intake {
    store: Store,
    agents: Agents,
    ack_key: SigningKey,
    centre: Centre,
    liveness: Liveness,
    metrics: Arc<Metrics>,
    /// False after a commit failed, until one succeeds.
    store_writes: AtomicBool,
}

impl Intake {
    /// `term` is random, not 0, and new at every start.
    pub fn new(store: Store, ack_key: SigningKey, term: u64, metrics: Arc<Metrics>) -> Self {
        Self {
            agents: Agents::new(store.clone()),
            ack_key,
            centre: Centre {
                store_id: store.id(),
                term,
            },
            liveness: Liveness::new(store.clone()),
            metrics,
            store_writes: AtomicBool::new(true),
            store,
        }
    }

    pub(super) fn liveness(&self) -> &Liveness {
        &self.liveness
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Whether `agent` may connect with this MQTT password.
    pub async fn admit_password(&self, agent: &str, password: &[u8]) -> Result<(), Refusal> {
        let admitted = self.agents.password_fits(agent, password).await;
        self.counted(agent, admitted)
    }

    /// The agent that may connect with this certificate, given by its SHA-256. An agent's older
    /// certificates are worth nothing once it is enrolled anew.
    pub async fn admit_certificate(&self, sha256: &[u8; 32]) -> Result<String, Refusal> {
        let admitted = self.agents.find_by_certificate(sha256).await;
        self.counted("unknown", admitted)
    }

    /// Takes an encoded `Up` from a connection that was proved to be `agent`'s.
    pub async fn take_bytes(&self, agent: &str, bytes: &[u8]) -> Result<Option<v1::Down>, Refusal> {
        if MESSAGE_BYTES_MAX < bytes.len() {
            let refused = Err(Refusal::TooLarge { bytes: bytes.len() });
            return self.counted(agent, refused);
        }
        match v1::Up::decode(bytes) {
            Ok(up) => self.take(agent, up).await,
            Err(error) => self.counted(agent, Err(error.into())),
        }
    }

    /// Takes a message from a connection that was proved to be `agent`'s.
    pub async fn take(&self, agent: &str, up: v1::Up) -> Result<Option<v1::Down>, Refusal> {
        let taken = self.try_take(agent, up).await;
        self.counted(agent, taken)
    }

    fn counted<T>(&self, agent: &str, taken: Result<T, Refusal>) -> Result<T, Refusal> {
        if let Err(refusal) = &taken {
            self.metrics.batch(refusal.reason());
            tracing::warn!(agent, error = %refusal, "message refused");
        }
        taken
    }

    async fn try_take(&self, agent: &str, up: v1::Up) -> Result<Option<v1::Down>, Refusal> {
        let known = self.agents.find(agent).await?;
        match up.message.ok_or(Refusal::Empty)? {
            up::Message::Hello(envelope) => self.hello(&known, &envelope).await.map(Some),
            up::Message::Batch(envelope) => self.batch(&known, &envelope).await.map(Some),
            up::Message::Status(envelope) => self.status(&known, &envelope).await.map(|()| None),
        }
    }

    async fn hello(&self, known: &Known, envelope: &Envelope) -> Result<v1::Down, Refusal> {
        let payload = sign::open(Domain::Hello, envelope, &known.key)?;
        let hello = CheckedHello::decode(payload)?;
        same_agent(known, &hello.agent)?;
        let now = Timestamp::now();
        let agent = &hello.agent;
        let marks = self.store.greet(hello.clone(), now).await?;
        self.liveness.heard(agent, now).await?;
        let up_to = |id| {
            marks
                .iter()
                .find(|(stream, _)| *stream == id)
                .map_or(0, |(_, up_to)| *up_to)
        };
        let server = FrameTime::from_micros(now.as_micros());
        Ok(self.sealed(
            self.centre
                .welcome(&hello, up_to, self.window(), server)
                .into(),
        ))
    }

    async fn batch(&self, known: &Known, envelope: &Envelope) -> Result<v1::Down, Refusal> {
        let payload = sign::open(Domain::Batch, envelope, &known.key)?;
        let batch = CheckedBatch::decode(payload)?;
        same_agent(known, batch.agent())?;
        let now = Timestamp::now();
        let stream = batch.stream();
        let agent = batch.agent().to_owned();
        let began = Instant::now();
        let ingested = self.store.ingest(Verified::new(batch), now).await;
        self.store_writes.store(ingested.is_ok(), Ordering::Relaxed);
        let ingested = ingested?;
        self.metrics.commit(began.elapsed());
        self.metrics.batch(ingested.judged.as_str());
        for event in &ingested.events {
            let (captured, stored) = (event.captured_at.as_micros(), event.stored_at.as_micros());
            self.metrics
                .event_stored(event.kind.as_str(), captured, stored);
        }
        if ingested.judged == Judged::Fork {
            tracing::error!(%agent, %stream, "batch contradicts what is stored");
        }
        self.metrics.items_lost(ingested.lost);
        self.metrics.items_refused(ingested.quarantined as u64);
        if 0 < ingested.quarantined {
            tracing::warn!(%agent, %stream, count = ingested.quarantined, "items refused");
        }
        if 0 < ingested.lost {
            tracing::warn!(%agent, %stream, count = ingested.lost, "agent declared items lost");
        }
        self.liveness.heard(&agent, now).await?;
        let marks = vec![Watermark {
            id: stream,
            up_to: ingested.up_to,
        }];
        let server = FrameTime::from_micros(Timestamp::now().as_micros());
        Ok(self.sealed(self.centre.ack(&agent, marks, self.window(), server).into()))
    }

    async fn status(&self, known: &Known, envelope: &Envelope) -> Result<(), Refusal> {
        let payload = sign::open(Domain::Status, envelope, &known.key)?;
        let status = CheckedStatus::decode(payload)?;
        same_agent(known, &status.agent)?;
        let now = Timestamp::now();
        if !status.online {
            // A will may be late or forged by a broker: a hint, which only silence confirms.
            tracing::info!(agent = %status.agent, "agent's connection was lost");
            return Ok(());
        }
        self.liveness.heard(&status.agent, now).await?;
        for camera in &status.cameras {
            if camera.state == proto::message::CameraState::Live {
                self.liveness
                    .camera_live(&status.agent, &camera.camera, status.epoch, now)
                    .await?;
            }
        }
        self.store
            .agent_report(&known.record.id, report(status))
            .await?;
        Ok(())
    }

    /// How much may be under way. While commits fail, one batch, which tries the store for all.
    fn window(&self) -> u32 {
        if self.store_writes.load(Ordering::Relaxed) {
            WINDOW_BATCHES_MAX
        } else {
            1
        }
    }

    fn sealed(&self, ack: v1::Ack) -> v1::Down {
        let envelope = sign::seal(Domain::Ack, ack.encode_to_vec(), &self.ack_key);
        v1::Down {
            message: Some(down::Message::Ack(envelope)),
        }
    }
}

/// Who is connected must be whom the message names.
fn same_agent(known: &Known, named: &str) -> Result<(), Refusal> {
    if known.record.id == named {
        return Ok(());
    }
    Err(Refusal::OtherAgent {
        named: named.to_owned(),
        connected: known.record.id.clone(),
    })
}

fn report(status: CheckedStatus) -> AgentReport {
    let cameras = status.cameras.into_iter().map(|camera| {
        let report = CameraReport {
            state: match camera.state {
                proto::message::CameraState::Live => CameraState::Live,
                proto::message::CameraState::Connecting => CameraState::Connecting,
                proto::message::CameraState::Lost => CameraState::Lost,
                proto::message::CameraState::Unknown => CameraState::Unknown,
            },
            problem: (!camera.problem.is_empty()).then_some(camera.problem),
            frames_decoded: camera.frames_decoded,
            frames_analysed: camera.frames_analysed,
            frames_dropped: camera.frames_dropped,
            analysed_per_second: camera.analysed_per_second,
        };
        (camera.camera, report)
    });
    AgentReport {
        cameras: cameras.collect(),
        backlog_items: status.backlog_items,
        backlog_bytes: status.backlog_bytes,
        durable: status.durable,
        config_version: status.config_version,
        config_problem: status.config_problem,
    }
}
