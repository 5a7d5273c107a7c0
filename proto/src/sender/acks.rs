//! What acks do.

use super::{Centre, CheckedAck, Link, Mono, Sender, Stream, Taken};

/// In peace, a Hello is said this often: it corrects the clock and finds a restored centre.
const HELLO_INTERVAL_US: i64 = 60_000_000;
/// At window 0, this often: it learns that the centre can take more.
const HELLO_INTERVAL_CLOSED_US: i64 = 10_000_000;

impl Sender {
    /// An ack of batches: watermarks only rise.
    pub(super) fn progressed(&mut self, ack: &CheckedAck, now: Mono) -> Taken {
        let mut taken = Taken::default();
        let round_trip_us = self.round_trip.smoothed_us();
        let mut in_doubt = false;
        self.window_batches = ack.window_batches;
        for mark in &ack.watermarks {
            let Some(stream) = self.stream_mut(mark.id) else {
                continue;
            };
            if stream.acked() < mark.up_to {
                self.rise(mark.id, mark.up_to, now, &mut taken);
            } else if stream.is_refused(mark.up_to, now, round_trip_us) {
                stream.doubt();
                in_doubt = true;
            }
        }
        if let Link::Up(session) = &mut self.link
            && in_doubt
        {
            session.greet_soon(now);
        }
        taken
    }

    /// The answer to our last Hello: the truth about every stream that it named.
    pub(super) fn welcomed(&mut self, ack: &CheckedAck, centre: Centre, now: Mono) -> Taken {
        let mut taken = Taken::default();
        let was_lost = !self.is_welcomed();
        let interval_us = match ack.window_batches {
            0 => HELLO_INTERVAL_CLOSED_US,
            _ => HELLO_INTERVAL_US,
        };
        if let Link::Up(session) = &mut self.link
            && let Some(sent_at) = session.hello_answered(now.plus_micros(interval_us))
        {
            let round_trip_us = now.micros_since(sent_at);
            taken.welcome_round_trip_us = Some(round_trip_us);
            self.round_trip.measured(round_trip_us);
        }
        self.reconnect.reset();
        self.window_batches = ack.window_batches;
        let before = self.centre.replace(centre);
        taken.store_changed = before.is_some_and(|before| before.store_id != centre.store_id);
        for mark in &ack.watermarks {
            let Some(stream) = self.stream_mut(mark.id) else {
                continue;
            };
            let Some(greeted) = stream.greeted() else {
                continue;
            };
            if mark.up_to < greeted {
                stream.rewind(mark.up_to);
                taken
                    .rewound
                    .push((mark.id, mark.up_to.saturating_add(1)..=greeted));
                self.free.insert(mark.id, mark.up_to);
                continue;
            }
            let in_doubt = was_lost || stream.is_doubted();
            let had_flights = 0 < stream.flight_count();
            let rose = stream.acked() < mark.up_to;
            if rose {
                self.rise(mark.id, mark.up_to, now, &mut taken);
            }
            if let Some(stream) = self.stream_mut(mark.id)
                && in_doubt
            {
                if had_flights && !rose {
                    stream.stall(now);
                }
                stream.go_back();
            }
        }
        self.streams_mut().for_each(|stream| stream.greet(false));
        if was_lost {
            // Those that the Hello had no room for.
            self.streams_mut()
                .filter(|s| 0 < s.flight_count())
                .for_each(Stream::go_back);
        }
        taken
    }

    fn rise(&mut self, id: super::StreamId, up_to: u64, now: Mono, taken: &mut Taken) {
        let Some(stream) = self.stream_mut(id) else {
            return;
        };
        if stream.next() <= up_to {
            taken.ahead_of_outbox.push(id);
        }
        let before = stream.acked();
        let round_trip = stream.progress(up_to, now);
        let acked = stream.acked();
        if before < acked {
            self.free.insert(id, acked);
        }
        if let Some(sample_us) = round_trip {
            self.round_trip.measured(sample_us);
        }
    }
}
