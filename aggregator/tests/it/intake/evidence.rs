//! Pictures: kept under their hash, shown with their event, replaced when nobody refers to them.

use aggregator::store::{Access, Store, Timestamp, Verified};
use prost::Message;
use proto::{Chain, CheckedBatch, CheckedItem, Evidence, Lane, chain, v1};
use scene::{FrameTime, Phase};

use super::{
    agent::{TestAgent, intrusion, item_with},
    centre::TestCentre,
    grpc::Exchange,
};

fn picture(content: &[u8]) -> Evidence {
    let at = FrameTime::from_micros(Timestamp::now().as_micros());
    Evidence::new(
        "gate".to_owned(),
        at,
        "image/jpeg".to_owned(),
        content.to_vec(),
        true,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_kept_whole_and_shown_with_its_alert_and_camera() {
    let centre = TestCentre::start().await;
    let mut gate = TestAgent::enrol(&centre, "gate").await;
    let mut exchange = Exchange::open(gate.channel(&centre).await).await.unwrap();
    exchange.ask(gate.hello()).await.unwrap();
    let setup = v1::CameraSetup {
        camera: "gate".to_owned(),
        name: "Gate".to_owned(),
        config_version: "1".to_owned(),
        ..v1::CameraSetup::default()
    };
    let setup = v1::Item {
        body: Some(v1::item::Body::Camera(setup)),
    };
    let setup = gate.batch(Lane::Alarms, vec![setup.encode_to_vec()]);
    exchange.ask(setup).await.unwrap();

    let taken = picture(b"somebody in the yard");
    let (sha256, reference) = (taken.sha256, taken.reference());
    let event = item_with(intrusion(Phase::Begin, 1), vec![reference]);
    exchange
        .ask(gate.batch(Lane::Alarms, vec![event]))
        .await
        .unwrap();
    let query = aggregator::store::AlertQuery {
        limit: 1,
        ..Default::default()
    };
    let alert = centre
        .store
        .alerts(query.clone())
        .await
        .unwrap()
        .items
        .remove(0);
    assert!(alert.evidence.is_empty(), "the picture has not come yet");

    let mut changes = centre.store.live();
    let sent = gate.batch(Lane::Evidence, vec![CheckedItem::Evidence(taken).encode()]);
    exchange.ask(sent).await.unwrap();
    let alert = centre.store.alerts(query).await.unwrap().items.remove(0);
    assert_eq!(alert.evidence, [hex::encode(sha256)]);
    assert!(changes.try_recv().is_ok(), "those who watch are told");

    let file = centre.store.evidence(sha256).await.unwrap().unwrap();
    assert_eq!(std::fs::read(&file.path).unwrap(), b"somebody in the yard");
    assert_eq!(
        (file.media_type.as_str(), file.masked),
        ("image/jpeg", true)
    );
    let camera = centre.store.camera("gate", "gate").await.unwrap().unwrap();
    assert_eq!(camera.snapshot.unwrap().sha256, hex::encode(sha256));
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_not_what_it_says_is_not_kept() {
    let centre = TestCentre::start().await;
    let mut gate = TestAgent::enrol(&centre, "gate").await;
    let mut exchange = Exchange::open(gate.channel(&centre).await).await.unwrap();
    exchange.ask(gate.hello()).await.unwrap();
    let mut forged = picture(b"one thing");
    forged.data = b"another thing".to_vec();
    let sha256 = forged.sha256;
    let batch = gate.batch(Lane::Evidence, vec![CheckedItem::Evidence(forged).encode()]);
    let answer = exchange.ask(batch).await.unwrap();
    assert_eq!(
        gate.up_to(&answer, Lane::Evidence),
        1,
        "set aside, and the stream goes on"
    );
    assert!(centre.store.evidence(sha256).await.unwrap().is_none());
    assert!(!centre.dir.path().join("evidence").exists());
    centre.stop().await;
}

/// Stores items of one lane directly, at a time of the test's choice.
struct Line {
    lane: Lane,
    next: u64,
    chain: Chain,
}

impl Line {
    fn new(lane: Lane) -> Self {
        let (next, chain) = (1, chain::START);
        Self { lane, next, chain }
    }

    async fn store(&mut self, store: &Store, item: Vec<u8>, now: Timestamp) {
        let batch = v1::Batch {
            agent: "gate".to_owned(),
            epoch: 1,
            lane: self.lane.number().into(),
            first_seq: self.next,
            prev_chain: self.chain.to_vec(),
            lost: Vec::new(),
            items: vec![item.clone()],
        };
        self.next += 1;
        self.chain = chain::after(&self.chain, &item);
        let batch = CheckedBatch::decode(&batch.encode_to_vec()).unwrap();
        store.ingest(Verified::new(batch), now).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_picture_goes_once_a_newer_is_there_unless_an_event_refers_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Serve).unwrap();
    let now = Timestamp::now();
    let (mut alarms, mut evidence) = (Line::new(Lane::Alarms), Line::new(Lane::Evidence));
    let setup = v1::CameraSetup {
        camera: "gate".to_owned(),
        name: "Gate".to_owned(),
        config_version: "1".to_owned(),
        ..v1::CameraSetup::default()
    };
    let setup = v1::Item {
        body: Some(v1::item::Body::Camera(setup)),
    };
    alarms.store(&store, setup.encode_to_vec(), now).await;

    let (referred, plain, newest) = (picture(b"referred"), picture(b"plain"), picture(b"newest"));
    let event = item_with(intrusion(Phase::Begin, 1), vec![referred.reference()]);
    alarms.store(&store, event, now).await;
    let hashes = [referred.sha256, plain.sha256, newest.sha256];
    for old in [referred, plain] {
        evidence
            .store(&store, CheckedItem::Evidence(old).encode(), now)
            .await;
    }
    let paths = hashes.map(|sha256| {
        let name = hex::encode(sha256);
        dir.path()
            .join("evidence")
            .join(name.get(..2).unwrap())
            .join(&name)
    });
    let there = || paths.clone().map(|path| path.is_file());
    assert_eq!(there(), [true, true, false]);
    let later = now.plus_seconds(3600);
    evidence
        .store(&store, CheckedItem::Evidence(newest).encode(), later)
        .await;
    assert_eq!(there(), [true, false, true]);
    assert!(store.evidence(hashes[1]).await.unwrap().is_none());
    assert!(
        store
            .check()
            .await
            .unwrap()
            .iter()
            .all(|finding| !finding.fault)
    );
    store.close().await;
}
