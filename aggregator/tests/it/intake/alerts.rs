//! From events to alerts, through the whole intake.

use aggregator::store::{Action, Alert, AlertQuery, Condition, Timestamp};
use proto::{Lane, v1};
use scene::{Kind, Measure, MeasureName, Phase, Severity};

use super::{
    agent::{TestAgent, intrusion, item, passage},
    centre::TestCentre,
    grpc::Exchange,
};

struct Scene {
    centre: TestCentre,
    gate: TestAgent,
    exchange: Exchange,
}

impl Scene {
    async fn start() -> Self {
        let centre = TestCentre::start().await;
        let gate = TestAgent::enrol(&centre, "gate").await;
        let mut exchange = Exchange::open(gate.channel(&centre).await).await.unwrap();
        exchange.ask(gate.hello()).await.unwrap();
        Self {
            centre,
            gate,
            exchange,
        }
    }

    async fn happens(&mut self, event: scene::Event) {
        let batch = self.gate.events(vec![event]);
        self.exchange.ask(batch).await.unwrap();
    }

    async fn restart(&mut self) {
        self.gate.restart();
        self.exchange.ask(self.gate.hello()).await.unwrap();
    }

    async fn alerts(&self) -> Vec<Alert> {
        let query = AlertQuery {
            limit: 100,
            ..AlertQuery::default()
        };
        self.centre.store.alerts(query).await.unwrap().items
    }

    async fn only_alert(&self) -> Alert {
        let mut alerts = self.alerts().await;
        assert_eq!(alerts.len(), 1, "{alerts:#?}");
        alerts.remove(0)
    }
}

