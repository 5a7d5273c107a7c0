//! A box: its folder of settings, its enrolment, its program.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};

use crate::process::{Program, command, program};

/// A folder with `agent.toml` and `cameras/`.
pub struct Roadside {
    pub folder: PathBuf,
}

impl Roadside {
    /// Writes the settings: `uplink` is `mqtt` or `grpc`.
    pub fn lay(folder: &Path, uplink: &str, model: &str) -> Result<Self> {
        fs::create_dir_all(folder.join("cameras"))?;
        let settings = format!(
            "uplink = \"{uplink}\"\nmetrics_listen = \"127.0.0.1:0\"\n\n[inference]\nmodel = \"{model}\"\n"
        );
        fs::write(folder.join("agent.toml"), settings)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// Writes a camera's file: the rules of `template` with another source.
    pub fn watch(&self, template: &Path, source: &str) -> Result<PathBuf> {
        let text =
            fs::read_to_string(template).with_context(|| format!("{}", template.display()))?;
        let mut camera: toml::Table = text.parse()?;
        camera.insert("source".into(), source.into());
        let id = camera
            .get("id")
            .and_then(toml::Value::as_str)
            .context("no id")?
            .to_owned();
        let file = self.folder.join("cameras").join(format!("{id}.toml"));
        fs::write(&file, toml::to_string(&camera)?)?;
        Ok(file)
    }

    pub fn enroll(&self, code: &str) -> Result<()> {
        let output = command("edge-agent")?
            .args(["enroll", code, "--config"])
            .arg(&self.folder)
            .output()?;
        let problem = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "edge-agent enroll: {problem}");
        Ok(())
    }

    pub fn start(&self) -> Result<Program> {
        let folder = self
            .folder
            .to_str()
            .context("the folder's path is not UTF-8")?;
        let log = self.folder.join("edge-agent.log");
        Program::start(
            "edge-agent",
            &program("edge-agent")?,
            &["run", "--config", folder],
            &log,
        )
    }
}
