//! Topics of any MQTT 3.1.1 broker. The session is clean: rumqttc and the broker hold nothing that
//! matters, and every connection starts anew.

use std::{sync::Arc, time::Duration};

use prost::Message as _;
use proto::{
    limits::MESSAGE_BYTES_MAX,
    v1::{Down, Up, up::Message},
};
use rumqttc::{
    AsyncClient, Event, EventLoop, LastWill, MqttOptions, Outgoing, Packet, QoS,
    SubscribeReasonCode, TlsConfiguration, Transport,
};
use tokio::{sync::mpsc, task::JoinSet};

use super::link::{Link, LinkError, QUEUE_MESSAGES};
use crate::identity::{HostPort, Identity};

const KEEP_ALIVE: Duration = Duration::from_secs(10);
const CONNECT_MAX: Duration = Duration::from_secs(15);
const INFLIGHT: u16 = 8;
/// Header and topic of a packet.
const PACKET_HEAD_BYTES: usize = 256;

pub(super) struct Broker {
    pub(super) address: HostPort,
    pub(super) tls: Option<Arc<rustls::ClientConfig>>,
}

/// Connected and subscribed to the acks.
pub(super) async fn connect(
    broker: &Broker,
    identity: &Identity,
    will: Up,
) -> Result<Link, LinkError> {
    let topic = |leaf: &str| format!("vong/v1/agents/{}/{leaf}", identity.agent);
    let status_topic = topic("status");
    let HostPort { host, port } = &broker.address;
    let mut options = MqttOptions::new(&identity.agent, host, *port);
    options
        .set_credentials(&identity.agent, &identity.mqtt_password)
        .set_clean_session(true)
        .set_keep_alive(KEEP_ALIVE)
        .set_inflight(INFLIGHT)
        .set_max_packet_size(
            MESSAGE_BYTES_MAX + PACKET_HEAD_BYTES,
            MESSAGE_BYTES_MAX + PACKET_HEAD_BYTES,
        )
        .set_last_will(LastWill::new(
            &status_topic,
            will.encode_to_vec(),
            QoS::AtLeastOnce,
            true,
        ));
    if let Some(tls) = &broker.tls {
        let tls = TlsConfiguration::Rustls(Arc::clone(tls));
        options.set_transport(Transport::tls_with_config(tls));
    }
    let (client, mut events) = AsyncClient::new(options, QUEUE_MESSAGES);
    let ack_topic = topic("ack");
    let subscribed = subscribe(&client, &mut events, &ack_topic);
    let late = |_elapsed| LinkError::Silent(CONNECT_MAX.as_secs());
    tokio::time::timeout(CONNECT_MAX, subscribed)
        .await
        .map_err(late)??;

    let (up, up_queue) = mpsc::channel(QUEUE_MESSAGES);
    let (down_queue, down) = mpsc::channel(QUEUE_MESSAGES);
    let mut tasks = JoinSet::new();
    tasks.spawn(publish(client, up_queue, topic("batch"), status_topic));
    tasks.spawn(poll(events, down_queue, ack_topic));
    Ok(Link { up, down, tasks })
}

async fn subscribe(
    client: &AsyncClient,
    events: &mut EventLoop,
    ack_topic: &str,
) -> Result<(), LinkError> {
    loop {
        match events.poll().await.map_err(Box::new)? {
            Event::Incoming(Packet::ConnAck(_)) => {
                let queued = client.subscribe(ack_topic, QoS::AtLeastOnce).await;
                queued.map_err(|_closed| LinkError::Ended)?;
            }
            Event::Incoming(Packet::SubAck(answer)) => {
                let granted = |code| matches!(code, &SubscribeReasonCode::Success(_));
                return if answer.return_codes.iter().all(granted) {
                    Ok(())
                } else {
                    Err(LinkError::Refused("the subscription to our acks"))
                };
            }
            _ => {}
        }
    }
}

/// Ends by disconnecting once nothing more will be put into the queue.
async fn publish(
    client: AsyncClient,
    mut queue: mpsc::Receiver<Up>,
    batch_topic: String,
    status_topic: String,
) -> LinkError {
    while let Some(up) = queue.recv().await {
        let is_status = matches!(up.message, Some(Message::Status(_)));
        let topic = if is_status {
            &status_topic
        } else {
            &batch_topic
        };
        let sent = client
            .publish(topic, QoS::AtLeastOnce, is_status, up.encode_to_vec())
            .await;
        if sent.is_err() {
            return LinkError::Ended;
        }
    }
    if client.disconnect().await.is_err() {
        tracing::debug!("mqtt connection was gone before it could be ended");
    }
    // Keeps the client until the event loop has said goodbye and the set is dropped.
    std::future::pending().await
}

async fn poll(mut events: EventLoop, down: mpsc::Sender<Down>, ack_topic: String) -> LinkError {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::Publish(publish))) if publish.topic == ack_topic => {
                match Down::decode(publish.payload) {
                    // A driver that is behind can do without this ack: the next one says more, or
                    // the Hello that follows its absence.
                    Ok(message) => {
                        let _queued = down.try_send(message).is_ok();
                    }
                    Err(error) => {
                        tracing::warn!(%error, "message on the ack topic is not readable");
                    }
                }
            }
            Ok(Event::Incoming(Packet::Disconnect) | Event::Outgoing(Outgoing::Disconnect)) => {
                return LinkError::Ended;
            }
            Ok(_) => {}
            Err(error) => return Box::new(error).into(),
        }
    }
}
