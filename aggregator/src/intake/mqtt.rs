//! The embedded MQTT broker, as a carrier: TLS, one topic tree for each agent, nothing else.
//!
//! Everything is denied unless the handler here allows it, as `rmqtt` allows what nobody denies.
//! A batch is taken inside the publish check, which the broker awaits before its PUBACK: a slow
//! store slows the senders, and no queue of the broker holds anything that matters.
//!
//! | topic | who | what |
//! |---|---|---|
//! | `vong/v1/agents/{id}/batch` | agent publishes | `Up` with hello or batch |
//! | `vong/v1/agents/{id}/status` | agent publishes, also its will | `Up` with status |
//! | `vong/v1/agents/{id}/ack` | agent subscribes | `Down` |

use std::{net::SocketAddr, num::NonZeroU16, sync::Arc, time::Duration};

use prost::Message;
use proto::{limits::MESSAGE_BYTES_MAX, v1};
use rmqtt::{
    codec::v5::SubscribeAckReason,
    context::ServerContext,
    hook::{Handler, HookResult, Parameter, Priority, ReturnType, Type},
    net::{Builder, Listener},
    server::MqttServer,
    session::{Session, SessionState},
    types::{
        AuthResult, CodecPublish, ConnectInfo, From, FromType, Id, LastWill, Publish,
        PublishAclResult, QoS, Subscribe, SubscribeAclResult,
    },
};
use tokio::{runtime::Runtime, sync::oneshot};

use super::{Intake, Refusal};
use crate::identity::ServerCertificate;

/// Agents connected at once.
const CONNECTIONS_MAX: usize = 10_000;
/// Connections that have not yet said who they are.
const HANDSHAKES_MAX: usize = 500;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Acks waiting for one agent; a later ack says all that an earlier one did.
const QUEUE_MAX: usize = 64;
const INFLIGHT_MAX: NonZeroU16 = NonZeroU16::new(16).expect("16 is not zero");
/// An id is a slug.
const CLIENT_ID_BYTES_MAX: usize = 63;
const TOPIC_LEVELS_MAX: usize = 8;
/// Topic and header of a PUBLISH, beside the message.
const PACKET_BYTES_MAX: usize = MESSAGE_BYTES_MAX + 1024;
/// The one that is granted, again after a change of mind.
const SUBSCRIPTIONS_MAX: usize = 4;
const WORKERS: usize = 2;
/// The one listener's number within the broker.
const LISTENER: u16 = 1;

/// The broker does not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    #[error("mqtt {address}: {reason}")]
    Listen { address: SocketAddr, reason: String },
    #[error("mqtt: no threads for the broker: {0}")]
    Threads(std::io::Error),
}

/// The broker under way. It has threads of its own, so that it can be ended with all its
/// connections, whose tasks it does not give out.
pub struct Broker {
    /// `None` once it is ended.
    runtime: Option<Runtime>,
    address: SocketAddr,
    ended: oneshot::Receiver<()>,
}

