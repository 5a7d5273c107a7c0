//! A camera that is always on, as far as we can help it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::{
    backoff::Backoff,
    clock::Clock,
    fault::CaptureError,
    frame::Frame,
    pipeline::{Pace, Pipeline, Pull},
    source::Source,
};

/// Without a frame for so long, the stream counts as lost.
const STALL: Duration = Duration::from_secs(5);
/// A first frame may take a handshake and a key frame longer.
const FIRST_FRAME: Duration = Duration::from_secs(12);
/// A stream that ran for so long was a success.
const SUCCESS: Duration = Duration::from_secs(10);
/// An arrival that seems older than this is a fault of the time stamps.
const AGE_MAX: Duration = Duration::from_secs(10);

/// Connects, watches and connects again. All calls come from the camera's own thread.
pub struct Live {
    source: Source,
    decoder_threads: usize,
    clock: Clock,
    state: State,
    backoff: Backoff,
    decoded: Arc<AtomicU64>,
    pub reconnects: u64,
}

enum State {
    Waiting {
        until: Instant,
    },
    Connecting {
        pipeline: Pipeline,
        since: Instant,
    },
    Playing {
        pipeline: Pipeline,
        since: Instant,
        last_frame: Instant,
    },
}

/// What [`Live::poll`] has to say.
pub enum Poll {
    Frame(Box<Frame>),
    /// Nothing new.
    Idle,
    /// The stream, or the try to get it, failed just now. It will be tried again.
    Lost(CaptureError),
}

impl Live {
    pub fn new(source: Source, decoder_threads: usize, clock: Clock) -> Self {
        Self {
            source,
            decoder_threads,
            clock,
            state: State::Waiting {
                until: Instant::now(),
            },
            backoff: Backoff::new(),
            decoded: Arc::new(AtomicU64::new(0)),
            reconnects: 0,
        }
    }

    /// Frames that left the decoder since the start.
    pub fn decoded(&self) -> u64 {
        self.decoded.load(Ordering::Relaxed)
    }

    pub fn is_playing(&self) -> bool {
        matches!(self.state, State::Playing { .. })
    }

    /// Waits up to `wait` for the newest frame.
    pub fn poll(&mut self, wait: Duration) -> Poll {
        let (pulled, deadline) = match &mut self.state {
            State::Waiting { until } => {
                let left = until.saturating_duration_since(Instant::now());
                if !left.is_zero() {
                    thread::sleep(left.min(wait));
                    return Poll::Idle;
                }
                return self.connect();
            }
            State::Connecting { pipeline, since } => (pipeline.pull(wait), *since + FIRST_FRAME),
            State::Playing {
                pipeline,
                last_frame,
                ..
            } => (pipeline.pull(wait), *last_frame + STALL),
        };
        match pulled {
            Pull::Sample(sample) => self.arrived(&sample),
            Pull::End => self.lose(CaptureError::Ended),
            Pull::Failed(error) => self.lose(error),
            Pull::Waiting if deadline <= Instant::now() => {
                let patience = if self.is_playing() {
                    STALL
                } else {
                    FIRST_FRAME
                };
                self.lose(CaptureError::Stalled(patience.as_secs()))
            }
            Pull::Waiting => Poll::Idle,
        }
    }

    fn connect(&mut self) -> Poll {
        let decoded = Arc::clone(&self.decoded);
        match Pipeline::open(&self.source, Pace::Newest, self.decoder_threads, decoded) {
            Ok(pipeline) => {
                self.state = State::Connecting {
                    pipeline,
                    since: Instant::now(),
                };
                Poll::Idle
            }
            Err(error) => self.lose(error),
        }
    }

    /// The time of capture is that of arrival at the box: now, less the time spent since in
    /// buffers and the decoder, which the pipeline's clock knows.
    fn arrived(&mut self, sample: &gstreamer::Sample) -> Poll {
        let now = Instant::now();
        let pipeline = match &mut self.state {
            State::Playing {
                last_frame,
                pipeline,
                since,
            } => {
                *last_frame = now;
                if SUCCESS <= now - *since {
                    self.backoff.reset();
                }
                &*pipeline
            }
            State::Connecting { .. } => {
                self.play(now);
                return self.arrived(sample);
            }
            State::Waiting { .. } => return Poll::Idle,
        };
        let age = pipeline.age(sample).min(AGE_MAX);
        let captured = now.checked_sub(age).unwrap_or(now);
        match Frame::new(sample, self.clock.at(captured)) {
            Ok(frame) => Poll::Frame(Box::new(frame)),
            Err(error) => self.lose(error),
        }
    }

    fn play(&mut self, now: Instant) {
        let waiting = State::Waiting { until: now };
        if let State::Connecting { pipeline, .. } = std::mem::replace(&mut self.state, waiting) {
            self.state = State::Playing {
                pipeline,
                since: now,
                last_frame: now,
            };
        }
    }

    fn lose(&mut self, error: CaptureError) -> Poll {
        let wait = self.backoff.next(&error, rand::random());
        self.reconnects += 1;
        self.state = State::Waiting {
            until: Instant::now() + wait,
        };
        Poll::Lost(error)
    }
}
