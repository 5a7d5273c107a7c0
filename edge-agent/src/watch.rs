//! One camera's loop: the only file where the stages meet.
//!
//! ```text
//! capture ─▶ vision ─▶ scene ─▶ events ─┬▶ outbox
//!    │                                  └▶ evidence ─▶ outbox
//!    └ silence ─▶ "unknown" and the camera's own alarm
//! ```

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
    time::{Duration, Instant},
};

use proto::{
    CheckedItem, Evidence, EvidenceRef, Lane,
    convert::{CameraSetup, event as wire_event, event_item},
    v1,
};
use scene::{Event, FrameTime, Phase, Severity, health::SignalWatch, rule::GAP_MAX_MICROS};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::{
    capture::{Clock, Frame, Live, Poll},
    config::Camera,
    evidence::{Region, Snapshots, region},
    metrics::CameraMetrics,
    outbox::Outbox,
    sight::{Seen, Sight},
    vision::{Decision, Model},
};

/// How long the loop waits for a frame before it looks at other things.
const WAIT: Duration = Duration::from_millis(100);
/// How often time is told to the rules, and state to the outside.
const TICK: Duration = Duration::from_millis(500);
/// Without a frame for so long, the camera's alarm is raised.
const STALL_MICROS: i64 = 5_000_000;
/// Between two frames of one reported failure of the detector.
const FAULT_REPORT: Duration = Duration::from_secs(30);

/// What the loop is told while it runs.
pub enum Command {
    /// The same view with other rules, name or snapshots.
    Change {
        camera: Box<Camera>,
        config_version: String,
    },
    /// End: close episodes and return.
    Stop,
}

/// What a loop needs of the box.
pub struct Surroundings {
    pub model: Arc<Model>,
    pub outbox: Outbox,
    pub clock: Clock,
    pub decoder_threads: usize,
    pub config_version: String,
    pub commands: Receiver<Command>,
    pub status: watch::Sender<v1::CameraStatus>,
    /// By how much a capture time may be wrong, in milliseconds.
    pub uncertainty_ms: watch::Receiver<u32>,
    pub metrics: CameraMetrics,
}

struct Watch {
    camera: Camera,
    around: Surroundings,
    live: Live,
    sight: Sight,
    signal: SignalWatch,
    snapshots: Snapshots,
    snapshot_at: Option<Instant>,
    /// Size told in the last setup.
    told_size: Option<(usize, usize)>,
    /// Of the last frame that the detector saw.
    last_seen: Option<FrameTime>,
    is_blind: bool,
    /// Frames are coming.
    has_picture: bool,
    problem: String,
    /// The detector failed on the last frame.
    is_failing: bool,
    /// When that was last said.
    fault_at: Option<Instant>,
    analysed: u64,
    /// Frames that the detector did not need to see.
    gated: u64,
    rate: Rate,
    /// Decoded, analysed, dropped.
    frames_told: Told<3>,
    decisions_told: Told<{ Decision::ALL.len() }>,
    /// Reused from frame to frame.
    events: Vec<Event>,
}

/// Watches `camera` until it is told to stop. Blocking: it has a thread of its own.
pub fn watch(camera: Camera, around: Surroundings) {
    let live = Live::new(camera.source.clone(), around.decoder_threads, around.clock);
    let sight = Sight::new(Arc::clone(&around.model), &camera);
    let mut watch = Watch {
        camera,
        around,
        live,
        sight,
        signal: SignalWatch::new(STALL_MICROS),
        snapshots: Snapshots::default(),
        snapshot_at: None,
        told_size: None,
        last_seen: None,
        is_blind: true,
        has_picture: false,
        problem: String::new(),
        is_failing: false,
        fault_at: None,
        analysed: 0,
        gated: 0,
        rate: Rate::new(),
        frames_told: Told([0; 3]),
        decisions_told: Told([0; Decision::ALL.len()]),
        events: Vec::new(),
    };
    watch.tell_setup();
    watch.run();
}

impl Watch {
    fn run(&mut self) {
        let mut ticked = Instant::now();
        loop {
            match self.around.commands.try_recv() {
                Ok(Command::Change {
                    camera,
                    config_version,
                }) => {
                    self.change(*camera, config_version);
                }
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return self.stop(),
                Err(TryRecvError::Empty) => {}
            }
            match self.live.poll(WAIT) {
                Poll::Frame(frame) => self.frame(&frame),
                Poll::Idle => {}
                Poll::Lost(error) => {
                    self.has_picture = false;
                    let problem = error.to_string();
                    // Once for each reason: a dead camera must not fill the log.
                    if problem != self.problem {
                        warn!(camera = %self.camera.id, %error, "no picture, connecting again");
                        self.problem = problem;
                    }
                    self.around.metrics.reconnects.inc();
                }
            }
            if TICK <= ticked.elapsed() {
                ticked = Instant::now();
                self.tick();
            }
        }
    }

