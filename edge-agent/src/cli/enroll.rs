//! `edge-agent enroll`.

use super::EnrollArgs;
use crate::{config::Config, failure::Failure, identity};

pub(super) fn execute(args: &EnrollArgs) -> Result<String, Failure> {
    let agent = Config::load_agent(&args.config).map_err(Failure::usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::work)?;
    let identity = runtime
        .block_on(identity::enroll(&args.code, &agent.state_dir))
        .map_err(Failure::work)?;
    Ok(format!("enrolled as {}", identity.agent))
}
