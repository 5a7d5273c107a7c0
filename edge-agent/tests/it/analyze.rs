//! `analyze` as a user calls it, on real video.
//!
//! The video is Debian's `opencv-doc` `vtest.avi`, as `scripts/fetch-video` puts it into the cache,
//! or the same frames in the folder of real data (`VONG_DATA`, else `shared/data` beside the
//! checkout). Without video, model or runtime the tests say so and pass.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::TempDir;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

pub(crate) fn cache() -> PathBuf {
    env::var_os("VONG_CACHE").map_or_else(|| root().join(".cache"), PathBuf::from)
}

pub(crate) fn data() -> PathBuf {
    let beside = || root().parent().unwrap().join("shared/data");
    env::var_os("VONG_DATA").map_or_else(beside, PathBuf::from)
}

/// The model can be loaded here.
fn is_equipped() -> bool {
    let weights = [
        cache().join("models/yolox-nano.onnx"),
        data().join("models/yolox_nano.onnx"),
    ];
    let runtime = env::var_os("ORT_DYLIB_PATH").is_some() || cache().join("onnxruntime").is_dir();
    runtime && weights.iter().any(|path| path.is_file())
}

pub(crate) fn video() -> Option<PathBuf> {
    let places = [
        cache().join("videos/vtest.avi"),
        data().join("videos/pets_vtest.mp4"),
    ];
    let found = places
        .into_iter()
        .find(|path| path.is_file())
        .filter(|_| is_equipped());
    if found.is_none() {
        println!("skipped: no vtest.avi, yolox-nano or ONNX Runtime here; run scripts/setup");
    }
    found
}

fn analyze(video: &Path, arguments: &[&str], out: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_edge-agent"))
        .current_dir(out)
        .env("VONG_MODELS", root().join("models"))
        .env("VONG_MODEL_DIR", data().join("models"))
        .env("VONG_CACHE", cache())
        .arg("analyze")
        .arg(video)
        .args(arguments)
        .output()
        .unwrap()
}

/// Events of `video` under the example's rules, and the tracks.
fn watch(video: &Path, out: &Path, more: &[&str]) -> (String, String) {
    let rules = root().join("edge-agent/examples/vtest.toml");
    let rules = rules.to_str().unwrap();
    let files = [
        "--events", "e.jsonl", "--tracks", "t.txt", "--stats", "s.json",
    ];
    let output = analyze(
        video,
        &[&["--config", rules][..], &files, more].concat(),
        out,
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    (read("e.jsonl"), read("t.txt"))
}

/// Passages of the line at x = 235 from y = 150 to y = 360, counted by hand: the published boxes of
/// PETS09-S2L1 (MOTChallenge; frame n is video frame n) give the passages of foot points, and each
/// was then looked at in the frames 0.6 s before to 0.6 s after. Seconds from the first frame; a
/// pedestrian who touches the line in the last 0.6 s is left out, either answer is right.
const TO_RIGHT: [f64; 8] = [17.8, 20.0, 24.4, 30.4, 52.1, 59.4, 67.2, 70.7];
const TO_LEFT: [f64; 6] = [30.6, 32.5, 65.1, 67.1, 70.9, 76.0];
/// After this the last passage may come.
const END: f64 = 78.0;
/// How long a body is over the line, and half a second.
const TOLERANCE: f64 = 0.7;

fn passages(events: &str, direction: &str) -> Vec<f64> {
    events
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|event| event["kind"] == "line_crossed" && event["direction"] == direction)
        .map(|event| event["captured_us"].as_f64().unwrap() / 1e6)
        .filter(|&seconds| seconds < END)
        .collect()
}

#[test]
fn passages_equal_the_count_by_hand_and_two_runs_are_the_same_to_the_byte() {
    let Some(video) = video() else { return };
    let stats = passages_equal_the_count_by_hand(&video, &[]);
    assert_eq!(stats["analysed"], 795);
    let stats = passages_equal_the_count_by_hand(&video, &["--gate"]);
    let count = |key: &str| stats[key].as_u64().unwrap();
    assert_eq!(count("analysed") + count("gated"), 795);
    assert!(count("analysed") <= 400, "{stats}");
}

