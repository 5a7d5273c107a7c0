//! A tracker that has seen as much as it sees now allocates nothing.
#![expect(unsafe_code, reason = "a counting allocator is an unsafe trait")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use scene::{BBox, Class, Detection, FrameTime, Score, spec::TrackerSpec, track::Tracker};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// 200 people on a grid, each walking a circle; every seventh is missed now and then, some are weak,
/// neighbours merge, and one of them comes and goes.
fn crowd(frame: u16) -> Vec<Detection> {
    let mut out = Vec::new();
    for person in 0..200_u16 {
        if (frame + person).is_multiple_of(11) || (person == 7 && frame % 100 < 50) {
            continue;
        }
        let (row, column) = (f32::from(person / 20), f32::from(person % 20));
        let turn = f32::from((frame + 9 * person) % 64) / 64.0;
        let sway = if turn < 0.5 { turn } else { 1.0 - turn };
        let left = 0.01 + column * 0.048 + sway * 0.04;
        let bbox = BBox::new(left, 0.01 + row * 0.098, 0.02, 0.08).expect("in the picture");
        let score = if (frame + person).is_multiple_of(5) {
            0.3
        } else {
            0.8
        };
        out.push(Detection {
            class: Class(person % 2),
            score: Score::new(score).expect("a number"),
            bbox,
        });
    }
    out
}

#[test]
fn a_steady_tracker_allocates_nothing() {
    // The first half is to size the buffers.
    let frames: Vec<_> = (0..2_200).map(crowd).collect();
    let mut tracker = Tracker::new(&TrackerSpec::default(), 16.0 / 9.0);
    let mut step = |number: usize| {
        let at = FrameTime::from_micros(100_000 * i64::try_from(number).unwrap());
        tracker.step(at, &frames[number]).len()
    };
    assert!((0..1_100).map(&mut step).all(|count| count <= 300));
    let before = ALLOCATIONS.get();
    let most = (1_100..2_200).map(&mut step).max();
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert!(Some(150) < most);
}
