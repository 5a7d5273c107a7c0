//! The main job end to end: a camera, a centre, an enrolled box; watched, then summed up.
//!
//! ```text
//! stage (starts the world) ─▶ report (what the centre says it saw) ─▶ verdict by stage
//! ```

mod report;
mod stage;

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use report::Report;
use stage::Stage;

/// How often the status line changes.
const STATUS_PERIOD: Duration = Duration::from_secs(1);
/// Where nobody watches a terminal, a line now and then is enough.
const QUIET_STATUS_PERIODS: u32 = 5;

/// The main job by one command: a real RTSP camera, the centre, an enrolled box, live.
#[derive(clap::Parser, Clone, Debug)]
pub struct Options {
    /// End after so many seconds, with success only if every stage really worked.
    #[arg(long)]
    pub seconds: Option<u64>,
    /// A camera of your own instead of the video: rtsp://user:password@host/path
    #[arg(long, conflicts_with = "video")]
    pub camera: Option<String>,
    /// Another video file, served as a camera.
    #[arg(long, env = "VONG_DEMO_VIDEO")]
    pub video: Option<PathBuf>,
    /// How the box reaches the centre.
    #[arg(long, default_value = "mqtt", value_parser = ["mqtt", "grpc"])]
    pub uplink: String,
    /// A manifest of models/.
    #[arg(long, default_value = "yolox-nano")]
    pub model: String,
    /// Rules for the camera.
    #[arg(long, default_value = "edge-agent/examples/vtest.toml")]
    pub rules: PathBuf,
    /// Where the demo keeps its data; made anew at each start.
    #[arg(long, default_value = ".cache/demo")]
    pub folder: PathBuf,
    /// Port of the console; another is taken if it is in use.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// The built-in video: it is known what happens in it, so alerts are expected too.
    #[arg(long, hide = true)]
    pub known_video: bool,
}

/// Runs the demo. An error names the stage that did not work.
pub async fn run(options: &Options) -> Result<()> {
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    let mut stage = tokio::select! {
        stage = Stage::set(options) => stage?,
        _ = &mut interrupted => return Ok(()),
    };
    say(&stage.welcome());
    let started = Instant::now();
    let terminal = std::io::stdout().is_terminal();
    let mut ticks: u32 = 0;
    let report = loop {
        tokio::select! {
            () = tokio::time::sleep(STATUS_PERIOD) => {}
            _ = &mut interrupted => {
                say("");
                break Report::take(&stage, started.elapsed()).await?;
            }
        }
        stage.check_alive()?;
        ticks = ticks.wrapping_add(1);
        let elapsed = started.elapsed();
        let over = options
            .seconds
            .is_some_and(|seconds| elapsed.as_secs() >= seconds);
        if over || terminal || ticks.is_multiple_of(QUIET_STATUS_PERIODS) {
            show(&stage.status_line(elapsed).await?, terminal);
        }
        if over {
            say("");
            break Report::take(&stage, elapsed).await?;
        }
    };
    say(&report.to_string());
    std::fs::write(options.folder.join("summary.json"), report.to_json()?)?;
    stage.strike()?;
    let failures = report.failures(options);
    if options.seconds.is_some() && !failures.is_empty() {
        bail!("these stages did not work: {}", failures.join("; "));
    }
    Ok(())
}

fn show(line: &str, terminal: bool) {
    if terminal {
        let mut out = std::io::stdout();
        write!(out, "\r\x1b[2K{line}")
            .and_then(|()| out.flush())
            .ok();
    } else {
        say(line);
    }
}

#[expect(clippy::print_stdout, reason = "what the demo says to a person")]
fn say(text: &str) {
    println!("{text}");
}
