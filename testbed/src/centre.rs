//! A centre of its own folder and free ports, and a person signed in to it.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::process::{Program, command, program};

const READY: Duration = Duration::from_secs(30);

/// Where the parts of a centre listen; port 0 takes a free one.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub http: String,
    pub grpc: String,
    pub mqtt: String,
}

impl Default for Addresses {
    fn default() -> Self {
        let free = "127.0.0.1:0".to_owned();
        Self {
            http: free.clone(),
            grpc: free.clone(),
            mqtt: free,
        }
    }
}

/// An `aggregator serve` with its data folder.
pub struct Centre {
    pub process: Program,
    pub addresses: Addresses,
    pub data: PathBuf,
}

impl Centre {
    pub fn start(data: &Path, addresses: &Addresses) -> Result<Self> {
        fs::create_dir_all(data)?;
        let folder = data
            .to_str()
            .context("the data folder's path is not UTF-8")?;
        let log = data.with_extension("log");
        let Addresses { http, grpc, mqtt } = addresses;
        let mut process = Program::start(
            "aggregator",
            &program("aggregator")?,
            &[
                "serve", "--data", folder, "--http", http, "--grpc", grpc, "--mqtt", mqtt,
            ],
            &log,
        )?;
        let line = process.wait_for_line(READY, |line| line.starts_with('{'))?;
        let ready: Value = serde_json::from_str(&line).context("the ready line is not JSON")?;
        let address = |key: &str| -> Result<String> {
            let value = ready[key]
                .as_str()
                .with_context(|| format!("no {key} in {line}"))?;
            Ok(value.to_owned())
        };
        let addresses = Addresses {
            http: address("http")?,
            grpc: address("grpc")?,
            mqtt: address("mqtt")?,
        };
        Ok(Self {
            process,
            addresses,
            data: data.to_owned(),
        })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.addresses.http)
    }

    /// Runs an administrator's command and returns what it printed.
    pub fn administer(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut child = command("aggregator")?
            .args(arguments)
            .arg("--data")
            .arg(&self.data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child
            .stdin
            .take()
            .context("no standard input")?
            .write_all(input.as_bytes())?;
        let output = child.wait_with_output()?;
        let problem = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "aggregator {}: {problem}",
            arguments.join(" ")
        );
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    pub fn invite(&self, agent: &str) -> Result<String> {
        let output = self.administer(&["invite", agent], "")?;
        let code = output
            .split_whitespace()
            .find(|word| word.starts_with("vong1."));
        Ok(code
            .with_context(|| format!("no code in {output:?}"))?
            .to_owned())
    }

    pub fn add_user(&self, name: &str, role: &str, password: &str) -> Result<()> {
        self.administer(
            &["user", "add", name, "--role", role, "--password-stdin"],
            password,
        )?;
        Ok(())
    }
}

/// A person signed in over REST.
pub struct Person {
    client: Client,
    base: String,
    csrf: String,
}

impl Person {
    pub async fn sign_in(base: &str, name: &str, password: &str) -> Result<Self> {
        let client = Client::builder().cookie_store(true).build()?;
        let reply = client
            .post(format!("{base}/api/v1/session"))
            .header("origin", base)
            .json(&json!({ "username": name, "password": password }))
            .send()
            .await?;
        ensure!(
            reply.status().is_success(),
            "sign-in refused: {}",
            reply.text().await?
        );
        let session: Value = reply.json().await?;
        let csrf = session["csrf"]
            .as_str()
            .context("no csrf token")?
            .to_owned();
        Ok(Self {
            client,
            base: base.to_owned(),
            csrf,
        })
    }

    pub async fn get(&self, path: &str) -> Result<Value> {
        let (status, body) = self.request(Method::GET, path, None).await?;
        if status.is_success() {
            Ok(body)
        } else {
            bail!("GET {path}: {status} {body}")
        }
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<(StatusCode, Value)> {
        self.request(Method::POST, path, Some(body)).await
    }

    /// The items of a list, newest first, up to the API's limit for one page.
    pub async fn items(&self, path: &str) -> Result<Vec<Value>> {
        let mut page = self.get(path).await?;
        match page["items"].take() {
            Value::Array(items) => Ok(items),
            other => bail!("GET {path}: no items, but {other}"),
        }
    }

    pub async fn bytes(&self, path: &str) -> Result<Vec<u8>> {
        let reply = self
            .client
            .get(format!("{}{path}", self.base))
            .send()
            .await?;
        ensure!(
            reply.status().is_success(),
            "GET {path}: {}",
            reply.status()
        );
        Ok(reply.bytes().await?.to_vec())
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        let mut request = self
            .client
            .request(method, format!("{}{path}", self.base))
            .header("x-csrf-token", &self.csrf)
            .header("origin", &self.base);
        if let Some(body) = body {
            request = request.json(body);
        }
        let reply = request.send().await?;
        let status = reply.status();
        let text = reply.text().await?;
        let body = if text.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&text)?
        };
        Ok((status, body))
    }
}
