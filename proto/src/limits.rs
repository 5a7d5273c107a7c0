//! Every bound of the protocol, in one page. Sizes in bytes unless the name says otherwise.
//!
//! A message over a bound is refused by name, never cut; what a decoder may allocate follows from
//! the size of what it is given, which is checked first.

/// An encoded [`Batch`](crate::v1::Batch), the payload of its envelope.
pub const BATCH_BYTES_MAX: usize = 256 * 1024;
/// What a batch may hold beside its items: agent, numbers, chain value and the declared losses.
pub const BATCH_HEAD_BYTES_MAX: usize = 4 * 1024;
/// What the wire adds to each item of a batch: a tag and a length below 2 MiB.
pub const ITEM_FRAME_BYTES: usize = 4;
/// Items in one batch.
pub const ITEMS_PER_BATCH_MAX: usize = 1000;
/// Declared losses in one batch.
pub const LOST_PER_BATCH_MAX: usize = 64;
/// An envelope: the largest payload, its signature and the framing of both.
pub const ENVELOPE_BYTES_MAX: usize = BATCH_BYTES_MAX + 128;
/// An [`Up`](crate::v1::Up) or [`Down`](crate::v1::Down): an envelope and its framing.
pub const MESSAGE_BYTES_MAX: usize = ENVELOPE_BYTES_MAX + 16;

/// An encoded [`Item`](crate::v1::Item); evidence is the largest.
pub const ITEM_BYTES_MAX: usize = 224 * 1024;
/// An encoded item that holds an event.
pub const EVENT_BYTES_MAX: usize = 64 * 1024;
/// An encoded item that holds a camera's setup.
pub const CAMERA_SETUP_BYTES_MAX: usize = 128 * 1024;
/// A picture.
pub const EVIDENCE_DATA_BYTES_MAX: usize = 220 * 1024;

/// An encoded [`Hello`](crate::v1::Hello).
pub const HELLO_BYTES_MAX: usize = 64 * 1024;
/// An encoded [`Ack`](crate::v1::Ack).
pub const ACK_BYTES_MAX: usize = 64 * 1024;
/// An encoded [`Status`](crate::v1::Status).
pub const STATUS_BYTES_MAX: usize = 192 * 1024;
/// What decoding any one message may allocate in all, whatever is in it.
pub const DECODE_ALLOCATION_MAX: usize = 16 * 1024 * 1024;

/// Priorities an agent numbers its items by.
pub const LANES: usize = 5;
/// Streams named in one Hello or Ack. An agent that holds more names the rest later.
pub const STREAMS_MAX: usize = 1024;
/// Largest sequence number: stores keep it as a signed 64-bit integer.
pub const SEQ_MAX: u64 = i64::MAX as u64;
/// Batches under way without an ack, whatever the centre offers.
pub const WINDOW_BATCHES_MAX: u32 = 8;

/// Names of agents, cameras and rules: `[a-z0-9][a-z0-9_-]{0,62}`.
pub const SLUG_BYTES_MAX: usize = 63;
/// A label or name for people: 200 characters of any script.
pub const NAME_BYTES_MAX: usize = 800;
/// The name of a class of objects.
pub const CLASS_BYTES_MAX: usize = 64;
/// Name and version of the software.
pub const SOFTWARE_BYTES_MAX: usize = 100;
/// A configuration's version, usually a digest.
pub const CONFIG_VERSION_BYTES_MAX: usize = 100;
/// Why a camera is not live.
pub const CAMERA_PROBLEM_BYTES_MAX: usize = 500;
/// Why a configuration was refused.
pub const CONFIG_PROBLEM_BYTES_MAX: usize = 4000;
/// Frames analysed a second, of one camera.
pub const ANALYSED_PER_SECOND_MAX: f32 = 10_000.0;

/// Objects in one event.
pub const OBJECTS_MAX: usize = 300;
/// Measures in one event.
pub const MEASURES_MAX: usize = 16;
/// Evidence references in one event.
pub const EVIDENCE_REFS_MAX: usize = 8;
/// Largest value of a measure, in its unit; the smallest is 0.
pub const MEASURE_VALUE_MAX: f64 = 1e12;
/// Cameras of one agent.
pub const CAMERAS_MAX: usize = 256;
/// Rules of one camera.
pub const RULES_MAX: usize = scene::spec::RULES_MAX;
/// Points of one shape.
pub const POINTS_MAX: usize = scene::geometry::POINTS_MAX;
/// Width and height of a picture, in pixels.
pub const PICTURE_SIDE_MAX: u32 = 32_768;
/// Longest dwell limit: one week, in seconds.
pub const DWELL_LIMIT_SECONDS_MAX: f64 = 604_800.0;

/// 2000-01-01T00:00:00Z in microseconds since the Unix epoch: no time is earlier.
pub const TIME_MIN_US: i64 = 946_684_800_000_000;
/// 2100-01-01T00:00:00Z in microseconds since the Unix epoch: every time is earlier.
pub const TIME_END_US: i64 = 4_102_444_800_000_000;
/// Largest uncertainty of a time: one day, in milliseconds.
pub const UNCERTAINTY_MS_MAX: u32 = 86_400_000;

/// What evidence may be. Nothing a browser would run.
pub const MEDIA_TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "video/mp4"];
