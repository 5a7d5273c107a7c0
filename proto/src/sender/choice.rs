//! What goes next: which lane, which stream, which streams a Hello names.

use super::{
    Action, BatchRequest, HelloDraft, Lane, Link, Mono, STREAMS_MAX, Sender, Stream, StreamId,
};

impl Sender {
    /// The batch that is due, if the window has room for one.
    pub(super) fn request(&self, now: Mono) -> Option<BatchRequest> {
        let window = usize::try_from(self.window_batches).unwrap_or(usize::MAX);
        let under_way = |lane: Lane| {
            self.lane(lane)
                .iter()
                .map(Stream::flight_count)
                .sum::<usize>()
        };
        let has_room = Lane::ALL.map(under_way).into_iter().sum::<usize>() < window;
        let may_send = |lane: &Lane| match lane {
            Lane::Alarms => has_room || under_way(*lane) == 0,
            Lane::Evidence => has_room && under_way(*lane) == 0,
            Lane::Events | Lane::Counts | Lane::Tracks => has_room,
        };
        let ready = |lane: Lane| Some((lane, self.lane(lane).iter().find(|s| s.is_ready(now))?));
        let (_, stream) = Lane::ALL
            .into_iter()
            .filter(may_send)
            .filter_map(ready)
            .min_by_key(|(lane, _)| self.fair.start(*lane))?;
        Some(stream.request())
    }

    /// Names the streams in doubt first, then those with something to send, then the rest.
    pub(super) fn hello(&mut self, now: Mono) -> Action {
        let mono_us = now.as_micros().max(self.hello_last_us.saturating_add(1));
        self.hello_last_us = mono_us;
        let random = self.random();
        if let Link::Up(session) = &mut self.link {
            let timeout_us = self.round_trip.timeout_us(session.unanswered);
            session.hello_sent(mono_us, now, timeout_us, random);
        }
        let mut named = self.streams_mut().collect::<Vec<_>>();
        named.sort_by_key(|stream| (!stream.is_doubted(), stream.is_drained()));
        let streams = named.iter_mut().enumerate().filter_map(|(index, stream)| {
            stream.greet(index < STREAMS_MAX);
            (index < STREAMS_MAX).then(|| stream.state())
        });
        let streams = streams.collect();
        Action::SendHello(HelloDraft {
            agent: self.sending.agent.clone(),
            epoch: self.sending.epoch,
            software: self.sending.software.clone(),
            streams,
            mono_us,
        })
    }

    pub(super) fn streams(&self) -> impl Iterator<Item = &Stream> {
        self.lanes.iter().flatten()
    }

    pub(super) fn streams_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.lanes.iter_mut().flatten()
    }

    pub(super) fn stream_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        self.lane_mut(id.lane)
            .iter_mut()
            .find(|stream| stream.id == id)
    }

    fn lane(&self, lane: Lane) -> &[Stream] {
        let [alarms, events, counts, tracks, evidence] = &self.lanes;
        match lane {
            Lane::Alarms => alarms,
            Lane::Events => events,
            Lane::Counts => counts,
            Lane::Tracks => tracks,
            Lane::Evidence => evidence,
        }
    }

    pub(super) fn lane_mut(&mut self, lane: Lane) -> &mut Vec<Stream> {
        let [alarms, events, counts, tracks, evidence] = &mut self.lanes;
        match lane {
            Lane::Alarms => alarms,
            Lane::Events => events,
            Lane::Counts => counts,
            Lane::Tracks => tracks,
            Lane::Evidence => evidence,
        }
    }

    /// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) from the driver's seed.
    pub(super) fn random(&mut self) -> u64 {
        self.random_state = self.random_state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = self.random_state;
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
