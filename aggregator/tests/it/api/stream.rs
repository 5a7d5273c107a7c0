//! Live updates: nothing lost, nothing twice, nobody held up.

use std::time::Duration;

use aggregator::store::Role;
use futures::StreamExt;
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use super::{
    centre::{Centre, Person, problem},
    recorder::Recorder,
};

/// A browser's `EventSource`.
struct Source {
    bytes: std::pin::Pin<Box<dyn futures::Stream<Item = reqwest::Result<axum::body::Bytes>>>>,
    buffer: String,
    last_id: Option<String>,
}

impl Source {
    async fn open(person: &Person, last_id: Option<&str>) -> Self {
        let mut request = person.request(Method::GET, "/api/v1/stream");
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self {
            bytes: Box::pin(answer.bytes_stream()),
            buffer: String::new(),
            last_id: last_id.map(str::to_owned),
        }
    }

    /// The next block of lines; `None` at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.buffer = rest;
                return Some(block);
            }
            let chunk = self.bytes.next().await?.ok()?;
            self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next message that has this name.
    async fn next(&mut self, name: &str) -> Option<Value> {
        loop {
            let block = self.block().await?;
            let field = |field: &str| {
                let start = format!("{field}: ");
                block.lines().find_map(|line| line.strip_prefix(&start))
            };
            if let Some(id) = field("id") {
                self.last_id = Some(id.to_owned());
            }
            if field("event") == Some(name) {
                return Some(serde_json::from_str(field("data").unwrap()).unwrap());
            }
        }
    }

    async fn event_ids(&mut self, count: usize) -> Vec<Uuid> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let event = self.next("event").await.unwrap();
            ids.push(event["id"].as_str().unwrap().parse().unwrap());
        }
        ids
    }
}

#[tokio::test]
async fn what_happens_is_told_as_it_happens() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    recorder.passages(&centre.store, "cam-1", 3).await;
    let viewer = centre.person(Role::Viewer).await;
    let mut source = Source::open(&viewer, None).await;
    let made = recorder.intrusion(&centre.store, "cam-1", "fence").await;
    assert_eq!(
        source.event_ids(1).await,
        [made],
        "from now on, not what was before"
    );
    let alert = source.next("alert").await.unwrap();
    assert_eq!(alert["last_event"], made.to_string());
    let row = viewer
        .read(&format!("/api/v1/alerts/{}", alert["id"].as_str().unwrap()))
        .await;
    assert_eq!(row, alert, "a message is the row as the lists have it");
}

/// A reader that is cut off after every few events and comes back, while a writer goes on.
#[tokio::test]
async fn who_comes_back_misses_nothing_and_hears_nothing_twice() {
    /// What 60 rounds of 1 to 7 events make.
    const COUNT: usize = 234;
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    let viewer = centre.person(Role::Viewer).await;
    let mut source = Source::open(&viewer, Some("0")).await;
    let store = centre.store.clone();
    let writer = async {
        let mut made = Vec::new();
        for round in 0..60 {
            made.extend(recorder.passages(&store, "cam-1", round % 7 + 1).await);
            if round % 10 == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        made
    };
    let reader = async {
        let mut heard = Vec::new();
        for length in (1..=9).cycle() {
            if heard.len() == COUNT {
                break;
            }
            heard.extend(source.event_ids(length.min(COUNT - heard.len())).await);
            let last = source.last_id.clone();
            source = Source::open(&viewer, last.as_deref()).await;
        }
        heard
    };
    let (made, heard) = tokio::join!(writer, reader);
    assert_eq!(made.len(), COUNT);
    assert_eq!(heard, made);
    // Nothing comes after the end.
    let more = tokio::time::timeout(Duration::from_millis(300), source.next("event"));
    assert!(more.await.is_err());
}

#[tokio::test]
async fn thousands_missed_are_read_from_the_store() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    let viewer = centre.person(Role::Viewer).await;
    let mut made = Vec::new();
    for _ in 0..20 {
        made.extend(recorder.passages(&centre.store, "cam-1", 100).await);
    }
    let mut source = Source::open(&viewer, Some("0")).await;
    assert_eq!(source.event_ids(2000).await, made);
}

