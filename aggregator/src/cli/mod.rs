//! What a person asks for on the command line.
//!
//! Exit codes: 0 done, 1 it could not be done, 2 it was asked for in a wrong way.

mod accounts;
mod check;
mod invite;
mod output;
mod serve;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{ConfigError, ConfigFile};

pub(crate) use output::say;

const GUIDE: &str = "\
A first start:
  aggregator serve --data data            # prints the addresses and a link for the first user
  aggregator invite gate-box --data data  # prints a code; on the box: edge-agent enroll CODE
";

/// The centre of Vọng: keeps every event, raises alerts, tells people and systems.
#[derive(Debug, Parser)]
#[command(name = "aggregator", version, after_help = GUIDE)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the centre until it is told to stop (SIGTERM or Ctrl-C).
    Serve(serve::ServeArgs),
    /// Look whether configuration, store, pictures and certificates are whole.
    Check(DataArgs),
    /// Print a one-time code for a new box, valid for 15 minutes; works while the centre runs.
    Invite(invite::InviteArgs),
    /// Add, list or remove people.
    User {
        #[command(subcommand)]
        command: accounts::UserCommand,
    },
    /// Add, list or remove tokens for programs.
    Token {
        #[command(subcommand)]
        command: accounts::TokenCommand,
    },
    /// Forbid a box to talk to the centre; within seconds, live connections included.
    Revoke(invite::RevokeArgs),
    /// Print a schema: of the REST API, or of aggregator.toml.
    Schema {
        /// Which one.
        what: Schema,
    },
}

/// Where the centre keeps everything.
#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// The data folder.
    #[arg(long, value_name = "DIR", env = "VONG_DATA", default_value = "data")]
    pub(crate) data: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Schema {
    /// OpenAPI, as JSON.
    Openapi,
    /// JSON Schema of aggregator.toml.
    Config,
}

/// Why a command was not done, as far as the exit code is concerned.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Exit code 1.
    Failed(String),
    /// Exit code 2.
    Misused(String),
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match error {
            ConfigError::Read { .. } => Self::Failed(error.to_string()),
            ConfigError::Faults { .. } | ConfigError::Address(_) => {
                Self::Misused(error.to_string())
            }
        }
    }
}

/// Turns any error of the library into exit code 1, with its text.
pub(crate) fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::Failed(error.to_string())
}

/// Does what the command line says.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing can be said where the terminal is gone.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match dispatch(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Failed(text)) => {
            output::complain(&text);
            ExitCode::FAILURE
        }
        Err(Failure::Misused(text)) => {
            output::complain(&text);
            ExitCode::from(2)
        }
    }
}

fn dispatch(command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no threads: {error}"))?;
    let done = runtime.block_on(async {
        match command {
            Command::Serve(arguments) => serve::run(arguments).await,
            Command::Check(arguments) => check::run(&arguments.data).await,
            Command::Invite(arguments) => invite::run(arguments).await,
            Command::User { command } => accounts::user(command).await,
            Command::Token { command } => accounts::token(command).await,
            Command::Revoke(arguments) => invite::revoke(arguments).await,
            Command::Schema { what } => schema(what),
        }
    });
    // A task that hangs must not keep the program from ending.
    runtime.shutdown_background();
    done
}

fn schema(what: Schema) -> Result<(), Failure> {
    let text = match what {
        Schema::Openapi => crate::api::http::openapi().map_err(failed)?,
        Schema::Config => {
            serde_json::to_string_pretty(&schemars::schema_for!(ConfigFile)).map_err(failed)?
        }
    };
    say(&text).map_err(failed)
}
