//! A box: its keys, its streams, and what it says.

use aggregator::store::Timestamp;
use base64::{Engine, engine::general_purpose::STANDARD};
use prost::Message;
use proto::{
    Chain, CheckedAck, CheckedItem, Lane, WireEvent, chain,
    sign::{self, Domain, SigningKey, VerifyingKey},
    v1::{self, enrollment_client::EnrollmentClient, up},
};
use rcgen::{CertificateParams, KeyPair};
use scene::{Direction, Event, FrameTime, Kind, Phase, Severity};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use uuid::Uuid;

use super::centre::TestCentre;

/// An enrolled box in one run.
pub(super) struct TestAgent {
    pub(super) id: String,
    pub(super) password: String,
    pub(super) epoch: u64,
    identity: Identity,
    signing: SigningKey,
    ack_key: VerifyingKey,
    streams: [Stream; 5],
}

#[derive(Clone, Copy)]
struct Stream {
    next: u64,
    chain: Chain,
}

impl TestAgent {
    pub(super) async fn enrol(centre: &TestCentre, id: &str) -> Self {
        let code = centre.invite(id).await;
        let grpc = centre.running.grpc.to_string();
        Self::enrol_at(&grpc, &centre.ca_pem(), &code)
            .await
            .unwrap()
    }

    /// As a box does: over TLS that trusts the centre's own authority only.
    pub(super) async fn enrol_at(
        grpc: &str,
        ca_pem: &str,
        code: &[u8],
    ) -> Result<Self, tonic::Status> {
        let key = KeyPair::generate().unwrap();
        let signing = SigningKey::from_bytes(&rand::random());
        let request = v1::EnrollRequest {
            code: code.to_vec(),
            csr_der: CertificateParams::default()
                .serialize_request(&key)
                .unwrap()
                .der()
                .to_vec(),
            signing_public_key: signing.verifying_key().to_bytes().to_vec(),
            software: "test 1".to_owned(),
        };
        let channel = channel(grpc, ca_pem, None).await.unwrap();
        let reply = EnrollmentClient::new(channel)
            .enroll(request)
            .await?
            .into_inner();
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            STANDARD.encode(&reply.certificate_der)
        );
        let ack_key = reply.ack_public_key.as_slice().try_into().unwrap();
        Ok(Self {
            id: reply.agent,
            password: reply.mqtt_password,
            epoch: rand::random_range(1..u64::MAX),
            identity: Identity::from_pem(pem, key.serialize_pem()),
            signing,
            ack_key: VerifyingKey::from_bytes(&ack_key).unwrap(),
            streams: [Stream {
                next: 1,
                chain: chain::START,
            }; 5],
        })
    }

    /// A connection that shows this box's certificate.
    pub(super) async fn channel(&self, centre: &TestCentre) -> Channel {
        let grpc = centre.running.grpc.to_string();
        channel(&grpc, &centre.ca_pem(), Some(self.identity.clone()))
            .await
            .unwrap()
    }

    pub(super) async fn try_channel_at(
        &self,
        grpc: &str,
        ca_pem: &str,
    ) -> Result<Channel, tonic::transport::Error> {
        channel(grpc, ca_pem, Some(self.identity.clone())).await
    }

    /// Starts its process again.
    pub(super) fn restart(&mut self) {
        self.epoch = rand::random_range(1..u64::MAX);
        self.streams = [Stream {
            next: 1,
            chain: chain::START,
        }; 5];
    }

    /// Goes on under another epoch, as when its disk failed; the run stays the same.
    pub(super) fn change_epoch(&mut self) {
        self.restart();
    }

    /// Numbers of a lane that it will never send.
    pub(super) fn loses(&mut self, lane: Lane, count: u64) -> v1::Up {
        let stream = &mut self.streams[lane.index()];
        let lost = v1::Lost {
            from: stream.next,
            to: stream.next + count - 1,
            reason: v1::LostReason::Full.into(),
        };
        stream.next += count;
        let batch = v1::Batch {
            agent: self.id.clone(),
            epoch: self.epoch,
            lane: lane.number().into(),
            first_seq: stream.next,
            lost: vec![lost],
            ..v1::Batch::default()
        };
        self.sealed(Domain::Batch, batch.encode_to_vec())
    }

    pub(super) fn hello(&self) -> v1::Up {
        self.hello_of(Vec::new())
    }

    /// Says that of an earlier run nothing is left, and that its next number was `next`.
    pub(super) fn hello_with_rest(&self, epoch: u64, lane: Lane, next: u64) -> v1::Up {
        let lane = lane.number().into();
        self.hello_of(vec![v1::StreamState {
            epoch,
            lane,
            base: next,
            next,
            last_acked: 0,
        }])
    }

    fn hello_of(&self, mut streams: Vec<v1::StreamState>) -> v1::Up {
        streams.extend(Lane::ALL.map(|lane| v1::StreamState {
            epoch: self.epoch,
            lane: lane.number().into(),
            base: 1,
            next: self.streams[lane.index()].next,
            last_acked: 0,
        }));
        let hello = v1::Hello {
            agent: self.id.clone(),
            epoch: self.epoch,
            streams,
            mono_us: 1,
            wall_us: Timestamp::now().as_micros(),
            software: "test 2".to_owned(),
        };
        self.sealed(Domain::Hello, hello.encode_to_vec())
    }

    /// The next batch of a lane.
    pub(super) fn batch(&mut self, lane: Lane, items: Vec<Vec<u8>>) -> v1::Up {
        let stream = &mut self.streams[lane.index()];
        let batch = v1::Batch {
            agent: self.id.clone(),
            epoch: self.epoch,
            lane: lane.number().into(),
            first_seq: stream.next,
            prev_chain: stream.chain.to_vec(),
            lost: Vec::new(),
            items: items.clone(),
        };
        stream.next += items.len() as u64;
        stream.chain = chain::fold(stream.chain, items.iter().map(Vec::as_slice));
        self.sealed(Domain::Batch, batch.encode_to_vec())
    }

    pub(super) fn events(&mut self, events: Vec<Event>) -> v1::Up {
        let lane = proto::lane_of(&events[0]);
        self.batch(lane, events.into_iter().map(item).collect())
    }

    pub(super) fn status(&self, cameras: Vec<v1::CameraStatus>) -> v1::Up {
        let status = v1::Status {
            agent: self.id.clone(),
            epoch: self.epoch,
            online: true,
            wall_us: Timestamp::now().as_micros(),
            cameras,
            durable: true,
            ..v1::Status::default()
        };
        self.sealed(Domain::Status, status.encode_to_vec())
    }

    pub(super) fn sealed(&self, domain: Domain, payload: Vec<u8>) -> v1::Up {
        let envelope = sign::seal(domain, payload, &self.signing);
        let message = match domain {
            Domain::Hello => up::Message::Hello(envelope),
            Domain::Status => up::Message::Status(envelope),
            Domain::Batch | Domain::Ack => up::Message::Batch(envelope),
        };
        v1::Up {
            message: Some(message),
        }
    }

    /// Reads an ack, proving that the centre made it.
    pub(super) fn ack(&self, down: &v1::Down) -> CheckedAck {
        let Some(v1::down::Message::Ack(envelope)) = &down.message else {
            panic!("no ack")
        };
        let payload = sign::open(Domain::Ack, envelope, &self.ack_key).unwrap();
        CheckedAck::decode(payload).unwrap()
    }

    /// How far the ack says that this lane is stored.
    pub(super) fn up_to(&self, down: &v1::Down, lane: Lane) -> u64 {
        let ack = self.ack(down);
        let mark = ack
            .watermarks
            .iter()
            .find(|m| m.id.lane == lane && m.id.epoch == self.epoch);
        mark.unwrap().up_to
    }
}

