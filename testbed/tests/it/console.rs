//! The console in a real browser: what an operator sees and does.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::{
    main_job::{ACTION_SECONDS, INTRUSION_LIMIT},
    webdriver::Browser,
    world::{AGENT, CAMERA, PASSWORD, World},
};

/// Where the screenshots lie for a person to look at.
fn screens() -> Result<PathBuf> {
    let fallback = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(fallback, PathBuf::from);
    let folder = target.join("screens");
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

const PICTURE: &str = "img[src*='/api/v1/evidence/']";

#[tokio::test]
async fn an_operator_signs_in_sees_the_camera_and_acknowledges() -> Result<()> {
    let world = World::start_at("mqtt", ACTION_SECONDS).await?;
    let screens = screens()?;
    let browser = Browser::start(1440, 1000).await?;
    browser.open(&world.centre.url()).await?;
    browser
        .find("input[name=username]")
        .await?
        .write("operator")
        .await?;
    browser.find("#password").await?.write(PASSWORD).await?;
    browser.screenshot(&screens.join("sign-in.png")).await?;
    browser.find("form button.primary").await?.click().await?;
    the_camera_is_drawn(&browser).await?;

    // Events arrive by themselves; so does the alert.
    let is_intrusion = |alert: &Value| alert["kind"] == "intrusion";
    world
        .wait(INTRUSION_LIMIT, "/api/v1/alerts?state=open", |alerts| {
            alerts.iter().any(is_intrusion)
        })
        .await?;
    browser
        .wait_for_text("Xâm nhập", Duration::from_secs(10))
        .await?;
    browser.screenshot(&screens.join("now.png")).await?;
    browser
        .find("form.acknowledge button.primary")
        .await?
        .click()
        .await?;
    let is_acknowledged = |alert: &Value| !alert["acknowledged"].is_null();
    world
        .wait(
            Duration::from_secs(10),
            "/api/v1/alerts?state=all",
            |alerts| alerts.iter().any(is_acknowledged),
        )
        .await?;

    browser
        .open(&format!("{}/#/camera/{AGENT}/{CAMERA}", world.centre.url()))
        .await?;
    the_camera_is_drawn(&browser).await?;
    browser.screenshot(&screens.join("camera.png")).await?;
    let errors = browser.errors().await?;
    assert!(
        errors.iter().all(|error| error.contains("401")),
        "the page complained: {errors:?}"
    );
    Ok(())
}

/// The last picture, with the line and the zones over it.
async fn the_camera_is_drawn(browser: &Browser) -> Result<()> {
    browser.find(PICTURE).await?;
    let loaded = format!(
        "const image = document.querySelector(\"{PICTURE}\");\
         return image !== null && image.complete && image.naturalWidth > 0"
    );
    let deadline = Instant::now() + Duration::from_secs(10);
    while browser.script(&loaded).await? != Value::Bool(true) {
        ensure!(Instant::now() < deadline, "the picture did not load");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for shape in ["line", "zone", "intrusion"] {
        browser.find(&format!(".overlay .shape-{shape}")).await?;
    }
    Ok(())
}
