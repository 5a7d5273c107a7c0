//! From an RTSP camera to an alert that a person acknowledges, over both carriers.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::world::{AGENT, CAMERA, World};

/// In the video someone walks on the lawn at 50.6 s, and people cross the line at 52.1 and 59.4 s.
pub(crate) const ACTION_SECONDS: u64 = 42;
pub(crate) const INTRUSION_LIMIT: Duration = Duration::from_secs(40);
const START_LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn people_are_counted_and_an_intrusion_is_acknowledged_over_mqtt() -> Result<()> {
    main_job("mqtt").await
}

#[tokio::test]
async fn people_are_counted_and_an_intrusion_is_acknowledged_over_grpc() -> Result<()> {
    main_job("grpc").await
}

async fn main_job(uplink: &str) -> Result<()> {
    let mut world = World::start_at(uplink, ACTION_SECONDS).await?;
    the_camera_is_shown(&world).await?;
    let alert = an_intrusion_is_raised(&world).await?;
    it_is_acknowledged_once(&world, &alert).await?;
    let ended = world.agent()?.stop()?;
    assert!(ended.success(), "the box ended with {ended}");
    Ok(())
}

async fn the_camera_is_shown(world: &World) -> Result<()> {
    let is_shown = |camera: &Value| camera["state"] == "live" && !camera["snapshot"].is_null();
    world
        .wait(START_LIMIT, "/api/v1/cameras", |cameras| {
            cameras.iter().any(is_shown)
        })
        .await?;
    let camera = world
        .camera_row()
        .await?
        .context("the camera is not listed")?;
    assert_eq!(
        (&camera["width"], &camera["height"]),
        (&json!(768), &json!(576))
    );
    let rules = camera["rules"].as_array().context("no rules")?;
    for kind in ["line", "zone", "intrusion"] {
        assert!(
            rules.iter().any(|rule| rule["kind"] == kind),
            "{kind} is missing: {rules:?}"
        );
    }
    let hash = camera["snapshot"]["sha256"]
        .as_str()
        .context("no picture")?;
    let picture = world
        .person
        .bytes(&format!("/api/v1/evidence/{hash}"))
        .await?;
    assert!(picture.starts_with(&[0xff, 0xd8]), "the picture is a JPEG");
    Ok(())
}

async fn an_intrusion_is_raised(world: &World) -> Result<Value> {
    let is_intrusion = |alert: &Value| alert["kind"] == "intrusion";
    let open = "/api/v1/alerts?state=open";
    let alerts = world
        .wait(INTRUSION_LIMIT, open, |alerts| {
            alerts.iter().any(is_intrusion)
        })
        .await?;
    let alert = alerts
        .into_iter()
        .find(is_intrusion)
        .context("no intrusion")?;
    assert_eq!(
        (&alert["agent"], &alert["camera"]),
        (&json!(AGENT), &json!(CAMERA))
    );
    let crossings = world
        .wait(
            START_LIMIT,
            "/api/v1/events?kind=line_crossed",
            |crossings| crossings.len() >= 2,
        )
        .await?;
    for crossing in &crossings {
        assert_eq!(crossing["objects"][0]["class"], "person");
    }
    Ok(alert)
}

async fn it_is_acknowledged_once(world: &World, alert: &Value) -> Result<()> {
    let path = format!(
        "/api/v1/alerts/{}/acknowledge",
        alert["id"].as_str().context("no id")?
    );
    let (status, acknowledged) = world
        .person
        .post(&path, &json!({ "note": "đã xem" }))
        .await?;
    assert!(status.is_success(), "{status} {acknowledged}");
    assert_eq!(acknowledged["acknowledged"]["by"], "operator");
    assert_eq!(acknowledged["acknowledged"]["note"], "đã xem");
    let (status, _) = world
        .person
        .post(&path, &json!({ "note": "lần nữa" }))
        .await?;
    assert_eq!(status.as_u16(), 409, "an alert is acknowledged once");
    Ok(())
}
