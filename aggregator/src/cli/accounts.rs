//! `aggregator user` and `aggregator token`

use std::io::{BufRead, IsTerminal, Read};

use clap::Subcommand;

use super::{DataArgs, Failure, failed, invite::ACTOR, output, say};
use crate::{
    api::auth::{Secret, hash_password},
    store::{Access, AccountError, Role, Store, Timestamp, UserRecord},
};

/// Longer is no password.
const PASSWORD_BYTES_MAX: u64 = 4096;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Add a person who may sign in.
    Add {
        /// As they sign in: 1 to 64 of a-z, 0-9, '.', '_' and '-'.
        name: String,
        /// What they may do: viewer, operator (acknowledges alerts), supervisor or admin.
        #[arg(long, value_parser = person_role)]
        role: Role,
        /// Read the password from standard input, its first line.
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        data: DataArgs,
    },
    /// List the people: name, role, since when.
    List {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Remove a person and end their sessions.
    Remove {
        /// As they sign in.
        name: String,
        #[command(flatten)]
        data: DataArgs,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token for a program, and print it; it is shown only now.
    Add {
        /// What it is for: 1 to 64 of a-z, 0-9, '.', '_' and '-'.
        name: String,
        /// What it may do: service (reads) or operator (acknowledges alerts too).
        #[arg(long, value_parser = program_role, default_value = "service")]
        role: Role,
        #[command(flatten)]
        data: DataArgs,
    },
    /// List the tokens: name, role, since when.
    List {
        #[command(flatten)]
        data: DataArgs,
    },
    /// Make a token worthless.
    Remove {
        /// What it was for.
        name: String,
        #[command(flatten)]
        data: DataArgs,
    },
}

pub(super) async fn user(command: UserCommand) -> Result<(), Failure> {
    let now = Timestamp::now();
    match command {
        UserCommand::Add {
            name,
            role,
            password_stdin,
            data,
        } => {
            let store = open(&data)?;
            let password = password(password_stdin)?;
            let password_hash =
                hash_password(&password).map_err(|error| Failure::Misused(error.to_string()))?;
            let user = UserRecord {
                name,
                role,
                password_hash,
            };
            store.add_user(ACTOR, user, now).await.map_err(account)?;
            store.close().await;
        }
        UserCommand::List { data } => {
            for user in open(&data)?.users().await.map_err(failed)? {
                let line = format!("{}\t{}\t{}", user.name, user.role.as_str(), user.created_at);
                say(&line).map_err(failed)?;
            }
        }
        UserCommand::Remove { name, data } => {
            let store = open(&data)?;
            store
                .remove_user(ACTOR, &name, now)
                .await
                .map_err(account)?;
            store.close().await;
        }
    }
    Ok(())
}

pub(super) async fn token(command: TokenCommand) -> Result<(), Failure> {
    let now = Timestamp::now();
    match command {
        TokenCommand::Add { name, role, data } => {
            let store = open(&data)?;
            let secret = Secret::generate_token().map_err(failed)?;
            let hash = secret.hash();
            store
                .add_token(ACTOR, &name, role, hash, now)
                .await
                .map_err(account)?;
            store.close().await;
            say(secret.text()).map_err(failed)?;
        }
        TokenCommand::List { data } => {
            for token in open(&data)?.tokens().await.map_err(failed)? {
                let line = format!(
                    "{}\t{}\t{}",
                    token.name,
                    token.role.as_str(),
                    token.created_at
                );
                say(&line).map_err(failed)?;
            }
        }
        TokenCommand::Remove { name, data } => {
            let store = open(&data)?;
            store
                .remove_token(ACTOR, &name, now)
                .await
                .map_err(account)?;
            store.close().await;
        }
    }
    Ok(())
}

fn open(data: &DataArgs) -> Result<Store, Failure> {
    Store::open(&data.data, Access::Tool).map_err(failed)
}

fn account(error: AccountError) -> Failure {
    match error {
        AccountError::BadName { .. } => Failure::Misused(error.to_string()),
        error => failed(error),
    }
}

fn person_role(text: &str) -> Result<Role, String> {
    match text.parse() {
        Ok(Role::Service) => Err("a person has no role service; make a token".to_owned()),
        Ok(role) => Ok(role),
        Err(_) => Err("use viewer, operator, supervisor or admin".to_owned()),
    }
}

fn program_role(text: &str) -> Result<Role, String> {
    match text.parse() {
        Ok(role @ (Role::Service | Role::Operator)) => Ok(role),
        _ => Err("use service or operator".to_owned()),
    }
}

fn password(from_stdin: bool) -> Result<String, Failure> {
    let input = std::io::stdin().lock();
    if !from_stdin && !input.is_terminal() {
        let text = "give --password-stdin to read the password from standard input";
        return Err(Failure::Misused(text.to_owned()));
    }
    if !from_stdin {
        output::prompt("password (shown as you type): ");
    }
    let mut line = String::new();
    input
        .take(PASSWORD_BYTES_MAX)
        .read_line(&mut line)
        .map_err(failed)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
