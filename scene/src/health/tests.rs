use super::*;
use crate::stage::at;

const STALL: i64 = 5_000_000;

/// Frames at these times, a tick every second, and what changed, by second.
fn run(frames: impl Iterator<Item = f64>, until: u32) -> Vec<(f64, Change)> {
    let mut watch = SignalWatch::new(STALL);
    let mut frames = frames.peekable();
    let mut changes = Vec::new();
    for second in 0..=until {
        let now = f64::from(second);
        while let Some(frame) = frames.next_if(|frame| *frame <= now) {
            changes.extend(watch.frame(at(frame)).map(|change| (frame, change)));
        }
        changes.extend(watch.tick(at(now)).map(|change| (now, change)));
    }
    changes
}

fn every(interval: f64, from: f64, to: f64) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(from), move |t| Some(t + interval)).take_while(move |t| *t < to)
}

#[test]
fn a_stall_is_seen_after_the_stall_time_and_a_return_after_a_second_of_frames() {
    let frames = every(0.25, 0.0, 20.0)
        .chain([30.0])
        .chain(every(0.25, 40.0, 50.0));
    let changes = run(frames, 50);
    assert_eq!(
        changes,
        [
            (
                1.0,
                Change::Live {
                    at: at(1.0),
                    lost_since: None
                }
            ),
            (
                25.0,
                Change::Lost {
                    since: at(19.75),
                    at: at(25.0)
                }
            ),
            // One frame at 30 s is not a picture.
            (
                41.0,
                Change::Live {
                    at: at(41.0),
                    lost_since: Some(at(19.75))
                }
            ),
        ]
    );
    let [first, lost, live] = [0, 1, 2].map(|i| changes[i].1.event());
    assert_eq!(
        (first.phase, lost.phase, live.phase),
        (Phase::End, Phase::Begin, Phase::End)
    );
    assert_eq!(lost.episode, live.episode);
    assert_eq!(
        (lost.rule.as_str(), lost.severity),
        ("camera", Severity::Minor)
    );
}

#[test]
fn a_camera_that_never_came_is_lost_too() {
    assert_eq!(
        run(std::iter::empty(), 20),
        [(
            5.0,
            Change::Lost {
                since: at(0.0),
                at: at(5.0)
            }
        )]
    );
}

#[test]
fn slow_frames_are_live() {
    let changes = run(every(4.0, 0.0, 100.0), 100);
    assert_eq!(
        changes,
        [(
            4.0,
            Change::Live {
                at: at(4.0),
                lost_since: None
            }
        )]
    );
}
