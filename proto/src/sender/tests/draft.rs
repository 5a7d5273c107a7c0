use prost::Message;

use super::*;
use crate::{
    CheckedBatch,
    limits::{BATCH_BYTES_MAX, ITEM_BYTES_MAX, ITEMS_PER_BATCH_MAX, LOST_PER_BATCH_MAX, SEQ_MAX},
    message::LostReason,
};

const EVENTS: StreamId = StreamId {
    epoch: u64::MAX,
    lane: Lane::Events,
};

fn rows(first_seq: u64, end_seq: u64) -> BatchDraft {
    BatchRequest {
        stream: EVENTS,
        lost: Vec::new(),
        first_seq,
        end_seq,
    }
    .draft()
}

fn hole(draft: BatchDraft) -> Lost {
    let Drafted::Hole(_, lost) = draft.finish("box-1") else {
        panic!("there is no row")
    };
    assert_eq!(lost.reason, LostReason::Damaged);
    lost
}

fn item_count(draft: BatchDraft) -> usize {
    let Drafted::Batch(batch, _) = draft.finish("box-1") else {
        panic!("there are rows")
    };
    CheckedBatch::decode(&batch.encode_to_vec())
        .expect("drafts keep the limits")
        .items()
        .len()
}

#[test]
fn the_fullest_batch_is_within_the_limits() {
    let first_seq = SEQ_MAX - 10_000;
    let declared = u64::try_from(LOST_PER_BATCH_MAX).unwrap();
    let lost = (first_seq - declared..first_seq)
        .map(|seq| Lost {
            from: seq,
            to: seq,
            reason: LostReason::Full,
        })
        .collect();
    let request = BatchRequest {
        stream: EVENTS,
        lost,
        first_seq,
        end_seq: SEQ_MAX,
    };
    for item_bytes in [1, 200, 4000, ITEM_BYTES_MAX] {
        let mut draft = request.clone().draft();
        let mut seq = first_seq;
        while draft.push(seq, &[7; 32], vec![1; item_bytes]) {
            seq += 1;
        }
        let Drafted::Batch(batch, _) = draft.finish(&"a".repeat(63)) else {
            panic!("has rows")
        };
        let bytes = batch.encode_to_vec();
        assert!(bytes.len() <= BATCH_BYTES_MAX, "{} bytes", bytes.len());
        let batch = CheckedBatch::decode(&bytes).expect("drafts keep the limits");
        let is_full = batch.items().len() == ITEMS_PER_BATCH_MAX
            || BATCH_BYTES_MAX - 8 * 1024 < bytes.len() + item_bytes;
        assert!(
            is_full,
            "{} items of {item_bytes} bytes",
            batch.items().len()
        );
    }
}

#[test]
fn a_batch_ends_before_a_hole() {
    let mut draft = rows(5, 9);
    assert!(draft.push(5, &[0; 32], vec![1]));
    assert!(!draft.push(7, &[0; 32], vec![1]));
    assert_eq!(item_count(draft), 1);

    let mut draft = rows(5, 9);
    assert!(draft.push(5, &[0; 32], vec![1]));
    assert!(!draft.damaged(6));
    assert_eq!(item_count(draft), 1);
}

#[test]
fn a_hole_is_exactly_what_is_known_to_be_gone() {
    // Missing until 7.
    let mut draft = rows(5, 9);
    assert!(!draft.push(7, &[0; 32], vec![1]));
    let lost = hole(draft);
    assert_eq!((lost.from, lost.to), (5, 6));

    // Two damaged rows in a row, then a sound one.
    let mut draft = rows(5, 9);
    assert!(draft.damaged(5) && draft.damaged(6));
    assert!(!draft.push(7, &[0; 32], vec![1]));
    let lost = hole(draft);
    assert_eq!((lost.from, lost.to), (5, 6));

    // A driver that read only one row, a damaged one, gives up no more than that.
    let mut draft = rows(5, 9);
    assert!(draft.damaged(5));
    let lost = hole(draft);
    assert_eq!((lost.from, lost.to), (5, 5));

    // Nothing came at all: one number at a time, so that an unreadable page gives up no more.
    let lost = hole(rows(5, 9));
    assert_eq!((lost.from, lost.to), (5, 5));
}

#[test]
fn an_item_that_no_batch_can_carry_is_damage() {
    let mut draft = rows(5, 9);
    assert!(draft.push(5, &[0; 32], vec![0; ITEM_BYTES_MAX + 1]));
    assert!(!draft.push(6, &[0; 32], vec![1]));
    let lost = hole(draft);
    assert_eq!((lost.from, lost.to), (5, 5));
}

#[test]
fn rows_below_the_request_are_passed_over() {
    let mut draft = rows(5, 6);
    assert!(draft.push(3, &[0; 32], vec![1]));
    assert!(draft.push(5, &[0; 32], vec![1]));
    assert!(!draft.push(6, &[0; 32], vec![1]));
    assert_eq!(item_count(draft), 1);
}
