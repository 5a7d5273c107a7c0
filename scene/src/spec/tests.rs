#![expect(
    clippy::needless_raw_string_hashes,
    reason = "expect-test writes them when it updates"
)]

use expect_test::{Expect, expect};

use super::*;
use crate::stage::classes;

fn check(toml: &str, expect: Expect) {
    let spec: SceneSpec = toml::from_str(toml).unwrap();
    let lines: Vec<String> = match RuleSet::check(&spec, &classes()) {
        Ok(rules) => rules.shapes().map(|shape| format!("{shape:?}")).collect(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    };
    expect.assert_eq(&(lines.join("\n") + "\n"));
}

#[test]
fn defaults_are_those_of_the_reference() {
    let toml = r#"
        [[line]]
        name = "gate"
        points = [[0.5, 0.2], [0.5, 0.8]]
        [[zone]]
        name = "yard"
        label = "Sân"
        polygon = [[0, 0], [1, 0], [1, 1]]
        dwell_limit_seconds = 30
        [[intrusion]]
        name = "roof"
        polygon = [[0, 0], [1, 0], [1, 1]]
    "#;
    let spec: SceneSpec = toml::from_str(toml).unwrap();
    assert_eq!(spec.count_window_seconds, 60);
    assert_eq!(spec.line[0].severity, Severity::None);
    assert_eq!(
        (spec.zone[0].severity, spec.zone[0].settle_seconds),
        (Severity::Warning, 0.5)
    );
    let intrusion = &spec.intrusion[0];
    assert_eq!(
        (intrusion.severity, intrusion.after_seconds),
        (Severity::Major, 1.0)
    );
    check(
        toml,
        expect![[r#"
            Shape { rule: "gate", label: "gate", kind: Line, points: [Point { x: 0.5, y: 0.2 }, Point { x: 0.5, y: 0.8 }], dwell_limit_seconds: None }
            Shape { rule: "yard", label: "Sân", kind: Zone, points: [Point { x: 0.0, y: 0.0 }, Point { x: 1.0, y: 0.0 }, Point { x: 1.0, y: 1.0 }], dwell_limit_seconds: Some(30.0) }
            Shape { rule: "roof", label: "roof", kind: Intrusion, points: [Point { x: 0.0, y: 0.0 }, Point { x: 1.0, y: 0.0 }, Point { x: 1.0, y: 1.0 }], dwell_limit_seconds: None }
        "#]],
    );
}

/// A label goes to people's screens, and the wire takes none with a bell in it.
#[test]
fn a_label_has_no_control_characters() {
    check(
        r#"
        [[line]]
        name = "gate"
        label = "a\u0007b"
        points = [[0.5, 0.2], [0.5, 0.8]]
    "#,
        expect![["line[0].label: must not contain control characters\n"]],
    );
}

#[test]
fn all_faults_are_named_at_once() {
    check(
        r#"
        count_window_seconds = 0
        [tracker]
        score_low = 0.6
        lost_seconds = nan
        [[line]]
        name = "Gate 1"
        points = [[0.5, 0.2]]
        [[line]]
        name = "gate"
        points = [[0.5, 0.2], [0.5, 0.8], [0.5, 0.8]]
        classes = ["persn", "Bicycle", "elephant"]
        [[zone]]
        name = "gate"
        label = ""
        polygon = [[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]
        settle_seconds = -1
        dwell_limit_seconds = inf
        [[zone]]
        name = "camera"
        polygon = [[0.1, 0.1], [0.9, 0.9], [0.9, 1.1]]
        [[intrusion]]
        name = "roof"
        polygon = [[0.1, 0.1], [0.9, nan], [0.9, 0.1]]
        after_seconds = 3601
        "#,
        expect![[r#"
            count_window_seconds: is 0, needs a number from 1 to 86400
            tracker.score_low: is above score_high
            tracker.lost_seconds: is NaN, needs a number from 0 to 60
            line[0].points: has 1 points, needs at least 2
            line[0].name: needs 1 to 63 of a-z, 0-9, _ and -, starting with a letter or digit
            line[1].points[2]: is the same as the point before it; leave one out (a polygon closes by itself)
            line[1].classes[0]: unknown class "persn"; did you mean "person"?
            line[1].classes[1]: unknown class "Bicycle"; did you mean "bicycle"?
            line[1].classes[2]: unknown class "elephant"; the model has no such name
            zone[0].settle_seconds: is -1, needs a number from 0 to 60
            zone[0].dwell_limit_seconds: is inf, needs a number from 0.1 to 86400
            zone[0].polygon[0]: starts an edge that meets the edge from point 2; a zone may not cross itself
            zone[0].name: "gate" is the name of line[1] already
            zone[0].label: needs 1 to 200 characters
            zone[1].polygon[2]: lies outside the picture; both coordinates are fractions from 0 to 1
            zone[1].name: "camera" is reserved for the camera's own events
            intrusion[0].after_seconds: is 3601, needs a number from 0 to 3600
            intrusion[0].polygon[1]: lies outside the picture; both coordinates are fractions from 0 to 1
        "#]],
    );
}

#[test]
fn there_is_a_limit_to_rules() {
    let line = "[[line]]\nname = \"g\"\npoints = [[0, 0], [1, 1]]\n";
    check(
        &line.repeat(65),
        expect![[r#"
        line: 65 lines, zones and intrusions; at most 64
    "#]],
    );
}

#[test]
fn a_misspelt_key_is_refused() {
    let error = toml::from_str::<SceneSpec>("[[line]]\nname = \"g\"\npoint = []\n").unwrap_err();
    assert!(
        error.to_string().contains("unknown field `point`"),
        "{error}"
    );
}
