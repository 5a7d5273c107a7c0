//! Figures for Prometheus, served over HTTP.

use std::{
    convert::Infallible,
    future::ready,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, body::Bytes, body::Incoming};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use scene::Kind;
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{outbox::Stats, uplink::LinkState, vision::Decision};

/// Scrapes at a time; more wait.
const CONNECTIONS_MAX: usize = 16;
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CameraLabel {
    camera: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabel {
    camera: String,
    kind: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct GateLabel {
    camera: String,
    decision: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabel {
    lane: u32,
}

type Count = Counter<u64, AtomicU64>;
type HistogramOf = fn() -> Histogram;

/// All figures of the box.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    decoded: Family<CameraLabel, Count>,
    analysed: Family<CameraLabel, Count>,
    dropped: Family<CameraLabel, Count>,
    reconnects: Family<CameraLabel, Count>,
    live: Family<CameraLabel, Gauge>,
    analyse_seconds: Family<CameraLabel, Histogram, HistogramOf>,
    event_delay_seconds: Family<CameraLabel, Histogram, HistogramOf>,
    events: Family<EventLabel, Count>,
    gate: Family<GateLabel, Count>,
    backlog_items: Family<LaneLabel, Gauge>,
    backlog_bytes: Family<LaneLabel, Gauge>,
    lost_items: Family<LaneLabel, Gauge>,
    outbox_durable: Gauge,
    uplink_connected: Gauge,
    uplink_connects: Gauge,
    pub config_good: Gauge,
}

/// Figures of one camera.
#[derive(Clone)]
pub struct CameraMetrics {
    camera: String,
    decoded: Count,
    analysed: Count,
    dropped: Count,
    events: Family<EventLabel, Count>,
    gate: Family<GateLabel, Count>,
    pub reconnects: Count,
    pub live: Gauge,
    pub analyse_seconds: Histogram,
    event_delay_seconds: Histogram,
}

fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.001, 2.0, 14))
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram = || Family::new_with_constructor(seconds as HistogramOf);
        let metrics = Self {
            registry: Arc::new(Mutex::new(Registry::default())),
            decoded: Family::default(),
            analysed: Family::default(),
            dropped: Family::default(),
            reconnects: Family::default(),
            live: Family::default(),
            analyse_seconds: histogram(),
            event_delay_seconds: histogram(),
            events: Family::default(),
            gate: Family::default(),
            backlog_items: Family::default(),
            backlog_bytes: Family::default(),
            lost_items: Family::default(),
            outbox_durable: Gauge::default(),
            uplink_connected: Gauge::default(),
            uplink_connects: Gauge::default(),
            config_good: Gauge::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    #[rustfmt::skip]
    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let r = registry.sub_registry_with_prefix("vong");
        r.register("frames_decoded", "Frames that left the decoder", self.decoded.clone());
        r.register("frames_analysed", "Frames that the detector saw", self.analysed.clone());
        r.register("frames_dropped", "Frames given up for newer ones", self.dropped.clone());
        r.register("reconnects", "Streams lost, or not got", self.reconnects.clone());
        r.register("camera_live", "1 while the picture comes", self.live.clone());
        r.register("analyse_seconds", "Tensor, inference and rules of a frame", self.analyse_seconds.clone());
        r.register("event_delay_seconds", "From capture to outbox", self.event_delay_seconds.clone());
        r.register("events", "Events put into the outbox", self.events.clone());
        r.register("gate_frames", "Frames by what the motion gate decided", self.gate.clone());
        r.register("outbox_items", "Items not yet acknowledged", self.backlog_items.clone());
        r.register("outbox_bytes", "Bytes not yet acknowledged", self.backlog_bytes.clone());
        r.register("outbox_lost_items", "Items declared lost since the start", self.lost_items.clone());
        r.register("outbox_durable", "0 while the disk cannot be written", self.outbox_durable.clone());
        r.register("uplink_connected", "1 while the centre answers", self.uplink_connected.clone());
        r.register("uplink_connects", "Connections since the start", self.uplink_connects.clone());
        r.register("config_good", "0 while a newer configuration is refused", self.config_good.clone());
    }

    pub fn camera(&self, camera: &str) -> CameraMetrics {
        let label = CameraLabel {
            camera: camera.to_owned(),
        };
        CameraMetrics {
            camera: camera.to_owned(),
            decoded: self.decoded.get_or_create(&label).clone(),
            analysed: self.analysed.get_or_create(&label).clone(),
            dropped: self.dropped.get_or_create(&label).clone(),
            events: self.events.clone(),
            gate: self.gate.clone(),
            reconnects: self.reconnects.get_or_create(&label).clone(),
            live: self.live.get_or_create(&label).clone(),
            analyse_seconds: self.analyse_seconds.get_or_create(&label).clone(),
            event_delay_seconds: self.event_delay_seconds.get_or_create(&label).clone(),
        }
    }

    pub fn outbox(&self, stats: &Stats) {
        let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        for (lane, family) in [
            (&stats.backlog_items, &self.backlog_items),
            (&stats.backlog_bytes, &self.backlog_bytes),
            (&stats.lost_items, &self.lost_items),
        ] {
            for (number, &count) in (0..).zip(lane) {
                family
                    .get_or_create(&LaneLabel { lane: number })
                    .set(whole(count));
            }
        }
        self.outbox_durable.set(i64::from(stats.durable));
    }

    pub fn link(&self, link: &LinkState) {
        self.uplink_connected.set(i64::from(link.carrier.is_some()));
        self.uplink_connects
            .set(i64::try_from(link.connects).unwrap_or(i64::MAX));
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl CameraMetrics {
    /// So many more than were told before. The counters outlive a camera's loop.
    pub fn frames(&self, decoded: u64, analysed: u64, dropped: u64) {
        self.decoded.inc_by(decoded);
        self.analysed.inc_by(analysed);
        self.dropped.inc_by(dropped);
    }

    /// More of each decision, in the order of [`Decision::ALL`].
    pub fn gate(&self, more: &[u64]) {
        for (decision, &more) in Decision::ALL.into_iter().zip(more) {
            let (decision, reason) = decision.names();
            let label = GateLabel {
                camera: self.camera.clone(),
                decision,
                reason,
            };
            if more != 0 {
                self.gate.get_or_create(&label).inc_by(more);
            }
        }
    }

    /// `delay` is the time since capture, in seconds.
    pub fn event(&self, kind: Kind, delay: f64) {
        let label = EventLabel {
            camera: self.camera.clone(),
            kind: kind_name(kind).to_owned(),
        };
        self.events.get_or_create(&label).inc();
        self.event_delay_seconds.observe(delay);
    }
}

const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::LineCrossed => "line_crossed",
        Kind::LineCount => "line_count",
        Kind::ZoneEntered => "zone_entered",
        Kind::ZoneLeft => "zone_left",
        Kind::ZoneOccupancy => "zone_occupancy",
        Kind::DwellExceeded => "dwell_exceeded",
        Kind::Intrusion => "intrusion",
        Kind::CameraSignal => "camera_signal",
    }
}

/// Opens the port. A port in use is a fault of the configuration.
pub async fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address).await?;
    info!(address = %listener.local_addr()?, "metrics are served");
    Ok(listener)
}

/// Serves `/metrics` until `shutdown`.
pub async fn serve(listener: TcpListener, metrics: Metrics, shutdown: CancellationToken) {
    let mut connections = JoinSet::new();
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "metrics connection not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        let metrics = metrics.clone();
        connections.spawn(async move {
            let service = hyper::service::service_fn(|request| {
                ready(Ok::<_, Infallible>(answer(&request, &metrics)))
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // A scraper that goes away is its own affair.
            let _gone = timeout(CONNECTION_TIMEOUT, connection).await;
            drop(permit);
        });
    }
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<Full<Bytes>> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => match metrics.text() {
            Ok(text) => (StatusCode::OK, text),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        },
        _ => (StatusCode::NOT_FOUND, "only GET /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static(
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
    );
    response
        .headers_mut()
        .insert(hyper::header::CONTENT_TYPE, kind);
    response
}
