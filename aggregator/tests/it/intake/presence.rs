//! What is known of a box while it is heard, when it falls silent, and when it is sent away.

use aggregator::store::{
    Access, AgentState, Alert, AlertQuery, Camera, CameraState, Change, Condition, Store, Timestamp,
};
use proto::{Lane, v1};
use scene::Phase;

use super::{
    agent::{TestAgent, intrusion},
    centre::TestCentre,
    grpc::Exchange,
    program::{command, outcome},
};

/// A box whose one camera is live.
async fn watching(centre: &TestCentre) -> (TestAgent, Exchange) {
    let mut gate = TestAgent::enrol(centre, "gate").await;
    let mut exchange = Exchange::open(gate.channel(centre).await).await.unwrap();
    exchange.ask(gate.hello()).await.unwrap();
    let setup = v1::Item {
        body: Some(v1::item::Body::Camera(v1::CameraSetup {
            camera: "gate".to_owned(),
            name: "Cổng chính".to_owned(),
            ..v1::CameraSetup::default()
        })),
    };
    let setup = gate.batch(Lane::Alarms, vec![prost::Message::encode_to_vec(&setup)]);
    exchange.ask(setup).await.unwrap();
    exchange.tell(gate.status(vec![live()])).await;
    exchange.ask(gate.hello()).await.unwrap();
    (gate, exchange)
}

fn live() -> v1::CameraStatus {
    v1::CameraStatus {
        camera: "gate".to_owned(),
        state: v1::CameraState::Live.into(),
        frames_decoded: 5,
        ..v1::CameraStatus::default()
    }
}

async fn camera(store: &Store) -> Camera {
    store.camera("gate", "gate").await.unwrap().unwrap()
}

async fn open_alerts(store: &Store) -> Vec<Alert> {
    let query = AlertQuery {
        open_only: true,
        limit: 10,
        ..AlertQuery::default()
    };
    store.alerts(query).await.unwrap().items
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_is_told_that_a_silent_boxs_cameras_are_unknown() {
    let centre = TestCentre::start().await;
    let (mut gate, mut exchange) = watching(&centre).await;
    let store = &centre.store;
    assert_eq!(camera(store).await.state, CameraState::Live);
    let (mut changes, before) = (store.live(), store.head());

    store.agent_silent("gate", Timestamp::now()).await.unwrap();
    let mut told = None;
    while let Ok((_, change)) = changes.try_recv() {
        if let Change::Camera(camera) = change {
            told = Some(camera);
        }
    }
    let told = told.expect("a page that only listens must not go on showing it as live");
    assert_eq!(
        (told.state, told.frames_decoded),
        (CameraState::Unknown, None)
    );
    let missed = store.changes_since(before, 10).await.unwrap();
    assert!(
        missed
            .iter()
            .any(|(_, change)| matches!(change, Change::Camera(_)))
    );

    // It is back, and has not said yet how its cameras are.
    exchange.ask(gate.hello()).await.unwrap();
    assert_eq!(camera(store).await.state, CameraState::Unknown);
    exchange.tell(gate.status(vec![live()])).await;
    exchange.ask(gate.hello()).await.unwrap();
    assert_eq!(camera(store).await.state, CameraState::Live);
    // Nor does the next run know what the one before saw.
    gate.restart();
    exchange.ask(gate.hello()).await.unwrap();
    assert_eq!(camera(store).await.state, CameraState::Unknown);
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_heard_while_the_store_fails_is_back_once_it_writes_again() {
    let centre = TestCentre::start().await;
    let (gate, mut exchange) = watching(&centre).await;
    let store = &centre.store;
    store.agent_silent("gate", Timestamp::now()).await.unwrap();
    let db = rusqlite::Connection::open(centre.dir.path().join("store.sqlite")).unwrap();
    db.execute_batch(
        "CREATE TRIGGER full BEFORE UPDATE ON agent BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .unwrap();
    store
        .agent_heard("gate", Timestamp::now())
        .await
        .unwrap_err();
    db.execute_batch("DROP TRIGGER full").unwrap();
    exchange.ask(gate.hello()).await.unwrap();
    let alert = open_alerts(store).await.remove(0);
    assert_eq!(
        (&*alert.kind, alert.condition),
        ("agent_silent", Condition::Cleared)
    );
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_about_a_revoked_box_is_over_and_its_cameras_are_gone() {
    let centre = TestCentre::start().await;
    let (mut gate, mut exchange) = watching(&centre).await;
    let begin = gate.events(vec![intrusion(Phase::Begin, 1)]);
    exchange.ask(begin).await.unwrap();
    let store = &centre.store;
    store.agent_silent("gate", Timestamp::now()).await.unwrap();
    exchange.ask(gate.hello()).await.unwrap();
    store.agent_silent("gate", Timestamp::now()).await.unwrap();
    let (head, mut changes) = (store.head(), store.live());

    // By the tool, beside the running centre.
    let done = outcome(command(centre.dir.path(), &["revoke", "gate"]));
    assert!(done.status.success(), "{done:?}");
    let alerts = open_alerts(store).await;
    let conditions: Vec<_> = alerts.iter().map(|alert| alert.condition).collect();
    assert_eq!(conditions, [Condition::Cleared; 2], "{alerts:#?}");
    assert!(store.cameras().await.unwrap().is_empty());

    // The centre's own next change takes a cursor of its own, and tells of the tool's too.
    store.probe_writable().await.unwrap();
    let mut cursors = Vec::new();
    while let Ok((cursor, _)) = changes.try_recv() {
        cursors.push(cursor);
    }
    assert_eq!(cursors.len(), 3, "two alerts and the box");
    assert!(cursors.iter().all(|cursor| head < *cursor) && cursors.is_sorted());
    assert_eq!(store.head(), *cursors.last().unwrap());
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_box_does_not_stay_online() {
    let centre = TestCentre::start().await;
    let (_gate, _exchange) = watching(&centre).await;
    let store = &centre.store;
    store
        .revoke_agent("test", "gate", Timestamp::now())
        .await
        .unwrap();
    let state = || async { store.agent("gate").await.unwrap().unwrap().state };
    assert_eq!(state().await, AgentState::Online, "heard a moment ago");
    for _ in 0..300 {
        if state().await == AgentState::Silent {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(state().await, AgentState::Silent);
    assert!(
        open_alerts(store).await.is_empty(),
        "its silence calls for nobody"
    );
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_is_for_its_owner_only_whatever_the_folder_is() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let store = Store::open(dir.path(), Access::Serve).unwrap();
    store.probe_writable().await.unwrap();
    for name in ["store.sqlite", "store.sqlite-wal"] {
        let mode = std::fs::metadata(dir.path().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    store.close().await;
}
