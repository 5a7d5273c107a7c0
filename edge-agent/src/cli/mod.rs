//! The command line.

mod analyze;
mod check;
mod enroll;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use crate::{config, failure::Failure};

/// Watches cameras and tells a centre what happened.
///
/// Exit codes: 0 all went well, 1 the work failed, 2 the command line or the configuration is
/// wrong. The log goes to stderr; RUST_LOG sets its level (default: info).
#[derive(Parser, Debug)]
#[command(name = "edge-agent", version, about)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Watch the cameras of a configuration folder until SIGTERM or Ctrl-C.
    Run(Folder),
    /// Analyse a video file with the pipeline that watches cameras.
    ///
    /// Every frame is decoded, and looked at when something moves, as fast as it goes; two runs give
    /// the same bytes of events and tracks.
    Analyze(AnalyzeArgs),
    /// Check a configuration folder, models included, and name every fault.
    Check(Folder),
    /// Trade a one-time invitation of the centre for this box's identity.
    Enroll(EnrollArgs),
    /// Print the JSON Schema of a configuration file.
    Schema { file: SchemaFile },
}

#[derive(clap::Args, Debug)]
pub struct Folder {
    /// Folder with agent.toml and cameras/*.toml.
    #[arg(long, value_name = "DIR")]
    pub config: PathBuf,
}

#[derive(clap::Args, Debug)]
pub struct EnrollArgs {
    /// What `aggregator invite` printed: `vong1.…`.
    pub code: String,
    /// Folder with agent.toml, whose `state_dir` will hold the identity.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub config: PathBuf,
}

#[derive(clap::Args, Debug)]
pub struct AnalyzeArgs {
    /// The video file.
    pub video: PathBuf,
    /// Camera file with rules; its `source` is not used. Without it: no rules.
    #[arg(long, value_name = "CAMERA.toml")]
    pub config: Option<PathBuf>,
    /// Events, one JSON object a line.
    #[arg(long, value_name = "OUT.jsonl")]
    pub events: Option<PathBuf>,
    /// Tracks in the format of MOTChallenge: frame, id, left, top, width, height, score, -1, -1, -1.
    #[arg(long, value_name = "OUT.txt")]
    pub tracks: Option<PathBuf>,
    /// What the run cost, as JSON.
    #[arg(long, value_name = "OUT.json")]
    pub stats: Option<PathBuf>,
    /// All that the detector reports from a score of 0.01 on, before tracking, one JSON object a
    /// line, boxes in pixels.
    #[arg(long, value_name = "OUT.jsonl")]
    pub detections: Option<PathBuf>,
    /// The video with tracks and rules drawn on it (H.264).
    #[arg(long, value_name = "OUT.mp4")]
    pub annotate: Option<PathBuf>,
    /// Model: the name of a manifest, or its file. Default: the camera file's, else the first
    /// of yolox-nano and centernet-mobilenetv3 whose weights are here.
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Follow these classes only.
    #[arg(long, value_name = "CLASS,…", value_delimiter = ',')]
    pub classes: Vec<String>,
    /// Let the detector look only when something moves, as with `[motion] enabled = true`.
    #[arg(long)]
    pub gate: bool,
    /// CPU threads of the decoder and of one inference.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub threads: u16,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaFile {
    /// agent.toml
    Agent,
    /// cameras/*.toml
    Camera,
}

/// Carries out `command`; what is to be printed on stdout is returned.
pub fn execute(command: Command) -> Result<String, Failure> {
    match command {
        Command::Run(folder) => crate::run::run(&folder.config).map(|()| String::new()),
        Command::Analyze(args) => analyze::execute(&args),
        Command::Check(folder) => check::execute(&folder.config),
        Command::Enroll(args) => enroll::execute(&args),
        Command::Schema { file } => {
            let schema = match file {
                SchemaFile::Agent => config::agent_schema(),
                SchemaFile::Camera => config::camera_schema(),
            };
            serde_json::to_string_pretty(&schema).map_err(Failure::work)
        }
    }
}
