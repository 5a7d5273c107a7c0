//! Lists in pages, and pictures.

use aggregator::store::{CountQuery, Role, Timestamp};
use reqwest::Method;
use serde_json::Value;

use super::{
    centre::{Centre, Person},
    recorder::Recorder,
};

/// All pages of a list; the ids in the order in which they came.
async fn all(person: &Person, path: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut next = String::new();
    loop {
        let page = person.read(&format!("{path}{next}")).await;
        let items = page["items"].as_array().unwrap();
        ids.extend(
            items
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        match &page["next"] {
            Value::Null => return ids,
            cursor => next = format!("&before={cursor}"),
        }
    }
}

#[tokio::test]
async fn pages_of_events_hold_each_once_while_new_ones_come() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    let mut made = recorder.passages(&centre.store, "cam-1", 25).await;
    let viewer = centre.person(Role::Viewer).await;

    let first = viewer.read("/api/v1/events?limit=10").await;
    recorder.passages(&centre.store, "cam-1", 5).await;
    let rest = format!("/api/v1/events?limit=10&before={}", first["next"]);
    let second = viewer.read(&rest).await;
    let ids = [&first, &second].map(|page| page["items"].as_array().unwrap().clone());
    let ids: Vec<_> = ids.concat().iter().map(|item| item["id"].clone()).collect();
    made.reverse();
    let expected: Vec<_> = made
        .iter()
        .take(20)
        .map(|id| Value::from(id.to_string()))
        .collect();
    assert_eq!(ids, expected);

    for limit in [1, 7, 10, 30, 1000] {
        let ids = all(&viewer, &format!("/api/v1/events?limit={limit}")).await;
        assert_eq!(ids.len(), 30, "{limit}");
        assert_eq!(
            ids[5..].to_vec(),
            made.iter().map(ToString::to_string).collect::<Vec<_>>()
        );
    }
    let one = viewer.read(&format!("/api/v1/events/{}", made[0])).await;
    assert_eq!(one, first["items"][0]);
    assert_eq!(one["kind"], "line_crossed");
    assert_eq!(one["direction"], "to_left");
    assert_eq!(one["agent"], "cong-1");
}

#[tokio::test]
async fn events_are_filtered() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    recorder.passages(&centre.store, "cam-1", 3).await;
    recorder.passages(&centre.store, "cam-2", 4).await;
    recorder.intrusion(&centre.store, "cam-2", "fence").await;
    let viewer = centre.person(Role::Viewer).await;
    for (filter, count) in [
        ("", 8),
        ("&camera=cam-1", 3),
        ("&camera=cam-2", 5),
        ("&agent=cong-1", 8),
        ("&agent=cong-2", 0),
        ("&kind=intrusion", 1),
        ("&kind=intrusion,line_crossed", 8),
        ("&severity_min=warning", 1),
        ("&severity_min=critical", 0),
        ("&camera=cam-1&kind=intrusion", 0),
    ] {
        let ids = all(&viewer, &format!("/api/v1/events?limit=2{filter}")).await;
        assert_eq!(ids.len(), count, "{filter}");
    }
}

#[tokio::test]
async fn alerts_come_in_pages_too() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    for rule in ["a", "b", "c", "d", "e"] {
        recorder.intrusion(&centre.store, "cam-1", rule).await;
    }
    let viewer = centre.person(Role::Viewer).await;
    let ids = all(&viewer, "/api/v1/alerts?state=open&limit=2").await;
    assert_eq!(ids.len(), 5);
    let summary = viewer.read("/api/v1/summary").await;
    assert_eq!(
        (&summary["alerts_open"], &summary["events_today"]),
        (&5.into(), &5.into())
    );
}

#[tokio::test]
async fn a_picture_is_shown_kept_and_never_a_page() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    let data = b"\xff\xd8\xff\xe0 not quite a picture <script>alert(1)</script>";
    let sha256 = recorder.picture(&centre.store, "cam-1", data).await;
    let viewer = centre.person(Role::Viewer).await;
    let event = &viewer.read("/api/v1/events").await["items"][0];
    assert_eq!(event["evidence"][0]["sha256"], sha256);

    let path = format!("/api/v1/evidence/{sha256}");
    let answer = viewer.get(&path).await;
    let headers = answer.headers().clone();
    assert_eq!(headers["content-type"], "image/jpeg");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(
        headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("sandbox")
    );
    assert!(
        headers["cache-control"]
            .to_str()
            .unwrap()
            .contains("immutable")
    );
    assert_eq!(answer.bytes().await.unwrap(), &data[..]);
    let again = viewer.request(Method::GET, &path);
    let again = again
        .header("if-none-match", &headers["etag"])
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 304);

    // A picture that has rotted on the disk is not shown as if it were evidence.
    let hash = hex::decode(&sha256).unwrap().try_into().unwrap();
    let file = centre.store.evidence(hash).await.unwrap().unwrap();
    std::fs::write(file.path, b"\xff\xd8\xff\xe0 something else").unwrap();
    super::centre::problem(viewer.get(&path).await, 500).await;
}

#[tokio::test]
async fn a_count_is_whole_windows_and_unknown_once_nobody_tells_any_more() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    let now = Timestamp::now();
    let counts = |since: i64, now: Timestamp| {
        let query = CountQuery {
            agent: "cong-1".to_owned(),
            camera: "cam-1".to_owned(),
            since: now.plus_seconds(-since),
            now,
        };
        centre.store.counts(query)
    };
    recorder.counted(&centre.store, "cam-1", 90, 3.0).await;
    recorder.counted(&centre.store, "cam-1", 30, 4.0).await;
    let count = counts(200, now).await.unwrap().remove(0);
    assert_eq!((count.count, count.window_seconds), (Some(7), 120.0));
    // The first window began before that.
    let count = counts(100, now).await.unwrap().remove(0);
    assert_eq!(count.count, Some(4));
    // Two minutes on and some seconds, with no word of the windows since.
    let count = counts(400, now.plus_seconds(125)).await.unwrap().remove(0);
    assert_eq!((count.count, count.count_at_least), (None, 7));
}
