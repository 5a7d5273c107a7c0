//! The outbox on real files, through kills, damage and full disks.

mod damage;
mod disk;
mod kill;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use edge_agent::outbox::{Limits, OpenError, Outbox, Placed, PutError, SlabLimits};
use proto::{Lane, StreamId, limits::ITEM_BYTES_MAX};

const SLAB: SlabLimits = SlabLimits {
    items_max: 500,
    bytes_max: 250_000,
    lost_max: 64,
};

/// Everything of every stream above its ack, as an item or (`None`) as lost; every number is there.
async fn drain(outbox: &Outbox) -> BTreeMap<(StreamId, u64), Option<Vec<u8>>> {
    let mut all = BTreeMap::new();
    let streams = outbox.watch().borrow().streams.clone();
    for stream in streams {
        let mut at = stream.acked + 1;
        while at < stream.next {
            let slab = outbox.read(stream.id, at, SLAB).await.unwrap();
            for lost in &slab.lost {
                assert_eq!(lost.from, at);
                all.extend((lost.from..=lost.to).map(|seq| ((stream.id, seq), None)));
                at = lost.to + 1;
            }
            assert_eq!(slab.first_seq, at);
            let items = (slab.first_seq..).zip(slab.items.iter().cloned());
            all.extend(items.map(|(seq, item)| ((stream.id, seq), Some(item))));
            at = slab.end();
        }
    }
    all
}

#[tokio::test]
async fn an_item_is_there_after_a_restart_in_an_epoch_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox.sqlite");
    let outbox = Outbox::open(&path, Limits::default()).unwrap();
    let first = outbox
        .put_durable(Lane::Alarms, b"one".to_vec())
        .await
        .unwrap();
    outbox.put(Lane::Tracks, b"two".to_vec()).await.unwrap();
    tokio::task::spawn_blocking({
        let outbox = outbox.clone();
        move || {
            outbox
                .put_blocking(Lane::Events, b"three".to_vec())
                .unwrap();
        }
    })
    .await
    .unwrap();
    outbox.close().await;
    assert_eq!(
        outbox.put(Lane::Alarms, vec![1]).await,
        Err(PutError::Closed)
    );
    drop(outbox);

    let outbox = Outbox::open(&path, Limits::default()).unwrap();
    let second = outbox
        .put_durable(Lane::Alarms, b"four".to_vec())
        .await
        .unwrap();
    assert_ne!(first.id.epoch, second.id.epoch);
    assert_eq!((first.seq, second.seq), (1, 1));
    let streams = outbox.watch().borrow().streams.clone();
    assert_eq!(
        streams.first().map(|stream| stream.id.epoch),
        Some(first.id.epoch),
        "old first"
    );
    let all = drain(&outbox).await;
    let item = |placed: Placed| all[&(placed.id, placed.seq)].clone().unwrap();
    assert_eq!(
        (item(first), item(second)),
        (b"one".to_vec(), b"four".to_vec())
    );
    assert_eq!(all.len(), 4);
    assert_eq!(outbox.stats().backlog_items, [2, 1, 0, 1, 0]);
    assert_eq!(outbox.stats().backlog_bytes, [7, 5, 0, 3, 0]);
}

/// Who ends the program asks this before it looks at the backlog, which tells of commits only.
#[test]
fn what_waits_for_its_commit_is_not_settled() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(&folder.path().join("o.sqlite"), Limits::default()).unwrap();
    assert!(outbox.is_settled());
    outbox.put_blocking(Lane::Counts, vec![1]).unwrap();
    assert!(!outbox.is_settled());
    assert_eq!(outbox.stats().backlog_items, [0; 5]);
    let until = Instant::now() + Duration::from_secs(10);
    while !outbox.is_settled() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(outbox.stats().backlog_items, [0, 0, 1, 0, 0]);
    let placed = outbox.put_durable_blocking(Lane::Alarms, vec![2]).unwrap();
    assert_eq!(placed.seq, 1);
    assert_eq!(outbox.stats().backlog_items, [1, 0, 1, 0, 0]);
}

#[tokio::test]
async fn only_items_that_can_be_sent_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let outbox = Outbox::open(&folder.path().join("o.sqlite"), Limits::default()).unwrap();
    for bytes in [0, ITEM_BYTES_MAX + 1] {
        let refused = outbox.put(Lane::Events, vec![0; bytes]).await;
        assert_eq!(refused, Err(PutError::Size { bytes }));
    }
    outbox
        .put_durable(Lane::Evidence, vec![0; ITEM_BYTES_MAX])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_second_outbox_on_the_same_file_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("outbox.sqlite");
    let outbox = Outbox::open(&path, Limits::default()).unwrap();
    let error = Outbox::open(&path, Limits::default()).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
    assert!(
        error.to_string().contains(&std::process::id().to_string()),
        "{error}"
    );
    drop(outbox);
    assert!(Outbox::open(&path, Limits::default()).is_ok());
}
