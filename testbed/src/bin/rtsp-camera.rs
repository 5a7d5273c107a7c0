//! `rtsp-camera VIDEO`: serves a video file as an RTSP camera and takes faults on standard input.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what this program says to a person"
)]

use std::{io::BufRead, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use testbed::camera::{Camera, CameraOptions, Codec};

/// A real RTSP camera made of a video file, looped at its own pace.
///
/// Commands on standard input, one a line: cut, stall, freeze, black, resume,
/// resolution WIDTHxHEIGHT, password USER PASSWORD, password. It ends with its input.
#[derive(Parser)]
struct Flags {
    /// Any file that GStreamer can decode.
    video: PathBuf,
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    #[arg(long, value_enum, default_value_t)]
    codec: Codec,
    /// Ask clients for this user name.
    #[arg(long, requires = "password")]
    user: Option<String>,
    #[arg(long, requires = "user")]
    password: Option<String>,
    /// Play once instead of looping.
    #[arg(long)]
    once: bool,
    /// Where in the video the first round begins.
    #[arg(long, default_value_t = 0)]
    from_seconds: u64,
}

fn main() -> ExitCode {
    match run(Flags::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rtsp-camera: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(flags: Flags) -> Result<()> {
    ensure!(
        flags.video.is_file(),
        "{} is not a file",
        flags.video.display()
    );
    let options = CameraOptions {
        port: flags.port,
        codec: flags.codec,
        credentials: flags.user.zip(flags.password),
        once: flags.once,
        from_seconds: flags.from_seconds,
    };
    let camera = Camera::start(&flags.video, &options)?;
    println!("{}", camera.url());
    for line in std::io::stdin().lock().lines() {
        let line = line.context("standard input cannot be read")?;
        if line.trim().is_empty() {
            continue;
        }
        match line.parse() {
            Ok(command) => camera.obey(&command)?,
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(())
}
