//! `scripts/demo` ends here: everything is installed and built.

use std::process::ExitCode;

use clap::Parser;
use testbed::demo;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match demo::run(&demo::Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        #[expect(clippy::print_stderr, reason = "what the demo says to a person")]
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}