    fn frame(&mut self, frame: &Frame) {
        if !std::mem::replace(&mut self.has_picture, true) {
            info!(camera = %self.camera.id, "picture is there");
            self.problem.clear();
        }
        let started = Instant::now();
        // A picture is masked by what the detector finds in it.
        let must_look = self.is_picture_due();
        let seen = self.sight.see(frame, must_look, &mut self.events);
        if self.told_size != self.sight.size() {
            self.told_size = self.sight.size();
            self.tell_setup();
        }
        match seen {
            Ok(Seen::Repeated | Seen::Waited) => {
                self.gated += 1;
                // What the detector failed on was not seen, whatever moves or not.
                if !self.is_failing {
                    self.note_seen(frame.at);
                }
                self.tell_gated(frame);
            }
            Ok(Seen::Looked) => {
                if std::mem::take(&mut self.is_failing) {
                    self.problem.clear();
                }
                self.note_seen(frame.at);
                self.analysed += 1;
                self.around
                    .metrics
                    .analyse_seconds
                    .observe(started.elapsed().as_secs_f64());
                self.tell_with_picture(frame);
            }
            // The frame was not seen, and while none is, all is unknown and the camera as good as
            // lost; without a detector nothing can be masked either.
            Err(error) => {
                if self.fault_at.is_none_or(|at| FAULT_REPORT <= at.elapsed()) {
                    self.fault_at = Some(Instant::now());
                    warn!(camera = %self.camera.id, %error, "frame not analysed");
                }
                self.is_failing = true;
                self.problem = error.to_string();
                self.tell(None);
            }
        }
    }

    fn note_seen(&mut self, at: FrameTime) {
        self.last_seen = Some(at);
        self.is_blind = false;
        if let Some(change) = self.signal.frame(at) {
            self.events.push(change.event());
        }
    }

    /// Events of a frame that the detector did not look at. It does for a picture's masks.
    fn tell_gated(&mut self, frame: &Frame) {
        if !self.events.iter().any(matters) {
            return self.tell(None);
        }
        match self.sight.detector.detect(&frame.picture()) {
            Ok(_) => self.tell_with_picture(frame),
            Err(error) => {
                warn!(camera = %self.camera.id, %error, "picture withheld");
                self.tell(None);
            }
        }
    }

    /// Events of this frame, those that matter with its picture, and the regular picture.
    fn tell_with_picture(&mut self, frame: &Frame) {
        let is_regular = self.is_picture_due();
        let is_wanted = is_regular || self.events.iter().any(matters);
        let picture = if is_wanted { self.picture(frame) } else { None };
        if picture.is_some() && is_regular {
            self.snapshot_at = Some(Instant::now());
        }
        self.tell(picture.as_ref().map(Evidence::reference));
        if let Some(picture) = picture {
            self.put(Lane::Evidence, CheckedItem::Evidence(picture).encode());
        }
    }

    /// Whether it is time for the regular picture.
    fn is_picture_due(&self) -> bool {
        self.camera
            .snapshot_every
            .is_some_and(|every| self.snapshot_at.is_none_or(|at| every <= at.elapsed()))
    }

    fn picture(&mut self, frame: &Frame) -> Option<Evidence> {
        let regions = self.regions();
        match self.snapshots.take(&frame.picture(), &regions) {
            Ok(jpeg) => {
                let (camera, kind) = (self.camera.id.clone(), "image/jpeg".to_owned());
                Some(Evidence::new(camera, frame.at, kind, jpeg, true))
            }
            Err(error) => {
                warn!(camera = %self.camera.id, %error, "picture withheld");
                None
            }
        }
    }

    /// Where somebody or a plate is, or should be: all detections however weak, and all tracks.
    fn regions(&self) -> Vec<Region> {
        let classes = &self.sight.detector.model().manifest.classes.names;
        let name =
            |class: scene::Class| classes.get(usize::from(class.0)).map_or("", String::as_str);
        let detector = &self.sight.detector;
        let (width, height) = self.sight.size().unwrap_or((1, 1));
        #[expect(clippy::cast_precision_loss, reason = "sides are below 2^24")]
        let aspect = width as f32 / height as f32;
        let detections = detector.detections().iter().chain(detector.others());
        let found = detections.map(|d| (d.class, d.bbox));
        let followed = self
            .sight
            .tracks()
            .iter()
            .map(|track| (track.class, track.bbox));
        found
            .chain(followed)
            .filter_map(|(class, bbox)| region(name(class), &bbox, aspect))
            .collect()
    }