async fn channel(
    grpc: &str,
    ca_pem: &str,
    identity: Option<Identity>,
) -> Result<Channel, tonic::transport::Error> {
    let mut tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(ca_pem))
        .domain_name("localhost");
    if let Some(identity) = identity {
        tls = tls.identity(identity);
    }
    Channel::from_shared(format!("https://{grpc}"))
        .unwrap()
        .tls_config(tls)?
        .connect()
        .await
}

pub(super) fn item(event: Event) -> Vec<u8> {
    item_with(event, Vec::new())
}

pub(super) fn item_with(event: Event, evidence: Vec<proto::EvidenceRef>) -> Vec<u8> {
    CheckedItem::Event(WireEvent {
        id: Uuid::now_v7().into_bytes(),
        camera: "gate".to_owned(),
        uncertainty_ms: 5,
        evidence,
        classification: proto::convert::Classification::Internal,
        event,
    })
    .encode()
}

pub(super) fn passage() -> Event {
    Event {
        at: FrameTime::from_micros(Timestamp::now().as_micros()),
        rule: "line".to_owned(),
        kind: Kind::LineCrossed,
        phase: Phase::Instant,
        severity: Severity::None,
        episode: 0,
        direction: Some(Direction::ToLeft),
        objects: Vec::new(),
        measures: Vec::new(),
    }
}

pub(super) fn intrusion(phase: Phase, episode: u64) -> Event {
    Event {
        rule: "yard".to_owned(),
        kind: Kind::Intrusion,
        phase,
        severity: Severity::Major,
        episode,
        direction: None,
        ..passage()
    }
}
