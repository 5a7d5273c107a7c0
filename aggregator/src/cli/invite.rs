//! `aggregator invite` and `aggregator revoke`

use clap::Args;
use proto::invite::Invite;
use rand::{TryRngCore, rngs::OsRng};

use super::{DataArgs, Failure, failed, say};
use crate::{
    identity::{Authority, INVITE_SECONDS, sha256},
    serve::Running,
    store::{Access, Store, Timestamp},
};

/// Who does what a tool does, in the audit.
pub(super) const ACTOR: &str = "cli";
/// As the wire has it.
const NAME_BYTES_MAX: usize = 63;

#[derive(Debug, Args)]
pub(crate) struct InviteArgs {
    /// The box's name from now on: 1 to 63 of a-z, 0-9, '_' and '-', starting with a letter or
    /// digit. A box that has this name already is replaced.
    #[arg(value_name = "NAME", value_parser = agent_name)]
    name: String,
    #[command(flatten)]
    data: DataArgs,
    /// Where the box reaches the centre's gRPC port; default: as the running centre says.
    #[arg(long, value_name = "HOST:PORT")]
    grpc_address: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// The box's name.
    #[arg(value_name = "NAME", value_parser = agent_name)]
    name: String,
    #[command(flatten)]
    data: DataArgs,
}

pub(super) async fn run(arguments: InviteArgs) -> Result<(), Failure> {
    let data = &arguments.data.data;
    let store = Store::open(data, Access::Tool).map_err(failed)?;
    let authority = Authority::load(data).map_err(failed)?;
    let address = match arguments.grpc_address {
        Some(address) => address,
        None => running_address(data)?,
    };
    let mut code = [0; 16];
    OsRng.try_fill_bytes(&mut code).map_err(failed)?;
    let invite = Invite::new(code, sha256(authority.certificate()), address)
        .map_err(|error| Failure::Misused(error.to_string()))?;
    let now = Timestamp::now();
    let expires = now.plus_seconds(INVITE_SECONDS);
    store
        .add_invite(ACTOR, &arguments.name, sha256(&code), now, expires)
        .await
        .map_err(failed)?;
    store.close().await;
    say(&invite.to_string()).map_err(failed)
}

pub(super) async fn revoke(arguments: RevokeArgs) -> Result<(), Failure> {
    let store = Store::open(&arguments.data.data, Access::Tool).map_err(failed)?;
    let known = store
        .revoke_agent(ACTOR, &arguments.name, Timestamp::now())
        .await
        .map_err(failed)?;
    store.close().await;
    if known {
        Ok(())
    } else {
        Err(format!("there is no box {:?}", arguments.name).into())
    }
}

fn running_address(data: &std::path::Path) -> Result<String, Failure> {
    let path = data.join("running.json");
    let text = std::fs::read_to_string(&path).map_err(|error| {
        format!(
            "{}: {error}; start the centre first, or give --grpc-address",
            path.display()
        )
    })?;
    let running: Running = serde_json::from_str(&text).map_err(|error| {
        format!(
            "{}: {error}; start the centre anew, or give --grpc-address",
            path.display()
        )
    })?;
    Ok(running.grpc_advertised)
}

fn agent_name(text: &str) -> Result<String, String> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let first = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if first && text.len() <= NAME_BYTES_MAX && text.chars().all(inner) {
        Ok(text.to_owned())
    } else {
        Err("use 1 to 63 of a-z, 0-9, '_' and '-', starting with a letter or digit".to_owned())
    }
}
