//! The edge agent's program: flags, log, command, exit code.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use clap::Parser;
use edge_agent::cli::{Cli, execute};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    match execute(cli.command) {
        Ok(text) if text.is_empty() => ExitCode::SUCCESS,
        Ok(text) => match writeln!(std::io::stdout(), "{text}") {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever read the other end is gone.
            Err(_) => ExitCode::FAILURE,
        },
        Err(failure) => {
            let _nobody_reads = writeln!(std::io::stderr(), "edge-agent: {failure}");
            failure.exit_code()
        }
    }
}
