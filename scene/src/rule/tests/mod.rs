mod blind;
mod cases;
mod laws;

use crate::{Detection, Event, stage};

const GATE: &str = r#"
[[line]]
name = "gate"
points = [[0.5, 0.1], [0.5, 0.9]]
"#;

/// The left half of the picture.
const YARD: &str = r#"
[[zone]]
name = "yard"
polygon = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
dwell_limit_seconds = 5
"#;

const ROOF: &str = r#"
[[intrusion]]
name = "roof"
polygon = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]
"#;

/// Runs a scene at 10 frames a second; `show` says what a time shows, `None` for no frame.
fn run(toml: &str, seconds: u32, show: impl Fn(f64) -> Option<Vec<Detection>>) -> Vec<Event> {
    let mut scene = stage::scene(toml);
    let mut events = Vec::new();
    for frame in 0..=seconds.saturating_mul(10) {
        let time = f64::from(frame) / 10.0;
        if let Some(detections) = show(time) {
            scene.step(stage::at(time), &detections, &mut events);
        }
        if frame % 10 == 0 {
            scene.tick(stage::at(time), &mut events);
        }
    }
    events
}

/// A person whose feet go through these (second, x), in the middle of the picture.
fn walk(time: f64, way: &[(f64, f64)]) -> Vec<Detection> {
    let legs = way
        .windows(2)
        .find(|leg| leg[0].0 <= time && time <= leg[1].0);
    let Some([(t0, x0), (t1, x1)]) = legs else {
        return Vec::new();
    };
    let x = x0 + (x1 - x0) * (time - t0) / (t1 - t0);
    vec![stage::person(x, 0.6, 0.3)]
}
