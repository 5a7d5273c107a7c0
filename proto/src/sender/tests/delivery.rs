use super::*;

const EVENTS: StreamId = StreamId {
    epoch: 9,
    lane: Lane::Events,
};

#[test]
fn nothing_is_sent_before_the_welcome_and_nothing_freed_before_an_ack() {
    let mut box1 = Box1::greeting([held(EVENTS, 1, 4, 0)]);
    assert_eq!(box1.sent(), []);
    box1.welcome(CENTRE, &[(EVENTS, 0)], 8, at(0));
    assert_eq!(box1.sent(), [(EVENTS, 1), (EVENTS, 2), (EVENTS, 3)]);
    assert_eq!(box1.freed, []);
    box1.ack(&[(EVENTS, 2)], at_millis(100));
    assert_eq!(box1.freed, [(EVENTS, 2)]);
    box1.sender.stored(EVENTS, 6);
    box1.run(at_millis(100));
    assert_eq!(box1.sent(), [(EVENTS, 4), (EVENTS, 5)]);
}

#[test]
fn the_window_bounds_what_is_under_way_but_never_stops_an_alarm() {
    let alarms = stream(9, Lane::Alarms);
    let mut box1 = Box1::welcomed([held(EVENTS, 1, 20, 0)], 3);
    assert_eq!(box1.sent().len(), 3);
    box1.sender.stored(alarms, 5);
    box1.run(at(0));
    assert_eq!(box1.sent(), [(alarms, 1)], "one beyond the window");
    box1.take(&ack(CENTRE, &[(EVENTS, 2)], 3), at(0));
    assert_eq!(
        box1.sent(),
        [(alarms, 2)],
        "two of three are under way: the alarm goes first"
    );
}

#[test]
fn at_window_zero_only_one_batch_of_alarms_is_under_way() {
    let alarms = stream(9, Lane::Alarms);
    let mut box1 = Box1::welcomed([held(EVENTS, 1, 9, 0), held(alarms, 1, 9, 0)], 0);
    assert_eq!(box1.sent(), [(alarms, 1)]);
    box1.take(&ack(CENTRE, &[(alarms, 1)], 0), at(1));
    assert_eq!(box1.sent(), [(alarms, 2)]);
    box1.take(&ack(CENTRE, &[(alarms, 2)], 2), at(2));
    assert_eq!(box1.sent().len(), 2, "the window opened");
}

#[test]
fn a_closed_window_is_asked_about() {
    let mut box1 = Box1::welcomed([held(EVENTS, 1, 9, 0)], 0);
    assert_eq!(box1.run(at(1)), Some(at(10)), "a Hello is due then");
}

#[test]
fn pictures_go_one_batch_at_a_time() {
    let evidence = stream(9, Lane::Evidence);
    let mut box1 = Box1::welcomed([held(evidence, 1, 9, 0)], 8);
    assert_eq!(box1.sent(), [(evidence, 1)]);
    box1.ack(&[(evidence, 1)], at(1));
    assert_eq!(box1.sent(), [(evidence, 2)]);
}

#[test]
fn older_epochs_of_a_lane_go_first() {
    let (old, older) = (stream(2, Lane::Events), stream(8, Lane::Events));
    let streams = [
        held(older, 5, 7, 4),
        held(old, 1, 2, 0),
        held(EVENTS, 1, 2, 0),
    ];
    let mut box1 = Box1::welcomed(streams, 8);
    assert_eq!(box1.sent(), [(older, 5), (older, 6), (old, 1), (EVENTS, 1)]);
}

#[test]
fn a_new_connection_sends_again_what_was_not_acknowledged() {
    let mut box1 = Box1::welcomed([held(EVENTS, 1, 4, 0)], 8);
    assert_eq!(box1.sent().len(), 3);
    box1.ack(&[(EVENTS, 1)], at(1));
    box1.sender.connected(at(2));
    box1.run(at(2));
    assert_eq!(box1.sent(), [], "not before the welcome");
    // The second had arrived; only the third is sent again.
    box1.welcome(CENTRE, &[(EVENTS, 2)], 8, at(2));
    assert_eq!(box1.sent(), [(EVENTS, 3)]);
}

#[test]
fn reconnecting_backs_off_until_a_welcome() {
    let mut box1 = Box1::welcomed([], 8);
    for ceiling in [1, 2, 4, 8, 16, 32, 60, 60] {
        box1.sender.disconnected(at(100));
        let Action::Wait { until: Some(until) } = box1.sender.next(at(100)) else {
            // A jitter of nothing is allowed.
            continue;
        };
        assert!(
            until.micros_since(at(100)) <= ceiling * SECOND,
            "{ceiling} s"
        );
        assert_eq!(box1.sender.next(until), Action::Connect);
    }
}

#[test]
fn a_hello_names_at_most_so_many_streams_and_first_those_with_something_to_send() {
    let old = (1..=2000).map(|epoch| held(stream(epoch, Lane::Alarms), 3, 3, 2));
    let waiting = held(stream(5000, Lane::Evidence), 1, 3, 0);
    let box1 = Box1::greeting(old.chain([waiting.clone()]));
    let named = box1.hello.unwrap().streams;
    assert_eq!(named.len(), STREAMS_MAX);
    assert_eq!(named[0].id, waiting.id);
}

#[test]
fn a_forgotten_stream_is_no_longer_named() {
    let mut box1 = Box1::welcomed([held(EVENTS, 3, 3, 2)], 8);
    box1.sender.forget(EVENTS);
    box1.sender.connected(at(5));
    box1.run(at(5));
    assert_eq!(box1.hello.unwrap().streams, []);
}
