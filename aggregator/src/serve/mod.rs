//! The running centre: starts every room, announces where it is, waits, and stops in order.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use rand::{TryRngCore, rngs::OsRng};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{self, ApiState, auth::Secret},
    config::Settings,
    identity::{self, Advertised, Authority, Enroller, IdentityError, TlsError},
    intake::{Intake, grpc, mqtt},
    metrics::Metrics,
    store::{Access, OpenError, Store, StoreError},
};

mod accept;

/// How long a stop may take before the rest is cut off.
const STOP_SECONDS: u64 = 15;

/// The centre does not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("{what} {address}: {source}")]
    Listen {
        what: &'static str,
        address: SocketAddr,
        source: std::io::Error,
    },
    #[error(transparent)]
    Broker(#[from] mqtt::BrokerError),
    #[error("data folder: {path}: {source}")]
    Note {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("api: {0}")]
    Api(String),
    #[error("{what} ended by itself")]
    Ended { what: &'static str },
}

/// Where a running centre is; also written to `DIR/running.json` for the tools.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    pub http: SocketAddr,
    pub grpc: SocketAddr,
    pub mqtt: SocketAddr,
    /// Where a browser finds the console.
    pub console: String,
    /// host:port for agents.
    pub grpc_advertised: String,
}

/// A started centre.
pub struct Centre {
    pub running: Running,
    /// Where a browser makes the first administrator; `None` when there is a user.
    pub setup_link: Option<String>,
    pub store: Store,
    tasks: JoinSet<&'static str>,
    broker: mqtt::Broker,
    shutdown: CancellationToken,
}

impl Centre {
    /// Opens the store and listens on every port; nothing is announced before all do.
    pub async fn start(settings: &Settings) -> Result<Self, ServeError> {
        let store = Store::open(&settings.data, Access::Serve)?;
        store.probe_writable().await?;
        let authority = Arc::new(authority(settings, &store).await?);
        let certificate = authority.issue_server(&settings.public_names)?;
        let http = listen("http", settings.http).await?;
        let grpc = listen("grpc", settings.grpc).await?;
        let metrics = Arc::new(Metrics::new());
        let ack_key = authority.ack_key().clone();
        metrics.set_certificate_expiry(certificate.ends_at.as_micros() / 1_000_000);
        let intake = Arc::new(Intake::new(
            store.clone(),
            ack_key,
            term()?,
            Arc::clone(&metrics),
        ));
        let broker = mqtt::Broker::start(settings.mqtt, &certificate, Arc::clone(&intake))?;

        let shutdown = CancellationToken::new();
        let https = !http.address.ip().is_loopback();
        let state = ApiState::new(
            store.clone(),
            metrics,
            api::Settings { tls: https },
            shutdown.clone(),
        )
        .map_err(|error| ServeError::Api(error.to_string()))?;
        let running = Running {
            http: http.address,
            grpc: grpc.address,
            mqtt: broker.address(),
            console: if https {
                format!("https://{}/", settings.advertised(http.address))
            } else {
                format!("http://{}/", http.address)
            },
            grpc_advertised: settings.advertised(grpc.address),
        };
        let advertised = Advertised {
            grpc: running.grpc_advertised.clone(),
            mqtt: settings.advertised(running.mqtt),
        };
        let setup_link = setup_link(&store, &running.console).await?;

        let routes = api::grpc::services(&state)
            .await
            .map_err(|error| ServeError::Api(error.to_string()))?
            .add_service(grpc::service(Arc::clone(&intake), shutdown.clone()))
            .add_service(enrollment(&store, &authority, advertised));
        let grpc_tls = identity::grpc_config(&authority, &certificate)?;
        let http_tls = https
            .then(|| identity::http_config(&certificate))
            .transpose()?;
        let mut tasks = JoinSet::new();
        let grpc_served = accept::serve_grpc(grpc.listener, grpc_tls, routes, shutdown.clone());
        tasks.spawn(named("grpc", grpc_served));
        let http_served = api::http::serve(http.listener, http_tls, state, shutdown.clone());
        tasks.spawn(named("http", http_served));
        let stop = shutdown.clone();
        tasks.spawn(named("liveness", async move { intake.watch(stop).await }));
        note(settings, &running)?;
        Ok(Self {
            running,
            setup_link,
            store,
            tasks,
            broker,
            shutdown,
        })
    }

    /// Serves until `stop` is done, then stops in order: no new messages, answers given, store closed.
    pub async fn run_until(mut self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let ended = tokio::select! {
            biased;
            () = stop => None,
            () = self.store.closed() => Some("the store's writer"),
            () = self.broker.ended() => Some("the mqtt broker"),
            Some(task) = self.tasks.join_next() => Some(task.unwrap_or("a task, by a panic,")),
        };
        self.shutdown.cancel();
        self.broker.stop();
        let drained = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_secs(STOP_SECONDS), drained)
            .await
            .is_err()
        {
            tracing::warn!("some connections did not end in time and are cut off");
        }
        self.tasks.shutdown().await;
        self.store.close().await;
        match ended {
            None => Ok(()),
            Some(what) => Err(ServeError::Ended { what }),
        }
    }
}

struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// Says which task has ended.
async fn named(name: &'static str, task: impl Future<Output = ()>) -> &'static str {
    task.await;
    name
}

async fn listen(what: &'static str, address: SocketAddr) -> Result<Bound, ServeError> {
    let failed = |source| ServeError::Listen {
        what,
        address,
        source,
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Bound { listener, address })
}

/// The authority of the data folder; a new one is no authority to boxes enrolled before.
async fn authority(settings: &Settings, store: &Store) -> Result<Authority, ServeError> {
    let is_new = Authority::load(&settings.data).is_err();
    let authority = Authority::load_or_make(&settings.data)?;
    if is_new && !store.agents().await?.is_empty() {
        tracing::warn!(
            "the folder ca was missing and is made anew, every box must be enrolled again"
        );
    }
    Ok(authority)
}

fn enrollment(
    store: &Store,
    authority: &Arc<Authority>,
    advertised: Advertised,
) -> proto::v1::enrollment_server::EnrollmentServer<Enroller> {
    let enroller = Enroller::new(store.clone(), Arc::clone(authority), advertised);
    proto::v1::enrollment_server::EnrollmentServer::new(enroller)
        .max_decoding_message_size(ENROLL_BYTES_MAX)
}

/// A code, a certificate request and a key.
const ENROLL_BYTES_MAX: usize = 16 * 1024;

/// A random number for this process start, never 0.
fn term() -> Result<u64, ServeError> {
    let random = OsRng.try_next_u64().map_err(IdentityError::Random)?;
    Ok(random.max(1))
}

/// Makes a one-time link for the first administrator while there is no user.
async fn setup_link(store: &Store, console: &str) -> Result<Option<String>, ServeError> {
    if !store.users().await?.is_empty() {
        return Ok(None);
    }
    let secret = Secret::generate().map_err(IdentityError::Random)?;
    store.set_setup_token(secret.hash()).await?;
    Ok(Some(format!("{console}setup#{}", secret.text())))
}

/// Leaves a note of the real addresses for `aggregator invite`.
fn note(settings: &Settings, running: &Running) -> Result<(), ServeError> {
    let path = settings.data.join("running.json");
    let text = serde_json::to_string(running).unwrap_or_default();
    std::fs::write(&path, text).map_err(|source| ServeError::Note { path, source })
}
