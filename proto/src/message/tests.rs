use prost::Message;

use super::*;
use crate::{limits::STREAMS_MAX, v1};

/// What is put in, and how the fault is named.
type Case<M> = (fn(&mut M), &'static str);

fn batch() -> v1::Batch {
    v1::Batch {
        agent: "box-1".into(),
        epoch: 7,
        lane: 1,
        first_seq: 5,
        items: vec![vec![1], vec![2, 3]],
        lost: vec![
            v1::Lost {
                from: 2,
                to: 2,
                reason: 1,
            },
            v1::Lost {
                from: 3,
                to: 4,
                reason: 2,
            },
        ],
        prev_chain: vec![9; 32],
    }
}

fn batch_fault(change: impl FnOnce(&mut v1::Batch)) -> String {
    let mut batch = batch();
    change(&mut batch);
    CheckedBatch::decode(&batch.encode_to_vec())
        .expect_err("a fault was put in")
        .to_string()
}

#[test]
fn a_batch_says_what_it_covers() {
    let batch = CheckedBatch::decode(&batch().encode_to_vec()).unwrap();
    assert_eq!(
        (batch.covers_from(), batch.first_seq(), batch.last_seq()),
        (2, 5, 6)
    );
    assert_eq!(
        batch.stream(),
        StreamId {
            epoch: 7,
            lane: Lane::Events
        }
    );
    assert_eq!(batch.lost()[1].reason, LostReason::Damaged);
}

#[test]
fn a_batch_may_only_declare_losses() {
    let wire = v1::Batch {
        items: vec![],
        prev_chain: vec![],
        ..batch()
    };
    let batch = CheckedBatch::decode(&wire.encode_to_vec()).unwrap();
    assert_eq!((batch.last_seq(), batch.prev_chain()), (4, None));
}

#[test]
fn the_last_number_is_the_largest_a_store_can_hold() {
    let wire = v1::Batch {
        first_seq: SEQ_MAX - 1,
        lost: vec![],
        ..batch()
    };
    assert!(CheckedBatch::decode(&wire.encode_to_vec()).is_ok());
    assert_eq!(
        batch_fault(|b| *b = v1::Batch {
            first_seq: SEQ_MAX,
            lost: vec![],
            ..b.clone()
        }),
        "batch.first_seq: out of range"
    );
}

#[test]
fn faults_of_a_batch_are_named_with_their_place() {
    let cases: Vec<Case<v1::Batch>> = vec![
        (|b| b.agent = "Box".into(), "batch.agent: not a name"),
        (|b| b.epoch = 0, "batch.stream: missing"),
        (|b| b.lane = 5, "batch.stream: out of range"),
        (|b| b.first_seq = 0, "batch.first_seq: out of range"),
        (|b| b.first_seq = u64::MAX, "batch.first_seq: out of range"),
        (|b| b.first_seq = 6, "batch.first_seq: does not adjoin"),
        (|b| b.items[1].clear(), "batch.items[1]: missing"),
        (
            |b| b.items[0] = vec![0; 229_377],
            "batch.items[0]: 229377 bytes, at most 229376",
        ),
        (
            |b| b.items = vec![vec![1]; 1001],
            "batch.items: 1001 elements",
        ),
        (|b| b.items.clear(), "batch.prev_chain: not allowed here"),
        (
            |b| b.prev_chain.clear(),
            "batch.prev_chain: 0 bytes, expected 32",
        ),
        (
            |b| b.lost[1].from = 4,
            "batch.lost[1].from: does not adjoin",
        ),
        (|b| b.lost[0].from = 0, "batch.lost[0].from: out of range"),
        (|b| b.lost[0].to = 1, "batch.lost[0].from: out of range"),
        (|b| b.lost[0].reason = 0, "batch.lost[0].reason: missing"),
        (
            |b| b.lost[0].reason = 77,
            "batch.lost[0].reason: value 77 is not known",
        ),
        (
            |b| {
                *b = v1::Batch {
                    items: vec![],
                    lost: vec![],
                    prev_chain: vec![],
                    ..b.clone()
                }
            },
            "batch.items: missing",
        ),
    ];
    for (change, expected) in cases {
        let fault = batch_fault(change);
        assert!(
            fault.starts_with(expected),
            "expected {expected:?}, got {fault:?}"
        );
    }
    assert!(
        CheckedBatch::decode(&[0xff; 8])
            .unwrap_err()
            .to_string()
            .starts_with("batch: malf")
    );
    let large = vec![0; crate::limits::BATCH_BYTES_MAX + 1];
    let fault = CheckedBatch::decode(&large).unwrap_err().to_string();
    assert_eq!(fault, "batch: 262145 bytes, at most 262144 are allowed");
}

fn hello() -> v1::Hello {
    v1::Hello {
        agent: "box-1".into(),
        epoch: 7,
        streams: vec![v1::StreamState {
            epoch: 7,
            lane: 0,
            base: 3,
            next: 9,
            last_acked: 4,
        }],
        mono_us: 1,
        wall_us: 0,
        software: "edge-agent 0.1.0".into(),
    }
}

#[test]
fn a_box_whose_wall_clock_is_lost_may_say_hello() {
    let hello = CheckedHello::decode(&hello().encode_to_vec()).unwrap();
    assert_eq!(hello.wall, None);
    let id = StreamId {
        epoch: 7,
        lane: Lane::Alarms,
    };
    assert_eq!(
        hello.streams,
        [StreamState {
            id,
            base: 3,
            next: 9,
            last_acked: 4
        }]
    );
}

#[test]
fn faults_of_a_hello_are_named_with_their_place() {
    let cases: Vec<Case<v1::Hello>> = vec![
        (|h| h.agent.clear(), "hello.agent: not a name"),
        (|h| h.epoch = 0, "hello.epoch: missing"),
        (|h| h.mono_us = 0, "hello.mono_us: out of range"),
        (
            |h| h.software = "x\0".into(),
            "hello.software: holds a control character",
        ),
        (
            |h| h.streams.push(h.streams[0]),
            "hello.streams[1]: named twice",
        ),
        (|h| h.streams[0].base = 0, "hello.streams[0]: out of range"),
        (|h| h.streams[0].base = 10, "hello.streams[0]: out of range"),
        (
            |h| h.streams[0].last_acked = 9,
            "hello.streams[0]: out of range",
        ),
        (
            |h| h.streams[0].next = u64::MAX,
            "hello.streams[0]: out of range",
        ),
        (
            |h| h.streams = vec![h.streams[0]; STREAMS_MAX + 1],
            "hello.streams: 1025 elements, at most 1024",
        ),
    ];
    for (change, expected) in cases {
        let mut wire = hello();
        change(&mut wire);
        let fault = CheckedHello::decode(&wire.encode_to_vec())
            .unwrap_err()
            .to_string();
        assert!(
            fault.starts_with(expected),
            "expected {expected:?}, got {fault:?}"
        );
    }
}

fn ack() -> v1::Ack {
    v1::Ack {
        store_id: vec![1; 16],
        agent: "box-1".into(),
        watermarks: vec![v1::Watermark {
            epoch: 7,
            lane: 0,
            up_to: 4,
        }],
        window_batches: 1000,
        server_us: 1_780_000_000_000_000,
        echo_mono_us: 0,
        welcome: false,
        term: 3,
    }
}

#[test]
fn a_window_is_cut_to_what_the_protocol_allows() {
    let checked = CheckedAck::decode(&ack().encode_to_vec()).unwrap();
    assert_eq!(checked.window_batches, crate::limits::WINDOW_BATCHES_MAX);
    assert_eq!(
        v1::Ack::from(checked),
        v1::Ack {
            window_batches: 8,
            ..ack()
        }
    );
}

#[test]
fn faults_of_an_ack_are_named_with_their_place() {
    let cases: Vec<Case<v1::Ack>> = vec![
        (|a| a.store_id.clear(), "ack.store_id: 0 bytes, expected 16"),
        (|a| a.agent = "-".into(), "ack.agent: not a name"),
        (|a| a.term = 0, "ack.term: missing"),
        (|a| a.server_us = 0, "ack.server_us: out of range"),
        (|a| a.welcome = true, "ack.echo_mono_us: missing"),
        (|a| a.echo_mono_us = 5, "ack.echo_mono_us: not allowed here"),
        (
            |a| a.watermarks[0].up_to = u64::MAX,
            "ack.watermarks[0].up_to: out of range",
        ),
        (
            |a| a.watermarks[0].lane = 9,
            "ack.watermarks[0].stream: out of range",
        ),
        (
            |a| a.watermarks.push(a.watermarks[0]),
            "ack.watermarks[1]: named twice",
        ),
    ];
    for (change, expected) in cases {
        let mut wire = ack();
        change(&mut wire);
        let fault = CheckedAck::decode(&wire.encode_to_vec())
            .unwrap_err()
            .to_string();
        assert!(
            fault.starts_with(expected),
            "expected {expected:?}, got {fault:?}"
        );
    }
}

#[test]
fn a_full_hello_and_a_full_ack_fit_their_bounds() {
    let count = u64::try_from(STREAMS_MAX).unwrap();
    let most = |n| v1::StreamState {
        epoch: u64::MAX - n,
        lane: 4,
        base: SEQ_MAX,
        next: SEQ_MAX,
        last_acked: SEQ_MAX - 1,
    };
    let wire = v1::Hello {
        streams: (0..count).map(most).collect(),
        ..hello()
    };
    assert_eq!(
        CheckedHello::decode(&wire.encode_to_vec())
            .unwrap()
            .streams
            .len(),
        STREAMS_MAX
    );
    let most = |n| v1::Watermark {
        epoch: u64::MAX - n,
        lane: 4,
        up_to: SEQ_MAX,
    };
    let wire = v1::Ack {
        watermarks: (0..count).map(most).collect(),
        ..ack()
    };
    assert_eq!(
        CheckedAck::decode(&wire.encode_to_vec())
            .unwrap()
            .watermarks
            .len(),
        STREAMS_MAX
    );
}

#[test]
fn a_status_is_checked_camera_by_camera() {
    let camera = v1::CameraStatus {
        camera: "north".into(),
        state: 2,
        analysed_per_second: 7.5,
        ..Default::default()
    };
    let wire = v1::Status {
        agent: "box-1".into(),
        epoch: 7,
        cameras: vec![camera.clone()],
        ..Default::default()
    };
    let checked = CheckedStatus::decode(&wire.encode_to_vec()).unwrap();
    assert_eq!(checked.cameras[0].state, CameraState::Live);

    let twice = v1::Status {
        cameras: vec![camera.clone(), camera.clone()],
        ..wire.clone()
    };
    let fault = CheckedStatus::decode(&twice.encode_to_vec())
        .unwrap_err()
        .to_string();
    assert_eq!(fault, "status.cameras[1].camera: named twice");
    let negative = v1::CameraStatus {
        analysed_per_second: -1.0,
        ..camera
    };
    let wire = v1::Status {
        cameras: vec![negative],
        ..wire
    };
    let fault = CheckedStatus::decode(&wire.encode_to_vec())
        .unwrap_err()
        .to_string();
    assert_eq!(fault, "status.cameras[0]: out of range");
}