/// A reader that has stopped reading is ended at its bound, and told where to go on.
#[tokio::test]
async fn who_is_too_slow_is_told_to_resume() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    let viewer = centre.person(Role::Viewer).await;
    let mut slow = Source::open(&viewer, None).await;
    let mut made = recorder.passages(&centre.store, "cam-1", 1).await;
    let mut heard = slow.event_ids(1).await;
    // Far more than the sockets' buffers and the ring of the store can hold.
    for _ in 0..150 {
        made.extend(recorder.passages(&centre.store, "cam-1", 200).await);
    }
    let mut farewell = String::new();
    loop {
        match slow.block().await {
            Some(block) if block.contains("event: event") => {
                let data = block
                    .lines()
                    .find_map(|line| line.strip_prefix("data: "))
                    .unwrap();
                let event: Value = serde_json::from_str(data).unwrap();
                heard.push(event["id"].as_str().unwrap().parse().unwrap());
                let id = block.lines().find_map(|line| line.strip_prefix("id: "));
                slow.last_id = id.map(str::to_owned);
            }
            Some(block) => farewell = block,
            None => break,
        }
    }
    let last = slow.last_id.clone().unwrap();
    assert_eq!(
        farewell,
        format!(": too slow; resume with Last-Event-ID: {last}")
    );
    let mut resumed = Source::open(&viewer, Some(&last)).await;
    heard.extend(resumed.event_ids(made.len() - heard.len()).await);
    assert_eq!(heard, made);
}

#[tokio::test]
async fn a_cursor_from_before_a_restored_backup_is_answered_by_a_reset() {
    let centre = Centre::start().await;
    let mut recorder = Recorder::enrol(&centre.store, "cong-1").await;
    recorder.passages(&centre.store, "cam-1", 3).await;
    let viewer = centre.person(Role::Viewer).await;
    let mut source = Source::open(&viewer, Some("1000000")).await;
    let reset = source.next("reset").await.unwrap();
    assert_eq!(reset["head"], centre.store.head().0);
    let made = recorder.passages(&centre.store, "cam-1", 2).await;
    assert_eq!(source.event_ids(2).await, made);
}

#[tokio::test]
async fn who_signs_out_is_not_told_more() {
    let centre = Centre::start().await;
    let viewer = centre.person(Role::Viewer).await;
    let mut source = Source::open(&viewer, None).await;
    let out = viewer.request(Method::DELETE, "/api/v1/session").send();
    assert_eq!(out.await.unwrap().status(), 204);
    let mut last = String::new();
    let end = async {
        while let Some(block) = source.block().await {
            last = block;
        }
    };
    // Within one keep-alive.
    tokio::time::timeout(Duration::from_secs(18), end)
        .await
        .unwrap();
    assert_eq!(last, ": signed out");
}

#[tokio::test]
async fn one_person_may_not_take_all_streams() {
    let centre = Centre::start().await;
    let viewer = centre.person(Role::Viewer).await;
    let mut open = Vec::new();
    for _ in 0..32 {
        open.push(Source::open(&viewer, None).await);
    }
    problem(viewer.get("/api/v1/stream").await, 429).await;
    let operator = centre.person(Role::Operator).await;
    open.push(Source::open(&operator, None).await);
    let metrics = operator.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("vong_stream_subscribers 33"), "{metrics}");
    // Who closes one gets one.
    open.remove(0);
    let mut status = 0;
    for _ in 0..50 {
        status = viewer.get("/api/v1/stream").await.status().as_u16();
        if status == 200 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(status, 200);
}

/// A page does not hear comments: without this it could not tell a quiet centre from a dead one.
#[tokio::test]
async fn a_quiet_stream_says_that_it_is_alive() {
    let centre = Centre::start().await;
    let viewer = centre.person(Role::Viewer).await;
    let mut source = Source::open(&viewer, None).await;
    let alive = tokio::time::timeout(Duration::from_secs(18), source.next("alive"));
    assert_eq!(alive.await.unwrap(), Some(serde_json::json!({})));
    assert_eq!(source.last_id, None, "it is nothing to resume from");
}
