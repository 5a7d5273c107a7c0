//! Both halves of the delivery protocol over a bad network, in simulated time.
//!
//! ```text
//! plan     which faults this seed has, and how hard
//! agent    a box: outbox on a disk that may lie, proto::sender          bugs planted on request
//! network  loses, repeats, delays, reorders; keeps messages as a broker does, or drops them
//! centre   a store with commits, crashes and backups, proto::receiver   bugs planted on request
//! oracle   knows everything; says what promise was broken
//! world    the queue of things to happen, and the faults
//! ```
//!
//! A run is a function of its seed and its planted bug: no clock, no threads, no hash order.

mod agent;
mod centre;
mod network;
mod oracle;
mod plan;
mod random;
mod world;

pub(crate) use self::{
    oracle::Violation,
    plan::Bug,
    world::{Outcome, run},
};