impl Broker {
    pub fn start(
        address: SocketAddr,
        certificate: &ServerCertificate,
        intake: Arc<Intake>,
    ) -> Result<Self, BrokerError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("mqtt")
            .enable_all()
            .build()
            .map_err(BrokerError::Threads)?;
        let failed = |error: rmqtt::Error| BrokerError::Listen {
            address,
            reason: format!("{error:#}"),
        };
        let listener = {
            let _inside = runtime.enter();
            listen(address, certificate).map_err(failed)?
        };
        let address = listener.local_addr().map_err(failed)?;
        let (end, ended) = oneshot::channel();
        // Its runtime ends it, and `ended` tells.
        runtime.spawn(async move {
            if let Err(error) = run(listener, intake).await {
                tracing::error!(%error, "mqtt broker failed");
            }
            drop(end);
        });
        Ok(Self {
            runtime: Some(runtime),
            address,
            ended,
        })
    }

    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resolves when the broker has ended by itself, which it should not.
    pub async fn ended(&mut self) {
        // Nothing is ever sent: the sender's end is the message.
        drop((&mut self.ended).await);
    }

    /// Ends it and all its connections. What an agent was not acknowledged it will send again.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn listen(address: SocketAddr, certificate: &ServerCertificate) -> rmqtt::Result<Listener> {
    let path = |path: &std::path::Path| Some(path.to_string_lossy().into_owned());
    Builder::new()
        .name("mqtt")
        .laddr(address)
        .reuseaddr(Some(true))
        .nodelay(true)
        .max_connections(CONNECTIONS_MAX)
        .max_handshaking_limit(HANDSHAKES_MAX)
        .handshake_timeout(HANDSHAKE_TIMEOUT)
        .send_timeout(SEND_TIMEOUT)
        .max_packet_size(u32::try_from(PACKET_BYTES_MAX).unwrap_or(u32::MAX))
        .allow_anonymous(false)
        .max_inflight(INFLIGHT_MAX)
        .max_mqueue_len(QUEUE_MAX)
        .max_clientid_len(CLIENT_ID_BYTES_MAX)
        .max_qos_allowed(QoS::AtLeastOnce)
        .max_topic_levels(TOPIC_LEVELS_MAX)
        .max_subscriptions(SUBSCRIPTIONS_MAX)
        .session_expiry_interval(Duration::from_secs(10))
        .max_session_expiry_interval(Duration::from_secs(10))
        .tls_cert(path(&certificate.chain_path))
        .tls_key(path(&certificate.key_path))
        .bind()?
        .tls()
}

async fn run(listener: Listener, intake: Arc<Intake>) -> rmqtt::Result<()> {
    // Whether the machine is busy is for the store to tell, by its acks, not for a load average.
    let context = ServerContext::new().busy_check_enable(false).build().await;
    let register = context.extends.hook_mgr().register();
    for hook in [
        Type::ClientAuthenticate,
        Type::ClientSubscribeCheckAcl,
        Type::MessagePublishCheckAcl,
        Type::MessagePublish,
    ] {
        let guard = Guard {
            intake: Arc::clone(&intake),
            context: context.clone(),
        };
        register
            .add_priority(hook, Priority::MAX, Box::new(guard))
            .await;
    }
    register.start().await;
    MqttServer::new(context)
        .listener_by_id(listener, LISTENER)
        .build()
        .run()
        .await
}

/// Decides everything that a client may do.
struct Guard {
    intake: Arc<Intake>,
    context: ServerContext,
}

#[expect(
    elided_lifetimes_in_paths,
    reason = "async_trait wants the signature of the trait"
)]
#[tonic::async_trait]
impl Handler for Guard {
    async fn hook(&self, parameter: &Parameter, before: Option<HookResult>) -> ReturnType {
        let decided = match parameter {
            Parameter::ClientAuthenticate(client) => {
                HookResult::AuthResult(self.authenticate(client).await)
            }
            Parameter::ClientSubscribeCheckAcl(session, wanted) => {
                HookResult::SubscribeAclResult(subscribe(session, wanted))
            }
            Parameter::MessagePublishCheckAcl(session, message) => {
                HookResult::PublishAclResult(self.publish(session, message).await)
            }
            Parameter::MessagePublish(_, from, message) => {
                if matches!(from.typ(), FromType::LastWill) {
                    self.will(&from.id.client_id, message).await;
                }
                // Nothing is retained: a status is worth something only while it is new.
                let mut message = (*message).clone();
                message.retain = false;
                HookResult::Publish(message)
            }
            _ => return (true, before),
        };
        (false, Some(decided))
    }
}

