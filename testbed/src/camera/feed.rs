//! Between the video and whoever watches: applies the fault of the moment to each frame.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use gstreamer::{Buffer, Caps, Sample, prelude::*};
use gstreamer_app::AppSrc;
use gstreamer_video::VideoInfo;

use super::Fault;

#[derive(Clone, Default)]
pub(super) struct Feed(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    fault: Fault,
    size: Option<(u32, u32)>,
    viewer: Option<Viewer>,
    frozen: Option<Sample>,
}

/// The entry of the encoding pipeline, there while anyone watches.
struct Viewer {
    frames: AppSrc,
    size_filter: gstreamer::Element,
}

impl Feed {
    pub(super) fn set_fault(&self, fault: Fault) {
        let mut state = self.lock();
        state.fault = fault;
        state.frozen = None;
    }

    pub(super) fn set_size(&self, width: u32, height: u32) -> Result<()> {
        let mut state = self.lock();
        state.size = Some((width, height));
        let Some(viewer) = &state.viewer else {
            return Ok(());
        };
        let (width, height) = (
            i32::try_from(width).context("width")?,
            i32::try_from(height).context("height")?,
        );
        viewer
            .size_filter
            .set_property("caps", size_caps(width, height));
        Ok(())
    }

    pub(super) fn attach(&self, frames: AppSrc, size_filter: gstreamer::Element) {
        let mut state = self.lock();
        if let Some((width, height)) = state.size {
            let side = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
            size_filter.set_property("caps", size_caps(side(width), side(height)));
        }
        state.viewer = Some(Viewer {
            frames,
            size_filter,
        });
    }

    /// One frame at its time. Errors of a viewer that just left are its own affair.
    pub(super) fn push(&self, sample: &Sample) {
        let mut state = self.lock();
        let shown = match state.fault {
            Fault::None => Some(sample.clone()),
            Fault::Cut | Fault::Stall => None,
            Fault::Freeze => Some(state.frozen.get_or_insert_with(|| sample.clone()).clone()),
            Fault::Black => black(sample),
        };
        let (Some(viewer), Some(shown)) = (&state.viewer, shown) else {
            return;
        };
        let (Some(buffer), Some(caps)) = (shown.buffer(), shown.caps()) else {
            return;
        };
        let mut buffer = buffer.copy();
        {
            // The appsrc stamps each buffer with its own running time.
            let buffer = buffer.make_mut();
            buffer.set_pts(None);
            buffer.set_dts(None);
        }
        if viewer.frames.caps().as_deref() != Some(caps) {
            viewer.frames.set_caps(Some(&caps.to_owned()));
        }
        if viewer.frames.push_buffer(buffer).is_err() {
            state.viewer = None;
        }
    }

    pub(super) fn end(&self) {
        if let Some(viewer) = self.lock().viewer.take() {
            viewer.frames.end_of_stream().ok();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size_caps(width: i32, height: i32) -> Caps {
    Caps::builder("video/x-raw")
        .field("width", width)
        .field("height", height)
        .build()
}

/// A black I420 frame of the same size.
fn black(sample: &Sample) -> Option<Sample> {
    let caps = sample.caps()?;
    let info = VideoInfo::from_caps(caps).ok()?;
    let luma_end = *info.offset().get(1)?;
    let mut bytes = vec![128; info.size()];
    bytes.get_mut(..luma_end)?.fill(16);
    let buffer = Buffer::from_mut_slice(bytes);
    Some(
        Sample::builder()
            .buffer(&buffer)
            .caps(&caps.to_owned())
            .build(),
    )
}
