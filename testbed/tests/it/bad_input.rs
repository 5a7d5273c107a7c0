//! What a person or a stranger gets wrong: one clear sentence, a non-zero exit, nothing else harmed.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use anyhow::{Context, Result};
use testbed::{
    process::{command, program},
    roadside::Roadside,
};

use crate::world::{model, rules, video};

fn agent(arguments: &[&str]) -> Result<Output> {
    Ok(command("edge-agent")?.args(arguments).output()?)
}

/// The program failed, and its message holds every one of `words`.
#[track_caller]
fn check(output: &Output, words: &[&str]) {
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it should have failed: {message}");
    assert!(!message.contains("panicked"), "{message}");
    for word in words {
        assert!(message.contains(word), "{word:?} is missing in: {message}");
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("path")
}

#[test]
fn every_fault_of_a_camera_file_is_named_with_its_line() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let box_folder = folder.path().join("box");
    Roadside::lay(&box_folder, "none", &model())?;
    let camera = "id = \"cong\"\nname = \"Cổng\"\nsource = \"rtsp://127.0.0.1/live\"\n\n\
        [[line]]\nname = \"vach\"\npoints = [[0.5, 0.5]]\n\n\
        [[intrusion]]\nname = \"co\"\npolygon = [[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]\n\n\
        [[zone]]\nname = \"san\"\npolygon = [[0.1, 0.1], [1.9, 0.1], [0.5, 0.9]]\n";
    fs::write(box_folder.join("cameras/cong.toml"), camera)?;
    let output = agent(&["check", "--config", text(&box_folder)?])?;
    check(
        &output,
        &[
            "cong.toml:7",
            "cong.toml:11",
            "cong.toml:15",
            "cross itself",
        ],
    );
    fs::write(
        box_folder.join("cameras/cong.toml"),
        camera.replace("points", "poitns"),
    )?;
    let output = agent(&["check", "--config", text(&box_folder)?])?;
    check(&output, &["cong.toml:7", "poitns"]);
    Ok(())
}

#[test]
fn a_missing_or_wrong_model_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let out = |name: &str| folder.path().join(name).display().to_string();
    let video = video()?;
    let analyze = |model: &str| {
        let (events, tracks, stats) = (out("e"), out("t"), out("s"));
        let files = ["--events", &events, "--tracks", &tracks, "--stats", &stats];
        agent(
            &[
                &[
                    "analyze",
                    video.to_str().unwrap_or_default(),
                    "--model",
                    model,
                ],
                &files[..],
            ]
            .concat(),
        )
    };
    check(&analyze("no-such-model")?, &["no-such-model"]);
    Ok(())
}

#[test]
fn what_is_not_a_video_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let out = |name: &str| folder.path().join(name).display().to_string();
    let not_a_video = out("page.mp4");
    fs::write(&not_a_video, "<html>no video here</html>")?;
    for path in [not_a_video, out("absent.mp4")] {
        let (events, tracks, stats) = (out("e"), out("t"), out("s"));
        let files = ["--events", &events, "--tracks", &tracks, "--stats", &stats];
        let model = model();
        let output = agent(&[&["analyze", &path, "--model", &model], &files[..]].concat())?;
        check(&output, &[&path]);
    }
    Ok(())
}

#[test]
fn a_code_that_is_none_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let roadside = Roadside::lay(&folder.path().join("box"), "mqtt", &model())?;
    roadside.watch(&rules(), "rtsp://127.0.0.1:9/live")?;
    let output = agent(&["enroll", "vong1.AAAA", "--config", text(&roadside.folder)?])?;
    check(&output, &["invitation"]);
    Ok(())
}

#[test]
fn a_port_in_use_and_a_folder_that_cannot_be_written_are_named() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let free = "127.0.0.1:0";
    let serve = |data: &Path, http: &str| -> Result<Output> {
        let data = text(data)?.to_owned();
        let flags = [
            "serve", "--data", &data, "--http", http, "--grpc", free, "--mqtt", free,
        ];
        Ok(Command::new("timeout")
            .arg("20")
            .arg(program("aggregator")?)
            .args(flags)
            .output()?)
    };
    check(&serve(&data, &address)?, &[&address, "in use"]);
    let file = folder.path().join("file");
    fs::write(&file, "not a folder")?;
    check(&serve(&file, free)?, &[text(&file)?]);
    let read_only = folder.path().join("read-only");
    fs::create_dir(&read_only)?;
    let mounted = Command::new("mount")
        .args([
            "-t",
            "tmpfs",
            "-o",
            "ro,size=1m",
            "tmpfs",
            text(&read_only)?,
        ])
        .status()?;
    if mounted.success() {
        let output = serve(&read_only, free);
        Command::new("umount").arg(&read_only).status()?;
        check(&output?, &[text(&read_only)?, "ead-only"]);
    }
    Ok(())
}

#[tokio::test]
async fn malformed_requests_get_a_4xx_and_harm_nothing() -> Result<()> {
    let world = crate::world::World::lay("mqtt").await?;
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()?;
    let base = world.centre.url();
    let session = format!("{base}/api/v1/session");
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let long = format!("{{\"username\":\"{}\"}}", "x".repeat(1 << 20));
    for body in ["", "{", "null", "[]", "{\"username\":1}", &deep, &long] {
        let request = client
            .post(&session)
            .header("content-type", "application/json");
        let reply = request.body(body.to_owned()).send().await?;
        let shown: String = body.chars().take(20).collect();
        assert!(
            reply.status().is_client_error(),
            "{shown:?}: {}",
            reply.status()
        );
    }
    let bad_paths = [
        "/api/v1/evidence/..%2f..%2fetc%2fpasswd",
        "/api/v1/events?limit=-1",
        "/api/v1/events?before=nonsense",
        "/api/v1/alerts/nonsense",
        "/api/v1/nothing-here",
    ];
    for path in bad_paths {
        let error = world
            .person
            .get(path)
            .await
            .err()
            .map(|error| error.to_string());
        assert!(
            error.as_ref().is_some_and(|error| error.contains(": 4")),
            "{path}: {error:?}"
        );
    }
    world.person.get("/api/v1/summary").await?;
    Ok(())
}
