//! The same stages over one file, every frame, as fast as they go, with the same bytes on every
//! run.

mod annotate;
mod between;
mod output;
mod usage;

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use scene::{Classes, Event, FrameTime, RuleSet};
use serde::Serialize;

use crate::{
    capture::{CaptureError, Frame, Recording},
    config::Camera,
    sight::Sight,
    vision::{Decision, Detector, InferError, Model, gate},
};
pub use annotate::AnnotationError;
use annotate::{Annotation, Outline};
pub use output::OutputError;
use output::Outputs;
use usage::Usage;

/// Where the results go.
#[derive(Clone, Debug, Default)]
pub struct Paths {
    pub video: PathBuf,
    pub events: Option<PathBuf>,
    pub tracks: Option<PathBuf>,
    pub stats: Option<PathBuf>,
    pub detections: Option<PathBuf>,
    pub annotate: Option<PathBuf>,
}

/// What to look for.
pub struct Task {
    pub model: Arc<Model>,
    pub wanted: Vec<scene::Class>,
    pub rules: RuleSet,
    pub motion: gate::Settings,
    /// Threads of the decoder.
    pub threads: usize,
}

impl Task {
    /// A camera's rules and classes.
    pub fn of_camera(camera: &Camera, model: Arc<Model>, threads: usize) -> Self {
        Self {
            model,
            wanted: camera.wanted.clone(),
            rules: camera.rules.clone(),
            motion: camera.motion.clone(),
            threads,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum AnalyzeError {
    #[error("{}: {fault}", video.display())]
    Video { video: PathBuf, fault: CaptureError },
    #[error(
        "{}: {fault}, after {frame_count} frames; the results so far are written",
        video.display()
    )]
    Broken {
        video: PathBuf,
        frame_count: u64,
        fault: CaptureError,
    },
    #[error("{}: frame {frame}: {fault}", video.display())]
    Infer {
        video: PathBuf,
        frame: u64,
        fault: InferError,
    },
    #[error(transparent)]
    Output(#[from] OutputError),
    #[error("{}: {fault}", path.display())]
    Annotate {
        path: PathBuf,
        fault: AnnotationError,
    },
}

/// What a run cost.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    pub video: String,
    /// `captured_us` of the first frame: times in events count from the start of the file.
    pub origin_us: i64,
    /// Frames of the file that were read.
    pub frames: u64,
    /// Frames that left the decoder.
    pub decoded: u64,
    /// Frames that the detector saw.
    pub analysed: u64,
    /// Frames that it did not need to see.
    pub gated: u64,
    /// Frames by decision and reason of the motion gate; empty without one.
    pub gate: BTreeMap<String, u64>,
    pub events: u64,
    pub wall_seconds: f64,
    /// User and system time of all threads, from the first frame asked for to the last; loading the
    /// model is not in it.
    pub cpu_seconds: f64,
    pub cpu_ms_per_frame: f64,
    pub stages: Stages,
    pub model: String,
    /// Height and width of the model's input.
    pub input_shape: Option<(usize, usize)>,
    pub threads: usize,
    pub rss_peak_mib: f64,
    /// Why the run ended before the file did.
    pub problem: Option<String>,
}

/// Mean microseconds a frame on the main thread.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Stages {
    /// Waiting for the decoder, which runs beside.
    pub decode_wait_us: f64,
    pub gate_us: f64,
    pub tensor_us: f64,
    pub infer_us: f64,
    pub select_us: f64,
    pub scene_us: f64,
    pub write_us: f64,
}

/// For curves of precision over recall, far below what the tracker uses.
const DETECTION_SCORE_MIN: f32 = 0.01;

/// What `finish` needs of a run.
#[derive(Default)]
struct Tally {
    frame_count: u64,
    event_count: u64,
    waited: Duration,
    wrote: Duration,
}

/// Analyses the file. When it breaks off, what was seen until then is written before the error is
/// returned.
pub fn run(paths: &Paths, task: Task) -> Result<Stats, AnalyzeError> {
    let of_video = |fault| AnalyzeError::Video {
        video: paths.video.clone(),
        fault,
    };
    let mut recording = Recording::open(&paths.video, task.threads).map_err(of_video)?;
    let (usage, threads) = (Usage::start(), task.threads);
    // A file without a picture leaves no result behind.
    let mut next = recording.next_frame().map_err(of_video)?;
    let mut work = Work::begin(paths, task)?;
    let mut broken = None;
    while let Some(frame) = next.take() {
        work.see(&frame)?;
        let asked = Instant::now();
        next = recording.next_frame().unwrap_or_else(|fault| {
            broken = Some(fault);
            None
        });
        work.tally.waited += asked.elapsed();
    }
    work.end()?;
    let Work {
        tally,
        sight,
        outputs,
        ..
    } = work;
    let stats = stats(
        paths,
        &tally,
        &sight,
        &usage,
        recording.decoded(),
        threads,
        broken.as_ref(),
    );
    outputs.finish(&stats)?;
    match broken {
        None => Ok(stats),
        Some(fault) => Err(AnalyzeError::Broken {
            video: paths.video.clone(),
            frame_count: tally.frame_count,
            fault,
        }),
    }
}

