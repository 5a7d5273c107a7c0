//! A GStreamer pipeline from a source to 4:2:0 pictures in system memory.
//!
//! ```text
//! rtspsrc (TCP) ─┐
//!                ├▶ decodebin ─▶ videoconvert ─▶ appsink
//! filesrc ───────┘               (passes I420 and NV12 through untouched)
//! ```

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;

use super::{
    fault::{CaptureError, classify},
    source::Source,
};

/// What is wanted of the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// The newest frame wins; older ones are dropped.
    Newest,
    /// Every frame, as fast as it is taken.
    Every,
}

/// Frames that wait when every frame is wanted: decoding runs a little ahead.
const AHEAD_MAX: u32 = 3;
/// Reordering and retransmission only; over TCP nothing is out of order.
const RTSP_LATENCY_MS: u32 = 100;
const RTSP_TIMEOUT_US: u64 = 5_000_000;

pub(super) struct Pipeline {
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
    bus: gst::Bus,
    decoded: Arc<AtomicU64>,
    /// What decodebin said it would need, if it lacked something.
    missing: Option<String>,
}

pub(super) enum Pull {
    Sample(gst::Sample),
    Waiting,
    End,
    Failed(CaptureError),
}

impl Pipeline {
    /// Starts to play; what fails later is told by [`Self::pull`].
    pub(super) fn open(
        source: &Source,
        pace: Pace,
        decoder_threads: usize,
        decoded: Arc<AtomicU64>,
    ) -> Result<Self, CaptureError> {
        gst::init().map_err(|e| CaptureError::Init(e.to_string()))?;
        let pipeline = gst::Pipeline::new();
        limit_threads(&pipeline, decoder_threads);
        let decoder = make("decodebin")?;
        decoder.set_property("caps", gst::Caps::new_empty_simple("video/x-raw"));
        decoder.connect("autoplug-continue", false, |values| {
            let caps = values
                .get(2)
                .and_then(|value| value.get::<gst::Caps>().ok());
            let kind = caps.as_ref().and_then(|caps| caps.structure(0));
            // Sound is not decoded: its pad is left open.
            let is_sound = kind.is_some_and(|kind| kind.name().starts_with("audio/"));
            Some((!is_sound).to_value())
        });
        let convert = make("videoconvert")?;
        let sink = sink(pace, matches!(source, Source::File(_)));
        count_and_offer_meta(&sink, &decoded);
        let input = input(source)?;
        pipeline
            .add_many([&input, &decoder, &convert, sink.upcast_ref()])
            .and_then(|()| convert.link(&sink))
            .map_err(|e| CaptureError::Broken(e.to_string()))?;
        link_when_there(&input, &decoder);
        link_when_there(&decoder, &convert);
        let bus = pipeline.bus().ok_or(CaptureError::Element("bus"))?;
        let opened = Self {
            pipeline,
            sink,
            bus,
            decoded,
            missing: None,
        };
        // An error of the state change itself is on the bus, with more to say.
        let _told_by_the_bus = opened.pipeline.set_state(gst::State::Playing);
        Ok(opened)
    }

    /// Frames that came out of the decoder, dropped ones included.
    pub(super) fn decoded(&self) -> u64 {
        self.decoded.load(Ordering::Relaxed)
    }

    /// How long ago, by the pipeline's clock, the sample's frame was due.
    pub(super) fn age(&self, sample: &gst::Sample) -> Duration {
        let running_time = || {
            let pts = sample.buffer()?.pts()?;
            let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
            self.pipeline
                .current_running_time()?
                .checked_sub(segment.to_running_time(pts)?)
        };
        running_time().map_or(Duration::ZERO, Into::into)
    }

    pub(super) fn pull(&mut self, wait: Duration) -> Pull {
        let wait = gst::ClockTime::from_mseconds(u64::try_from(wait.as_millis()).unwrap_or(1000));
        if let Some(sample) = self.sink.try_pull_sample(wait) {
            return Pull::Sample(sample);
        }
        if let Some(error) = self.bus_error() {
            return Pull::Failed(error);
        }
        if self.sink.is_eos() {
            Pull::End
        } else {
            Pull::Waiting
        }
    }

    fn bus_error(&mut self) -> Option<CaptureError> {
        let mut no_video = false;
        loop {
            // Why there is no video is said a moment after that there is none.
            let patience = if no_video {
                NO_VIDEO_REASON
            } else {
                gst::ClockTime::ZERO
            };
            let Some(message) = self.bus.timed_pop(patience) else {
                return no_video.then_some(CaptureError::NoVideo);
            };
            match message.view() {
                gst::MessageView::Error(error) => {
                    return Some(classify(error, self.missing.as_deref(), no_video));
                }
                gst::MessageView::Element(element) => {
                    let structure = element.structure();
                    let missing = structure.filter(|s| s.name() == "missing-plugin");
                    if let Some(name) = missing.and_then(|s| s.get::<String>("name").ok()) {
                        self.missing.get_or_insert(name);
                    }
                }
                gst::MessageView::Application(said) => {
                    no_video |= said.structure().is_some_and(|s| s.name() == NO_VIDEO);
                }
                _ => {}
            }
        }
    }
}

