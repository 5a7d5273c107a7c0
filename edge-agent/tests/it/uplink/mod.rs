//! Delivery over a real broker and a real gRPC server, while both are killed.

mod faults;

use std::{path::Path, time::Duration};

use edge_agent::{
    identity::{Identity, enroll},
    outbox::{Limits, Outbox},
    uplink::{Carrier, LinkState, Settings, run},
};
use proto::{Lane, invite::Invite, v1};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::centre::{AGENT, Broker, CODE, Centre, Server};

/// An enrolled box with an outbox, and what it talks to.
struct Site {
    centre: Centre,
    broker: Broker,
    server: Server,
    state: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let centre = Centre::new();
        let broker = Broker::start(&centre);
        let address = "127.0.0.1:0".parse().unwrap();
        let server = Server::start(&centre, address, broker.tls.to_string()).await;
        let state = tempfile::tempdir().unwrap();
        let invite = Invite::new(CODE, centre.authority.sha256(), server.address.to_string());
        enroll(&invite.unwrap().to_string(), state.path())
            .await
            .unwrap();
        Self {
            centre,
            broker,
            server,
            state,
        }
    }

    fn agent(&self, settings: Settings) -> Agent {
        Agent::start(self.state.path(), settings)
    }

    async fn restart_server(self) -> Self {
        let Self {
            centre,
            broker,
            server,
            state,
        } = self;
        let address = server.kill().await;
        centre.new_term();
        let server = Server::start(&centre, address, broker.tls.to_string()).await;
        Self {
            centre,
            broker,
            server,
            state,
        }
    }
}

/// The agent's outbox and uplink, as one process would run them.
struct Agent {
    outbox: Outbox,
    link: watch::Receiver<LinkState>,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
}

impl Agent {
    fn start(state: &Path, settings: Settings) -> Self {
        let identity = Identity::load(state).unwrap();
        let outbox = Outbox::open(&state.join("outbox.sqlite"), Limits::default()).unwrap();
        let (link, link_state) = watch::channel(LinkState::default());
        let camera = v1::CameraStatus {
            camera: "cong".to_owned(),
            ..Default::default()
        };
        let (_status, status) = watch::channel(v1::Status {
            cameras: vec![camera],
            ..Default::default()
        });
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn({
            let (outbox, shutdown) = (outbox.clone(), shutdown.clone());
            async move {
                run(outbox, identity, settings, status, link, shutdown)
                    .await
                    .unwrap();
            }
        });
        Self {
            outbox,
            link: link_state,
            shutdown,
            tasks,
        }
    }

    async fn stop(mut self) {
        self.shutdown.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        self.outbox.close().await;
    }

    /// Ends at any await, as a crash would; what is committed stays.
    async fn crash(mut self) {
        self.tasks.shutdown().await;
        self.outbox.close().await;
    }
}

/// Puts numbered items, in turn on three lanes.
struct Feed {
    next: u32,
}

const LANES: [Lane; 3] = [Lane::Alarms, Lane::Events, Lane::Counts];

impl Feed {
    async fn put(&mut self, outbox: &Outbox, count: u32) {
        for number in self.next..self.next + count {
            let mut item = number.to_be_bytes().to_vec();
            item.resize(200, 7);
            outbox.put(LANES[number as usize % 3], item).await.unwrap();
        }
        self.next += count;
    }

    /// Everything arrived once, and in order.
    async fn check(&self, centre: &Centre) {
        let total = self.next as usize;
        centre
            .wait("all items", 60, |state| state.items.len() >= total)
            .await;
        for (index, lane) in LANES.into_iter().enumerate() {
            let numbers = centre
                .lane(lane)
                .into_iter()
                .map(|item| u32::from_be_bytes(item[..4].try_into().unwrap()));
            let expected = (0..self.next).filter(|number| *number as usize % 3 == index);
            assert_eq!(
                numbers.collect::<Vec<_>>(),
                expected.collect::<Vec<_>>(),
                "{lane:?}"
            );
        }
        let state = centre.state.lock().unwrap();
        assert_eq!((state.gaps.len(), state.forks), (0, 0));
    }
}

async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_mqtt_items_arrive_once_and_in_order_while_the_broker_is_killed() {
    let mut site = Site::new().await;
    let serving = site.broker.serve(&site.centre);
    let agent = site.agent(Settings::only(Carrier::Mqtt));
    let mut feed = Feed { next: 0 };
    for _ in 0..3 {
        feed.put(&agent.outbox, 300).await;
        pause(150).await;
        site.broker.restart();
        feed.put(&agent.outbox, 300).await;
        pause(300).await;
    }
    feed.check(&site.centre).await;
    assert_eq!(agent.link.borrow().carrier, Some(Carrier::Mqtt));
    assert_eq!(agent.link.borrow().acks_refused, 0);
    let clock = agent.link.borrow().clock.expect("a welcome tells the time");
    assert!(
        clock.offset_us.abs() <= clock.uncertainty_us + 1_000,
        "{clock:?}"
    );
    agent.stop().await;
    drop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_grpc_items_arrive_once_and_in_order_while_the_centre_is_killed() {
    let mut site = Site::new().await;
    let agent = site.agent(Settings::only(Carrier::Grpc));
    let mut feed = Feed { next: 0 };
    for _ in 0..3 {
        feed.put(&agent.outbox, 300).await;
        pause(150).await;
        site = site.restart_server().await;
        feed.put(&agent.outbox, 300).await;
        pause(300).await;
    }
    feed.check(&site.centre).await;
    assert_eq!(agent.link.borrow().carrier, Some(Carrier::Grpc));
    agent.stop().await;
    site.centre
        .wait("the last word", 5, |state| {
            state.statuses.last().is_some_and(|status| !status.online)
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_goes_first_and_nothing_twice() {
    let site = Site::new().await;
    let mut feed = Feed { next: 0 };
    let mut agent = site.agent(Settings::only(Carrier::Grpc));
    for _ in 0..3 {
        feed.put(&agent.outbox, 500).await;
        pause(60).await;
        agent.crash().await;
        agent = site.agent(Settings::only(Carrier::Grpc));
    }
    feed.check(&site.centre).await;
    site.centre
        .wait("a status", 5, |state| {
            state.statuses.last().is_some_and(|status| {
                status.online
                    && status.durable
                    && status.agent == AGENT
                    && status.cameras.len() == 1
            })
        })
        .await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_centre_restored_from_a_backup_gets_everything_again() {
    let site = Site::new().await;
    let agent = site.agent(Settings::only(Carrier::Grpc));
    let mut feed = Feed { next: 0 };
    feed.put(&agent.outbox, 300).await;
    feed.check(&site.centre).await;
    let backup = {
        let state = site.centre.state.lock().unwrap();
        (state.marks.clone(), state.items.clone())
    };
    feed.put(&agent.outbox, 300).await;
    feed.check(&site.centre).await;
    {
        let mut state = site.centre.state.lock().unwrap();
        (state.marks, state.items) = backup;
    }
    let site = site.restart_server().await;
    feed.put(&agent.outbox, 30).await;
    feed.check(&site.centre).await;
    agent.stop().await;
}
