//! Faults of a configuration: all at once, each with its line.

use std::{fs, path::Path};

use edge_agent::config::Config;
use expect_test::{Expect, expect};
use serde_json::Value;
use tempfile::TempDir;

/// A configuration folder whose models are those of the repository, with stand-ins for weights:
/// they are looked for here, and read only when a camera starts.
fn folder(agent: &str, cameras: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("cameras")).unwrap();
    fs::create_dir_all(dir.path().join("weights")).unwrap();
    fs::write(dir.path().join("weights/yolox-nano.onnx"), "stand-in").unwrap();
    fs::write(dir.path().join("agent.toml"), agent).unwrap();
    for (name, text) in cameras {
        fs::write(dir.path().join("cameras").join(name), text).unwrap();
    }
    dir
}

fn with_models(rest: &str) -> String {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    format!(
        "{rest}\n[inference]\nmodel_dirs = ['{}', 'weights']\n",
        models.display()
    )
}

fn check(dir: &TempDir, expected: Expect) {
    let error = Config::load(dir.path())
        .map(|_| ())
        .unwrap_err()
        .to_string();
    expected.assert_eq(&error.replace(&dir.path().display().to_string(), "DIR"));
}

const GOOD: &str = "id = 'gate'\nsource = 'rtsp://10.0.0.7/1'\n";

#[test]
fn the_shortest_configuration_is_good() {
    let dir = folder(&with_models(""), &[("gate.toml", GOOD)]);
    let config = Config::load(dir.path()).unwrap();
    assert_eq!(config.cameras.len(), 1);
    assert_eq!(config.cameras[0].name, "gate");
    assert_eq!(config.agent.state_dir, dir.path().join("state"));
    assert_eq!(config.version.len(), 16);
}

#[test]
fn the_example_is_good() {
    let text = include_str!("../../examples/vtest.toml");
    let dir = folder(&with_models(""), &[("vtest.toml", text)]);
    let config = Config::load(dir.path()).unwrap();
    let names: Vec<_> = config.cameras[0]
        .rules
        .shapes()
        .map(|shape| shape.rule)
        .collect();
    assert_eq!(names, ["foot-path", "plaza", "lawn"]);
}

