//! The pages for operators name what the program has.

use std::collections::BTreeSet;

use aggregator::{
    config::{ConfigFile, Overrides, Settings},
    metrics::Metrics,
};

const CENTRE: &str = include_str!("../../../docs/operations/centre.md");

#[test]
fn every_setting_is_on_the_page_with_its_default() {
    let schema = serde_json::to_value(schemars::schema_for!(ConfigFile)).unwrap();
    let empty = tempfile::tempdir().unwrap();
    let settings = Settings::load(empty.path(), Overrides::default()).unwrap();
    for key in schema["properties"].as_object().unwrap().keys() {
        let default = match key.as_str() {
            "http_listen" => settings.http.to_string(),
            "grpc_listen" => settings.grpc.to_string(),
            "mqtt_listen" => settings.mqtt.to_string(),
            "public_names" => settings.public_names[0].clone(),
            new => panic!("{new}: say here what its default is, and on the page"),
        };
        let row = CENTRE
            .lines()
            .find(|line| line.starts_with(&format!("| `{key}` |")));
        let row = row.unwrap_or_else(|| panic!("{key} is not in the table of settings"));
        assert!(row.contains(&default), "{key}: {default} is not in {row}");
    }
}

#[test]
fn every_metric_and_kind_of_alert_is_on_the_page() {
    let metrics = Metrics::new().encode().unwrap();
    let named: BTreeSet<_> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    assert!(named.len() > 10, "{metrics}");
    for metric in named {
        assert!(CENTRE.contains(&format!("`{metric}`")), "{metric}");
    }
    for kind in [
        "intrusion",
        "dwell_exceeded",
        "line_crossed",
        "camera_signal",
        "agent_silent",
        "items_lost",
        "item_refused",
        "stream_fork",
    ] {
        assert!(CENTRE.contains(&format!("| `{kind}`")), "{kind}");
    }
}
