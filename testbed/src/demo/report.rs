//! What the centre says it saw, as a person reads it.

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Context, Result};
use serde::Serialize;
use serde_json::Value;

use super::{Options, stage::Stage};

/// Pages of events read for the summary; more would only repeat its picture.
const PAGES_MAX: usize = 100;
const PAGE_ITEMS: usize = 500;
/// In the built-in video someone walks on the lawn at 50.6 s.
const ALERT_EXPECTED_SECONDS: u64 = 60;

#[derive(Debug, Serialize)]
pub(super) struct Report {
    seconds: f64,
    camera_state: String,
    frames_decoded: u64,
    frames_analysed: u64,
    agent_cpu_percent_of_a_core: f64,
    agent_resident_mib: u64,
    centre_cpu_percent_of_a_core: f64,
    centre_resident_mib: u64,
    events_by_kind: BTreeMap<String, usize>,
    alerts: usize,
    latency_ms: Option<Latency>,
    agents_online: u64,
    picture_bytes: usize,
    console: String,
    console_served: bool,
}

/// From the capture of the deciding frame to the commit at the centre.
#[derive(Clone, Copy, Debug, Serialize)]
struct Latency {
    p50: f64,
    p99: f64,
}

impl Report {
    pub(super) async fn take(stage: &Stage, elapsed: Duration) -> Result<Self> {
        let person = &stage.person;
        let cameras = stage.cameras().await?;
        let camera = cameras.first().context("the centre knows no camera")?;
        let summary = person.get("/api/v1/summary").await?;
        let events = all_events(stage).await?;
        let mut events_by_kind = BTreeMap::new();
        for event in &events {
            let kind = event["kind"].as_str().unwrap_or("?").to_owned();
            *events_by_kind.entry(kind).or_insert(0) += 1;
        }
        let picture_bytes = match camera["snapshot"]["sha256"].as_str() {
            Some(hash) => person
                .bytes(&format!("/api/v1/evidence/{hash}"))
                .await?
                .len(),
            None => 0,
        };
        let page = person.bytes("/").await?;
        let seconds = elapsed.as_secs_f64();
        let (agent, centre) = (stage.agent_usage()?, stage.centre_usage()?);
        Ok(Self {
            seconds,
            camera_state: camera["state"].as_str().unwrap_or("unknown").to_owned(),
            frames_decoded: camera["frames_decoded"].as_u64().unwrap_or(0),
            frames_analysed: camera["frames_analysed"].as_u64().unwrap_or(0),
            agent_cpu_percent_of_a_core: 100.0 * agent.cpu_seconds / seconds,
            agent_resident_mib: agent.resident_bytes >> 20,
            centre_cpu_percent_of_a_core: 100.0 * centre.cpu_seconds / seconds,
            centre_resident_mib: centre.resident_bytes >> 20,
            alerts: person
                .items("/api/v1/alerts?state=all&limit=500")
                .await?
                .len(),
            latency_ms: latency(&events)?,
            events_by_kind,
            agents_online: summary["agents_online"].as_u64().unwrap_or(0),
            picture_bytes,
            console: stage.console(),
            console_served: String::from_utf8_lossy(&page).contains("<script"),
        })
    }

    pub(super) fn to_json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    /// The stages that did not work, each with what was missing.
    pub(super) fn failures(&self, options: &Options) -> Vec<String> {
        let expects_alert = options.known_video && options.seconds >= Some(ALERT_EXPECTED_SECONDS);
        let stages = [
            (self.camera_state == "live", "camera (no live picture)"),
            (self.frames_decoded > 0, "capture (no frame decoded)"),
            (self.frames_analysed > 0, "vision (no frame analysed)"),
            (
                self.agents_online > 0,
                "uplink (the box is not online at the centre)",
            ),
            (!self.events_by_kind.is_empty(), "store (no event stored)"),
            (
                self.picture_bytes > 0,
                "evidence (no picture at the centre)",
            ),
            (
                self.alerts > 0 || !expects_alert,
                "alerting (no alert raised)",
            ),
            (self.console_served, "console (the page is not served)"),
        ];
        stages
            .iter()
            .filter(|(worked, _)| !worked)
            .map(|(_, name)| (*name).to_owned())
            .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "In {:.0} s", self.seconds)?;
        writeln!(
            f,
            "  frames    {} decoded, {} analysed",
            self.frames_decoded, self.frames_analysed
        )?;
        writeln!(
            f,
            "  CPU       box {:.1} % of a core, {} MiB; centre {:.1} % of a core, {} MiB",
            self.agent_cpu_percent_of_a_core,
            self.agent_resident_mib,
            self.centre_cpu_percent_of_a_core,
            self.centre_resident_mib
        )?;
        let kinds: Vec<String> = self
            .events_by_kind
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        writeln!(
            f,
            "  events    {}",
            if kinds.is_empty() {
                "none".into()
            } else {
                kinds.join(", ")
            }
        )?;
        writeln!(f, "  alerts    {}", self.alerts)?;
        match self.latency_ms {
            Some(Latency { p50, p99 }) => {
                writeln!(
                    f,
                    "  latency   p50 {p50:.0} ms, p99 {p99:.0} ms from capture to stored"
                )?;
            }
            None => writeln!(f, "  latency   unknown, nothing was stored")?,
        }
        write!(f, "  console   {}/", self.console)
    }
}

async fn all_events(stage: &Stage) -> Result<Vec<Value>> {
    let mut events = Vec::new();
    let mut path = format!("/api/v1/events?limit={PAGE_ITEMS}");
    for _ in 0..PAGES_MAX {
        let mut page = stage.person.get(&path).await?;
        if let Value::Array(items) = page["items"].take() {
            events.extend(items);
        }
        match page["next"].as_str() {
            Some(next) => path = format!("/api/v1/events?limit={PAGE_ITEMS}&before={next}"),
            None => break,
        }
    }
    Ok(events)
}

/// Of what happened in front of the camera; a count's window ends when nothing happens.
fn latency(events: &[Value]) -> Result<Option<Latency>> {
    let mut milliseconds = Vec::new();
    for event in events.iter().filter(|event| event["kind"] != "line_count") {
        let time = |key: &str| -> Result<jiff::Timestamp> {
            Ok(event[key]
                .as_str()
                .with_context(|| format!("an event without {key}"))?
                .parse()?)
        };
        let span = time("stored_at")?.duration_since(time("captured_at")?);
        milliseconds.push(span.as_secs_f64() * 1e3);
    }
    milliseconds.sort_by(f64::total_cmp);
    let Some(last) = milliseconds.len().checked_sub(1) else {
        return Ok(None);
    };
    let rank = |hundredths: usize| milliseconds.get(last * hundredths / 100).copied();
    Ok(rank(50)
        .zip(rank(99))
        .map(|(p50, p99)| Latency { p50, p99 }))
}
