use super::*;
use crate::message::LostReason::{Damaged, Forgotten, Full};

const EVENTS: StreamId = StreamId {
    epoch: 9,
    lane: Lane::Events,
};

fn lost(from: u64, to: u64, reason: crate::LostReason) -> Lost {
    Lost { from, to, reason }
}

fn request(lost: Vec<Lost>, first_seq: u64, end_seq: u64) -> BatchRequest {
    BatchRequest {
        stream: EVENTS,
        lost,
        first_seq,
        end_seq,
    }
}

#[test]
fn a_restored_centre_gets_what_is_kept_and_is_told_of_the_rest() {
    let mut box1 = Box1::greeting([held(EVENTS, 81, 111, 100)]);
    let taken = box1.welcome(Centre { term: 6, ..CENTRE }, &[(EVENTS, 50)], 1, at(0));
    assert_eq!(taken.rewound, [(EVENTS, 51..=100)]);
    assert_eq!(
        box1.freed,
        [(EVENTS, 50)],
        "what was acknowledged no longer is"
    );
    assert_eq!(box1.sent, [request(vec![lost(51, 80, Forgotten)], 81, 111)]);
}

#[test]
fn a_new_store_gets_everything_that_is_kept() {
    let mut box1 = Box1::welcomed([held(EVENTS, 1, 4, 3)], 1);
    box1.sender.connected(at(1));
    box1.run(at(1));
    let other = Centre {
        store_id: [2; 16],
        term: 8,
    };
    let taken = box1.welcome(other, &[(EVENTS, 0)], 1, at(1));
    assert!(taken.store_changed);
    assert_eq!(box1.sent, [request(vec![], 1, 4)]);
}

#[test]
fn a_stream_without_rows_may_still_have_losses_to_declare() {
    let mut box1 = Box1::greeting([held(EVENTS, 101, 101, 100)]);
    box1.welcome(Centre { term: 6, ..CENTRE }, &[(EVENTS, 50)], 1, at(0));
    assert_eq!(
        box1.sent,
        [request(vec![lost(51, 100, Forgotten)], 101, 101)]
    );
    box1.ack_all_of_term(6, 100);
    assert_eq!(box1.freed.last(), Some(&(EVENTS, 100)));
}

#[test]
fn rows_evicted_while_their_batch_is_under_way_are_lost_only_if_it_is() {
    // It arrived: they are not.
    let mut box1 = Box1::welcomed([held(EVENTS, 1, 4, 0)], 1);
    box1.sent.clear();
    box1.sender.evicted(EVENTS, 3);
    box1.take(&ack(CENTRE, &[(EVENTS, 2)], 1), at(1));
    assert_eq!(box1.sent, [request(vec![], 3, 4)]);

    // It did not.
    let mut box1 = Box1::welcomed([held(EVENTS, 1, 4, 0)], 1);
    box1.sent.clear();
    box1.sender.evicted(EVENTS, 3);
    box1.sender.connected(at(1));
    box1.run(at(1));
    box1.welcome(CENTRE, &[(EVENTS, 0)], 1, at(1));
    assert_eq!(box1.sent, [request(vec![lost(1, 2, Full)], 3, 4)]);
}

#[test]
fn acknowledged_rows_are_evicted_without_a_word() {
    let mut box1 = Box1::welcomed([held(EVENTS, 1, 4, 3)], 1);
    box1.sender.evicted(EVENTS, 3);
    box1.sender.stored(EVENTS, 5);
    box1.run(at(1));
    assert_eq!(box1.sent, [request(vec![], 4, 5)]);
}

#[test]
fn a_restored_centre_hears_the_true_reason_of_each_loss() {
    // 1 to 4 were acknowledged and evicted; of what follows, 5 and 6 were not.
    let mut box1 = Box1::greeting([held(EVENTS, 5, 9, 4)]);
    box1.welcome(CENTRE, &[(EVENTS, 0)], 0, at(0));
    box1.sender.evicted(EVENTS, 7);
    box1.take(&ack(CENTRE, &[], 1), at(1));
    assert_eq!(
        box1.sent,
        [request(vec![lost(1, 4, Forgotten), lost(5, 6, Full)], 7, 9)]
    );
}

#[test]
fn a_damaged_row_in_the_middle_splits_the_batch() {
    let damage = HeldStream {
        lost: vec![lost(3, 3, Damaged)],
        ..held(EVENTS, 1, 6, 0)
    };
    let mut box1 = Box1::greeting([damage]);
    box1.welcome(CENTRE, &[(EVENTS, 0)], 8, at(0));
    let expected = [
        request(vec![], 1, 3),
        request(vec![], 2, 3),
        request(vec![lost(3, 3, Damaged)], 4, 6),
        request(vec![], 5, 6),
    ];
    assert_eq!(box1.sent, expected);
}

#[test]
fn losses_beyond_what_one_batch_may_declare_go_in_several() {
    let reasons = [Full, Damaged].into_iter().cycle();
    let ranges = (1..=100)
        .zip(reasons)
        .map(|(seq, reason)| lost(seq, seq, reason))
        .collect();
    let mut box1 = Box1::greeting([HeldStream {
        lost: ranges,
        ..held(EVENTS, 101, 102, 0)
    }]);
    box1.welcome(CENTRE, &[(EVENTS, 0)], 8, at(0));
    let shape = box1
        .sent
        .iter()
        .map(|r| (r.lost.len(), r.first_seq, r.end_seq));
    assert_eq!(shape.collect::<Vec<_>>(), [(64, 65, 65), (36, 101, 102)]);
}

#[test]
fn a_centre_that_has_more_than_the_outbox_is_reported() {
    let old = stream(3, Lane::Events);
    let mut box1 = Box1::greeting([held(old, 1, 5, 2)]);
    let taken = box1.welcome(CENTRE, &[(old, 9)], 8, at(0));
    assert_eq!(taken.ahead_of_outbox, [old]);
    assert_eq!((box1.freed.clone(), box1.sent()), (vec![(old, 4)], vec![]));
}

impl Box1 {
    fn ack_all_of_term(&mut self, term: u64, up_to: u64) {
        self.take(
            &ack(Centre { term, ..CENTRE }, &[(EVENTS, up_to)], 8),
            at(1),
        );
    }
}
