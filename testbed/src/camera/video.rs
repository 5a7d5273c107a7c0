//! The file, decoded at its own pace and played again from the start at its end.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use anyhow::{Context, Result, anyhow};
use gstreamer::{
    ClockTime, FlowError, FlowSuccess, MessageView, Pipeline, SeekFlags, State, prelude::*,
};
use gstreamer_app::{AppSink, AppSinkCallbacks};

use super::{CameraOptions, feed::Feed};

const PREROLL_MAX: ClockTime = ClockTime::from_seconds(10);

pub(super) struct VideoLoop {
    pipeline: Pipeline,
    watcher: Option<JoinHandle<()>>,
    loops: Arc<AtomicU64>,
}

impl VideoLoop {
    pub(super) fn start(file: &Path, feed: Feed, options: &CameraOptions) -> Result<Self> {
        let description = "filesrc name=file ! decodebin ! videoconvert ! \
             video/x-raw,format=I420 ! appsink name=frames sync=true max-buffers=2";
        let pipeline = gstreamer::parse::launch(description)?
            .downcast::<Pipeline>()
            .map_err(|other| anyhow!("a {} is not a pipeline", other.type_()))?;
        let file_source = pipeline.by_name("file").context("no file source")?;
        file_source.set_property("location", file.to_str().context("path is not UTF-8")?);
        let frames = pipeline
            .by_name("frames")
            .and_then(|element| element.downcast::<AppSink>().ok())
            .context("no appsink")?;
        let sink_feed = feed.clone();
        frames.set_callbacks(
            AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let Ok(sample) = sink.pull_sample() else {
                        return Err(FlowError::Eos);
                    };
                    sink_feed.push(&sample);
                    Ok(FlowSuccess::Ok)
                })
                .build(),
        );
        play(&pipeline, options.from_seconds)
            .with_context(|| format!("{} cannot be played", file.display()))?;
        let loops = Arc::new(AtomicU64::new(0));
        let watcher = std::thread::Builder::new()
            .name("video-loop".into())
            .spawn({
                let (pipeline, loops) = (pipeline.clone(), Arc::clone(&loops));
                let once = options.once;
                move || replay(&pipeline, &feed, &loops, once)
            })?;
        Ok(Self {
            pipeline,
            watcher: Some(watcher),
            loops,
        })
    }

    pub(super) fn loops(&self) -> u64 {
        self.loops.load(Ordering::Relaxed)
    }
}

impl Drop for VideoLoop {
    fn drop(&mut self) {
        if let Some(bus) = self.pipeline.bus() {
            bus.post(gstreamer::message::Application::new(
                gstreamer::Structure::new_empty("stop"),
            ))
            .ok();
        }
        if let Some(watcher) = self.watcher.take() {
            watcher.join().ok();
        }
        self.pipeline.set_state(State::Null).ok();
    }
}

fn play(pipeline: &Pipeline, from_seconds: u64) -> Result<()> {
    if from_seconds > 0 {
        pipeline.set_state(State::Paused)?;
        let (prerolled, _, _) = pipeline.state(PREROLL_MAX);
        prerolled?;
        let flags = SeekFlags::FLUSH | SeekFlags::ACCURATE;
        pipeline.seek_simple(flags, ClockTime::from_seconds(from_seconds))?;
    }
    pipeline.set_state(State::Playing)?;
    Ok(())
}

fn replay(pipeline: &Pipeline, feed: &Feed, loops: &AtomicU64, once: bool) {
    let Some(bus) = pipeline.bus() else { return };
    for message in bus.iter_timed(ClockTime::NONE) {
        match message.view() {
            MessageView::Eos(_) => {
                loops.fetch_add(1, Ordering::Relaxed);
                let flags = SeekFlags::FLUSH | SeekFlags::KEY_UNIT;
                if once || pipeline.seek_simple(flags, ClockTime::ZERO).is_err() {
                    feed.end();
                    return;
                }
            }
            MessageView::Application(_) | MessageView::Error(_) => return,
            _ => {}
        }
    }
}