/// A run under way.
struct Work<'a> {
    paths: &'a Paths,
    sight: Sight,
    outlines: Vec<Outline>,
    outputs: Outputs,
    annotation: Option<Annotation>,
    tally: Tally,
    last_at: Option<FrameTime>,
    /// Reused from frame to frame.
    events: Vec<Event>,
}

impl<'a> Work<'a> {
    fn begin(paths: &'a Paths, task: Task) -> Result<Self, AnalyzeError> {
        let classes = Classes::new(task.model.manifest.classes.names.clone());
        let outlines = annotate::outlines(&task.rules);
        let mut detector = Detector::new(task.model, &task.wanted, &[]);
        if paths.detections.is_some() {
            detector.report_from(DETECTION_SCORE_MIN);
        }
        Ok(Self {
            paths,
            sight: Sight::with(detector, task.rules, classes, task.motion),
            outlines,
            outputs: Outputs::create(paths)?,
            annotation: None,
            tally: Tally::default(),
            last_at: None,
            events: Vec::new(),
        })
    }

    fn see(&mut self, frame: &Frame) -> Result<(), AnalyzeError> {
        self.tally.frame_count += 1;
        self.last_at = Some(frame.at);
        let seen = self.sight.see(frame, false, &mut self.events);
        let seen = seen.map_err(|fault| AnalyzeError::Infer {
            video: self.paths.video.clone(),
            frame: self.tally.frame_count,
            fault,
        })?;
        let started = Instant::now();
        self.outputs
            .frame(self.tally.frame_count, frame.at, seen, &self.sight)?;
        if let Some(path) = &self.paths.annotate {
            let (slot, tracks) = (&mut self.annotation, self.sight.tracks());
            Annotation::frame(slot, path, frame, tracks, &self.outlines).map_err(|fault| {
                AnalyzeError::Annotate {
                    path: path.clone(),
                    fault,
                }
            })?;
        }
        self.tally.event_count += self.outputs.events(&mut self.events)?;
        self.tally.wrote += started.elapsed();
        Ok(())
    }

    /// Closes what is open: count windows, episodes, the annotated video.
    fn end(&mut self) -> Result<(), AnalyzeError> {
        self.outputs.end(&self.sight)?;
        if let Some(at) = self.last_at {
            self.sight.scene.finish(at, &mut self.events);
            self.tally.event_count += self.outputs.events(&mut self.events)?;
        }
        if let (Some(annotation), Some(path)) = (self.annotation.take(), &self.paths.annotate) {
            annotation
                .finish()
                .map_err(|fault| AnalyzeError::Annotate {
                    path: path.clone(),
                    fault,
                })?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn stats(
    paths: &Paths,
    tally: &Tally,
    sight: &Sight,
    usage: &Usage,
    decoded: u64,
    threads: usize,
    broken: Option<&CaptureError>,
) -> Stats {
    let frame_count = tally.frame_count;
    let mean = |spent: Duration| round(spent.as_secs_f64() * 1e6 / frame_count.max(1) as f64);
    let (cpu, spent) = (usage.cpu(), sight.detector.spent);
    Stats {
        video: paths.video.display().to_string(),
        origin_us: 0,
        frames: frame_count,
        decoded,
        analysed: sight.looks(),
        gated: frame_count.saturating_sub(sight.looks()),
        gate: decisions(sight),
        events: tally.event_count,
        wall_seconds: round(usage.wall().as_secs_f64()),
        cpu_seconds: round(cpu.as_secs_f64()),
        cpu_ms_per_frame: round(cpu.as_secs_f64() * 1e3 / frame_count.max(1) as f64),
        stages: Stages {
            decode_wait_us: mean(tally.waited),
            gate_us: mean(sight.gate_spent),
            tensor_us: mean(spent.tensor),
            infer_us: mean(spent.infer),
            select_us: mean(spent.select),
            scene_us: mean(sight.scene_spent),
            write_us: mean(tally.wrote),
        },
        model: sight.detector.model().manifest.name.clone(),
        input_shape: sight.detector.input_shape(),
        threads,
        rss_peak_mib: round(usage::rss_peak_mib()),
        problem: broken.map(ToString::to_string),
    }
}

fn decisions(sight: &Sight) -> BTreeMap<String, u64> {
    let named = |(decision, &count): (Decision, &u64)| {
        let (name, reason) = decision.names();
        (format!("{name}/{reason}"), count)
    };
    let all = Decision::ALL.into_iter().zip(sight.decisions());
    all.filter(|(_, count)| **count != 0).map(named).collect()
}

/// To a thousandth.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
