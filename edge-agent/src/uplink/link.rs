//! A connection, whichever carrier made it.

use std::{sync::Arc, time::Duration};

use proto::v1::{Down, Up};
use tokio::{sync::mpsc, task::JoinSet};

use super::{Carrier, grpc, mqtt};
use crate::identity::{DialError, Identity};

/// Messages between the driver and the wire; a little more than the window of 8 batches.
pub(super) const QUEUE_MESSAGES: usize = 12;
/// How long an orderly end may take.
const CLOSE_MAX: Duration = Duration::from_secs(2);

/// What the two carriers need.
pub(super) struct Carriers {
    pub(super) broker: Option<mqtt::Broker>,
    pub(super) grpc_tls: Option<Arc<rustls::ClientConfig>>,
}

impl Carriers {
    /// `will` is sent by the broker when the connection breaks.
    pub(super) async fn connect(
        &self,
        carrier: Carrier,
        identity: &Identity,
        will: Up,
    ) -> Result<Link, LinkError> {
        match (carrier, &self.broker, &self.grpc_tls) {
            (Carrier::Mqtt, Some(broker), _) => mqtt::connect(broker, identity, will).await,
            (Carrier::Grpc, _, Some(tls)) => grpc::connect(identity, Arc::clone(tls)).await,
            _ => Err(LinkError::NotSetUp(carrier)),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("MQTT: {0}")]
    Mqtt(#[from] Box<rumqttc::ConnectionError>),
    #[error("MQTT: the broker refused {0}; check its access list for this agent")]
    Refused(&'static str),
    #[error("gRPC: {0}")]
    Transport(#[from] tonic::transport::Error),
    #[error("gRPC: {0}")]
    Status(#[from] Box<tonic::Status>),
    #[error("the centre ended the connection")]
    Ended,
    #[error("no answer within {0} s")]
    Silent(u64),
    #[error("{} is not set up", .0.name())]
    NotSetUp(Carrier),
}

/// Open from the start: what is put into `up` goes to the centre, in order; what the centre says
/// comes out of `down`, which ends with the connection.
pub(super) struct Link {
    pub(super) up: mpsc::Sender<Up>,
    pub(super) down: mpsc::Receiver<Down>,
    /// The first to end says why the connection did; dropping them ends it.
    pub(super) tasks: JoinSet<LinkError>,
}

impl Link {
    /// Why `down` ended.
    pub(super) async fn reason(mut self) -> LinkError {
        match self.tasks.join_next().await {
            Some(Ok(error)) => error,
            Some(Err(_)) | None => LinkError::Ended,
        }
    }

    /// Lets what is queued go out, then ends.
    pub(super) async fn close(self) {
        let Self {
            up,
            down: _down,
            mut tasks,
        } = self;
        drop(up);
        if tokio::time::timeout(CLOSE_MAX, tasks.join_next())
            .await
            .is_err()
        {
            tracing::debug!("connection did not end in time, dropping it");
        }
    }
}
