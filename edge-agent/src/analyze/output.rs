//! Result files: events as JSON lines, tracks in the format of MOTChallenge, stats as JSON.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use scene::{
    Detection, Event, FrameTime,
    track::{Track, TrackState},
};

use serde::Serialize;

use super::{
    Paths, Stats,
    between::{Between, Shown},
};
use crate::sight::{Seen, Sight};

#[derive(Debug, thiserror::Error)]
#[error("{}: cannot be written: {fault}", path.display())]
pub struct OutputError {
    path: PathBuf,
    fault: std::io::Error,
}

pub(super) struct Outputs {
    events: Option<Output>,
    tracks: Option<Output>,
    stats: Option<Output>,
    detections: Option<Output>,
    between: Between,
}

struct Output {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Output {
    fn create(path: Option<&Path>) -> Result<Option<Self>, OutputError> {
        let Some(path) = path else { return Ok(None) };
        let file = File::create(path).map_err(|fault| OutputError {
            path: path.to_owned(),
            fault,
        })?;
        Ok(Some(Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
        }))
    }

    fn attempt(
        &mut self,
        work: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
    ) -> Result<(), OutputError> {
        work(&mut self.file).map_err(|fault| OutputError {
            path: self.path.clone(),
            fault,
        })
    }
}

impl Outputs {
    pub(super) fn create(paths: &Paths) -> Result<Self, OutputError> {
        Ok(Self {
            events: Output::create(paths.events.as_deref())?,
            tracks: Output::create(paths.tracks.as_deref())?,
            stats: Output::create(paths.stats.as_deref())?,
            detections: Output::create(paths.detections.as_deref())?,
            between: Between::default(),
        })
    }

    /// What frame number `frame`, counted from 1, showed. Frames between two looks are written with
    /// the second.
    pub(super) fn frame(
        &mut self,
        frame: u64,
        at: FrameTime,
        seen: Seen,
        sight: &Sight,
    ) -> Result<(), OutputError> {
        let size = size(sight);
        if self.tracks.is_some() {
            let tracks = sight.tracks().to_vec();
            let shown = Shown { frame, at, tracks };
            if seen == Seen::Waited && !self.between.is_full() {
                self.between.wait(shown);
            } else {
                let waited = self.between.look(&shown);
                self.write_tracks(&waited, size)?;
                self.write_tracks(&[shown], size)?;
            }
        }
        if seen != Seen::Looked {
            return Ok(());
        }
        if let Some(output) = &mut self.detections {
            let names = &sight.detector.model().manifest.classes.names;
            let found = sight.detector.detections();
            output.attempt(|file| write_detections(file, frame, found, names, size))?;
        }
        Ok(())
    }

    /// Writes and empties `events`; answers how many there were.
    pub(super) fn events(&mut self, events: &mut Vec<Event>) -> Result<u64, OutputError> {
        let count = events.len() as u64;
        for event in events.drain(..) {
            let Some(output) = &mut self.events else {
                continue;
            };
            output.attempt(|file| {
                serde_json::to_writer(&mut *file, &event)?;
                file.write_all(b"\n")
            })?;
        }
        Ok(count)
    }

    /// The frames that still wait for a look.
    pub(super) fn end(&mut self, sight: &Sight) -> Result<(), OutputError> {
        let waited = self.between.end();
        self.write_tracks(&waited, size(sight))
    }

    fn write_tracks(&mut self, frames: &[Shown], size: (f32, f32)) -> Result<(), OutputError> {
        let Some(output) = &mut self.tracks else {
            return Ok(());
        };
        for shown in frames {
            output.attempt(|file| write_tracks(file, shown.frame, &shown.tracks, size))?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self, stats: &Stats) -> Result<(), OutputError> {
        if let Some(output) = &mut self.stats {
            output.attempt(|file| {
                serde_json::to_writer_pretty(&mut *file, stats)?;
                file.write_all(b"\n")
            })?;
        }
        let all = [
            &mut self.events,
            &mut self.tracks,
            &mut self.stats,
            &mut self.detections,
        ];
        for output in all.into_iter().flatten() {
            output.attempt(Write::flush)?;
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "sides are below 2^24")]
fn size(sight: &Sight) -> (f32, f32) {
    let (width, height) = sight.size().unwrap_or_default();
    (width as f32, height as f32)
}

/// Only tracks that the frame shows: the format is about what was seen.
fn write_tracks(
    file: &mut impl Write,
    frame: u64,
    tracks: &[Track],
    (width, height): (f32, f32),
) -> std::io::Result<()> {
    for track in tracks
        .iter()
        .filter(|track| track.state == TrackState::Seen)
    {
        let (id, bbox, score) = (track.id, &track.bbox, track.score);
        let (left, top) = (bbox.left() * width, bbox.top() * height);
        let (box_width, box_height) = (bbox.width() * width, bbox.height() * height);
        writeln!(
            file,
            "{frame},{id},{left:.2},{top:.2},{box_width:.2},{box_height:.2},{score:.4},-1,-1,-1"
        )?;
    }
    Ok(())
}

#[derive(Serialize)]
struct DetectionLine<'a> {
    frame: u64,
    class: &'a str,
    score: f32,
    /// Left, top, width and height in pixels.
    #[serde(rename = "box")]
    bbox: [f32; 4],
}

fn write_detections(
    file: &mut impl Write,
    frame: u64,
    detections: &[Detection],
    names: &[String],
    (width, height): (f32, f32),
) -> std::io::Result<()> {
    for Detection { class, score, bbox } in detections {
        let class = names
            .get(usize::from(class.0))
            .map_or("unknown", String::as_str);
        let [left, top, box_width, box_height] = <[f32; 4]>::from(*bbox);
        let bbox = [
            left * width,
            top * height,
            box_width * width,
            box_height * height,
        ];
        let line = DetectionLine {
            frame,
            class,
            score: score.get(),
            bbox,
        };
        serde_json::to_writer(&mut *file, &line)?;
        file.write_all(b"\n")?;
    }
    Ok(())
}
