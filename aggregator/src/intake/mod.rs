//! Agents' messages in: verified, judged, stored, acknowledged.
//!
//! ```text
//! mqtt (embedded broker) ─┐             ┌─▶ Ack, signed, after the commit
//!                         ├─▶ Intake ───┤
//! grpc (Uplink)          ─┘     │       └─▶ refused: counted and logged, never acknowledged
//!                               ▼
//!                             store: items, mark and alerts in one transaction
//! ```
//!
//! Both carriers prove who is connected; the signature proves who made the message; the two must
//! agree. What a carrier acknowledges by itself (PUBACK, HTTP/2) frees nothing at the agent.

mod agents;
pub mod grpc;
mod liveness;
pub mod mqtt;
mod take;

pub use take::{Intake, Refusal};