    /// Sends the collected events; `evidence` goes with those that matter.
    fn tell(&mut self, evidence: Option<EvidenceRef>) {
        let uncertainty_ms = *self.around.uncertainty_ms.borrow();
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            let is_serious = Severity::Warning <= event.severity && event.phase != Phase::End;
            let pictures = evidence.iter().filter(|_| is_serious).cloned().collect();
            let id = uuid::Uuid::now_v7().into_bytes();
            let wire = wire_event(&self.camera.id, id, uncertainty_ms, pictures, &event);
            let (lane, item) = event_item(wire, &event);
            self.around
                .metrics
                .event(event.kind, self.around.clock.now().seconds_since(event.at));
            self.put(lane, item);
        }
        self.events = events;
    }

    fn put(&self, lane: Lane, item: Vec<u8>) {
        if let Err(error) = self.around.outbox.put_blocking(lane, item) {
            warn!(camera = %self.camera.id, %error, "item not kept");
        }
    }

    fn tick(&mut self) {
        let now = self.around.clock.now();
        if let Some(last) = self.last_seen
            && !self.is_blind
            && GAP_MAX_MICROS < now.micros_since(last)
        {
            self.is_blind = true;
            self.sight
                .scene
                .blind(last.plus_micros(GAP_MAX_MICROS), &mut self.events);
        }
        if let Some(change) = self.signal.tick(now) {
            self.events.push(change.event());
        }
        self.sight.scene.tick(now, &mut self.events);
        self.tell(None);
        self.tell_status();
    }

    fn tell_status(&mut self) {
        let decoded = self.live.decoded();
        let state = if self.live.is_playing() && !self.is_blind {
            v1::CameraState::Live
        } else if self.last_seen.is_none() && self.problem.is_empty() {
            v1::CameraState::Connecting
        } else {
            v1::CameraState::Lost
        };
        let dropped = decoded.saturating_sub(self.analysed + self.gated);
        let more = self.frames_told.advance([decoded, self.analysed, dropped]);
        self.around.metrics.frames(more[0], more[1], more[2]);
        let more = self.decisions_told.advance(*self.sight.decisions());
        self.around.metrics.gate(&more);
        self.around
            .metrics
            .live
            .set(i64::from(state == v1::CameraState::Live));
        self.around.status.send_replace(v1::CameraStatus {
            camera: self.camera.id.clone(),
            state: state.into(),
            problem: self.problem.clone(),
            frames_decoded: decoded,
            frames_analysed: self.analysed,
            frames_dropped: dropped,
            analysed_per_second: self.rate.per_second(self.analysed),
        });
    }

    fn tell_setup(&self) {
        let side = |n: usize| u32::try_from(n).unwrap_or(0);
        let (width, height) = self.sight.size().unwrap_or_default();
        let setup = CameraSetup {
            camera: self.camera.id.clone(),
            name: self.camera.name.clone(),
            width: side(width),
            height: side(height),
            rules: self.camera.rules.shapes().map(Into::into).collect(),
            config_version: self.around.config_version.clone(),
            removed: false,
        };
        self.put(Lane::Alarms, CheckedItem::CameraSetup(setup).encode());
    }

    /// In force with the next frame; the stream goes on.
    fn change(&mut self, camera: Camera, config_version: String) {
        let now = self.around.clock.now();
        self.sight
            .scene
            .replace_rules(now, camera.rules.clone(), &mut self.events);
        if self.camera.motion != camera.motion {
            self.sight.set_motion(camera.motion.clone());
        }
        self.camera = camera;
        self.around.config_version = config_version;
        self.tell(None);
        self.tell_setup();
        info!(camera = %self.camera.id, "new settings in force");
    }

    fn stop(&mut self) {
        let now = self.around.clock.now();
        self.sight.scene.finish(now, &mut self.events);
        self.tell(None);
        self.tell_status();
        self.around.metrics.live.set(0);
    }
}

/// Totals that were told.
struct Told<const N: usize>([u64; N]);

impl<const N: usize> Told<N> {
    /// How much each has grown. A total that fell, by a frame under way, has not.
    fn advance(&mut self, totals: [u64; N]) -> [u64; N] {
        let mut more = [0; N];
        for ((told, total), more) in self.0.iter_mut().zip(totals).zip(&mut more) {
            *more = total.saturating_sub(*told);
            *told = total.max(*told);
        }
        more
    }
}

/// Whether an event is told with a picture.
fn matters(event: &Event) -> bool {
    Severity::Warning <= event.severity && matches!(event.phase, Phase::Begin | Phase::Instant)
}

/// Frames a second over the last few seconds.
struct Rate {
    since: Instant,
    count: u64,
    per_second: f32,
}

const RATE_WINDOW: Duration = Duration::from_secs(5);

impl Rate {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            count: 0,
            per_second: 0.0,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "frames of some seconds")]
    fn per_second(&mut self, total: u64) -> f32 {
        let elapsed = self.since.elapsed();
        if RATE_WINDOW <= elapsed {
            self.per_second = total.saturating_sub(self.count) as f32 / elapsed.as_secs_f32();
            *self = Self {
                since: Instant::now(),
                count: total,
                per_second: self.per_second,
            };
        }
        self.per_second
    }
}
