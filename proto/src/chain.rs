//! The chain through a stream: each value commits to all the items before it.
//!
//! `chain(0) = 32 zero bytes; chain(n) = SHA-256(chain(n - 1) || item(n))`. The outbox keeps
//! `chain(n - 1)` with row `n`; a batch carries the value before its first item, so that a removed
//! or replaced item shows at the centre.

use sha2::{Digest, Sha256};

/// A value of the chain.
pub type Chain = [u8; 32];

/// The value before the first item of a stream.
pub const START: Chain = [0; 32];

/// The value after `item`, which follows `previous`.
pub fn after(previous: &Chain, item: &[u8]) -> Chain {
    Sha256::new()
        .chain_update(previous)
        .chain_update(item)
        .finalize()
        .into()
}

/// The value after all of `items`, which follow `previous`.
pub fn fold<'a>(previous: Chain, items: impl IntoIterator<Item = &'a [u8]>) -> Chain {
    items
        .into_iter()
        .fold(previous, |chain, item| after(&chain, item))
}
