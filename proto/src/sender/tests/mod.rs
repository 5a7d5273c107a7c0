//! Stories of a box and its centre, message by message.

mod delivery;
mod doubt;
mod draft;
mod loss;

use scene::FrameTime;

use super::*;
use crate::message::Watermark;

const SECOND: i64 = 1_000_000;
const CENTRE: Centre = Centre {
    store_id: [1; 16],
    term: 5,
};

fn at(seconds: i64) -> Mono {
    Mono::from_micros(1 + seconds * SECOND)
}

fn at_millis(millis: i64) -> Mono {
    Mono::from_micros(1 + millis * 1000)
}

fn stream(epoch: u64, lane: Lane) -> StreamId {
    StreamId { epoch, lane }
}

fn held(id: StreamId, base: u64, next: u64, acked: u64) -> HeldStream {
    HeldStream {
        id,
        base,
        next,
        acked,
        lost: Vec::new(),
    }
}

/// A sender with its last Hello.
struct Box1 {
    sender: Sender,
    hello: Option<HelloDraft>,
    sent: Vec<BatchRequest>,
    freed: Vec<(StreamId, u64)>,
}

impl Box1 {
    /// Connected and said Hello at 0 s.
    fn greeting(held: impl IntoIterator<Item = HeldStream>) -> Self {
        let sending = Sending {
            agent: "box-1".into(),
            epoch: 9,
            software: "test".into(),
            seed: 1,
        };
        let mut sender = Sender::new(sending, held, at(0));
        assert_eq!(sender.next(at(0)), Action::Connect);
        assert_eq!(sender.next(at(0)), Action::Wait { until: None });
        sender.connected(at(0));
        let mut box1 = Self {
            sender,
            hello: None,
            sent: Vec::new(),
            freed: Vec::new(),
        };
        box1.run(at(0));
        box1
    }

    /// Connected at 0 s to a centre that has what the box believes it has.
    fn welcomed(held: impl IntoIterator<Item = HeldStream>, window: u32) -> Self {
        let mut box1 = Self::greeting(held);
        let marks = box1.hello.as_ref().unwrap().streams.iter();
        let marks = marks
            .map(|state| (state.id, state.last_acked))
            .collect::<Vec<_>>();
        box1.welcome(CENTRE, &marks, window, at(0));
        box1
    }

    /// Does what the sender asks for, a row a batch; returns until when it waits.
    fn run(&mut self, now: Mono) -> Option<Mono> {
        loop {
            match self.sender.next(now) {
                Action::Connect => panic!("it is connected"),
                Action::SendHello(hello) => self.hello = Some(hello),
                Action::SendBatch(request) => {
                    let mut draft = request.clone().draft();
                    if request.first_seq < request.end_seq {
                        assert!(draft.push(request.first_seq, &[0; 32], vec![1; 100]));
                    }
                    let Drafted::Batch(_, receipt) = draft.finish("box-1") else {
                        panic!("there is a row or a loss")
                    };
                    self.sent.push(request);
                    self.sender.sent(receipt, now);
                }
                Action::Free { stream, up_to } => self.freed.push((stream, up_to)),
                Action::Wait { until } => return until,
            }
        }
    }

    fn welcome(
        &mut self,
        centre: Centre,
        marks: &[(StreamId, u64)],
        window: u32,
        now: Mono,
    ) -> Taken {
        let echo = self.hello.as_ref().expect("a Hello was said").mono_us;
        let ack = CheckedAck {
            welcomes_mono_us: Some(echo),
            ..ack(centre, marks, window)
        };
        self.take(&ack, now)
    }

    fn ack(&mut self, marks: &[(StreamId, u64)], now: Mono) -> Taken {
        self.take(&ack(CENTRE, marks, 8), now)
    }

    fn take(&mut self, ack: &CheckedAck, now: Mono) -> Taken {
        let AckOutcome::Taken(taken) = self.sender.ack(ack, now) else {
            panic!("the ack was ignored")
        };
        self.run(now);
        taken
    }

    /// First rows of the batches since the last call, by stream.
    fn sent(&mut self) -> Vec<(StreamId, u64)> {
        self.sent
            .drain(..)
            .map(|request| (request.stream, request.first_seq))
            .collect()
    }
}

fn ack(centre: Centre, marks: &[(StreamId, u64)], window: u32) -> CheckedAck {
    let watermarks = marks
        .iter()
        .map(|&(id, up_to)| Watermark { id, up_to })
        .collect();
    centre.ack(
        "box-1",
        watermarks,
        window,
        FrameTime::from_micros(1_780_000_000_000_000),
    )
}
