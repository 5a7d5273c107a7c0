//! The video again, with what was seen drawn on it.

use std::path::Path;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;
use scene::{
    BBox, Point, RuleSet,
    spec::ShapeKind,
    track::{Track, TrackState},
};

use crate::capture::{
    Frame,
    picture::{Chroma, Picture},
};

#[derive(Debug, thiserror::Error)]
pub enum AnnotationError {
    #[error("the GStreamer element `{0}` is missing; run scripts/setup")]
    Element(&'static str),
    #[error("the video cannot be encoded: {0}")]
    Encode(String),
}

/// A rule's outline in fractions of the picture.
pub(super) struct Outline {
    points: Vec<Point>,
    is_closed: bool,
    ink: Ink,
}

pub(super) fn outlines(rules: &RuleSet) -> Vec<Outline> {
    let outline = |shape: scene::spec::Shape<'_>| Outline {
        points: shape.points.to_vec(),
        is_closed: shape.kind != ShapeKind::Line,
        ink: match shape.kind {
            ShapeKind::Line => YELLOW,
            ShapeKind::Zone => BLUE,
            ShapeKind::Intrusion => RED,
        },
    };
    rules.shapes().map(outline).collect()
}

/// Y, Cb, Cr.
#[derive(Clone, Copy)]
struct Ink(u8, u8, u8);

const GREEN: Ink = Ink(150, 44, 21);
const GREY: Ink = Ink(160, 128, 128);
const RED: Ink = Ink(82, 90, 240);
const BLUE: Ink = Ink(110, 220, 90);
const YELLOW: Ink = Ink(210, 16, 146);

/// Frames that wait for the encoder.
const FRAMES_AHEAD_MAX: u64 = 4;

pub(super) struct Annotation {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    width: usize,
    height: usize,
    canvas: Canvas,
}

impl Annotation {
    /// Draws `frame` and hands it to the encoder, which is started with the first one. Frames of
    /// another size than the first are left out.
    pub(super) fn frame(
        slot: &mut Option<Self>,
        path: &Path,
        frame: &Frame,
        tracks: &[Track],
        outlines: &[Outline],
    ) -> Result<(), AnnotationError> {
        let picture = frame.picture();
        let (width, height) = (picture.width() & !1, picture.height() & !1);
        let annotation = match slot {
            Some(annotation) => annotation,
            None => slot.insert(Self::open(path, width, height)?),
        };
        if (annotation.width, annotation.height) != (width, height) {
            return Ok(());
        }
        annotation.canvas.copy(&picture);
        for outline in outlines {
            annotation.canvas.outline(outline);
        }
        for track in tracks {
            let ink = if track.state == TrackState::Seen {
                GREEN
            } else {
                GREY
            };
            annotation.canvas.bbox(&track.bbox, ink);
            annotation.canvas.number(&track.bbox, track.id, ink);
        }
        annotation.push(frame)
    }

    fn open(path: &Path, width: usize, height: usize) -> Result<Self, AnnotationError> {
        let failed = |e: &dyn std::fmt::Display| AnnotationError::Encode(e.to_string());
        let side = |n: usize| u32::try_from(n).map_err(|e| failed(&e));
        let info = gst_video::VideoInfo::builder(
            gst_video::VideoFormat::I420,
            side(width)?,
            side(height)?,
        )
        .build()
        .map_err(|e| failed(&e))?;
        let make = |name: &'static str| {
            gst::ElementFactory::make(name)
                .build()
                .ok()
                .ok_or(AnnotationError::Element(name))
        };
        let source = gst_app::AppSrc::builder()
            .caps(&info.to_caps().map_err(|e| failed(&e))?)
            .format(gst::Format::Time)
            .block(true)
            .build();
        source.set_property("max-buffers", FRAMES_AHEAD_MAX);
        let encoder = make("x264enc")?;
        encoder.set_property_from_str("speed-preset", "veryfast");
        let (parser, muxer) = (make("h264parse")?, make("mp4mux")?);
        let sink = make("filesink")?;
        sink.set_property("location", path);
        let pipeline = gst::Pipeline::new();
        let chain = [source.upcast_ref(), &encoder, &parser, &muxer, &sink];
        pipeline.add_many(chain).map_err(|e| failed(&e))?;
        gst::Element::link_many(chain).map_err(|e| failed(&e))?;
        pipeline
            .set_state(gst::State::Playing)
            .map_err(|e| failed(&e))?;
        Ok(Self {
            pipeline,
            source,
            width,
            height,
            canvas: Canvas::new(width, height),
        })
    }

    fn push(&mut self, frame: &Frame) -> Result<(), AnnotationError> {
        let mut buffer = gst::Buffer::from_slice(self.canvas.bytes.clone());
        if let Some(buffer) = buffer.get_mut() {
            let micros = u64::try_from(frame.at.as_micros()).unwrap_or(0);
            buffer.set_pts(gst::ClockTime::from_useconds(micros));
        }
        let pushed = self.source.push_buffer(buffer);
        pushed
            .map(|_| ())
            .map_err(|e| AnnotationError::Encode(e.to_string()))
    }

    /// Waits until the file is whole.
    pub(super) fn finish(self) -> Result<(), AnnotationError> {
        let failed = |e: &dyn std::fmt::Display| AnnotationError::Encode(e.to_string());
        self.source.end_of_stream().map_err(|e| failed(&e))?;
        let bus = self.pipeline.bus().ok_or(AnnotationError::Element("bus"))?;
        let last = bus.timed_pop_filtered(
            gst::ClockTime::from_seconds(60),
            &[gst::MessageType::Eos, gst::MessageType::Error],
        );
        let outcome = match last.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Eos(_)) => Ok(()),
            Some(gst::MessageView::Error(error)) => Err(failed(&error.error())),
            _ => Err(failed(&"the encoder does not end")),
        };
        self.pipeline
            .set_state(gst::State::Null)
            .map_err(|e| failed(&e))?;
        outcome
    }
}

