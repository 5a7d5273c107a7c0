//! A real RTSP camera: a video file, looped at its own pace, encoded live and served by
//! gst-rtsp-server, with the faults of a street on command.
//!
//! ```text
//! file ─▶ decode (paced) ─▶ Feed: fault applied ─▶ appsrc ─▶ scale ─▶ encode ─▶ RTSP clients
//! ```

mod fault;
mod feed;
mod server;
mod video;

use std::path::Path;

use anyhow::Result;

pub use fault::{Command, Fault, ParseCommandError};
use feed::Feed;
use server::Server;
use video::VideoLoop;

/// How the camera encodes what it sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Codec {
    #[default]
    H264,
    H265,
    Mjpeg,
}

#[derive(Clone, Debug, Default)]
pub struct CameraOptions {
    /// 0 takes a free port.
    pub port: u16,
    pub codec: Codec,
    /// User name and password asked from every client.
    pub credentials: Option<(String, String)>,
    /// Play once and end the stream, instead of looping.
    pub once: bool,
    /// Where in the video the first round begins.
    pub from_seconds: u64,
}

/// A running camera; it stops when dropped.
pub struct Camera {
    feed: Feed,
    server: Server,
    video: VideoLoop,
}

impl Camera {
    pub fn start(video: &Path, options: &CameraOptions) -> Result<Self> {
        gstreamer::init()?;
        let feed = Feed::default();
        let server = Server::start(&feed, options)?;
        let video = VideoLoop::start(video, feed.clone(), options)?;
        Ok(Self {
            feed,
            server,
            video,
        })
    }

    /// The address a client uses, without credentials.
    pub fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}/live", self.server.port())
    }

    pub fn obey(&self, command: &Command) -> Result<()> {
        match command {
            Command::Fault(fault) => {
                self.server.set_reachable(*fault != Fault::Cut);
                self.feed.set_fault(*fault);
            }
            Command::Resolution { width, height } => self.feed.set_size(*width, *height)?,
            Command::Credentials(credentials) => self.server.set_credentials(credentials.as_ref()),
        }
        Ok(())
    }

    /// How often the video has been played to its end.
    pub fn loops(&self) -> u64 {
        self.video.loops()
    }
}
