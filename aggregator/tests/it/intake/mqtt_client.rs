//! An MQTT client as boxes use it.

use std::{sync::Arc, time::Duration};

use prost::Message;
use proto::v1;
use rumqttc::{
    AsyncClient, ConnectionError, Event, MqttOptions, Packet, QoS, SubscribeReasonCode,
    TlsConfiguration, Transport,
};
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use super::{agent::TestAgent, centre::TestCentre};

const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough for an answer that must not come, had it come.
const SILENCE: Duration = Duration::from_millis(700);

pub(super) struct Client {
    client: AsyncClient,
    agent: String,
    answers: mpsc::Receiver<Answer>,
    _polling: JoinSet<()>,
}

#[derive(Debug)]
pub(super) enum Answer {
    Connected,
    Subscribed(bool),
    Ack(v1::Down),
    Published,
    Broken(ConnectionError),
}

impl Client {
    pub(super) fn new(centre: &TestCentre, id: &str, user: &str, password: &str) -> Self {
        let mqtt = centre.running.mqtt;
        let mut options = MqttOptions::new(id, mqtt.ip().to_string(), mqtt.port());
        options
            .set_credentials(user, password)
            .set_clean_session(true);
        Self::with(centre, id, options)
    }

    pub(super) fn with(centre: &TestCentre, id: &str, mut options: MqttOptions) -> Self {
        options.set_max_packet_size(512 * 1024, 512 * 1024);
        options.set_transport(Transport::tls_with_config(tls(&centre.ca_pem())));
        let (client, mut events) = AsyncClient::new(options, 64);
        let (sender, answers) = mpsc::channel(64);
        let mut polling = JoinSet::new();
        polling.spawn(async move {
            loop {
                let answer = match events.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(_))) => Answer::Connected,
                    Ok(Event::Incoming(Packet::SubAck(ack))) => Answer::Subscribed(
                        !ack.return_codes.contains(&SubscribeReasonCode::Failure),
                    ),
                    Ok(Event::Incoming(Packet::PubAck(_))) => Answer::Published,
                    Ok(Event::Incoming(Packet::Publish(publish))) => {
                        Answer::Ack(v1::Down::decode(publish.payload).unwrap())
                    }
                    Ok(_) => continue,
                    Err(error) => Answer::Broken(error),
                };
                let broken = matches!(answer, Answer::Broken(_));
                if sender.send(answer).await.is_err() || broken {
                    return;
                }
            }
        });
        Self {
            client,
            agent: id.to_owned(),
            answers,
            _polling: polling,
        }
    }

    /// Connected as the box itself, and hearing its acks.
    pub(super) async fn of(centre: &TestCentre, agent: &TestAgent) -> Self {
        let mut client = Self::new(centre, &agent.id, &agent.id, &agent.password);
        assert!(matches!(client.next().await, Answer::Connected));
        assert!(
            client
                .subscribe(&format!("vong/v1/agents/{}/ack", agent.id))
                .await
        );
        client
    }

    pub(super) async fn next(&mut self) -> Answer {
        timeout(PATIENCE, self.answers.recv())
            .await
            .expect("an answer in time")
            .expect("a client")
    }

    /// Whether the broker grants it.
    pub(super) async fn subscribe(&mut self, topic: &str) -> bool {
        self.client
            .subscribe(topic, QoS::AtLeastOnce)
            .await
            .unwrap();
        match self.next().await {
            Answer::Subscribed(granted) => granted,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn publish(&self, topic: &str, up: &v1::Up) {
        let topic = format!("vong/v1/agents/{topic}");
        let payload = up.encode_to_vec();
        self.client
            .publish(topic, QoS::AtLeastOnce, false, payload)
            .await
            .unwrap();
    }

    /// Sends a message to the own batch topic, and waits for the centre's ack.
    pub(super) async fn ask(&mut self, up: &v1::Up) -> v1::Down {
        self.publish(&format!("{}/batch", self.agent), up).await;
        loop {
            match self.next().await {
                Answer::Ack(down) => return down,
                Answer::Published => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Sends a message that must not be acknowledged by the centre.
    pub(super) async fn ask_in_vain(&mut self, topic: &str, up: &v1::Up) {
        self.publish(topic, up).await;
        while let Ok(Some(answer)) = timeout(SILENCE, self.answers.recv()).await {
            assert!(!matches!(answer, Answer::Ack(_)), "acknowledged");
        }
    }
}

fn tls(ca_pem: &str) -> TlsConfiguration {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in rustls_pemfile::certs(&mut ca_pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConfiguration::Rustls(Arc::new(config))
}
