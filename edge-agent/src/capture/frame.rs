//! One decoded picture with its capture time.

use std::fmt;

use gstreamer as gst;
use gstreamer_video as gst_video;
use gstreamer_video::prelude::*;
use scene::FrameTime;

use super::{
    fault::CaptureError,
    picture::{Chroma, Colour, Matrix, Picture, Plane},
};

/// Holds the decoder's own buffer, mapped for reading; nothing was copied.
pub struct Frame {
    pub at: FrameTime,
    video: gst_video::VideoFrame<gst_video::video_frame::Readable>,
    colour: Colour,
}

impl Frame {
    /// Strides and offsets come from the buffer's video meta, where the decoder put one.
    pub(super) fn new(sample: &gst::Sample, at: FrameTime) -> Result<Self, CaptureError> {
        let caps = sample
            .caps()
            .ok_or(CaptureError::Picture("it has no format"))?;
        let info = gst_video::VideoInfo::from_caps(caps)
            .ok()
            .ok_or(CaptureError::Picture("its format is not complete"))?;
        let buffer = sample
            .buffer_owned()
            .ok_or(CaptureError::Picture("it has no data"))?;
        let colour = colour(&info);
        let video = gst_video::VideoFrame::from_buffer_readable(buffer, &info)
            .ok()
            .ok_or(CaptureError::Picture("its memory cannot be mapped"))?;
        let frame = Self { at, video, colour };
        frame.planes()?;
        Ok(frame)
    }

    pub fn picture(&self) -> Picture<'_> {
        self.planes()
            .expect("checked when the frame was made, and immutable since")
    }

    fn planes(&self) -> Result<Picture<'_>, CaptureError> {
        let plane = |index: u32| {
            let data = self.video.plane_data(index).ok();
            let stride = self.video.plane_stride().get(index as usize).copied();
            let stride = stride.and_then(|stride| usize::try_from(stride).ok());
            data.zip(stride)
                .map(|(data, stride)| Plane { data, stride })
                .ok_or(CaptureError::Picture("a plane is missing"))
        };
        let chroma = match self.video.format() {
            gst_video::VideoFormat::I420 => Chroma::Planar {
                u: plane(1)?,
                v: plane(2)?,
            },
            gst_video::VideoFormat::Nv12 => Chroma::Interleaved(plane(1)?),
            _ => return Err(CaptureError::Picture("its format is neither I420 nor NV12")),
        };
        let size = (self.video.width() as usize, self.video.height() as usize);
        Picture::new(size, plane(0)?, chroma, self.colour)
            .ok_or(CaptureError::Picture("a plane is shorter than its rows"))
    }
}

fn colour(info: &gst_video::VideoInfo) -> Colour {
    let colorimetry = info.colorimetry();
    let matrix = match colorimetry.matrix() {
        gst_video::VideoColorMatrix::Bt709 => Matrix::Bt709,
        gst_video::VideoColorMatrix::Bt601 => Matrix::Bt601,
        // What decoders of untagged video assume.
        _ if info.height() < 720 => Matrix::Bt601,
        _ => Matrix::Bt709,
    };
    Colour {
        matrix,
        full_range: colorimetry.range() == gst_video::VideoColorRange::Range0_255,
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Frame({:?}, {}×{})",
            self.at,
            self.video.width(),
            self.video.height()
        )
    }
}
