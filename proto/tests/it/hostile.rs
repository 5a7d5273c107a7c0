//! Every decoder of outside bytes against hostile ones: no panic, and no more memory than
//! [`DECODE_ALLOCATION_MAX`], whatever comes.
//!
//! Arbitrary bytes seldom get past the first tag of a protobuf, so most cases begin with a valid
//! message and are changed by a few edits, or are one small field repeated up to the size limit,
//! which is what costs a decoder most.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use proptest::{collection::vec, prelude::*, sample::Index};
use prost::Message;
use proto::{
    CheckedAck, CheckedBatch, CheckedHello, CheckedItem, CheckedStatus, convert,
    limits::{BATCH_BYTES_MAX, DECODE_ALLOCATION_MAX},
    sign::{self, Domain, SigningKey},
    v1::{self, item::Body},
};

/// A decoder, told by name when it fails.
type Decoder = (&'static str, fn(&[u8]));

const DECODERS: [Decoder; 6] = [
    ("batch", |bytes| drop(CheckedBatch::decode(bytes))),
    ("hello", |bytes| drop(CheckedHello::decode(bytes))),
    ("ack", |bytes| drop(CheckedAck::decode(bytes))),
    ("status", |bytes| drop(CheckedStatus::decode(bytes))),
    ("item", |bytes| drop(CheckedItem::decode(bytes))),
    ("envelope", |bytes| {
        let key = SigningKey::from_bytes(&[1; 32]).verifying_key();
        if let Ok(envelope) = v1::Envelope::decode(bytes) {
            drop(sign::open(Domain::Batch, &envelope, &key).map(<[u8]>::len));
        }
    }),
];

fn valid_messages() -> Vec<Vec<u8>> {
    let batch = batch().encode_to_vec();
    let key = SigningKey::from_bytes(&[1; 32]);
    let sealed = sign::seal(Domain::Batch, batch.clone(), &key).encode_to_vec();
    let captured = scene::FrameTime::from_micros(NOW_US);
    let picture = convert::Evidence::new(
        "north".into(),
        captured,
        "image/png".into(),
        vec![7; 20],
        true,
    );
    vec![
        batch,
        hello().encode_to_vec(),
        ack().encode_to_vec(),
        status().encode_to_vec(),
        item(Body::Event(event())),
        item(Body::Camera(setup())),
        CheckedItem::Evidence(picture).encode(),
        sealed,
    ]
}

const NOW_US: i64 = 1_780_000_000_000_000;

fn item(body: Body) -> Vec<u8> {
    v1::Item { body: Some(body) }.encode_to_vec()
}

fn event() -> v1::Event {
    v1::Event {
        id: [[0x7a; 8], [0x9a; 8]].concat(),
        camera: "north".into(),
        rule: "line".into(),
        kind: 1,
        phase: 1,
        captured_us: NOW_US,
        objects: vec![v1::Object {
            track: 1,
            class: "person".into(),
            score: 0.5,
            r#box: Some(v1::Box {
                left: 0.1,
                top: 0.1,
                width: 0.1,
                height: 0.1,
            }),
        }],
        measures: vec![v1::Measure {
            name: 3,
            value: Some(2.0),
        }],
        classification: 2,
        ..Default::default()
    }
}

fn setup() -> v1::CameraSetup {
    v1::CameraSetup {
        camera: "north".into(),
        name: "North".into(),
        rules: vec![v1::RuleShape {
            rule: "line".into(),
            label: "Line".into(),
            kind: 1,
            points: vec![v1::Point { x: 0.5, y: 0.5 }; 2],
            dwell_limit_seconds: Some(3.0),
        }],
        ..Default::default()
    }
}

fn batch() -> v1::Batch {
    v1::Batch {
        agent: "box-1".into(),
        epoch: 3,
        lane: 1,
        first_seq: 5,
        items: vec![item(Body::Event(event())); 3],
        lost: vec![v1::Lost {
            from: 3,
            to: 4,
            reason: 1,
        }],
        prev_chain: vec![1; 32],
    }
}

fn hello() -> v1::Hello {
    v1::Hello {
        agent: "box-1".into(),
        epoch: 3,
        streams: vec![v1::StreamState {
            epoch: 3,
            lane: 0,
            base: 1,
            next: 9,
            last_acked: 2,
        }],
        mono_us: 5,
        ..Default::default()
    }
}

fn ack() -> v1::Ack {
    v1::Ack {
        store_id: vec![1; 16],
        agent: "box-1".into(),
        watermarks: vec![v1::Watermark {
            epoch: 3,
            lane: 0,
            up_to: 9,
        }],
        server_us: NOW_US,
        term: 1,
        ..Default::default()
    }
}

