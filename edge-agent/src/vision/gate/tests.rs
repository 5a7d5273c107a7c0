//! Small films of brightness, ten frames a second.

use proptest::prelude::*;
use scene::{Class, track::TrackState};

use super::*;
use crate::capture::picture::{Chroma, Colour, Matrix, Plane};

const WIDTH: usize = 192;
const HEIGHT: usize = 144;
const FRAME_MICROS: i64 = 100_000;

fn settings() -> Settings {
    Settings {
        is_enabled: true,
        sensitivity: 0.5,
        masks: Vec::new(),
        looks_per_second_max: 5.0,
    }
}

/// Splitmix64 (Steele, Lea, Flood, OOPSLA 2014).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Roughly Gaussian, of standard deviation `sigma`: the sum of twelve even ones.
    fn noise(&mut self, sigma: f32) -> f32 {
        let sum: u64 = (0..12).map(|_| self.next() % 1024).sum();
        (i16::try_from(sum).map_or(0.0, f32::from) / 1024.0 - 6.0) * sigma
    }
}

/// A camera whose picture is a slope of brightness, to be painted on.
struct Camera {
    gate: Gate,
    dice: Dice,
    frame: i64,
    luma: Vec<u8>,
    sigma: f32,
    gain: f32,
    /// What a look finds, and the tracks after it.
    tracks: Vec<Track>,
}

impl Camera {
    fn new(settings: Settings) -> Self {
        Self {
            gate: Gate::new(settings),
            dice: Dice(7),
            frame: 0,
            luma: Vec::new(),
            sigma: 3.0,
            gain: 1.0,
            tracks: Vec::new(),
        }
    }

    /// Shows a frame with bright blocks (left, top, width, height in pixels, brightness).
    fn show(&mut self, blocks: &[(usize, usize, usize, usize, f32)]) -> Decision {
        self.frame += 1;
        let (dice, gain, sigma) = (&mut self.dice, self.gain, self.sigma);
        self.luma.clear();
        for i in 0..WIDTH * HEIGHT {
            let (x, y) = (i % WIDTH, i / WIDTH);
            let slope = 40.0 + u8::try_from(x / 2).map_or(0.0, f32::from);
            let block = blocks.iter().find(|(left, top, width, height, _)| {
                (*left..left + width).contains(&x) && (*top..top + height).contains(&y)
            });
            let base = block.map_or(slope, |block| block.4);
            let value = (base * gain + dice.noise(sigma)).clamp(0.0, 255.0);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "clamped"
            )]
            self.luma.push(value as u8);
        }
        let plane = |data, stride| Plane { data, stride };
        let chroma = Chroma::Interleaved(plane(&self.luma, WIDTH));
        let colour = Colour {
            matrix: Matrix::Bt601,
            full_range: true,
        };
        let picture =
            Picture::new((WIDTH, HEIGHT), plane(&self.luma, WIDTH), chroma, colour).unwrap();
        let at = FrameTime::from_micros(self.frame * FRAME_MICROS);
        let decision = self.gate.decide(at, &picture, &self.tracks, &self.tracks);
        if matches!(decision, Decision::Look(_)) {
            self.gate.looked(at, &self.tracks, &[], 0.4);
        }
        decision
    }

    fn looks(&mut self, frames: usize, blocks: &[(usize, usize, usize, usize, f32)]) -> usize {
        let shown = (0..frames).map(|_| self.show(blocks));
        shown.filter(|d| matches!(d, Decision::Look(_))).count()
    }
}

/// A camera that has learned its empty picture.
fn settled() -> Camera {
    let mut camera = Camera::new(settings());
    camera.looks(30, &[]);
    camera
}

#[test]
fn while_it_learns_the_detector_looks_and_then_noise_is_no_motion() {
    let mut camera = Camera::new(settings());
    assert_eq!(camera.show(&[]), Decision::Look(LookReason::Learning));
    assert!(4 <= camera.looks(10, &[]), "not blind in the first second");
    // At night a camera turns its gain up; that is got used to within five seconds.
    for sigma in [3.0, 3.0, 8.0] {
        camera.sigma = sigma;
        camera.looks(50, &[]);
        assert!(
            camera.looks(70, &[]) <= 1,
            "one check at most, at σ {sigma}"
        );
    }
}

#[test]
fn a_person_who_walks_in_is_looked_at_within_two_frames() {
    let mut camera = settled();
    let first = (0..2).map(|i| camera.show(&[(10 + 8 * i, 60, 10, 30, 200.0)]));
    let first: Vec<_> = first.collect();
    assert!(
        first.contains(&Decision::Look(LookReason::Motion)),
        "{first:?}"
    );
}

#[test]
fn a_light_step_is_no_motion_and_the_detector_looks_until_it_is_learned() {
    // The exposure halves: nothing at all.
    let mut camera = settled();
    camera.gain = 0.6;
    assert!(camera.looks(30, &[]) <= 1);
    // A lamp lights up most of the picture: another picture, learned within a second.
    let lamp = [(0, 0, 150, HEIGHT, 220.0)];
    let before = camera.show(&lamp);
    assert!(matches!(before, Decision::Look(_) | Decision::Wait));
    assert!(4 <= camera.looks(11, &lamp), "not blind meanwhile");
    assert!(camera.looks(40, &lamp) <= 1, "learned after a second");
}

