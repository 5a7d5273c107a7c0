//! Pictures for people: small, masked, and named by their content.
//!
//! ```text
//! picture ─▶ shrink ─▶ mask (heads, plates) ─▶ JPEG
//! ```
//!
//! A picture leaves this room masked or not at all.

mod mask;
mod shrink;

use jpeg_encoder::{ColorType, Encoder};

use crate::capture::picture::Picture;
pub use mask::{MASKED_CLASSES, Region, region};
use shrink::Shrunk;

/// As wide as a person needs to see what happened.
pub const WIDTH_MAX: usize = 640;
/// Evidence shares a thin uplink with events.
pub const BYTES_MAX: usize = 200_000;
/// Tried in turn until the picture is small enough.
const QUALITIES: [u8; 3] = [80, 55, 30];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    #[error("the picture cannot be encoded: {0}")]
    Encode(String),
    #[error("the picture has {0} bytes at the lowest quality, more than {BYTES_MAX}")]
    Size(usize),
}

/// Makes snapshots of one camera; buffers are reused.
#[derive(Default)]
pub struct Snapshots {
    shrunk: Shrunk,
}

impl Snapshots {
    /// The picture as JPEG, with `regions` made unreadable.
    pub fn take(
        &mut self,
        picture: &Picture<'_>,
        regions: &[Region],
    ) -> Result<Vec<u8>, SnapshotError> {
        self.shrunk.fill(picture, WIDTH_MAX);
        for region in regions {
            mask::pixelate(&mut self.shrunk, region);
        }
        let mut size = 0;
        for quality in QUALITIES {
            let bytes = encode(&self.shrunk, quality)?;
            if bytes.len() <= BYTES_MAX {
                return Ok(bytes);
            }
            size = bytes.len();
        }
        Err(SnapshotError::Size(size))
    }
}

fn encode(shrunk: &Shrunk, quality: u8) -> Result<Vec<u8>, SnapshotError> {
    let failed = |reason: &dyn std::fmt::Display| SnapshotError::Encode(reason.to_string());
    let side = |n: usize| u16::try_from(n).map_err(|e| failed(&e));
    let (width, height) = (side(shrunk.width)?, side(shrunk.height)?);
    let mut bytes = Vec::with_capacity(64 * 1024);
    Encoder::new(&mut bytes, quality)
        .encode(&shrunk.pixels, width, height, ColorType::Ycbcr)
        .map_err(|e| failed(&e))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
