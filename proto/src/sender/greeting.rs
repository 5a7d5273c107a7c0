//! Hellos: when, and what is in them.

use super::mono::Mono;
use crate::{backoff::below, message::StreamState, v1};

/// Hellos in doubt are at least this far apart.
const HELLO_GAP_US: i64 = 1_000_000;

/// A Hello to be signed and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelloDraft {
    pub(super) agent: String,
    pub(super) epoch: u64,
    pub(super) software: String,
    pub(super) streams: Vec<StreamState>,
    pub(super) mono_us: i64,
}

impl HelloDraft {
    /// The message; `wall_us` is the wall clock in microseconds since the Unix epoch.
    pub fn message(self, wall_us: i64) -> v1::Hello {
        v1::Hello {
            agent: self.agent,
            epoch: self.epoch,
            streams: self.streams.into_iter().map(Into::into).collect(),
            mono_us: self.mono_us,
            wall_us,
            software: self.software,
        }
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) greeting: Greeting,
    /// The watermarks are known, batches may flow.
    pub(super) welcomed: bool,
    /// Hellos since the last welcome.
    pub(super) unanswered: u32,
    last_hello: Option<Mono>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Greeting {
    Due {
        at: Mono,
    },
    Sent {
        mono_us: i64,
        at: Mono,
        again_at: Mono,
    },
}

impl Session {
    pub(super) fn new(now: Mono) -> Self {
        let greeting = Greeting::Due { at: now };
        Self {
            greeting,
            welcomed: false,
            unanswered: 0,
            last_hello: None,
        }
    }

    /// Something is in doubt.
    pub(super) fn greet_soon(&mut self, now: Mono) {
        let at = self
            .last_hello
            .map_or(now, |last| now.max(last.plus_micros(HELLO_GAP_US)));
        if let Greeting::Due { at: due } = &mut self.greeting {
            *due = at.min(*due);
        }
    }

    pub(super) fn is_hello_due(&self, now: Mono) -> bool {
        self.hello_at() <= now
    }

    pub(super) fn hello_at(&self) -> Mono {
        match self.greeting {
            Greeting::Due { at } | Greeting::Sent { again_at: at, .. } => at,
        }
    }

    /// `timeout_us` is jittered, but keeps half of its length for the answer to come.
    pub(super) fn hello_sent(&mut self, mono_us: i64, now: Mono, timeout_us: i64, random: u64) {
        let half = timeout_us / 2;
        let again_at = now.plus_micros(half.saturating_add(below(random, half)));
        self.greeting = Greeting::Sent {
            mono_us,
            at: now,
            again_at,
        };
        self.last_hello = Some(now);
        self.unanswered = self.unanswered.saturating_add(1);
    }

    pub(super) fn is_awaiting(&self, echo: i64) -> bool {
        matches!(self.greeting, Greeting::Sent { mono_us, .. } if mono_us == echo)
    }

    /// When the Hello that is now answered was sent.
    pub(super) fn hello_answered(&mut self, next_at: Mono) -> Option<Mono> {
        let Greeting::Sent { at, .. } = self.greeting else {
            return None;
        };
        self.greeting = Greeting::Due { at: next_at };
        self.welcomed = true;
        self.unanswered = 0;
        Some(at)
    }
}
