//! Why there is no picture, in one sentence that a person can act on.

use gstreamer as gst;
use gstreamer::prelude::*;

/// Texts carry neither addresses nor credentials: they travel to the centre.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    #[error("GStreamer cannot start: {0}")]
    Init(String),
    #[error("the GStreamer element `{0}` is missing; run scripts/setup")]
    Element(&'static str),
    #[error("the file cannot be opened: {0}")]
    Open(String),
    #[error("the camera does not answer; check its address, its port and the network")]
    Connect,
    #[error("user name or password was refused")]
    Login,
    #[error("the camera has no stream at this path")]
    Path,
    #[error("this is not a video in a format that is known here")]
    Format,
    #[error("there is no video in it")]
    NoVideo,
    #[error("no decoder for its codec is installed: {0}")]
    Codec(String),
    #[error("no picture came for {0} s")]
    Stalled(u64),
    #[error("the stream ended")]
    Ended,
    #[error("a picture cannot be read: {0}")]
    Picture(&'static str),
    #[error("the stream broke: {0}")]
    Broken(String),
}

/// Sorts an error message of the pipeline.
pub(super) fn classify(
    message: &gst::message::Error,
    missing: Option<&str>,
    no_video: bool,
) -> CaptureError {
    let error = message.error();
    let text = error.message();
    let debug = message.debug().unwrap_or_default();
    if let Some(codec) = missing {
        return CaptureError::Codec(codec.to_owned());
    }
    match error.kind::<gst::ResourceError>() {
        Some(gst::ResourceError::NotAuthorized) => return CaptureError::Login,
        Some(gst::ResourceError::NotFound) if is_rtsp(message) => return CaptureError::Path,
        Some(
            gst::ResourceError::OpenRead
            | gst::ResourceError::OpenReadWrite
            | gst::ResourceError::OpenWrite
            | gst::ResourceError::NotFound,
        ) => {
            return if is_rtsp(message) {
                CaptureError::Connect
            } else {
                CaptureError::Open(text.to_owned())
            };
        }
        _ => {}
    }
    match error.kind::<gst::StreamError>() {
        // typefind on noise, decodebin on plain text
        Some(gst::StreamError::TypeNotFound | gst::StreamError::WrongType) => CaptureError::Format,
        // qtdemux on a file without an index
        Some(gst::StreamError::Demux | gst::StreamError::Failed)
            if text.contains("no playable") =>
        {
            CaptureError::Format
        }
        Some(gst::StreamError::CodecNotFound) => CaptureError::Codec(text.to_owned()),
        // "internal data stream error", because nobody takes the sound
        _ if no_video => CaptureError::NoVideo,
        _ if debug.contains("401") => CaptureError::Login,
        _ if debug.contains("404") => CaptureError::Path,
        _ => CaptureError::Broken(crate::capture::redact(text)),
    }
}

fn is_rtsp(message: &gst::message::Error) -> bool {
    let factory = message
        .src()
        .and_then(|src| src.downcast_ref::<gst::Element>())
        .and_then(gst::Element::factory);
    factory.is_some_and(|factory| factory.name() == "rtspsrc")
}
