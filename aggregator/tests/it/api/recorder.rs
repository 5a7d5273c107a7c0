//! A box that has seen what it is told, and sends it.

use aggregator::store::{Enrolled, Judged, Store, Timestamp, Verified};
use ed25519_dalek::SigningKey;
use prost::Message;
use proto::{Chain, CheckedBatch, CheckedItem, Evidence, EvidenceRef, WireEvent, chain, v1};
use scene::{Event, FrameTime, Kind, Measure, MeasureName, Phase, Severity};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// One agent in one run.
pub(super) struct Recorder {
    pub(super) agent: String,
    epoch: u64,
    next: [u64; 5],
    chains: [Chain; 5],
}

impl Recorder {
    /// An enrolled agent.
    pub(super) async fn enrol(store: &Store, agent: &str) -> Self {
        let now = Timestamp::now();
        let code = Sha256::digest(agent).into();
        store
            .add_invite("test", agent, code, now, now.plus_seconds(60))
            .await
            .unwrap();
        let enrolled = Enrolled {
            signing_key: SigningKey::from_bytes(&[7; 32]).verifying_key().to_bytes(),
            certificate_sha256: [1; 32],
            mqtt_secret_sha256: [2; 32],
            software: "test".into(),
        };
        store.enroll(code, enrolled, now).await.unwrap();
        store.agent_run(agent, 77, "test", now).await.unwrap();
        Self {
            agent: agent.into(),
            epoch: 77,
            next: [1; 5],
            chains: [chain::START; 5],
        }
    }

    /// Sends items of one lane; they are stored when this returns.
    pub(super) async fn send(&mut self, store: &Store, items: Vec<CheckedItem>) {
        let lane = items[0].lane();
        let index = lane.index();
        let items: Vec<_> = items.into_iter().map(CheckedItem::encode).collect();
        let batch = v1::Batch {
            agent: self.agent.clone(),
            epoch: self.epoch,
            lane: lane.number().into(),
            first_seq: self.next[index],
            items: items.clone(),
            lost: Vec::new(),
            prev_chain: self.chains[index].to_vec(),
        };
        self.next[index] += items.len() as u64;
        self.chains[index] = chain::fold(self.chains[index], items.iter().map(Vec::as_slice));
        let batch = CheckedBatch::decode(&batch.encode_to_vec()).unwrap();
        let done = store
            .ingest(Verified::new(batch), Timestamp::now())
            .await
            .unwrap();
        assert_eq!((done.judged, done.quarantined), (Judged::Stored, 0));
    }

    /// Somebody is where nobody may be: an event that raises an alert.
    pub(super) async fn intrusion(&mut self, store: &Store, camera: &str, rule: &str) -> Uuid {
        let id = Uuid::now_v7();
        let mut event = event(Kind::Intrusion, rule);
        event.phase = Phase::Begin;
        event.severity = Severity::Major;
        event.episode = self.next[0];
        self.send(store, vec![item(id, camera, event, Vec::new())])
            .await;
        id
    }

    /// As many passages of a line, in one commit.
    pub(super) async fn passages(
        &mut self,
        store: &Store,
        camera: &str,
        count: usize,
    ) -> Vec<Uuid> {
        let ids: Vec<_> = (0..count).map(|_| Uuid::now_v7()).collect();
        let passage = |id: &Uuid| item(*id, camera, event(Kind::LineCrossed, "gate"), Vec::new());
        self.send(store, ids.iter().map(passage).collect()).await;
        ids
    }

    /// A whole window of a minute that ended `seconds_ago`, in which `count` passed.
    pub(super) async fn counted(
        &mut self,
        store: &Store,
        camera: &str,
        seconds_ago: i64,
        count: f64,
    ) {
        let mut window = event(Kind::LineCount, "gate");
        window.at = window.at.plus_micros(-seconds_ago * 1_000_000);
        window.direction = Some(scene::Direction::ToLeft);
        window.measures = [
            (MeasureName::Count, count),
            (MeasureName::CountAtLeast, count),
            (MeasureName::ObservedSeconds, 60.0),
            (MeasureName::WindowSeconds, 60.0),
        ]
        .map(|(name, value)| Measure {
            name,
            value: Some(value),
        })
        .to_vec();
        let window = item(Uuid::now_v7(), camera, window, Vec::new());
        self.send(store, vec![window]).await;
    }

    /// A picture, with the event that it belongs to.
    pub(super) async fn picture(&mut self, store: &Store, camera: &str, data: &[u8]) -> String {
        let at = FrameTime::from_micros(Timestamp::now().as_micros());
        let form = "image/jpeg".to_owned();
        let picture = Evidence::new(camera.into(), at, form, data.to_vec(), true);
        let (sha256, reference) = (picture.sha256, picture.reference());
        let seen = event(Kind::LineCrossed, "gate");
        let seen = item(Uuid::now_v7(), camera, seen, vec![reference]);
        self.send(store, vec![seen]).await;
        self.send(store, vec![CheckedItem::Evidence(picture)]).await;
        hex::encode(sha256)
    }
}

fn event(kind: Kind, rule: &str) -> Event {
    Event {
        at: FrameTime::from_micros(Timestamp::now().as_micros()),
        rule: rule.into(),
        kind,
        phase: Phase::Instant,
        severity: Severity::None,
        episode: 0,
        direction: (kind == Kind::LineCrossed).then_some(scene::Direction::ToLeft),
        objects: Vec::new(),
        measures: Vec::new(),
    }
}

fn item(id: Uuid, camera: &str, event: Event, evidence: Vec<EvidenceRef>) -> CheckedItem {
    CheckedItem::Event(WireEvent {
        id: id.into_bytes(),
        camera: camera.into(),
        uncertainty_ms: 5,
        evidence,
        classification: proto::convert::Classification::Internal,
        event,
    })
}
