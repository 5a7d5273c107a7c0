//! What the centre says, once it is proved to be the centre's.

use proto::{
    CheckedAck,
    sender::{AckOutcome, Ignored, Taken},
    sign::{self, Domain},
    v1::{self, down},
};

use super::{Driver, mono, wall_us};
use crate::uplink::ClockOffset;

impl Driver {
    pub(super) fn take(&mut self, down: v1::Down) {
        let Some(down::Message::Ack(envelope)) = down.message else {
            return self.refuse(&"a message of a kind that this edge-agent does not know");
        };
        let payload = match sign::open(Domain::Ack, &envelope, &self.identity.ack) {
            Ok(payload) => payload,
            Err(error) => return self.refuse(&error),
        };
        let ack = match CheckedAck::decode(payload) {
            Ok(ack) => ack,
            Err(error) => return self.refuse(&error),
        };
        match self.sender.ack(&ack, mono(self.origin)) {
            AckOutcome::Taken(taken) => self.taken(&ack, taken),
            AckOutcome::Ignored(Ignored::OtherAgent) => self.refuse(&"an ack for another agent"),
            AckOutcome::Ignored(reason) => tracing::debug!(?reason, "ack ignored"),
        }
    }

    /// What is not proved frees nothing.
    fn refuse(&mut self, why: &dyn std::fmt::Display) {
        tracing::warn!(error = %why, "ack refused");
        self.report.send_modify(|state| state.acks_refused += 1);
    }

    fn taken(&mut self, ack: &CheckedAck, taken: Taken) {
        if self.warned_of_store != Some(ack.store_id) {
            self.warned_of_store = Some(ack.store_id);
            tracing::warn!(
                store = hex::encode(ack.store_id),
                "the centre has another store than before, sending it what is kept"
            );
        }
        for (stream, range) in &taken.rewound {
            tracing::warn!(%stream, from = range.start(), to = range.end(), "the centre lost data, sending it again");
        }
        for stream in &taken.ahead_of_outbox {
            tracing::error!(%stream, "the centre has more than the outbox, which lost committed items");
        }
        let server_us = ack.server.as_micros();
        if let Ok(seconds) = u64::try_from(server_us / 1_000_000) {
            self.identity.floor.raise(seconds);
        }
        if let Some(round_trip_us) = taken.welcome_round_trip_us {
            let half_us = round_trip_us / 2;
            let offset_us = server_us + half_us - wall_us();
            let clock = ClockOffset {
                offset_us,
                uncertainty_us: half_us,
            };
            self.report.send_modify(|state| state.clock = Some(clock));
        }
        self.answer_by = None;
        if !std::mem::replace(&mut self.answered, true) {
            self.choice.worked();
            let carrier = self.choice.carrier();
            self.report.send_modify(|state| {
                state.carrier = Some(carrier);
                state.problem.clear();
            });
        }
    }
}