#[test]
fn a_key_frame_pulse_is_no_motion() {
    let mut camera = settled();
    let pulse: Vec<_> = (0..8)
        .map(|i| {
            (
                i * 24,
                30,
                12,
                60,
                50.0 + 12.0 * f32::from(u8::try_from(i).unwrap()),
            )
        })
        .collect();
    let mut looks = 0;
    for _ in 0..10 {
        looks += camera.looks(1, &pulse);
        looks += camera.looks(19, &[]);
    }
    // Twenty seconds: two checks, no more.
    assert!(looks <= 3, "{looks}");
}

#[test]
fn a_slow_object_is_seen_all_the_way() {
    let mut camera = settled();
    // Two pixels a second, a tenth of its own width.
    for second in 0..20 {
        let looks = camera.looks(10, &[(20 + 2 * second, 60, 20, 40, 180.0)]);
        assert!(1 <= looks || 5 < second, "second {second}");
    }
}

#[test]
fn what_is_parked_becomes_background_and_a_track_is_checked_every_two_seconds() {
    let mut camera = settled();
    let car = [(60, 60, 40, 30, 190.0)];
    assert!(3 <= camera.looks(50, &car), "looked at when it came");
    assert!(camera.looks(100, &car) <= 1, "then a check in ten seconds");
    // The same, followed.
    let bbox = BBox::new(0.31, 0.41, 0.21, 0.21).unwrap();
    camera.tracks.push(Track {
        id: 1,
        class: Class(2),
        score: 0.8,
        first_seen: FrameTime::from_micros(0),
        first_bbox: bbox,
        bbox,
        state: TrackState::Seen,
    });
    let looks = camera.looks(100, &car);
    assert!((5..=6).contains(&looks), "{looks}");
    // Somebody walks elsewhere: the track is no reason not to look.
    assert!(1 <= camera.looks(2, &[car[0], (10, 10, 10, 30, 220.0)]));
}

#[test]
fn a_tree_in_the_wind_is_got_used_to_and_a_person_elsewhere_is_not() {
    let mut camera = settled();
    let sway = |i: usize| (100 + 6 * (i % 3), 10, 30, 40, 60.0 + 40.0);
    let mut looks = Vec::new();
    for round in 0..6 {
        let shown = (0..100).map(|i| camera.show(&[sway(round * 100 + i)]));
        looks.push(shown.filter(|d| matches!(d, Decision::Look(_))).count());
    }
    assert!(looks[5] <= 2, "{looks:?}");
    let walker = |i: usize| (10 + 6 * i, 90, 10, 30, 200.0);
    let seen = (0..3).any(|i| {
        matches!(
            camera.show(&[sway(i), walker(i)]),
            Decision::Look(LookReason::Motion)
        )
    });
    assert!(seen);
}

#[test]
fn motion_in_a_mask_is_not_looked_at() {
    let corners = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)];
    let mask = Polygon::new(corners.map(|(x, y)| Point::new(x, y)).to_vec()).unwrap();
    let mut camera = Camera::new(Settings {
        masks: vec![mask],
        ..settings()
    });
    camera.looks(30, &[]);
    let flag = |x: usize, i: usize| [(x + 5 * (i % 4), 20, 20, 20, 220.0)];
    let mut looks = |x| {
        (0..20)
            .filter(|i| camera.looks(1, &flag(x, *i)) == 1)
            .count()
    };
    assert!(looks(20) <= 1);
    assert!(3 <= looks(140));
}

#[test]
fn a_gap_or_another_size_is_learned_anew() {
    let mut camera = settled();
    assert_eq!(camera.looks(5, &[]), 0);
    camera.frame += 30;
    assert_eq!(camera.show(&[]), Decision::Look(LookReason::Learning));
}

#[test]
fn a_tiny_picture_has_no_more_cells_than_pixels() {
    assert_eq!(Luma::grid(1, 1), (1, 1));
    assert_eq!(Luma::grid(62, 62), (62, 62));
    assert_eq!(Luma::grid(1920, 1080), (96, 54));
    assert_eq!(Luma::grid(2, 4000), (1, 96));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_same_film_gives_the_same_decisions(
        blocks in proptest::collection::vec((0_usize..180, 0_usize..130, 1_usize..40, 1_usize..40, 0.0_f32..255.0), 40),
        gains in proptest::collection::vec(0.3_f32..1.8, 40),
    ) {
        let film = || {
            let mut camera = Camera::new(settings());
            let shown = blocks.iter().zip(&gains).map(|(block, &gain)| {
                camera.gain = gain;
                camera.show(&[*block])
            });
            shown.collect::<Vec<_>>()
        };
        prop_assert_eq!(film(), film());
    }
}
