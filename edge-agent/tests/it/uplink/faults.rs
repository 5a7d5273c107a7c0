//! What must not work, and what must when something else does not.

use std::time::Duration;

use edge_agent::{
    identity::Identity,
    outbox::{Limits, Outbox},
    uplink::{Carrier, LinkState, Settings, SettingsError, run},
};
use prost::Message as _;
use proto::{
    CheckedAck, Lane, StreamId,
    message::Watermark,
    sign::{self, Domain, SigningKey},
    v1::{self, Down, down},
};
use scene::FrameTime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Agent, Feed, Site, pause};
use crate::centre::AGENT;

#[tokio::test(flavor = "multi_thread")]
async fn the_other_carrier_takes_over_and_the_first_gets_its_work_back() {
    let mut site = Site::new().await;
    let serving = site.broker.serve(&site.centre);
    site.broker.kill();
    let agent = site.agent(Settings {
        fallback: Some(Carrier::Grpc),
        failures_before_fallback: 2,
        primary_retry: Duration::from_secs(2),
        ..Settings::only(Carrier::Mqtt)
    });
    let mut feed = Feed { next: 0 };
    feed.put(&agent.outbox, 100).await;
    feed.check(&site.centre).await;
    assert_eq!(agent.link.borrow().carrier, Some(Carrier::Grpc));
    site.broker.revive();
    let mut link = agent.link.clone();
    let back = link.wait_for(|link| link.carrier == Some(Carrier::Mqtt));
    tokio::time::timeout(Duration::from_secs(20), back)
        .await
        .expect("mqtt carries again")
        .unwrap();
    feed.put(&agent.outbox, 100).await;
    feed.check(&site.centre).await;
    agent.stop().await;
    drop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ack_that_the_centre_did_not_sign_frees_nothing() {
    let site = Site::new().await;
    let agent = site.agent(Settings::only(Carrier::Mqtt));
    let item = agent
        .outbox
        .put_durable(Lane::Alarms, vec![1])
        .await
        .unwrap();
    // The broker itself turns against us, while the centre does not answer.
    let forger = SigningKey::from_bytes(&[66; 32]);
    let mut link = agent.link.clone();
    link.wait_for(|link| link.connects > 0).await.unwrap();
    let (centre, true_key) = {
        let state = site.centre.state.lock().unwrap();
        (state.centre, state.key.clone())
    };
    for (key, agent_id) in [(&forger, AGENT), (&true_key, "another")] {
        let mark = Watermark {
            id: item.id,
            up_to: item.seq,
        };
        let now = FrameTime::from_micros(1_800_000_000_000_000);
        let ack: CheckedAck = centre.ack(agent_id, vec![mark], 8, now);
        let payload = v1::Ack::from(ack).encode_to_vec();
        let envelope = sign::seal(Domain::Ack, payload, key);
        let down = Down {
            message: Some(down::Message::Ack(envelope)),
        };
        site.broker.publish_ack(down.encode_to_vec());
    }
    let refused = link.wait_for(|link| link.acks_refused == 2);
    tokio::time::timeout(Duration::from_secs(10), refused)
        .await
        .expect("both refused")
        .unwrap();
    pause(1_500).await;
    assert_eq!(agent.outbox.stats().backlog_items[0], 1);
    let serving = site.broker.serve(&site.centre);
    site.centre
        .wait("the item", 20, |state| state.items.len() == 1)
        .await;
    let mut outbox = agent.outbox.watch();
    let freed = outbox.wait_for(|held| held.stats.backlog_items[0] == 0);
    tokio::time::timeout(Duration::from_secs(10), freed)
        .await
        .expect("a true ack frees")
        .unwrap();
    agent.stop().await;
    drop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_tells_of_a_box_that_fell_silent() {
    let site = Site::new().await;
    let serving = site.broker.serve(&site.centre);
    let agent = site.agent(Settings::only(Carrier::Mqtt));
    let last_is = |online: bool| {
        move |state: &crate::centre::State| {
            state
                .statuses
                .last()
                .is_some_and(|status| status.online == online)
        }
    };
    site.centre
        .wait("the first status", 10, last_is(true))
        .await;
    agent.crash().await;
    site.centre.wait("the will", 10, last_is(false)).await;
    drop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_is_for_this_machine_alone() {
    let site = Site::new().await;
    let serving = site.broker.serve(&site.centre);
    let plain = |address: String| Settings {
        mqtt_tls: false,
        mqtt_address: Some(address),
        ..Settings::only(Carrier::Mqtt)
    };
    let outbox = Outbox::open(&site.state.path().join("other.sqlite"), Limits::default()).unwrap();
    for address in [
        "broker.example:1883",
        "192.168.1.5:1883",
        "localhost.example:1883",
    ] {
        let identity = Identity::load(site.state.path()).unwrap();
        let (link, _state) = watch::channel(LinkState::default());
        let (_status, status) = watch::channel(v1::Status::default());
        let settings = plain(address.to_owned());
        let token = CancellationToken::new();
        let refused = run(outbox.clone(), identity, settings, status, link, token).await;
        assert!(
            matches!(refused, Err(SettingsError::PlainText { .. })),
            "{address}: {refused:?}"
        );
    }
    let agent = Agent::start(site.state.path(), plain(site.broker.plain.to_string()));
    let mut feed = Feed { next: 0 };
    feed.put(&agent.outbox, 30).await;
    feed.check(&site.centre).await;
    agent.stop().await;
    drop(serving);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_evicted_is_declared_and_the_rest_arrives() {
    let site = Site::new().await;
    let path = site.state.path().join("outbox.sqlite");
    let limits = Limits {
        bytes_max: 2 << 20,
        ..Limits::default()
    };
    let outbox = Outbox::open(&path, limits).unwrap();
    let epoch = outbox.watch().borrow().epoch;
    for number in 0..400_u16 {
        let mut item = number.to_be_bytes().to_vec();
        item.resize(20_000, 1);
        outbox.put(Lane::Events, item).await.unwrap();
    }
    outbox.put_durable(Lane::Alarms, vec![9]).await.unwrap();
    outbox.close().await;
    let lost = outbox.stats().lost_items[1];
    assert!((200..400).contains(&lost), "{lost} were evicted");
    drop(outbox);
    let agent = site.agent(Settings::only(Carrier::Grpc));
    let id = StreamId {
        epoch,
        lane: Lane::Events,
    };
    site.centre
        .wait("all accounted for", 30, |state| {
            state.marks.get(&id).is_some_and(|mark| mark.up_to == 400)
        })
        .await;
    let numbers = site.centre.lane(Lane::Events);
    assert_eq!(numbers.len() as u64 + lost, 400);
    {
        let state = site.centre.state.lock().unwrap();
        let gaps: u64 = state
            .gaps
            .iter()
            .map(|(_, gap)| gap.to + 1 - gap.from)
            .sum();
        assert_eq!(gaps, lost, "what is declared is what is missing");
        assert!(
            state
                .gaps
                .iter()
                .all(|(_, gap)| gap.reason == proto::LostReason::Full)
        );
    }
    let newest = u16::from_be_bytes(numbers.last().unwrap()[..2].try_into().unwrap());
    assert_eq!(newest, 399, "the oldest went");
    agent.stop().await;
}