fn status() -> v1::Status {
    let camera = v1::CameraStatus {
        camera: "north".into(),
        state: 2,
        ..Default::default()
    };
    v1::Status {
        agent: "box-1".into(),
        epoch: 3,
        cameras: vec![camera],
        ..Default::default()
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Truncate(Index),
    /// Bytes from one place put in at another.
    Copy(Index, Index, usize),
}

fn any_edit() -> impl Strategy<Value = Edit> {
    let place = any::<Index>();
    prop_oneof![
        (place.clone(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (place.clone(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        place.clone().prop_map(Edit::Remove),
        place.clone().prop_map(Edit::Truncate),
        (place.clone(), place, 1..40_usize).prop_map(|(from, to, n)| Edit::Copy(from, to, n)),
    ]
}

fn edited(mut bytes: Vec<u8>, edits: Vec<Edit>) -> Vec<u8> {
    for edit in edits {
        let end = bytes.len();
        match edit {
            Edit::Insert(at, byte) => bytes.insert(at.index(end + 1), byte),
            _ if end == 0 => {}
            Edit::Set(at, byte) => bytes[at.index(end)] = byte,
            Edit::Remove(at) => drop(bytes.remove(at.index(end))),
            Edit::Truncate(at) => bytes.truncate(at.index(end)),
            Edit::Copy(from, to, n) => {
                let from = from.index(end);
                let part = bytes[from..(from + n).min(end)].to_vec();
                let to = to.index(end);
                bytes.splice(to..to, part);
            }
        }
    }
    bytes
}

fn all_decoders_survive(bytes: &[u8]) {
    for (name, decode) in DECODERS {
        let allocated = allocated_by(|| decode(bytes));
        assert!(
            allocated <= DECODE_ALLOCATION_MAX,
            "{name}: {allocated} bytes allocated for {} bytes of input",
            bytes.len()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn arbitrary_bytes(bytes in vec(any::<u8>(), 0..300)) {
        all_decoders_survive(&bytes);
    }

    #[test]
    fn valid_messages_with_a_few_edits(which: Index, edits in vec(any_edit(), 0..6)) {
        let valid = valid_messages();
        all_decoders_survive(&edited(which.get(&valid).clone(), edits));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn one_small_field_repeated_up_to_the_limit(
        field in 1..16_u8,
        inner in vec(any::<u8>(), 0..6),
        outer in proptest::option::of(1..4_u8),
    ) {
        let mut part = vec![field << 3 | 2, u8::try_from(inner.len()).unwrap()];
        part.extend(inner);
        for size in [BATCH_BYTES_MAX - 8, 128 * 1024 - 8, 64 * 1024 - 8, 4096] {
            let mut bytes = part.repeat(size / part.len());
            if let Some(outer) = outer {
                let mut wrapped = vec![outer << 3 | 2];
                prost::encoding::encode_varint(bytes.len() as u64, &mut wrapped);
                wrapped.append(&mut bytes);
                bytes = wrapped;
            }
            all_decoders_survive(&bytes);
        }
    }
}

#[test]
fn the_messages_that_are_edited_are_valid() {
    let [batch, hello, ack, status, event, setup, picture, sealed] =
        <[Vec<u8>; 8]>::try_from(valid_messages()).unwrap();
    CheckedBatch::decode(&batch).unwrap();
    CheckedHello::decode(&hello).unwrap();
    CheckedAck::decode(&ack).unwrap();
    CheckedStatus::decode(&status).unwrap();
    for item in [event, setup, picture] {
        CheckedItem::decode(&item).unwrap_or_else(|error| panic!("{error}"));
    }
    let key = SigningKey::from_bytes(&[1; 32]).verifying_key();
    let envelope = v1::Envelope::decode(&*sealed).unwrap();
    assert_eq!(sign::open(Domain::Batch, &envelope, &key), Ok(&*batch));
}

#[test]
fn the_meter_sees_what_is_allocated() {
    assert!(1000 <= allocated_by(|| drop(std::hint::black_box(vec![0_u8; 1000]))));
}

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

/// Bytes that this thread asked for during `act`, freed ones included.
fn allocated_by(act: impl FnOnce()) -> usize {
    let before = ALLOCATED.get();
    act();
    ALLOCATED.get() - before
}

/// The system's allocator, with a meter for each thread.
struct Metered;

#[expect(unsafe_code, reason = "an allocator can only be metered by being one")]
// SAFETY: every call is passed on to `System` unchanged; the meter allocates nothing.
unsafe impl GlobalAlloc for Metered {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.set(ALLOCATED.get() + layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and the block is of `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Metered = Metered;
