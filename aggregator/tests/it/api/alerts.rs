//! Alerts, as people see and acknowledge them.

use aggregator::store::Role;
use serde_json::{Value, json};

use super::{
    centre::{Centre, body, problem},
    recorder::Recorder,
};

#[tokio::test]
async fn an_alert_is_seen_and_acknowledged_once() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    let event = recorder.intrusion(&centre.store, "cam-1", "fence").await;
    let operator = centre.person(Role::Operator).await;

    let page = operator.read("/api/v1/alerts").await;
    let alert = &page["items"][0];
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    assert_eq!(alert["kind"], "intrusion");
    assert_eq!(alert["severity"], "major");
    assert_eq!(alert["condition"], "active");
    assert_eq!(alert["acknowledged"], Value::Null);
    assert_eq!(alert["last_event"], event.to_string());
    assert_eq!(alert["history"][0]["action"], "raise");

    let path = format!("/api/v1/alerts/{}", alert["id"].as_str().unwrap());
    assert_eq!(operator.read(&path).await, *alert);
    let acknowledge = format!("{path}/acknowledge");
    let long = json!({ "note": "x".repeat(1001) });
    let sentence = problem(operator.post(&acknowledge, &long).await, 422).await;
    assert!(sentence.contains("note"), "{sentence}");

    let note = json!({ "note": "đã kiểm tra" });
    let done = body(operator.post(&acknowledge, &note).await).await;
    assert_eq!(done["acknowledged"]["by"], "operator");
    assert_eq!(done["acknowledged"]["note"], "đã kiểm tra");
    assert_eq!(done["condition"], "active", "seen to is not over");
    let sentence = problem(operator.post(&acknowledge, &note).await, 409).await;
    assert!(sentence.contains("operator"), "{sentence}");
    assert_eq!(operator.read(&path).await, done);

    let open = operator.read("/api/v1/alerts?state=open").await;
    assert_eq!(
        open["items"].as_array().unwrap().len(),
        1,
        "still active, so still open"
    );
    let entry = &centre.store.audit_entries(1).await.unwrap()[0];
    assert_eq!(
        (&*entry.actor, &*entry.action),
        ("operator", "alert.acknowledge")
    );
}

#[tokio::test]
async fn of_two_who_acknowledge_at_once_one_is_first() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    recorder.intrusion(&centre.store, "cam-1", "fence").await;
    let operator = centre.person(Role::Operator).await;
    let page = operator.read("/api/v1/alerts").await;
    let path = format!(
        "/api/v1/alerts/{}/acknowledge",
        page["items"][0]["id"].as_str().unwrap()
    );
    let note = json!({});
    let answers = (0..10).map(|_| operator.post(&path, &note));
    let answers = futures::future::join_all(answers).await;
    let count = |status| {
        answers
            .iter()
            .filter(|answer| answer.status() == status)
            .count()
    };
    assert_eq!((count(200), count(409)), (1, 9));
}
