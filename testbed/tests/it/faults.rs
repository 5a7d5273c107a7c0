//! What a street does to a camera, a link and a machine; and what the centre must then say.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result};
use serde_json::Value;
use testbed::{
    camera::{Command, Fault},
    centre::Person,
};

use crate::world::{PASSWORD, World};

const SOON: Duration = Duration::from_secs(30);

async fn wait_for_state(world: &World, state: &str) -> Result<()> {
    let is_so = |cameras: &[Value]| cameras.iter().any(|camera| camera["state"] == state);
    world.wait(SOON, "/api/v1/cameras", is_so).await.map(|_| ())
}

fn is_signal_alert(alert: &Value, condition: &str) -> bool {
    alert["kind"] == "camera_signal" && alert["condition"] == condition
}

#[tokio::test]
async fn a_lost_camera_is_an_alert_and_unknown_until_it_is_back() -> Result<()> {
    let world = World::start("mqtt").await?;
    wait_for_state(&world, "live").await?;
    for fault in [Fault::Cut, Fault::Stall] {
        world.camera.obey(&Command::Fault(fault))?;
        let alerts = "/api/v1/alerts?state=all";
        world
            .wait(SOON, alerts, |alerts| {
                alerts.iter().any(|alert| is_signal_alert(alert, "active"))
            })
            .await
            .with_context(|| format!("{fault:?}"))?;
        let occupancy = "/api/v1/events?kind=zone_occupancy&limit=1";
        let newest = world.person.items(occupancy).await?;
        let value = newest.first().map(|event| &event["measures"]["occupancy"]);
        assert_eq!(
            value,
            Some(&Value::Null),
            "unseen is unknown, not zero: {newest:?}"
        );
        world.camera.obey(&Command::Fault(Fault::None))?;
        world
            .wait(SOON, alerts, |alerts| {
                alerts.iter().any(|alert| is_signal_alert(alert, "cleared"))
            })
            .await
            .with_context(|| format!("{fault:?} ended"))?;
    }
    Ok(())
}

#[tokio::test]
async fn a_new_resolution_does_not_end_the_watch() -> Result<()> {
    let world = World::start("grpc").await?;
    wait_for_state(&world, "live").await?;
    world.camera.obey(&Command::Resolution {
        width: 640,
        height: 360,
    })?;
    let is_new = |cameras: &[Value]| {
        cameras
            .iter()
            .any(|camera| camera["width"] == 640 && camera["height"] == 360)
    };
    world.wait(SOON, "/api/v1/cameras", is_new).await?;
    wait_for_state(&world, "live").await
}

#[tokio::test]
async fn a_changed_password_is_named_and_the_right_one_heals_it() -> Result<()> {
    let world = World::start("mqtt").await?;
    wait_for_state(&world, "live").await?;
    let credentials = Some(("camera".to_owned(), "s3cret-of-the-camera".to_owned()));
    world.camera.obey(&Command::Credentials(credentials))?;
    let is_named = |cameras: &[Value]| {
        cameras.iter().any(|camera| {
            camera["problem"]
                .as_str()
                .is_some_and(|problem| problem.contains("password"))
        })
    };
    world.wait(SOON, "/api/v1/cameras", is_named).await?;
    let with_password = world
        .camera
        .url()
        .replace("://", "://camera:s3cret-of-the-camera@");
    world
        .roadside
        .watch(&crate::world::rules(), &with_password)?;
    wait_for_state(&world, "live").await?;
    let log = std::fs::read_to_string(world.roadside.folder.join("edge-agent.log"))?;
    assert!(!log.contains("s3cret"), "a password is in the log");
    Ok(())
}

