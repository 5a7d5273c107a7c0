use super::*;

const EVENTS: StreamId = StreamId {
    epoch: 9,
    lane: Lane::Events,
};

#[test]
fn no_ack_in_time_is_answered_with_a_hello_not_with_the_batch() {
    let mut box1 = Box1::welcomed([held(EVENTS, 1, 3, 0)], 8);
    let late = box1.run(at(0)).expect("an ack is awaited");
    box1.sent();
    let first_hello = box1.hello.take();
    box1.run(late);
    assert_ne!(
        box1.hello.as_ref().unwrap().mono_us,
        first_hello.unwrap().mono_us
    );
    assert_eq!(box1.sent(), []);
    // It had arrived: nothing is sent again.
    box1.welcome(CENTRE, &[(EVENTS, 2)], 8, at(10));
    assert_eq!(
        (box1.sent(), box1.freed.clone()),
        (vec![], vec![(EVENTS, 2)])
    );
}

#[test]
fn hellos_without_an_answer_back_off_to_a_minute() {
    let mut box1 = Box1::greeting([]);
    let mut gaps = Vec::new();
    let mut now = at(0);
    for _ in 0..12 {
        let until = box1.run(now).unwrap();
        gaps.push(until.micros_since(now));
        now = until;
    }
    assert!(gaps[0] <= 3 * SECOND && SECOND <= gaps[0], "{gaps:?}");
    assert!(gaps.iter().all(|gap| *gap <= 60 * SECOND), "{gaps:?}");
    assert!(gaps[8..].iter().all(|gap| 30 * SECOND <= *gap), "{gaps:?}");
}

#[test]
fn an_ack_that_repeats_itself_sends_its_stream_back_once_a_hello_confirmed_it() {
    let counts = stream(9, Lane::Counts);
    let mut box1 = Box1::greeting([held(EVENTS, 1, 4, 0), held(counts, 1, 2, 0)]);
    box1.welcome(CENTRE, &[(EVENTS, 0), (counts, 0)], 8, at_millis(900));
    assert_eq!(box1.sent().len(), 4);
    box1.ack(&[(EVENTS, 1)], at_millis(1000));
    box1.hello = None;
    box1.ack(&[(EVENTS, 1)], at_millis(2000));
    assert!(box1.hello.is_some(), "in doubt, say Hello");
    assert_eq!(box1.sent(), []);
    box1.welcome(CENTRE, &[(EVENTS, 1), (counts, 0)], 8, at_millis(2100));
    assert_eq!(
        box1.sent(),
        [(EVENTS, 2), (EVENTS, 3)],
        "the counts are not in doubt"
    );
}

#[test]
fn hellos_in_doubt_keep_their_distance() {
    let mut box1 = Box1::welcomed([held(EVENTS, 1, 4, 0)], 8);
    let other = Centre { term: 6, ..CENTRE };
    box1.hello = None;
    for _ in 0..100 {
        let ignored = box1.sender.ack(&ack(other, &[(EVENTS, 3)], 8), at(0));
        assert_eq!(ignored, AckOutcome::Ignored(Ignored::OtherTerm));
        assert_eq!(box1.run(at(0)), Some(at(1)));
    }
    assert_eq!((box1.hello.take(), box1.freed.len()), (None, 0));
    box1.run(at(1));
    assert!(box1.hello.is_some());
}

#[test]
fn an_ack_from_before_a_restore_frees_nothing_after_it() {
    let mut box1 = Box1::welcomed([held(EVENTS, 1, 9, 4)], 8);
    let restored = Centre { term: 6, ..CENTRE };
    box1.sender.connected(at(1));
    box1.run(at(1));
    box1.welcome(restored, &[(EVENTS, 2)], 8, at(1));
    box1.freed.clear();
    let late = ack(CENTRE, &[(EVENTS, 8)], 8);
    assert_eq!(
        box1.sender.ack(&late, at(2)),
        AckOutcome::Ignored(Ignored::OtherTerm)
    );
    box1.run(at(3));
    assert_eq!(box1.freed, []);
}

#[test]
fn a_welcome_of_an_earlier_hello_still_acknowledges_but_never_goes_back() {
    let mut box1 = Box1::welcomed([held(EVENTS, 1, 9, 4)], 8);
    let early = box1.hello.as_ref().unwrap().mono_us;
    box1.run(at(70));
    let early = |up_to| CheckedAck {
        welcomes_mono_us: Some(early),
        ..ack(CENTRE, &[(EVENTS, up_to)], 8)
    };
    assert_eq!(box1.take(&early(0), at(70)), Taken::default());
    assert_eq!(box1.freed, []);
    box1.take(&early(5), at(70));
    assert_eq!(box1.freed, [(EVENTS, 5)]);
}

#[test]
fn acks_for_others_or_for_unknown_streams_do_nothing() {
    let mut box1 = Box1::welcomed([held(EVENTS, 1, 4, 0)], 8);
    let other = CheckedAck {
        agent: "box-2".into(),
        ..ack(CENTRE, &[(EVENTS, 3)], 8)
    };
    assert_eq!(
        box1.sender.ack(&other, at(0)),
        AckOutcome::Ignored(Ignored::OtherAgent)
    );
    box1.ack(&[(stream(77, Lane::Tracks), 3)], at(0));
    assert_eq!(box1.freed, []);
    box1.sender.disconnected(at(0));
    let late = ack(CENTRE, &[(EVENTS, 3)], 8);
    assert_eq!(
        box1.sender.ack(&late, at(0)),
        AckOutcome::Ignored(Ignored::NotConnected)
    );
}

#[test]
fn a_stream_that_the_centre_cannot_take_does_not_hold_up_its_lane() {
    let bad = stream(3, Lane::Alarms);
    let good = stream(9, Lane::Alarms);
    let mut box1 = Box1::welcomed([held(bad, 1, 2, 0), held(good, 1, 2, 0)], 0);
    let mut now = at(0);
    for _ in 0..20 {
        if box1.sent().contains(&(good, 1)) {
            // And the bad one is tried again later.
            box1.ack(&[(good, 1)], now);
            box1.sent();
            for minute in 1..=3 {
                let later = now.plus_micros(minute * 61 * SECOND);
                box1.run(later);
                box1.welcome(CENTRE, &[(bad, 0), (good, 1)], 0, later);
            }
            assert!(box1.sent().contains(&(bad, 1)));
            return;
        }
        now = box1.run(now).unwrap();
        box1.run(now);
        box1.welcome(CENTRE, &[(bad, 0), (good, 0)], 0, now);
    }
    panic!("the good stream waited for ever");
}

#[test]
fn in_peace_a_hello_is_said_every_minute() {
    let mut box1 = Box1::welcomed([], 8);
    assert_eq!(box1.run(at(1)), Some(at(60)));
    box1.hello = None;
    box1.run(at(60));
    assert!(box1.hello.is_some());
    let taken = box1.welcome(CENTRE, &[], 8, at(62));
    assert_eq!(taken.welcome_round_trip_us, Some(2 * SECOND));
}