impl Guard {
    async fn authenticate(&self, client: &ConnectInfo) -> AuthResult {
        let agent: &str = client.client_id();
        let (Some(user), Some(password)) = (client.username(), client.password()) else {
            return AuthResult::BadUsernameOrPassword;
        };
        let user: &str = user;
        if user != agent {
            tracing::warn!(
                agent,
                user,
                "mqtt client refused, its id is not its user name"
            );
            return AuthResult::NotAuthorized;
        }
        let own_will = match client.last_will() {
            None => true,
            Some(LastWill::V3(will)) => own_topic(agent, &will.topic) == Some("status"),
            Some(LastWill::V5(will)) => own_topic(agent, &will.topic) == Some("status"),
        };
        if !own_will {
            tracing::warn!(
                agent,
                "mqtt client refused, its will is not for its own status"
            );
            return AuthResult::NotAuthorized;
        }
        match self.intake.admit_password(agent, password).await {
            Ok(()) => AuthResult::Allow(false, None),
            Err(Refusal::Store(_)) => AuthResult::NotAuthorized,
            Err(_) => AuthResult::BadUsernameOrPassword,
        }
    }

    /// Takes what an agent publishes, before the broker acknowledges it.
    async fn publish(&self, session: &Session, message: &Publish) -> PublishAclResult {
        let agent: &str = &session.id.client_id;
        if !matches!(own_topic(agent, &message.topic), Some("batch" | "status")) {
            tracing::warn!(agent, topic = %message.topic, "publish to a foreign topic refused");
            return PublishAclResult::rejected(true, None);
        }
        match self.intake.take_bytes(agent, &message.payload).await {
            Ok(Some(answer)) => {
                self.answer(agent, &answer).await;
                PublishAclResult::allow()
            }
            Ok(None) => PublishAclResult::allow(),
            // It will be sent again once no ack comes.
            Err(Refusal::Store(_)) => PublishAclResult::rejected(false, None),
            Err(_) => PublishAclResult::rejected(true, None),
        }
    }

    /// The broker gives a will out when a connection breaks.
    async fn will(&self, agent: &str, message: &Publish) {
        if own_topic(agent, &message.topic) == Some("status") {
            // A refused one is counted and logged by the intake.
            drop(self.intake.take_bytes(agent, &message.payload).await);
        }
    }

    async fn answer(&self, agent: &str, answer: &v1::Down) {
        let message = CodecPublish {
            dup: false,
            retain: false,
            qos: QoS::AtLeastOnce,
            topic: format!("vong/v1/agents/{agent}/ack").into(),
            packet_id: None,
            payload: answer.encode_to_vec().into(),
            properties: None,
        };
        let us = Id::new(
            self.context.node.id(),
            LISTENER,
            None,
            None,
            "centre".into(),
            None,
        );
        let sent = SessionState::forwards(
            &self.context,
            From::from_system(us),
            message.into(),
            false,
            None,
        );
        if let Err(error) = sent.await {
            tracing::warn!(agent, %error, "ack not sent, the agent will ask again");
        }
    }
}

/// An agent hears its own acks, and nothing else.
fn subscribe(session: &Session, wanted: &Subscribe) -> SubscribeAclResult {
    let agent: &str = &session.id.client_id;
    if own_topic(agent, &wanted.topic_filter) == Some("ack") {
        return SubscribeAclResult::new_success(wanted.opts.qos(), None);
    }
    tracing::warn!(agent, topic = %wanted.topic_filter, "subscription to a foreign topic refused");
    SubscribeAclResult::new_failure(SubscribeAckReason::NotAuthorized)
}

/// What follows `vong/v1/agents/{agent}/` in a topic.
fn own_topic<'a>(agent: &str, topic: &'a str) -> Option<&'a str> {
    topic
        .strip_prefix("vong/v1/agents/")?
        .strip_prefix(agent)?
        .strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::own_topic;

    #[test]
    fn a_topic_is_an_agents_own_only_if_it_names_it_wholly() {
        assert_eq!(
            own_topic("gate", "vong/v1/agents/gate/batch"),
            Some("batch")
        );
        assert_eq!(own_topic("gate", "vong/v1/agents/gate-2/batch"), None);
        assert_eq!(own_topic("gate-2", "vong/v1/agents/gate/batch"), None);
        assert_eq!(own_topic("gate", "vong/v1/agents/+/batch"), None);
        assert_eq!(own_topic("gate", "#"), None);
        assert_eq!(own_topic("gate", "vong/v1/agents/gate/#"), Some("#"));
    }
}