fn passages_equal_the_count_by_hand(video: &Path, more: &[&str]) -> serde_json::Value {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (a, b) = std::thread::scope(|scope| {
        let other = scope.spawn(|| watch(video, second.path(), more));
        (watch(video, first.path(), more), other.join().unwrap())
    });
    assert!(a == b, "two runs differ");
    for (direction, expected) in [("to_right", &TO_RIGHT[..]), ("to_left", &TO_LEFT[..])] {
        let found = passages(&a.0, direction);
        let close = found.len() == expected.len()
            && found
                .iter()
                .zip(expected)
                .all(|(f, e)| (f - e).abs() <= TOLERANCE);
        assert!(close, "{direction}: {found:?}, by hand {expected:?}");
    }
    let count = |kind: &str, phase: &str| {
        let both = [
            format!("\"kind\":\"{kind}\""),
            format!("\"phase\":\"{phase}\""),
        ];
        a.0.lines()
            .filter(|line| both.iter().all(|part| line.contains(part.as_str())))
            .count()
    };
    assert_eq!(count("dwell_exceeded", "begin"), 1, "one loiterer");
    for line in a.1.lines() {
        assert_eq!(line.split(',').count(), 10, "{line}");
    }
    let stats = fs::read_to_string(first.path().join("s.json")).unwrap();
    let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
    assert_eq!(
        (&stats["frames"], &stats["decoded"]),
        (&795.into(), &795.into())
    );
    stats
}

#[test]
fn an_empty_room_whose_light_changes_costs_few_looks_and_is_no_event() {
    let video = data().join("videos/ir-empty-lightchange.mp4");
    if !video.is_file() || !is_equipped() {
        println!("skipped: no ir-empty-lightchange.mp4, yolox-nano or ONNX Runtime here");
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let read = |name: &str| fs::read_to_string(out.path().join(name)).unwrap();
    let looks = |more: &[&str]| {
        let files = [
            "--classes",
            "person,car",
            "--tracks",
            "t.txt",
            "--stats",
            "s.json",
        ];
        let output = analyze(&video, &[&files[..], more].concat(), out.path());
        assert!(output.status.success());
        assert_eq!(read("t.txt"), "");
        let stats: serde_json::Value = serde_json::from_str(&read("s.json")).unwrap();
        stats["analysed"].as_u64().unwrap()
    };
    assert_eq!(looks(&[]), 813);
    assert!(looks(&["--gate"]) <= 80, "{}", read("s.json"));
}

fn refusal(video: &Path, out: &TempDir) -> String {
    let output = analyze(video, &["--events", "e.jsonl"], out.path());
    assert_eq!(output.status.code(), Some(1));
    assert!(
        !out.path().join("e.jsonl").exists(),
        "no result of a file without pictures"
    );
    let text = String::from_utf8(output.stderr).unwrap();
    text.trim_end()
        .replace(&out.path().display().to_string(), "DIR")
}

#[test]
fn what_is_not_a_video_is_refused_in_one_sentence() {
    if !is_equipped() {
        println!("skipped: no yolox-nano or ONNX Runtime here; run scripts/setup");
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = out.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let empty = file("empty.mp4", "");
    let text = file("text.mp4", &"This is a letter, not a film.\n".repeat(100));
    let absent = out.path().join("absent.mp4");
    assert_eq!(
        [
            refusal(&empty, &out),
            refusal(&text, &out),
            refusal(&absent, &out)
        ],
        [
            "edge-agent: DIR/empty.mp4: the file cannot be opened: it is empty",
            "edge-agent: DIR/text.mp4: this is not a video in a format that is known here",
            "edge-agent: DIR/absent.mp4: the file cannot be opened: \
             No such file or directory (os error 2)",
        ]
    );
}

#[test]
fn a_misspelt_model_or_class_is_a_usage_fault() {
    if !is_equipped() {
        println!("skipped: no yolox-nano or ONNX Runtime here; run scripts/setup");
        return;
    }
    let out = tempfile::tempdir().unwrap();
    for (arguments, fault) in [
        (
            ["--model", "yolo-nano"],
            "there is no model manifest `yolo-nano.toml` in ",
        ),
        (
            ["--classes", "persn"],
            "--classes: `persn` is not a class of yolox-nano",
        ),
    ] {
        let output = analyze(Path::new("any.mp4"), &arguments, out.path());
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.code() == Some(2) && text.contains(fault),
            "{text}"
        );
    }
}
