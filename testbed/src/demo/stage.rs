//! Sets the world up: camera, centre, box.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::Options;
use crate::{
    centre::{Addresses, Centre, Person},
    process::{Program, Usage, program, usage},
    roadside::Roadside,
};

const USER: &str = "demo";
const AGENT: &str = "box-demo";
const READY: Duration = Duration::from_secs(20);

pub(super) struct Stage {
    pub(super) person: Person,
    password: String,
    centre: Centre,
    agent: Program,
    camera: Option<Program>,
    source: String,
}

impl Stage {
    pub(super) async fn set(options: &Options) -> Result<Self> {
        let folder = &options.folder;
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
        }
        fs::create_dir_all(folder)?;
        let (camera, source) = open_camera(options, folder)?;
        let http = format!("127.0.0.1:{}", free_or_any(options.port));
        let addresses = Addresses {
            http,
            ..Addresses::default()
        };
        let centre = Centre::start(&folder.join("centre"), &addresses)?;
        let password = uuid::Uuid::new_v4().simple().to_string();
        centre.add_user(USER, "operator", &password)?;
        let roadside = Roadside::lay(&folder.join("box"), &options.uplink, &options.model)?;
        roadside.watch(&options.rules, &source)?;
        roadside.enroll(&centre.invite(AGENT)?)?;
        let agent = roadside.start()?;
        let person = Person::sign_in(&centre.url(), USER, &password).await?;
        let stage = Self {
            person,
            password,
            centre,
            agent,
            camera,
            source,
        };
        stage.wait_for_camera().await?;
        Ok(stage)
    }

    pub(super) fn welcome(&self) -> String {
        format!(
            "\n  camera   {}\n  console  {}/   sign in as {USER}, password {}\n",
            without_credentials(&self.source),
            self.centre.url(),
            self.password
        )
    }

    pub(super) fn check_alive(&mut self) -> Result<()> {
        let programs = [
            Some(&mut self.agent),
            Some(&mut self.centre.process),
            self.camera.as_mut(),
        ];
        for program in programs.into_iter().flatten() {
            if let Some(status) = program.ended() {
                bail!(
                    "{} ended with {status}{}",
                    program.name(),
                    program.last_words()
                );
            }
        }
        Ok(())
    }

    pub(super) async fn cameras(&self) -> Result<Vec<Value>> {
        self.person.items("/api/v1/cameras").await
    }

    pub(super) fn agent_usage(&self) -> Result<Usage> {
        usage(self.agent.id())
    }

    pub(super) fn centre_usage(&self) -> Result<Usage> {
        usage(self.centre.process.id())
    }

    pub(super) fn console(&self) -> String {
        self.centre.url()
    }

    pub(super) async fn status_line(&self, elapsed: Duration) -> Result<String> {
        let summary = self.person.get("/api/v1/summary").await?;
        let cameras = self.cameras().await?;
        let camera = cameras.first().unwrap_or(&Value::Null);
        let share = 100.0 * self.agent_usage()?.cpu_seconds / elapsed.as_secs_f64().max(0.1);
        Ok(format!(
            "{:>4} s  camera {}  {} frames analysed  agent {share:.0} % of a core  {} events  {} alerts open",
            elapsed.as_secs(),
            camera["state"].as_str().unwrap_or("unknown"),
            camera["frames_analysed"],
            summary["events_today"],
            summary["alerts_open"],
        ))
    }

    /// Ends everything in the order in which nothing is lost.
    pub(super) fn strike(&mut self) -> Result<()> {
        let ended = self.agent.stop()?;
        ensure!(
            ended.success(),
            "edge-agent ended with {ended}{}",
            self.agent.last_words()
        );
        let ended = self.centre.process.stop()?;
        ensure!(ended.success(), "aggregator ended with {ended}");
        if let Some(camera) = &mut self.camera {
            camera.kill()?;
        }
        Ok(())
    }

    async fn wait_for_camera(&self) -> Result<()> {
        let deadline = Instant::now() + READY;
        loop {
            let cameras = self.cameras().await?;
            if cameras.iter().any(|camera| camera["state"] == "live") {
                return Ok(());
            }
            if Instant::now() > deadline {
                let problem = cameras.first().map_or("no camera was announced", |camera| {
                    camera["problem"].as_str().unwrap_or("no picture came")
                });
                bail!(
                    "the camera is not live: {problem}{}",
                    self.agent.last_words()
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn open_camera(options: &Options, folder: &Path) -> Result<(Option<Program>, String)> {
    if let Some(url) = &options.camera {
        return Ok((None, url.clone()));
    }
    let video = options
        .video
        .as_ref()
        .context("no video: use scripts/demo, or --video FILE")?;
    ensure!(video.is_file(), "{} is not a file", video.display());
    let video = video.to_str().context("the video's path is not UTF-8")?;
    let log: PathBuf = folder.join("camera.log");
    let mut camera = Program::start("rtsp-camera", &program("rtsp-camera")?, &[video], &log)?;
    let url = camera.wait_for_line(READY, |line| line.starts_with("rtsp://"))?;
    Ok((Some(camera), url))
}

/// 0 where the port is taken, which lets the system choose.
fn free_or_any(port: u16) -> u16 {
    if TcpListener::bind(("127.0.0.1", port)).is_ok() {
        port
    } else {
        0
    }
}

fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}
