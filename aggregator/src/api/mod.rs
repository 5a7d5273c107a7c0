//! How people and systems ask: REST, live updates (SSE), gRPC, the web console.
//!
//! ```text
//! people ────▶ http: accept ─▶ guard (session | token, role, CSRF) ─▶ one file a resource ─▶ store
//! systems ───▶ grpc: guard (token, role) ─▶ events, alerts ─────────────────────────────────┘
//!                                     both ◀─ feed: what was missed, then what happens ◀────┘
//! ```
//!
//! What each operation asks of its caller stands in one table, [`auth::table`].

pub mod auth;
mod feed;
pub mod grpc;
pub mod http;
mod slots;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{metrics::Metrics, store::Store};
use auth::{PasswordError, PasswordHasher, bucket::SignInLimit};
use slots::Slots;

/// Live streams, SSE and gRPC, in all.
const STREAMS_MAX: usize = 512;
/// Live streams of one user or token; a person has one for each open tab.
const STREAMS_EACH_MAX: usize = 32;

/// A note to an alert is for a sentence or two.
const NOTE_CHARS_MAX: usize = 1000;

/// What the API is told at the start.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Whether HTTP is served over TLS: cookies are then `Secure` and our origin is `https://…`.
    pub tls: bool,
}

/// What every request may use; clones share it.
#[derive(Clone)]
pub struct ApiState {
    store: Store,
    metrics: Arc<Metrics>,
    settings: Settings,
    /// Ends the live streams, which would never end by themselves.
    shutdown: CancellationToken,
    passwords: PasswordHasher,
    sign_ins: Arc<SignInLimit>,
    streams: Arc<Slots<String>>,
}

impl ApiState {
    /// Hashes a decoy password, which takes some 50 ms.
    pub fn new(
        store: Store,
        metrics: Arc<Metrics>,
        settings: Settings,
        shutdown: CancellationToken,
    ) -> Result<Self, PasswordError> {
        Ok(Self {
            store,
            metrics,
            settings,
            shutdown,
            passwords: PasswordHasher::new()?,
            sign_ins: Arc::default(),
            streams: Arc::new(Slots::new(STREAMS_MAX, STREAMS_EACH_MAX)),
        })
    }
}
