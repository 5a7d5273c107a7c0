//! Debian's Chromium, driven over the W3C WebDriver protocol.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::process::Program;

/// The key of an element reference (W3C WebDriver §11).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
const START_LIMIT: Duration = Duration::from_secs(30);
const FIND_LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Browser {
    client: Client,
    session: String,
    _driver: Program,
    _folder: TempDir,
}

impl Browser {
    pub(crate) async fn start(width: u32, height: u32) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("chromedriver.log");
        let program = Path::new("/usr/bin/chromedriver");
        let mut driver = Program::start("chromedriver", program, &["--port=0"], &log)?;
        let started = "started successfully on port ";
        let line = driver.wait_for_line(START_LIMIT, |line| line.contains(started))?;
        let (_, port) = line.split_once(started).context("no port")?;
        let base = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
        let profile = folder.path().join("profile");
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--no-first-run".to_owned(),
            "--lang=vi".to_owned(),
            format!("--window-size={width},{height}"),
            format!("--user-data-dir={}", profile.display()),
        ];
        let capabilities = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": { "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        } } });
        let client = Client::new();
        let reply: Value = client
            .post(format!("{base}/session"))
            .json(&capabilities)
            .send()
            .await?
            .json()
            .await?;
        let id = reply["value"]["sessionId"]
            .as_str()
            .with_context(|| reply.to_string())?;
        let session = format!("{base}/session/{id}");
        Ok(Self {
            client,
            session,
            _driver: driver,
            _folder: folder,
        })
    }

    pub(crate) async fn open(&self, url: &str) -> Result<()> {
        self.call(Method::POST, "url", json!({ "url": url }))
            .await
            .map(|_| ())
    }

    /// The first element that the CSS selector finds, waited for.
    pub(crate) async fn find(&self, selector: &str) -> Result<Element<'_>> {
        let deadline = Instant::now() + FIND_LIMIT;
        let query = json!({ "using": "css selector", "value": selector });
        loop {
            match self.call(Method::POST, "element", query.clone()).await {
                Ok(found) => {
                    let id = found[ELEMENT]
                        .as_str()
                        .context("no element reference")?
                        .to_owned();
                    return Ok(Element { browser: self, id });
                }
                Err(error) if Instant::now() > deadline => {
                    let page = self.text().await.unwrap_or_default();
                    return Err(error.context(format!("{selector} not found on:\n{page}")));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// What a person reads on the page.
    pub(crate) async fn text(&self) -> Result<String> {
        let script = "return document.body.innerText";
        let text = self.script(script).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    pub(crate) async fn wait_for_text(&self, wanted: &str, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            let text = self.text().await?;
            if text.contains(wanted) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{wanted:?} did not appear on:\n{text}");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(crate) async fn script(&self, script: &str) -> Result<Value> {
        self.call(
            Method::POST,
            "execute/sync",
            json!({ "script": script, "args": [] }),
        )
        .await
    }

    pub(crate) async fn screenshot(&self, file: &Path) -> Result<()> {
        let image = self.call(Method::GET, "screenshot", Value::Null).await?;
        let png = BASE64_STANDARD.decode(image.as_str().context("no picture")?)?;
        std::fs::write(file, png).with_context(|| format!("{}", file.display()))
    }

    /// What the page wrote to the console as errors.
    pub(crate) async fn errors(&self) -> Result<Vec<String>> {
        let entries = self
            .call(Method::POST, "se/log", json!({ "type": "browser" }))
            .await?;
        let entries = entries.as_array().cloned().unwrap_or_default();
        let severe = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        Ok(severe.map(|entry| entry["message"].to_string()).collect())
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> Result<Value> {
        let request = self
            .client
            .request(method, format!("{}/{path}", self.session));
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        let reply = request.send().await?;
        let good = reply.status().is_success();
        let mut reply: Value = reply.json().await?;
        ensure!(good, "{path}: {}", reply["value"]["message"]);
        Ok(reply["value"].take())
    }
}

pub(crate) struct Element<'a> {
    browser: &'a Browser,
    id: String,
}

impl Element<'_> {
    pub(crate) async fn click(&self) -> Result<()> {
        let path = format!("element/{}/click", self.id);
        self.browser
            .call(Method::POST, &path, json!({}))
            .await
            .map(|_| ())
    }

    pub(crate) async fn write(&self, text: &str) -> Result<()> {
        let path = format!("element/{}/value", self.id);
        self.browser
            .call(Method::POST, &path, json!({ "text": text }))
            .await
            .map(|_| ())
    }
}
