//! Cameras that send something else than H.264 are watched like the others.

use anyhow::{Context, Result};
use serde_json::Value;
use testbed::camera::{CameraOptions, Codec};

use crate::{
    main_job::{ACTION_SECONDS, INTRUSION_LIMIT},
    world::World,
};

#[tokio::test]
async fn an_h265_camera_is_watched() -> Result<()> {
    somebody_on_the_lawn_is_seen(Codec::H265).await
}

#[tokio::test]
async fn an_mjpeg_camera_is_watched() -> Result<()> {
    somebody_on_the_lawn_is_seen(Codec::Mjpeg).await
}

/// The picture arrives whole and in the right colours, or the detector would not know a person in it.
async fn somebody_on_the_lawn_is_seen(codec: Codec) -> Result<()> {
    let options = CameraOptions {
        codec,
        from_seconds: ACTION_SECONDS,
        ..CameraOptions::default()
    };
    let world = World::start_with("grpc", &options).await?;
    let is_intrusion = |alert: &Value| alert["kind"] == "intrusion";
    world
        .wait(INTRUSION_LIMIT, "/api/v1/alerts?state=open", |alerts| {
            alerts.iter().any(is_intrusion)
        })
        .await
        .with_context(|| format!("{codec:?}"))?;
    // Its state is told every 10 s.
    let is_shown = |camera: &Value| {
        camera["state"] == "live" && camera["width"] == 768 && !camera["snapshot"].is_null()
    };
    world
        .wait(INTRUSION_LIMIT, "/api/v1/cameras", |cameras| {
            cameras.iter().any(is_shown)
        })
        .await?;
    Ok(())
}
