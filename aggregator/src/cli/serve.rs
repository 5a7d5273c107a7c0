//! `aggregator serve`

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::{DataArgs, Failure, failed, say};
use crate::{
    config::{Overrides, Settings},
    serve::Centre,
};

/// What is logged unless RUST_LOG says otherwise.
const LOG_DEFAULT: &str = "info,rmqtt=error,rmqtt_net=error,rmqtt_codec=error";

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Where the console and REST listen; port 0 takes a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,
    /// Where gRPC listens, over TLS [default: 127.0.0.1:8443].
    #[arg(long, value_name = "ADDRESS:PORT")]
    grpc: Option<SocketAddr>,
    /// Where the embedded MQTT broker listens, over TLS [default: 127.0.0.1:8883].
    #[arg(long, value_name = "ADDRESS:PORT")]
    mqtt: Option<SocketAddr>,
    /// A host name or address by which others reach this machine; may be given again. The first is
    /// told to new boxes.
    #[arg(long = "public-name", value_name = "NAME")]
    public_names: Vec<String>,
    /// How logs are written to standard error. RUST_LOG filters them.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log: LogFormat,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

pub(super) async fn run(arguments: ServeArgs) -> Result<(), Failure> {
    start_logs(arguments.log)?;
    let overrides = Overrides {
        http: arguments.http,
        grpc: arguments.grpc,
        mqtt: arguments.mqtt,
        public_names: arguments.public_names,
    };
    let settings = Settings::load(&arguments.data.data, overrides)?;
    raise_open_files();
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let centre = Centre::start(&settings).await.map_err(failed)?;
    announce(&centre)?;
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
    };
    centre.run_until(stop).await.map_err(failed)?;
    tracing::info!("stopped");
    Ok(())
}

/// Each connection takes a file handle, and many systems give a process 1024 unless it asks.
fn raise_open_files() {
    let mut limits = getrlimit(Resource::Nofile);
    limits.current = limits.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limits) {
        tracing::warn!(%error, "limit of open files stays as it is");
    }
}

/// One line of JSON when everything listens; another with the link for the first user.
fn announce(centre: &Centre) -> Result<(), Failure> {
    let running = &centre.running;
    let ready = json!({
        "ready": true,
        "http": running.http,
        "grpc": running.grpc,
        "mqtt": running.mqtt,
        "console": running.console,
    });
    say(&ready.to_string()).map_err(failed)?;
    if let Some(link) = &centre.setup_link {
        say(&json!({ "setup": link }).to_string()).map_err(failed)?;
    }
    tracing::info!(http = %running.http, grpc = %running.grpc, mqtt = %running.mqtt, "serving");
    Ok(())
}

fn start_logs(format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(LOG_DEFAULT));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => logs.with_ansi(false).try_init(),
        LogFormat::Json => logs.json().try_init(),
    }
    .map_err(failed)
}
