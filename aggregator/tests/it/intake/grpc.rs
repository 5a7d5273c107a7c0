//! The gRPC carrier: mutual TLS, then the same as by MQTT.

use aggregator::store::{EventQuery, Timestamp};
use proto::{
    Lane,
    v1::{self, uplink_client::UplinkClient},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status, Streaming, transport::Channel};

use super::{
    agent::{TestAgent, item, passage},
    centre::TestCentre,
};

/// An open exchange.
pub(super) struct Exchange {
    up: mpsc::Sender<v1::Up>,
    down: Streaming<v1::Down>,
}

impl Exchange {
    pub(super) async fn open(channel: Channel) -> Result<Self, Status> {
        let (up, queue) = mpsc::channel(16);
        let stream = ReceiverStream::new(queue);
        let down = UplinkClient::new(channel)
            .exchange(stream)
            .await?
            .into_inner();
        Ok(Self { up, down })
    }

    pub(super) async fn ask(&mut self, up: v1::Up) -> Result<v1::Down, Status> {
        self.tell(up).await;
        self.down
            .message()
            .await?
            .ok_or_else(|| Status::cancelled("the stream has ended"))
    }

    pub(super) async fn tell(&self, up: v1::Up) {
        // A closed stream shows when the answer is read.
        drop(self.up.send(up).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_stored_once_and_acknowledged_after() {
    let centre = TestCentre::start().await;
    let mut gate = TestAgent::enrol(&centre, "gate").await;
    let mut exchange = Exchange::open(gate.channel(&centre).await).await.unwrap();
    exchange.ask(gate.hello()).await.unwrap();
    let batch = gate.batch(Lane::Events, (0..3).map(|_| item(passage())).collect());
    for _ in 0..3 {
        let answer = exchange.ask(batch.clone()).await.unwrap();
        assert_eq!(gate.up_to(&answer, Lane::Events), 3);
    }
    let query = EventQuery {
        limit: 10,
        ..EventQuery::default()
    };
    assert_eq!(centre.store.events(query).await.unwrap().items.len(), 3);
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_box_with_its_newest_certificate_may_exchange() {
    let centre = TestCentre::start().await;
    let gate = TestAgent::enrol(&centre, "gate").await;
    let grpc = centre.running.grpc.to_string();

    let nobody = Channel::from_shared(format!("https://{grpc}")).unwrap();
    let tls = tonic::transport::ClientTlsConfig::new()
        .ca_certificate(tonic::transport::Certificate::from_pem(centre.ca_pem()))
        .domain_name("localhost");
    let nobody = nobody.tls_config(tls).unwrap().connect().await.unwrap();
    let refused = Exchange::open(nobody).await.err().unwrap();
    assert_eq!(refused.code(), Code::Unauthenticated);

    // A certificate of another centre does not even shake hands, or is refused at once.
    let elsewhere = TestCentre::start().await;
    let stranger = TestAgent::enrol(&elsewhere, "gate").await;
    let ca_pem = centre.ca_pem();
    let refused = match stranger.try_channel_at(&grpc, &ca_pem).await {
        Ok(channel) => Exchange::open(channel).await.is_err(),
        Err(_) => true,
    };
    assert!(refused);

    // Enrolled anew, the older certificate is worth nothing.
    let again = TestAgent::enrol(&centre, "gate").await;
    let refused = Exchange::open(gate.channel(&centre).await)
        .await
        .err()
        .unwrap();
    assert_eq!(refused.code(), Code::Unauthenticated);
    assert!(Exchange::open(again.channel(&centre).await).await.is_ok());
    elsewhere.stop().await;
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_or_forged_message_ends_the_stream() {
    let centre = TestCentre::start().await;
    let gate = TestAgent::enrol(&centre, "gate").await;
    let mut yard = TestAgent::enrol(&centre, "yard").await;
    let mut exchange = Exchange::open(gate.channel(&centre).await).await.unwrap();
    let refused = exchange
        .ask(yard.events(vec![passage()]))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);

    let mut exchange = Exchange::open(gate.channel(&centre).await).await.unwrap();
    let refused = exchange.ask(v1::Up::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let query = EventQuery {
        limit: 10,
        ..EventQuery::default()
    };
    assert!(centre.store.events(query).await.unwrap().items.is_empty());
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_reaches_a_live_stream_within_seconds() {
    let centre = TestCentre::start().await;
    let gate = TestAgent::enrol(&centre, "gate").await;
    let mut exchange = Exchange::open(gate.channel(&centre).await).await.unwrap();
    exchange.ask(gate.hello()).await.unwrap();
    centre
        .store
        .revoke_agent("test", "gate", Timestamp::now())
        .await
        .unwrap();
    let began = std::time::Instant::now();
    let refused = loop {
        match exchange.ask(gate.hello()).await {
            Ok(_) => tokio::time::sleep(std::time::Duration::from_millis(200)).await,
            Err(status) => break status,
        }
    };
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(began.elapsed().as_secs() < 5);
    centre.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_the_centre_ends_open_streams_soon() {
    let centre = TestCentre::start().await;
    let gate = TestAgent::enrol(&centre, "gate").await;
    let mut exchange = Exchange::open(gate.channel(&centre).await).await.unwrap();
    exchange.ask(gate.hello()).await.unwrap();
    let began = std::time::Instant::now();
    centre.stop().await;
    assert!(began.elapsed().as_secs() < 10);
    assert!(exchange.ask(gate.hello()).await.is_err());
}
