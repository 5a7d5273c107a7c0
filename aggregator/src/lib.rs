//! The centre: every event kept, alerts raised, people and systems told.
//!
//! ```text
//! edge-agent ─▶ intake ─▶ store ─▶ api ─▶ people and systems
//!               │           └─▶ alerting (pure): events ─▶ alerts, in the same transaction
//!               └─ identity: who may send, and with which key
//! ```
//!
//! | room | what it does |
//! |---|---|
//! | [`cli`] | what a person asks for on the command line |
//! | [`config`] | where to listen and how much to take; a default for everything |
//! | [`identity`] | own certificate authority, keys, enrolment by one-time code, passwords |
//! | [`intake`] | MQTT and gRPC in; batches verified, judged, stored, then acknowledged |
//! | [`alerting`] | events to alerts; pure |
//! | [`store`] | SQLite: one writer with group commit, readers that never wait for it |
//! | [`metrics`] | what the centre counts of itself |
//! | [`api`] | REST, SSE, gRPC for integrators, the console |
//! | [`serve`] | starts them all, and stops them |

pub mod cli;
pub mod config;
pub mod identity;
pub mod intake;
pub mod alerting;
pub mod store;
pub mod metrics;
pub mod api;
pub mod serve;
