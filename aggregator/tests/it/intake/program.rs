//! The program itself, as a child process.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;

pub(super) struct Program {
    child: Child,
    pub(super) grpc: String,
    pub(super) setup: Option<String>,
}

pub(super) fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aggregator"));
    command
        .args(arguments)
        .arg("--data")
        .arg(data)
        .env_remove("RUST_LOG");
    command
}

pub(super) fn serve(data: &Path) -> Command {
    let free = "127.0.0.1:0";
    command(
        data,
        &["serve", "--http", free, "--grpc", free, "--mqtt", free],
    )
}

/// Runs to its end.
pub(super) fn outcome(mut command: Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

impl Program {
    pub(super) fn start(data: &Path) -> Self {
        let mut child = serve(data)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut line = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
        let ready = line();
        assert_eq!(ready["ready"], true);
        let setup = line()["setup"].as_str().map(str::to_owned);
        Self {
            child,
            grpc: ready["grpc"].as_str().unwrap().to_owned(),
            setup,
        }
    }

    /// As when the power is cut, as far as a process can be.
    pub(super) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(super) fn terminate(mut self) -> Option<i32> {
        let killed = Command::new("kill")
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
        assert!(killed.success());
        self.child.wait().unwrap().code()
    }
}

#[test]
fn faults_are_one_clear_sentence_and_an_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::start(dir.path());
    assert!(
        program
            .setup
            .as_ref()
            .is_some_and(|link| link.contains("/setup#"))
    );

    let second = outcome(serve(dir.path()));
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains("another aggregator is serving it"));

    let other = tempfile::tempdir().unwrap();
    let taken = outcome(command(other.path(), &["serve", "--grpc", &program.grpc]));
    assert_eq!(taken.status.code(), Some(1));
    let stderr = text(&taken.stderr);
    assert!(
        stderr.contains("grpc") && stderr.contains(&program.grpc),
        "{stderr}"
    );

    std::fs::write(
        other.path().join("aggregator.toml"),
        "htp_listen = 1\ngrpc_listen = 2\n",
    )
    .unwrap();
    let bad = outcome(serve(other.path()));
    assert_eq!(bad.status.code(), Some(2));
    let stderr = text(&bad.stderr);
    assert!(stderr.contains("aggregator.toml:1:") && stderr.contains("aggregator.toml:2:"));

    let absent = outcome(command(other.path(), &["check"]));
    assert_eq!(absent.status.code(), Some(2), "the bad file is named first");
    std::fs::remove_file(other.path().join("aggregator.toml")).unwrap();
    let unknown = outcome(command(other.path(), &["serve", "--nonsense"]));
    assert_eq!(unknown.status.code(), Some(2));
    assert_eq!(program.terminate(), Some(0));
}

#[test]
fn tools_work_beside_the_running_centre() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::start(dir.path());
    let invite = outcome(command(dir.path(), &["invite", "gate"]));
    assert!(invite.status.success(), "{}", text(&invite.stderr));
    let code: proto::invite::Invite = text(&invite.stdout).trim().parse().unwrap();
    assert_eq!(code.grpc_address(), program.grpc);

    let bad = outcome(command(dir.path(), &["invite", "Not A Name"]));
    assert_eq!(bad.status.code(), Some(2));
    let token = outcome(command(dir.path(), &["token", "add", "dashboard"]));
    assert!(text(&token.stdout).starts_with("vong_"));
    let tokens = outcome(command(dir.path(), &["token", "list"]));
    assert!(text(&tokens.stdout).starts_with("dashboard\tservice\t"));
    let token = outcome(command(
        dir.path(),
        &["token", "add", "despatch", "--role", "operator"],
    ));
    assert!(token.status.success(), "{}", text(&token.stderr));
    let token = outcome(command(
        dir.path(),
        &["token", "add", "chief", "--role", "admin"],
    ));
    assert_eq!(token.status.code(), Some(2));
    let check = outcome(command(dir.path(), &["check"]));
    assert!(check.status.success(), "{}", text(&check.stdout));
    let found = text(&check.stdout);
    for certificate in [
        "own authority, sha256 ",
        "of the server, renewed at every start",
    ] {
        let line = found.lines().find(|line| line.contains(certificate));
        assert!(
            line.is_some_and(|line| line.contains(", until 20")),
            "{found}"
        );
    }

    let mut schema = Command::new(env!("CARGO_BIN_EXE_aggregator"));
    schema.args(["schema", "config"]);
    let schema = outcome(schema);
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert!(schema["properties"]["http_listen"].is_object());
    assert_eq!(program.terminate(), Some(0));
}