/// An I420 picture to draw on, tightly packed.
struct Canvas {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

impl Canvas {
    /// Both sides are even.
    fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            bytes: vec![0; width * height * 3 / 2],
        }
    }

    fn copy(&mut self, picture: &Picture<'_>) {
        let (width, height) = (self.width, self.height);
        let (luma, chroma) = self.bytes.split_at_mut(width * height);
        for (y, row) in luma.chunks_exact_mut(width).enumerate() {
            row.copy_from_slice(&picture.luma_row(y)[..width]);
        }
        let (cb, cr) = chroma.split_at_mut(width * height / 4);
        let rows = cb
            .chunks_exact_mut(width / 2)
            .zip(cr.chunks_exact_mut(width / 2));
        for (y, (cb, cr)) in rows.enumerate() {
            match picture.chroma() {
                Chroma::Planar { u, v } => {
                    cb.copy_from_slice(u.row(y, width / 2));
                    cr.copy_from_slice(v.row(y, width / 2));
                }
                Chroma::Interleaved(uv) => {
                    let pairs = uv.row(y, width).chunks_exact(2);
                    for ((cb, cr), pair) in cb.iter_mut().zip(cr).zip(pairs) {
                        (*cb, *cr) = (pair[0], pair[1]);
                    }
                }
            }
        }
    }

    fn dot(&mut self, x: i64, y: i64, ink: Ink) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return;
        };
        if self.width <= x || self.height <= y {
            return;
        }
        let area = self.width * self.height;
        let chroma = area + (y / 2) * (self.width / 2) + x / 2;
        self.bytes[y * self.width + x] = ink.0;
        self.bytes[chroma] = ink.1;
        self.bytes[chroma + area / 4] = ink.2;
    }

    fn block(&mut self, (x, y): (i64, i64), size: i64, ink: Ink) {
        for dy in 0..size {
            for dx in 0..size {
                self.dot(x + dx, y + dy, ink);
            }
        }
    }

    fn pixel(&self, x: f32, y: f32) -> (i64, i64) {
        #[expect(clippy::cast_precision_loss, reason = "sides are below 2^24")]
        let (width, height) = (self.width as f32, self.height as f32);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "boxes are within 8 pictures"
        )]
        let place = ((x * width) as i64, (y * height) as i64);
        place
    }

    fn stroke(&mut self, from: (i64, i64), to: (i64, i64), ink: Ink) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let steps = dx.abs().max(dy.abs()).max(1);
        for step in 0..=steps {
            self.block(
                (from.0 + dx * step / steps, from.1 + dy * step / steps),
                2,
                ink,
            );
        }
    }

    fn outline(&mut self, outline: &Outline) {
        let places: Vec<_> = outline
            .points
            .iter()
            .map(|p| self.pixel(p.x, p.y))
            .collect();
        for pair in places.windows(2) {
            self.stroke(pair[0], pair[1], outline.ink);
        }
        if let (true, Some(&first), Some(&last)) =
            (outline.is_closed, places.first(), places.last())
        {
            self.stroke(last, first, outline.ink);
        }
    }

    fn bbox(&mut self, bbox: &BBox, ink: Ink) {
        let (left, top) = self.pixel(bbox.left(), bbox.top());
        let (right, bottom) = self.pixel(bbox.right(), bbox.bottom());
        self.stroke((left, top), (right, top), ink);
        self.stroke((right, top), (right, bottom), ink);
        self.stroke((right, bottom), (left, bottom), ink);
        self.stroke((left, bottom), (left, top), ink);
    }

    /// The track's id above its box.
    fn number(&mut self, bbox: &BBox, id: u64, ink: Ink) {
        const SCALE: i64 = 2;
        let (mut x, y) = self.pixel(bbox.left(), bbox.top());
        let top = (y - 6 * SCALE - 2).max(0);
        for digit in id.to_string().bytes() {
            let rows = DIGITS[usize::from(digit - b'0')];
            for (row, bits) in (0_i64..).zip(rows) {
                for column in 0..3 {
                    if bits >> (2 - column) & 1 == 1 {
                        self.block((x + column * SCALE, top + row * SCALE), SCALE, ink);
                    }
                }
            }
            x += 4 * SCALE;
        }
    }
}

/// Digits on a grid of 3×5, a row a number, the left column in its highest bit.
const DIGITS: [[u8; 5]; 10] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 7, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 1, 2, 2],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
];
