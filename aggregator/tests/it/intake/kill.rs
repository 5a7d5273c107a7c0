//! The program is killed between and within batches: what it acknowledged is there, once.

use std::time::Duration;

use aggregator::store::{Access, EventQuery, Start, Store};
use proto::{Lane, v1};

use super::{
    agent::{TestAgent, item, passage},
    grpc::Exchange,
    program::{Program, command, outcome, text},
};

const KILLS: usize = 6;
const BATCHES: usize = 12;
const ITEMS: usize = 5;

/// The box's half of the protocol, as simple as it can be: sends everything unacknowledged again.
struct Sender {
    gate: TestAgent,
    /// Batches made, with the number of their last item.
    made: Vec<(u64, v1::Up)>,
    acked: u64,
}

impl Sender {
    /// Goes on from what the centre says that it has, until the connection breaks.
    async fn deliver(&mut self, grpc: &str, ca_pem: &str) -> Result<(), tonic::Status> {
        let channel = self.gate.try_channel_at(grpc, ca_pem).await;
        let channel = channel.map_err(|error| tonic::Status::unavailable(error.to_string()))?;
        let mut exchange = Exchange::open(channel).await?;
        let welcome = exchange.ask(self.gate.hello()).await?;
        let stored = self.gate.up_to(&welcome, Lane::Events);
        assert!(
            self.acked <= stored,
            "acknowledged up to {}, there up to {stored}",
            self.acked
        );
        for (last, batch) in &self.made {
            if stored < *last {
                let answer = exchange.ask(batch.clone()).await?;
                self.acked = self.gate.up_to(&answer, Lane::Events);
                assert_eq!(self.acked, *last);
            }
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nothing_is_doubled() {
    let dir = tempfile::tempdir().unwrap();
    let program = Program::start(dir.path());
    let ca_pem = std::fs::read_to_string(dir.path().join("ca/ca.pem")).unwrap();
    let invited = outcome(command(dir.path(), &["invite", "gate"]));
    let invite: proto::invite::Invite = text(&invited.stdout).trim().parse().unwrap();
    let gate = TestAgent::enrol_at(&program.grpc, &ca_pem, invite.code())
        .await
        .unwrap();
    let mut sender = Sender {
        gate,
        made: Vec::new(),
        acked: 0,
    };
    let mut running = Some(program);
    for kill in 0..KILLS {
        let program = running.take().unwrap_or_else(|| Program::start(dir.path()));
        for _ in 0..BATCHES {
            let items = (0..ITEMS).map(|_| item(passage())).collect();
            let batch = sender.gate.batch(Lane::Events, items);
            let last = sender.made.last().map_or(0, |(last, _)| *last) + ITEMS as u64;
            sender.made.push((last, batch));
        }
        // Killed earlier or later in the delivery; the first time not at all.
        let grpc = program.grpc.clone();
        let delivery = sender.deliver(&grpc, &ca_pem);
        let patience = Duration::from_millis(if kill == 0 { 60_000 } else { 15 * kill as u64 });
        drop(tokio::time::timeout(patience, delivery).await);
        program.kill();
    }
    let program = Program::start(dir.path());
    let grpc = program.grpc.clone();
    sender.deliver(&grpc, &ca_pem).await.unwrap();
    assert_eq!(program.terminate(), Some(0));

    let sent = KILLS * BATCHES * ITEMS;
    let store = Store::open(dir.path(), Access::Tool).unwrap();
    let query = EventQuery {
        start: Start::Newest,
        limit: 1000,
        ..EventQuery::default()
    };
    assert_eq!(store.events(query).await.unwrap().items.len(), sent);
    assert!(
        store
            .check()
            .await
            .unwrap()
            .iter()
            .all(|finding| !finding.fault)
    );
}
