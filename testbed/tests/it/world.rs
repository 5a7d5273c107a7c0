//! A camera, a centre and a box of their own, in a temporary folder and on free ports.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;
use testbed::{
    camera::{Camera, CameraOptions},
    centre::{Addresses, Centre, Person},
    process::Program,
    roadside::Roadside,
};

pub(crate) const PASSWORD: &str = "một mật khẩu đủ dài";
pub(crate) const AGENT: &str = "box-test";
pub(crate) const CAMERA: &str = "vtest";

/// Dropped in this order: the box first, so that it does not complain of what goes before it.
pub(crate) struct World {
    pub(crate) agent: Option<Program>,
    pub(crate) centre: Centre,
    pub(crate) camera: Camera,
    pub(crate) roadside: Roadside,
    pub(crate) person: Person,
    _folder: TempDir,
}

impl World {
    /// Everything enrolled and running.
    pub(crate) async fn start(uplink: &str) -> Result<Self> {
        Self::start_at(uplink, 0).await
    }

    /// The same, with the video from there on.
    pub(crate) async fn start_at(uplink: &str, from_seconds: u64) -> Result<Self> {
        let options = CameraOptions {
            from_seconds,
            ..CameraOptions::default()
        };
        Self::start_with(uplink, &options).await
    }

    /// The same, with a camera of another kind.
    pub(crate) async fn start_with(uplink: &str, options: &CameraOptions) -> Result<Self> {
        let mut world = Self::lay_with(uplink, options).await?;
        world.agent = Some(world.roadside.start()?);
        Ok(world)
    }

    /// Everything but the box's program.
    pub(crate) async fn lay(uplink: &str) -> Result<Self> {
        Self::lay_with(uplink, &CameraOptions::default()).await
    }

    async fn lay_with(uplink: &str, options: &CameraOptions) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let camera = Camera::start(&video()?, options)?;
        let centre = Centre::start(&folder.path().join("centre"), &Addresses::default())?;
        centre.add_user("operator", "operator", PASSWORD)?;
        let roadside = Roadside::lay(&folder.path().join("box"), uplink, &model())?;
        roadside.watch(&rules(), &camera.url())?;
        roadside.enroll(&centre.invite(AGENT)?)?;
        let person = Person::sign_in(&centre.url(), "operator", PASSWORD).await?;
        Ok(Self {
            agent: None,
            centre,
            camera,
            roadside,
            person,
            _folder: folder,
        })
    }

    pub(crate) fn agent(&mut self) -> Result<&mut Program> {
        self.agent.as_mut().context("the box does not run")
    }

    pub(crate) async fn camera_row(&self) -> Result<Option<Value>> {
        let cameras = self.person.items("/api/v1/cameras").await?;
        Ok(cameras.into_iter().find(|camera| camera["id"] == CAMERA))
    }

    /// Asks again and again, until `wanted` accepts what the centre lists at `path`.
    pub(crate) async fn wait(
        &self,
        limit: Duration,
        path: &str,
        wanted: impl Fn(&[Value]) -> bool,
    ) -> Result<Vec<Value>> {
        let deadline = Instant::now() + limit;
        loop {
            let items = self.person.items(path).await?;
            if wanted(&items) {
                return Ok(items);
            }
            if Instant::now() > deadline {
                let words = self
                    .agent
                    .as_ref()
                    .map_or(String::new(), Program::last_words);
                bail!(
                    "not so after {limit:?}: {path} is {}{words}",
                    Value::Array(items)
                );
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The pedestrian video that `scripts/fetch-video` gets.
pub(crate) fn video() -> Result<PathBuf> {
    let fallback = || root().join(".cache/videos/vtest.avi");
    let path = std::env::var_os("VONG_TEST_VIDEO").map_or_else(fallback, PathBuf::from);
    if path.is_file() {
        Ok(path)
    } else {
        bail!("no {}: run scripts/fetch-video", path.display())
    }
}

pub(crate) fn rules() -> PathBuf {
    root().join("edge-agent/examples/vtest.toml")
}

/// The model at hand, as `scripts/fetch-model --default` chooses it.
pub(crate) fn model() -> String {
    let nano = root().join(".cache/models/yolox-nano.onnx");
    let name = if nano.is_file() {
        "yolox-nano"
    } else {
        "centernet-mobilenetv3"
    };
    std::env::var("VONG_TEST_MODEL").unwrap_or_else(|_| name.to_owned())
}