impl Drop for Pipeline {
    /// Off-thread: a camera that does not answer can hold a teardown for seconds.
    fn drop(&mut self) {
        let pipeline = self.pipeline.clone();
        let stop = move || pipeline.set_state(gst::State::Null).is_ok();
        if let Err(error) = thread::Builder::new()
            .name("teardown".to_owned())
            .spawn(stop)
        {
            tracing::error!(%error, "no thread for the teardown of a stream");
        }
    }
}

fn make(name: &'static str) -> Result<gst::Element, CaptureError> {
    gst::ElementFactory::make(name)
        .build()
        .ok()
        .ok_or(CaptureError::Element(name))
}

fn input(source: &Source) -> Result<gst::Element, CaptureError> {
    match source {
        Source::File(path) => {
            let input = make("filesrc")?;
            input.set_property("location", path);
            Ok(input)
        }
        Source::Rtsp { location, login } => {
            let input = make("rtspsrc")?;
            input.set_property("location", location);
            if let Some(login) = login {
                input.set_property("user-id", &login.user);
                input.set_property("user-pw", &login.password);
            }
            input.set_property_from_str("protocols", "tcp");
            input.set_property("latency", RTSP_LATENCY_MS);
            input.set_property("tcp-timeout", RTSP_TIMEOUT_US);
            input.connect("select-stream", false, |values| {
                let caps = values
                    .get(2)
                    .and_then(|value| value.get::<gst::Caps>().ok());
                let media = caps.as_ref().and_then(|caps| caps.structure(0));
                let is_video = media.and_then(|s| s.get::<&str>("media").ok()) == Some("video");
                Some(is_video.to_value())
            });
            Ok(input)
        }
    }
}

fn sink(pace: Pace, is_file: bool) -> gst_app::AppSink {
    let caps = gst_video::VideoCapsBuilder::new()
        .format_list([gst_video::VideoFormat::I420, gst_video::VideoFormat::Nv12])
        .build();
    let newest = pace == Pace::Newest;
    let sink = gst_app::AppSink::builder()
        .caps(&caps)
        // A file that plays the camera runs at its own pace; a stream has a pace already.
        .sync(newest && is_file)
        .max_buffers(if newest { 1 } else { AHEAD_MAX })
        .drop(newest)
        .enable_last_sample(false)
        .build();
    sink.set_property("wait-on-eos", false);
    sink
}

/// Counts what arrives, and tells decoders that we read strides from the video meta: without it
/// they would copy every picture into a tightly packed one.
fn count_and_offer_meta(sink: &gst_app::AppSink, decoded: &Arc<AtomicU64>) {
    let Some(pad) = sink.static_pad("sink") else {
        return;
    };
    let decoded = Arc::clone(decoded);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        decoded.fetch_add(1, Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
        let Some(query) = info.query_mut() else {
            return gst::PadProbeReturn::Ok;
        };
        let gst::QueryViewMut::Allocation(allocation) = query.view_mut() else {
            return gst::PadProbeReturn::Ok;
        };
        allocation.add_allocation_meta::<gst_video::VideoMeta>(None);
        gst::PadProbeReturn::Handled
    });
}

const NO_VIDEO_REASON: gst::ClockTime = gst::ClockTime::from_mseconds(200);
/// Name of our own message on the bus.
const NO_VIDEO: &str = "no-video";

/// Links the first pad of `from` that fits; when no pad came at all, says so on the bus.
fn link_when_there(from: &gst::Element, to: &gst::Element) {
    if from.static_pad("src").is_some() {
        // Two elements with fixed pads always link: filesrc gives any data, decodebin takes it.
        let _always = from.link(to);
        return;
    }
    let target = to.downgrade();
    from.connect_pad_added(move |_, pad| {
        let Some(sink) = target.upgrade().and_then(|to| to.static_pad("sink")) else {
            return;
        };
        if !sink.is_linked() && pad.link(&sink).is_err() {
            tracing::debug!(pad = %pad.name(), "a pad does not fit");
        }
    });
    let target = to.downgrade();
    from.connect_no_more_pads(move |from| {
        let sink = target.upgrade().and_then(|to| to.static_pad("sink"));
        if sink.is_some_and(|sink| !sink.is_linked()) {
            let structure = gst::Structure::new_empty(NO_VIDEO);
            let message = gst::message::Application::builder(structure)
                .src(from)
                .build();
            // Without a bus nobody listens any more.
            let _nobody_listens = from.post_message(message);
        }
    });
}

/// Decoders would otherwise start a thread a core.
fn limit_threads(pipeline: &gst::Pipeline, decoder_threads: usize) {
    let threads = i32::try_from(decoder_threads.clamp(1, 64)).unwrap_or(1);
    pipeline.connect_deep_element_added(move |_, _, element| {
        let is_decoder = element
            .factory()
            .is_some_and(|factory| factory.has_type(gst::ElementFactoryType::DECODER));
        for property in ["max-threads", "threads", "n-threads"] {
            let kind = element
                .find_property(property)
                .map(|spec| spec.value_type());
            match kind {
                Some(gst::glib::Type::I32) if is_decoder => {
                    element.set_property(property, threads);
                }
                Some(gst::glib::Type::U32) if is_decoder => {
                    element.set_property(property, threads.unsigned_abs());
                }
                _ => {}
            }
        }
    });
}
