//! Many boxes at once: everything is stored, once, and commits are shared.

use std::{sync::Arc, time::Instant};

use aggregator::{
    intake::Intake,
    metrics::Metrics,
    store::{Access, Enrolled, EventQuery, Store, Timestamp},
};
use proto::{
    Lane, chain,
    sign::{self, Domain, SigningKey},
    v1,
};
use tokio::task::JoinSet;

use super::agent::{item, passage};

const BOXES: u8 = 40;
const BATCHES: u64 = 10;
const ITEMS: u64 = 50;

async fn enrol(store: &Store, number: u8) -> (String, SigningKey) {
    let (id, key) = (
        format!("box-{number}"),
        SigningKey::from_bytes(&[number + 1; 32]),
    );
    let now = Timestamp::now();
    store
        .add_invite("test", &id, [number; 32], now, now.plus_seconds(60))
        .await
        .unwrap();
    let enrolled = Enrolled {
        signing_key: key.verifying_key().to_bytes(),
        certificate_sha256: [number; 32],
        mqtt_secret_sha256: [number; 32],
        software: "test".to_owned(),
    };
    store.enroll([number; 32], enrolled, now).await.unwrap();
    (id, key)
}

/// All batches of one box, signed.
fn batches(id: &str, key: &SigningKey) -> Vec<v1::Up> {
    let mut chain = chain::START;
    let batch = |number| {
        let items: Vec<_> = (0..ITEMS).map(|_| item(passage())).collect();
        let batch = v1::Batch {
            agent: id.to_owned(),
            epoch: 1,
            lane: Lane::Events.number().into(),
            first_seq: 1 + number * ITEMS,
            prev_chain: chain.to_vec(),
            lost: Vec::new(),
            items: items.clone(),
        };
        chain = chain::fold(chain, items.iter().map(Vec::as_slice));
        let envelope = sign::seal(Domain::Batch, prost::Message::encode_to_vec(&batch), key);
        v1::Up {
            message: Some(v1::up::Message::Batch(envelope)),
        }
    };
    (0..BATCHES).map(batch).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_boxes_are_stored_once_each() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Access::Serve).unwrap();
    let centre_key = SigningKey::from_bytes(&[200; 32]);
    let intake = Arc::new(Intake::new(
        store.clone(),
        centre_key,
        1,
        Arc::new(Metrics::new()),
    ));
    let mut boxes = Vec::new();
    for number in 0..BOXES {
        let (id, key) = enrol(&store, number).await;
        let batches = batches(&id, &key);
        boxes.push((id, batches));
    }
    let began = Instant::now();
    let mut sending = JoinSet::new();
    for (id, batches) in boxes {
        let intake = Arc::clone(&intake);
        sending.spawn(async move {
            for batch in batches {
                assert!(intake.take(&id, batch).await.unwrap().is_some());
            }
        });
    }
    while let Some(sent) = sending.join_next().await {
        sent.unwrap();
    }
    let (took, all) = (began.elapsed(), u64::from(BOXES) * BATCHES * ITEMS);
    println!("{all} events of {BOXES} boxes verified and committed in {took:.2?}");
    let summary = store.summary(Timestamp::now()).await.unwrap();
    assert_eq!(summary.events_today, all);
    let query = EventQuery {
        agent: Some("box-7".to_owned()),
        limit: 1000,
        ..Default::default()
    };
    assert_eq!(
        store.events(query).await.unwrap().items.len() as u64,
        BATCHES * ITEMS
    );
    store.close().await;
}
