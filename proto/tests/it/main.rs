//! Black-box tests of the protocol.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "all of this is a test; clippy excuses only the functions marked so"
)]

mod delivery;
mod hostile;
mod sim;
