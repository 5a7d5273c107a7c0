//! A file from its first frame to its last, as fast as it is read.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use gstreamer as gst;

use super::{
    fault::CaptureError,
    frame::Frame,
    pipeline::{Pace, Pipeline, Pull},
    source::Source,
    timeline::Timeline,
};

const WAIT: Duration = Duration::from_millis(50);
/// A file that gives nothing for so long hangs.
const STALL: Duration = Duration::from_secs(10);

/// Nothing is dropped; the reader's pace holds the decoder back.
pub struct Recording {
    pipeline: Pipeline,
    timeline: Timeline,
    frame_count: u64,
}

impl Recording {
    pub fn open(path: &Path, decoder_threads: usize) -> Result<Self, CaptureError> {
        let size = std::fs::metadata(path)
            .map_err(|e| CaptureError::Open(e.to_string()))?
            .len();
        if size == 0 {
            return Err(CaptureError::Open("it is empty".to_owned()));
        }
        let source = Source::File(path.to_owned());
        let decoded = Arc::new(AtomicU64::new(0));
        let pipeline = Pipeline::open(&source, Pace::Every, decoder_threads, decoded)?;
        Ok(Self {
            pipeline,
            timeline: Timeline::default(),
            frame_count: 0,
        })
    }

    /// The next frame; `None` at the end of a file that had some.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let started = Instant::now();
        loop {
            match self.pipeline.pull(WAIT) {
                Pull::Sample(sample) => {
                    let buffer = sample
                        .buffer()
                        .ok_or(CaptureError::Picture("it has no data"))?;
                    let micros = |time: gst::ClockTime| i64::try_from(time.useconds()).ok();
                    let pts = buffer.pts().and_then(micros);
                    let at = self.timeline.place(pts, buffer.duration().and_then(micros));
                    self.frame_count += 1;
                    return Frame::new(&sample, at).map(Some);
                }
                Pull::End if self.frame_count == 0 => return Err(CaptureError::NoVideo),
                Pull::End => return Ok(None),
                Pull::Failed(error) => return Err(error),
                Pull::Waiting if STALL <= started.elapsed() => {
                    return Err(CaptureError::Stalled(STALL.as_secs()));
                }
                Pull::Waiting => {}
            }
        }
    }

    /// Frames that left the decoder so far.
    pub fn decoded(&self) -> u64 {
        self.pipeline.decoded()
    }
}
