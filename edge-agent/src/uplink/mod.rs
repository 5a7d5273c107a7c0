//! Outbox → centre, over MQTT or gRPC.
//!
//! ```text
//! outbox ─ read ─▶ driver ─ Up ─▶ link: mqtt | grpc ═▶ centre
//!        ◀─ ack ─    │    ◀ Down ─
//!                    └ proto::sender thinks; choice picks the carrier
//! ```
//!
//! The carriers only carry. What frees an item is an ack that the centre signed after its commit;
//! an MQTT PUBACK frees nothing. A carrier is a function that makes a [`link::Link`]: two bounded
//! channels and what keeps them going; when its connection breaks it ends, and nothing that it held
//! matters.

mod choice;
mod driver;
mod grpc;
mod link;
mod mqtt;

use std::time::Duration;

use proto::v1;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    identity::{DialError, HostPort, Identity},
    outbox::Outbox,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Carrier {
    Mqtt,
    Grpc,
}

impl Carrier {
    /// As in configuration, logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mqtt => "mqtt",
            Self::Grpc => "grpc",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub primary: Carrier,
    /// Carries when the primary fails; `None`: the primary is tried for ever.
    pub fallback: Option<Carrier>,
    /// False only for a broker on this machine (loopback); refused otherwise.
    pub mqtt_tls: bool,
    /// `host:port` of a broker other than the centre's own.
    pub mqtt_address: Option<String>,
    /// Failures in a row before the fallback is tried; 0 is taken as 1.
    pub failures_before_fallback: u32,
    /// How long the fallback carries before the primary is tried again.
    pub primary_retry: Duration,
}

impl Settings {
    /// One carrier and the centre's own addresses.
    pub fn only(primary: Carrier) -> Self {
        Self {
            primary,
            fallback: None,
            mqtt_tls: true,
            mqtt_address: None,
            failures_before_fallback: 3,
            primary_retry: Duration::from_mins(5),
        }
    }

    /// Whether [`run`] can begin with these. What only the network tells is not known here.
    pub fn check(&self, identity: &Identity) -> Result<(), SettingsError> {
        self.carriers(identity).map(drop)
    }

    fn carriers(&self, identity: &Identity) -> Result<link::Carriers, SettingsError> {
        let uses = |carrier| self.primary == carrier || self.fallback == Some(carrier);
        let broker = if uses(Carrier::Mqtt) {
            Some(self.mqtt(identity)?)
        } else {
            None
        };
        let grpc_tls = if uses(Carrier::Grpc) {
            Some(identity.client_config(b"h2")?)
        } else {
            None
        };
        Ok(link::Carriers { broker, grpc_tls })
    }

    fn mqtt(&self, identity: &Identity) -> Result<mqtt::Broker, SettingsError> {
        let address = self.mqtt_address.as_ref().unwrap_or(&identity.mqtt_address);
        let address = HostPort::parse(address)?;
        if !self.mqtt_tls && !address.is_loopback() {
            return Err(SettingsError::PlainText { host: address.host });
        }
        let tls = if self.mqtt_tls {
            Some(identity.client_config(b"")?)
        } else {
            None
        };
        Ok(mqtt::Broker { address, tls })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(
        "mqtt_tls = false is for a broker on this machine, \"{host}\" is not; remove it, or put the broker on 127.0.0.1"
    )]
    PlainText { host: String },
    #[error(transparent)]
    Address(#[from] DialError),
    #[error("TLS cannot be set up with this identity: {0}; enrol the box again")]
    Tls(#[from] rustls::Error),
}

/// State of the link, for metrics and logs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkState {
    /// What carries now; `None` until the centre has answered on a connection.
    pub carrier: Option<Carrier>,
    /// Why the last connection failed or ended; empty once the centre answers.
    pub problem: String,
    /// Connections made since the start.
    pub connects: u64,
    pub batches_sent: u64,
    /// Acks that were not signed by the centre, not for us, or not readable.
    pub acks_refused: u64,
    /// The centre's clock against ours.
    pub clock: Option<ClockOffset>,
}

/// `centre = ours + offset`, within `± uncertainty`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    pub offset_us: i64,
    /// Half the round trip.
    pub uncertainty_us: i64,
}

/// Carries items, acks and status until `shutdown`, whatever breaks meanwhile.
///
/// Of `status` the caller fills the cameras and the configuration; who, when, backlog and
/// durability are filled in here. The newest goes out every 10 s.
pub async fn run(
    outbox: Outbox,
    identity: Identity,
    settings: Settings,
    status: watch::Receiver<v1::Status>,
    link: watch::Sender<LinkState>,
    shutdown: CancellationToken,
) -> Result<(), SettingsError> {
    let carriers = settings.carriers(&identity)?;
    driver::Driver::new(outbox, identity, settings, carriers, status, link)
        .run(shutdown)
        .await;
    Ok(())
}
