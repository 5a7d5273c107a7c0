use proptest::prelude::*;
use scene::BBox;

use super::*;
use crate::capture::picture::{Chroma, Colour, Matrix, Plane};

/// A picture of noise: what is hidden in it could not be guessed.
fn noise(width: usize, height: usize) -> (Vec<u8>, Vec<u8>) {
    let mut state = 1_u32;
    let mut bytes = |len: usize| -> Vec<u8> {
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                u8::try_from(state >> 24).unwrap()
            })
            .collect()
    };
    (
        bytes(width * height),
        bytes(width.div_ceil(2) * height.div_ceil(2)),
    )
}

fn picture<'a>(size: (usize, usize), luma: &'a [u8], chroma: &'a [u8]) -> Picture<'a> {
    let plane = Plane {
        data: chroma,
        stride: size.0.div_ceil(2),
    };
    Picture::new(
        size,
        Plane {
            data: luma,
            stride: size.0,
        },
        Chroma::Planar { u: plane, v: plane },
        Colour {
            matrix: Matrix::Bt601,
            full_range: true,
        },
    )
    .unwrap()
}

#[test]
fn a_snapshot_is_a_small_jpeg_of_the_right_size() {
    let (luma, chroma) = noise(1921, 1079);
    let jpeg = Snapshots::default()
        .take(&picture((1921, 1079), &luma, &chroma), &[])
        .unwrap();
    assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]));
    assert!(jpeg.len() <= BYTES_MAX, "{}", jpeg.len());
    // Height and width follow the marker of the frame header (ITU-T T.81, B.2.2).
    let header = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    assert_eq!(jpeg[header + 5..header + 9], [1, 103, 2, 128], "359 × 640");
}

#[test]
fn a_person_loses_the_head_and_a_car_its_plates_but_a_dog_nothing() {
    let bbox = BBox::new(0.2, 0.4, 0.1, 0.4).unwrap();
    let head = region("person", &bbox, 1.0).unwrap();
    assert!(head.top < 0.4 && 0.5 < head.bottom && head.bottom < 0.55);
    assert!(head.left < 0.2 && 0.3 < head.right);
    let plates = region("car", &bbox, 1.0).unwrap();
    assert!(plates.top < 0.6 && 0.8 < plates.bottom);
    assert_eq!(region("dog", &bbox, 1.0), None);
}

/// Head and shoulders fill the box of one who stands before the camera.
#[test]
fn a_person_cut_off_by_the_picture_loses_the_whole_face() {
    let wide = 16.0 / 9.0;
    // 400 by 450 pixels of 1920 by 1080, down to the lower edge.
    let bbox = BBox::new(0.4, 0.583, 0.208, 0.417).unwrap();
    let head = region("person", &bbox, wide).unwrap();
    let chin = 0.583 + 0.417 * 0.65;
    assert!(head.top < 0.583 && chin < head.bottom, "{head:?}");
}

proptest! {
    /// Whatever the region, what is left of it is at most 8 × 8 flat blocks, and the rest of the
    /// picture stays as it is.
    #[test]
    fn a_masked_region_keeps_no_detail(
        left in -0.2_f32..1.1, top in -0.2_f32..1.1, width in 0.0_f32..0.9, height in 0.0_f32..0.9,
    ) {
        let (luma, chroma) = noise(97, 61);
        let mut before = Shrunk::default();
        before.fill(&picture((97, 61), &luma, &chroma), WIDTH_MAX);
        let mut after = Shrunk { pixels: before.pixels.clone(), ..before };
        let region = Region { left, top, right: left + width, bottom: top + height };
        mask::pixelate(&mut after, &region);
        let inside = |x: usize, y: usize| {
            let holds = |n: usize, side: f32, from: f32, to: f32| {
                let n = f32::from(u16::try_from(n).unwrap());
                from * side < n + 1.0 && n < to * side
            };
            holds(x, 97.0, left, left + width) && holds(y, 61.0, top, top + height)
        };
        let mut colours = std::collections::BTreeSet::new();
        for (i, (a, b)) in after.pixels.chunks(3).zip(before.pixels.chunks(3)).enumerate() {
            if inside(i % 97, i / 97) {
                colours.insert(a.to_vec());
            } else if a != b {
                prop_assert!(false, "changed outside at {}", i);
            }
        }
        prop_assert!(colours.len() <= 64, "{} blocks", colours.len());
    }
}