#[test]
fn every_fault_of_a_camera_is_named_at_once() {
    let camera = r#"id = "Cổng"
nmae = "gate"
source = "http://admin:secret@10.0.0.7/1"
classes = ["person", "persn"]
snapshot_seconds = 0.5

[[line]]
name = "door"
points = [[0.1, 0.5]]

[[line]]
name = "road"
points = [[0.1, 0.5], [1.4, 0.5]]

[[zone]]
name = "bow"
polygon = [[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
dwell_limit_seconds = "long"

[[intrusion]]
polygon = [[0.0, 0.0], [1.0, 1.0], [1.0, 0.0]]

[motion]
sensitivity = 2
looks_per_second_max = 0
mask = [[[0.0, 0.0], [0.5, 0.5]]]
"#;
    let dir = folder(&with_models(""), &[("gate.toml", camera)]);
    check(
        &dir,
        expect![[r#"
            DIR/cameras/gate.toml:1: id: `Cổng` must have 1 to 63 small letters, digits, `-` or `_`, and begin with a letter or digit
            DIR/cameras/gate.toml:2: unknown field `nmae`, expected one of `id`, `name`, `source`, `model`, `classes`, `snapshot_seconds`, `count_window_seconds`, `line`, `zone`, `intrusion`, `tracker`, `motion`
            DIR/cameras/gate.toml:3: source: has the scheme `http://`, which is not supported; use rtsp://, rtsps:// or the path of a video file
            DIR/cameras/gate.toml:4: classes[1]: `persn` is not a class of the model yolox-nano
            DIR/cameras/gate.toml:5: snapshot_seconds: is 0.5, must be 0 or 1 to 86400
            DIR/cameras/gate.toml:9: line[0].points: has 1 points, needs at least 2
            DIR/cameras/gate.toml:13: line[1].points[1]: lies outside the picture; both coordinates are fractions from 0 to 1
            DIR/cameras/gate.toml:17: zone[0].polygon[0]: starts an edge that meets the edge from point 2; a zone may not cross itself
            DIR/cameras/gate.toml:18: invalid type: string "long", expected f64
            DIR/cameras/gate.toml:20: missing field `name`
            DIR/cameras/gate.toml:24: motion.sensitivity: is 2, must be 0 to 1
            DIR/cameras/gate.toml:25: motion.looks_per_second_max: is 0, must be 1 to 60
            DIR/cameras/gate.toml:26: motion.mask[0]: has 2 points, needs at least 3"#]],
    );
}

#[test]
fn faults_of_all_files_come_together() {
    let agent = "uplink = 'pigeon'\nmetrics_listen = 'here'\n[outbox]\nbytes_max = 5\n";
    let dir = folder(
        agent,
        &[
            ("a.toml", "id = 'a'\nid = 'b'\n"),
            ("b.toml", "source = [\n"),
        ],
    );
    check(
        &dir,
        expect![[r"
        DIR/agent.toml:1: unknown variant `pigeon`, expected one of `mqtt`, `grpc`, `none`
        DIR/agent.toml:2: metrics_listen: `here` is not an address with a port, such as 127.0.0.1:9464
        DIR/agent.toml:4: outbox.bytes_max: is 5, must be at least 1048576
        DIR/cameras/a.toml:2: duplicate key
        DIR/cameras/b.toml:1: unclosed array, expected `]`"]],
    );
}

#[test]
fn a_broker_that_cannot_be_is_named_before_the_box_stands_there_mute() {
    for (agent, fault) in [
        (
            "[mqtt]\naddress = 'centre'\n",
            "agent.toml:2: mqtt.address: \"centre\" is not host:port",
        ),
        (
            "[mqtt]\naddress = '10.0.0.1:1883'\ntls = false\n",
            "agent.toml:3: mqtt.tls: only a broker on this machine",
        ),
        (
            "[mqtt]\ntls = false\n",
            "agent.toml:2: mqtt.tls: needs `address`",
        ),
        (
            "uplink = 'none'\nfallback = 'grpc'\n",
            "agent.toml:2: fallback: is of no use",
        ),
    ] {
        let error = Config::load(folder(agent, &[]).path())
            .map(|_| ())
            .unwrap_err();
        assert!(error.to_string().contains(fault), "{error}");
    }
}

#[test]
fn a_label_with_a_control_character_is_refused() {
    let line =
        "[[line]]\nname = 'door'\nlabel = \"a\\u001bb\"\npoints = [[0.1, 0.5], [0.4, 0.5]]\n";
    let dir = folder(&with_models(""), &[("a.toml", &format!("{GOOD}{line}"))]);
    check(
        &dir,
        expect!["DIR/cameras/a.toml:5: line[0].label: must not contain control characters"],
    );
}

/// It is no box without cameras: one that runs would give up all it has.
#[test]
fn a_cameras_folder_that_is_gone_is_a_fault() {
    let dir = folder(&with_models(""), &[("a.toml", GOOD)]);
    fs::rename(dir.path().join("cameras"), dir.path().join("camera")).unwrap();
    check(
        &dir,
        expect!["DIR/cameras: cannot be read: No such file or directory (os error 2)"],
    );
}

#[test]
fn a_high_score_alone_takes_the_score_of_new_tracks_with_it() {
    let camera = format!("{GOOD}[tracker]\nscore_high = 0.7\n");
    let dir = folder(&with_models(""), &[("a.toml", &camera)]);
    assert!(Config::load(dir.path()).is_ok());
}

#[test]
fn two_cameras_cannot_have_one_id() {
    let dir = folder(&with_models(""), &[("a.toml", GOOD), ("b.toml", GOOD)]);
    check(
        &dir,
        expect!["DIR/cameras/b.toml:1: id: `gate` is already the id in DIR/cameras/a.toml"],
    );
}

#[test]
fn a_model_that_is_not_there_is_named() {
    let dir = folder(
        "[inference]\nmodel_dirs = ['weights']\n",
        &[("a.toml", "id = 'a'\nsource = 'a.mp4'\nmodel = 'nothing'\n")],
    );
    let error = Config::load(dir.path())
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("a.toml:3: model: there is no model manifest `nothing.toml` in "),
        "{error}"
    );
}

#[test]
fn a_missing_folder_is_named() {
    let dir = tempfile::tempdir().unwrap();
    check(
        &dir,
        expect![[r"
            DIR/agent.toml: cannot be read: No such file or directory (os error 2)
            DIR/cameras: cannot be read: No such file or directory (os error 2)"]],
    );
}

#[test]
fn a_password_is_never_in_a_message() {
    let camera = "id = 'a'\nsource = 'a.mp4'\nsnapshot_seconds = 'rtsp://admin:secret@h/1'\n";
    let dir = folder(&with_models(""), &[("a.toml", camera)]);
    let error = Config::load(dir.path())
        .map(|_| ())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("a.toml:3:") && !error.contains("secret"),
        "{error}"
    );
}

/// Every key that `properties` of a schema names, tables opened, as the reference writes it.
fn keys(schema: &Value, root: &Value, prefix: &str, found: &mut Vec<(String, Value)>) {
    let resolved = |schema: &Value| -> Value {
        let target = schema["$ref"].as_str().or(schema["items"]["$ref"].as_str());
        let definition = target.and_then(|path| root.pointer(path.trim_start_matches('#')));
        definition.unwrap_or(schema).clone()
    };
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let (path, inner) = (format!("{prefix}{key}"), resolved(property));
        if inner["properties"].is_object() {
            keys(&inner, root, &format!("{path}."), found);
        } else {
            found.push((path, property["default"].clone()));
        }
    }
}

#[test]
fn every_key_and_its_default_is_in_the_reference() {
    let reference = include_str!("../../../docs/operations/box.md");
    let mut found = Vec::new();
    for schema in [
        edge_agent::config::agent_schema(),
        edge_agent::config::camera_schema(),
    ] {
        keys(&schema, &schema, "", &mut found);
    }
    assert!(found.len() > 30, "{found:?}");
    for (key, default) in found {
        let row = reference
            .lines()
            .find(|line| line.starts_with(&format!("| `{key}` |")));
        let row = row.unwrap_or_else(|| panic!("`{key}` has no row in docs/operations/box.md"));
        let written = match &default {
            Value::Bool(value) => value.to_string(),
            Value::String(value) => value.clone(),
            // Scores are kept in single precision.
            Value::Number(value) => ((value.as_f64().unwrap() * 1e6).round() / 1e6).to_string(),
            _ => continue,
        };
        let column = row.rsplit('|').nth(1).unwrap();
        assert!(
            column.contains(&format!("`{written}`")),
            "`{key}`: the default is {written}, docs/operations/box.md says{column}"
        );
    }
}