/// The outbox outlives its process and the centre outlives its own: nothing acknowledged is lost,
/// nothing is stored twice.
#[tokio::test]
async fn kills_lose_nothing_and_double_nothing() -> Result<()> {
    let mut world = World::start("mqtt").await?;
    wait_for_state(&world, "live").await?;
    let mut known: BTreeSet<String> = BTreeSet::new();
    for round in 0..3 {
        tokio::time::sleep(Duration::from_secs(6)).await;
        known.extend(event_ids(&world.person).await?);
        world.agent()?.kill()?;
        if round == 1 {
            let (data, addresses) = (world.centre.data.clone(), world.centre.addresses.clone());
            world.centre.process.kill()?;
            world.centre = testbed::centre::Centre::start(&data, &addresses)?;
            world.person = Person::sign_in(&world.centre.url(), "operator", PASSWORD).await?;
        }
        world.agent = Some(world.roadside.start()?);
        wait_for_state(&world, "live").await?;
    }
    let after = event_ids(&world.person).await?;
    let distinct: BTreeSet<&String> = after.iter().collect();
    assert_eq!(distinct.len(), after.len(), "an event is stored twice");
    let lost: Vec<&String> = known.iter().filter(|id| !distinct.contains(id)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(!known.is_empty(), "nothing happened before the first kill");
    Ok(())
}

async fn event_ids(person: &Person) -> Result<Vec<String>> {
    let events = person.items("/api/v1/events?limit=500").await?;
    let id = |event: &Value| event["id"].as_str().map(str::to_owned);
    events
        .iter()
        .map(|event| id(event).context("an event without an id"))
        .collect()
}

/// Everything stops, and the centre says so by itself.
#[tokio::test]
async fn a_silent_box_is_an_alert() -> Result<()> {
    let mut world = World::start("mqtt").await?;
    wait_for_state(&world, "live").await?;
    world.agent()?.signal(rustix::process::Signal::STOP)?;
    let limit = Duration::from_secs(40);
    world
        .wait(limit, "/api/v1/alerts?state=open", |alerts| {
            alerts.iter().any(|alert| alert["kind"] == "agent_silent")
        })
        .await?;
    let camera = world.camera_row().await?.context("no camera")?;
    assert_ne!(
        camera["state"], "live",
        "a silent box's camera is not shown as live"
    );
    world.agent()?.signal(rustix::process::Signal::CONT)?;
    world
        .wait(limit, "/api/v1/alerts?state=all", |alerts| {
            alerts
                .iter()
                .any(|alert| alert["kind"] == "agent_silent" && alert["condition"] == "cleared")
        })
        .await?;
    Ok(())
}

/// A zone edit is in force at once, without a new connection; a bad file changes nothing and is
/// named at the centre.
#[tokio::test]
async fn the_last_good_configuration_runs() -> Result<()> {
    let world = World::start("mqtt").await?;
    wait_for_state(&world, "live").await?;
    let file = world.roadside.folder.join("cameras/vtest.toml");
    let good = std::fs::read_to_string(&file)?;
    let mut camera: toml::Table = good.parse()?;
    let lines = camera
        .get_mut("line")
        .and_then(toml::Value::as_array_mut)
        .context("no line")?;
    lines[0]
        .as_table_mut()
        .context("a line")?
        .insert("label".into(), "Vạch mới".into());
    std::fs::write(&file, toml::to_string(&camera)?)?;
    let has_label = |cameras: &[Value]| {
        cameras
            .iter()
            .any(|camera| camera["rules"].to_string().contains("Vạch mới"))
    };
    world
        .wait(Duration::from_secs(5), "/api/v1/cameras", has_label)
        .await?;

    std::fs::write(&file, good.replace("points", "poynts"))?;
    let names_fault = |agents: &[Value]| {
        agents.iter().any(|agent| {
            agent["config_problem"]
                .as_str()
                .is_some_and(|problem| problem.contains("poynts"))
        })
    };
    world
        .wait(Duration::from_secs(15), "/api/v1/agents", names_fault)
        .await?;
    let before = world.camera_row().await?.context("no camera")?["frames_analysed"].clone();
    tokio::time::sleep(Duration::from_secs(11)).await;
    let after = world.camera_row().await?.context("no camera")?["frames_analysed"].clone();
    assert!(
        after.as_u64() > before.as_u64(),
        "it watches on: {before} {after}"
    );
    Ok(())
}