fn actions(alert: &Alert) -> Vec<Action> {
    alert.history.iter().map(|step| step.action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intrusion_raises_one_alert_that_ends_and_is_acknowledged() {
    let mut scene = Scene::start().await;
    scene.happens(passage()).await;
    assert!(
        scene.alerts().await.is_empty(),
        "an event without severity calls for nobody"
    );
    scene.happens(intrusion(Phase::Begin, 1)).await;
    scene.happens(intrusion(Phase::Begin, 2)).await;
    let alert = scene.only_alert().await;
    assert_eq!((alert.condition, alert.occurrences), (Condition::Active, 2));
    assert_eq!(
        (&*alert.kind, &*alert.rule, &*alert.camera),
        ("intrusion", "yard", "gate")
    );

    let store = &scene.centre.store;
    let seen = store
        .acknowledge(alert.id, "linh", "a guard went", Timestamp::now())
        .await
        .unwrap();
    assert_eq!(seen.acknowledged.as_ref().unwrap().by, "linh");
    let again = store
        .acknowledge(alert.id, "minh", "", Timestamp::now())
        .await
        .unwrap_err();
    assert_eq!(again.to_string(), "already acknowledged by linh");

    scene.happens(intrusion(Phase::End, 1)).await;
    assert_eq!(scene.only_alert().await.condition, Condition::Active);
    scene.happens(intrusion(Phase::End, 2)).await;
    let alert = scene.only_alert().await;
    assert_eq!(alert.condition, Condition::Cleared);
    assert!(alert.cleared_at.is_some());
    use Action::{Acknowledge, Bump, Clear, Raise};
    assert_eq!(actions(&alert), [Raise, Bump, Acknowledge, Clear]);

    // It is closed: what happens now is another alert.
    scene.happens(intrusion(Phase::Begin, 3)).await;
    assert_eq!(scene.alerts().await.len(), 2);
    scene.centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_run_of_the_box_leaves_its_alerts_unknown_until_it_sees() {
    let mut scene = Scene::start().await;
    scene.happens(intrusion(Phase::Begin, 1)).await;
    scene.restart().await;
    assert_eq!(scene.only_alert().await.condition, Condition::Unknown);
    scene.happens(intrusion(Phase::Begin, 1)).await;
    assert_eq!(scene.only_alert().await.condition, Condition::Active);
    scene.restart().await;
    scene.happens(intrusion(Phase::End, 5)).await;
    let alert = scene.only_alert().await;
    assert_eq!(alert.condition, Condition::Cleared);
    use Action::{Bump, Clear, Raise, Unknown};
    assert_eq!(actions(&alert), [Raise, Unknown, Bump, Unknown, Clear]);
    scene.centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_zone_ends_what_an_earlier_run_left_open_and_is_shown() {
    let mut scene = Scene::start().await;
    let setup = v1::Item {
        body: Some(v1::item::Body::Camera(v1::CameraSetup {
            camera: "gate".to_owned(),
            name: "Cổng chính".to_owned(),
            width: 768,
            height: 576,
            config_version: "1".to_owned(),
            rules: vec![v1::RuleShape {
                rule: "yard".to_owned(),
                label: "Sân".to_owned(),
                kind: v1::ShapeKind::Zone.into(),
                points: [(0.1, 0.1), (0.9, 0.1), (0.5, 0.9)]
                    .map(|(x, y)| v1::Point { x, y })
                    .to_vec(),
                dwell_limit_seconds: Some(10.0),
            }],
            removed: false,
        })),
    };
    let setup = scene
        .gate
        .batch(Lane::Alarms, vec![prost::Message::encode_to_vec(&setup)]);
    scene.exchange.ask(setup).await.unwrap();

    let mut dwell = intrusion(Phase::Begin, 1);
    dwell.kind = Kind::DwellExceeded;
    scene.happens(dwell).await;
    scene.restart().await;
    let occupancy = |value| scene::Event {
        kind: Kind::ZoneOccupancy,
        phase: Phase::Change,
        severity: Severity::None,
        measures: vec![Measure {
            name: MeasureName::Occupancy,
            value,
        }],
        ..intrusion(Phase::Change, 1)
    };
    scene.happens(occupancy(None)).await;
    assert_eq!(scene.only_alert().await.condition, Condition::Unknown);
    scene.happens(occupancy(Some(0.0))).await;
    assert_eq!(scene.only_alert().await.condition, Condition::Cleared);
    scene.happens(occupancy(Some(3.0))).await;

    let camera = scene
        .centre
        .store
        .camera("gate", "gate")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(camera.name, "Cổng chính");
    assert_eq!(camera.rules.len(), 1);
    assert_eq!(camera.occupancy[0].value, Some(3.0));
    scene.restart().await;
    let camera = scene
        .centre
        .store
        .camera("gate", "gate")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        camera.occupancy[0].value, None,
        "the new run has not looked yet"
    );
    scene.centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_overtakes_its_begin_still_ends_it() {
    let mut scene = Scene::start().await;
    let mut end = intrusion(Phase::End, 1);
    end.severity = Severity::None;
    end.at = end.at.plus_micros(1000);
    let begin = intrusion(Phase::Begin, 1);
    assert_ne!(proto::lane_of(&end), proto::lane_of(&begin));
    scene.happens(end).await;
    scene.happens(begin).await;
    assert_eq!(scene.only_alert().await.condition, Condition::Cleared);
    scene.centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_item_is_set_aside_and_stops_nothing() {
    let mut scene = Scene::start().await;
    let mut strange = intrusion(Phase::Begin, 1);
    strange.rule = "Not A Slug".to_owned();
    let items = vec![
        item(passage()),
        item(strange),
        b"\xff\xff".to_vec(),
        item(passage()),
    ];
    let batch = scene.gate.batch(Lane::Events, items);
    let answer = scene.exchange.ask(batch).await.unwrap();
    assert_eq!(scene.gate.up_to(&answer, Lane::Events), 4);
    let query = aggregator::store::EventQuery {
        limit: 10,
        ..Default::default()
    };
    assert_eq!(
        scene.centre.store.events(query).await.unwrap().items.len(),
        2
    );
    let alert = scene.only_alert().await;
    assert_eq!((&*alert.kind, alert.occurrences), ("item_refused", 1));
    assert!(!alert.will_clear);
    scene.centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_that_contradicts_the_stored_one_is_refused_and_raises_an_alert() {
    let mut scene = Scene::start().await;
    scene.happens(passage()).await;
    let epoch = scene.gate.epoch;
    scene.gate.restart();
    scene.gate.epoch = epoch;
    // The same number of the same stream, with another content: a clone, or a rollback.
    let batch = scene.gate.events(vec![passage(), passage()]);
    let answer = scene.exchange.ask(batch).await.unwrap();
    assert_eq!(scene.gate.up_to(&answer, Lane::Events), 1);
    let alert = scene.only_alert().await;
    assert_eq!(
        (&*alert.kind, alert.severity),
        ("stream_fork", Severity::Critical.into())
    );
    scene.centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_camera_ends_what_an_earlier_run_said_of_its_signal() {
    let mut scene = Scene::start().await;
    let mut lost = intrusion(Phase::Begin, 1);
    (lost.kind, lost.rule, lost.severity) =
        (Kind::CameraSignal, "camera".to_owned(), Severity::Minor);
    scene.happens(lost).await;
    scene.restart().await;
    assert_eq!(scene.only_alert().await.condition, Condition::Unknown);
    let live = v1::CameraStatus {
        camera: "gate".to_owned(),
        state: v1::CameraState::Live.into(),
        ..v1::CameraStatus::default()
    };
    scene.exchange.tell(scene.gate.status(vec![live])).await;
    scene.exchange.ask(scene.gate.hello()).await.unwrap();
    assert_eq!(scene.only_alert().await.condition, Condition::Cleared);
    scene.centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_hello_said_again_begins_nothing() {
    let mut scene = Scene::start().await;
    let old = scene.gate.hello();
    scene.restart().await;
    scene.happens(intrusion(Phase::Begin, 1)).await;
    scene.exchange.ask(old).await.unwrap();
    assert_eq!(scene.only_alert().await.condition, Condition::Active);
    scene.centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_box_whose_disk_fails_goes_on_with_its_episodes_under_another_epoch() {
    let mut scene = Scene::start().await;
    scene.happens(intrusion(Phase::Begin, 1)).await;
    // It numbers anew, in memory; no Hello says that a new run began.
    scene.gate.change_epoch();
    scene.happens(intrusion(Phase::End, 1)).await;
    assert_eq!(scene.only_alert().await.condition, Condition::Cleared);
    scene.happens(intrusion(Phase::Begin, 2)).await;
    assert_eq!(
        scene.only_alert().await.condition,
        Condition::Active,
        "it is watched as before"
    );
    scene.gate.change_epoch();
    scene.happens(intrusion(Phase::End, 2)).await;
    let alert = scene.only_alert().await;
    use Action::{Bump, Clear, Raise};
    assert_eq!(actions(&alert), [Raise, Clear, Bump, Clear]);
    scene.centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_box_lost_calls_for_a_person() {
    let mut scene = Scene::start().await;
    let lost = scene.gate.loses(Lane::Counts, 7);
    scene.exchange.ask(lost).await.unwrap();
    let alert = scene.only_alert().await;
    assert_eq!((&*alert.kind, alert.will_clear), ("items_lost", false));
    assert_eq!(
        alert.history[0].note,
        "lane 2: numbers 1 to 7 are lost (full)"
    );
    scene.centre.stop().await;
}
