//! What the centre counts, in the text format of OpenMetrics.
//!
//! One struct, made at the start and handed to whoever has something to count; nothing is global.

use std::time::Duration;

use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// From a frame's capture to its event's commit; an agent may have been away for days.
const LATENCY_SECONDS: [f64; 14] = [
    0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 600.0, 3_600.0, 86_400.0, 259_200.0,
];
const COMMIT_SECONDS: [f64; 11] = [
    0.000_5, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 5.0,
];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    /// The route's template, never the path asked for: that would be unbounded.
    route: String,
    status: u16,
}

/// The centre's metrics and the registry that they are in.
pub struct Metrics {
    registry: Registry,
    events_stored: Family<KindLabel, Counter>,
    latency: Histogram,
    batches: Family<ResultLabel, Counter>,
    items_refused: Counter,
    items_lost: Counter,
    commit: Histogram,
    alerts_open: Gauge,
    agents_online: Gauge,
    certificate_expiry: Gauge,
    requests: Family<RequestLabels, Counter>,
    sign_ins: Family<ResultLabel, Counter>,
    connections: Gauge,
    connections_shed: Counter,
    subscribers: Gauge,
    subscribers_dropped: Counter,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    #[expect(
        clippy::too_many_lines,
        reason = "a list of metrics with their help, no logic"
    )]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("vong"),
            events_stored: Family::default(),
            latency: Histogram::new(LATENCY_SECONDS),
            batches: Family::default(),
            items_refused: Counter::default(),
            items_lost: Counter::default(),
            commit: Histogram::new(COMMIT_SECONDS),
            alerts_open: Gauge::default(),
            agents_online: Gauge::default(),
            certificate_expiry: Gauge::default(),
            requests: Family::default(),
            sign_ins: Family::default(),
            connections: Gauge::default(),
            connections_shed: Counter::default(),
            subscribers: Gauge::default(),
            subscribers_dropped: Counter::default(),
        };
        let registry = &mut metrics.registry;
        registry.register(
            "events_stored",
            "Events committed to the store, by kind",
            metrics.events_stored.clone(),
        );
        registry.register(
            "capture_to_stored_seconds",
            "From a frame's capture to the commit of its event",
            metrics.latency.clone(),
        );
        registry.register(
            "batches",
            "Batches from agents, by what became of them",
            metrics.batches.clone(),
        );
        registry.register(
            "items_refused",
            "Items set aside because they are not what they should be",
            metrics.items_refused.clone(),
        );
        registry.register(
            "items_lost",
            "Items that agents declared lost",
            metrics.items_lost.clone(),
        );
        registry.register(
            "store_commit_seconds",
            "How long a commit of the store took",
            metrics.commit.clone(),
        );
        registry.register(
            "alerts_open",
            "Alerts that are not both cleared and acknowledged",
            metrics.alerts_open.clone(),
        );
        registry.register(
            "agents_online",
            "Agents heard of within the last 25 seconds",
            metrics.agents_online.clone(),
        );
        registry.register(
            "server_certificate_expiry_timestamp_seconds",
            "When the certificate that the ports show ends, in Unix time; a start renews it",
            metrics.certificate_expiry.clone(),
        );
        registry.register(
            "http_requests",
            "Requests answered, by method, route and status",
            metrics.requests.clone(),
        );
        registry.register(
            "sign_ins",
            "Attempts to sign in, by what became of them",
            metrics.sign_ins.clone(),
        );
        registry.register(
            "http_connections",
            "Open HTTP connections",
            metrics.connections.clone(),
        );
        registry.register(
            "http_connections_shed",
            "HTTP connections closed at once because there were too many",
            metrics.connections_shed.clone(),
        );
        registry.register(
            "stream_subscribers",
            "Open live streams, SSE and gRPC",
            metrics.subscribers.clone(),
        );
        registry.register(
            "stream_subscribers_dropped",
            "Live streams ended because their reader was too slow",
            metrics.subscribers_dropped.clone(),
        );
        metrics
    }

    /// An event was committed.
    pub fn event_stored(&self, kind: &'static str, captured_us: i64, stored_us: i64) {
        self.events_stored.get_or_create(&KindLabel { kind }).inc();
        #[expect(
            clippy::cast_precision_loss,
            reason = "a duration, exact up to 285 years"
        )]
        let seconds = stored_us.saturating_sub(captured_us) as f64 / 1e6;
        // A box whose clock runs ahead must not make the sum fall.
        self.latency.observe(seconds.max(0.0));
    }

    /// A batch was judged; `result` is one of a fixed few words.
    pub fn batch(&self, result: &'static str) {
        self.batches.get_or_create(&ResultLabel { result }).inc();
    }

    pub fn items_refused(&self, count: u64) {
        self.items_refused.inc_by(count);
    }

    pub fn items_lost(&self, count: u64) {
        self.items_lost.inc_by(count);
    }

    pub fn set_certificate_expiry(&self, unix_seconds: i64) {
        self.certificate_expiry.set(unix_seconds);
    }

    pub fn commit(&self, took: Duration) {
        self.commit.observe(took.as_secs_f64());
    }

    pub fn set_alerts_open(&self, count: u64) {
        self.alerts_open
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub fn set_agents_online(&self, count: u64) {
        self.agents_online
            .set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn request(&self, method: &'static str, route: &str, status: u16) {
        let labels = RequestLabels {
            method,
            route: route.to_owned(),
            status,
        };
        self.requests.get_or_create(&labels).inc();
    }

    pub(crate) fn sign_in(&self, result: &'static str) {
        self.sign_ins.get_or_create(&ResultLabel { result }).inc();
    }

    pub(crate) fn connection_shed(&self) {
        self.connections_shed.inc();
    }

    pub(crate) fn subscriber_dropped(&self) {
        self.subscribers_dropped.inc();
    }

    /// One connection more, until the result is dropped.
    pub(crate) fn connection(&self) -> Held {
        Held::new(&self.connections)
    }

    /// One live stream more, until the result is dropped.
    pub(crate) fn subscriber(&self) -> Held {
        Held::new(&self.subscribers)
    }

    /// All of it, as OpenMetrics text.
    pub fn encode(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Counts one in a gauge while it lives.
pub(crate) struct Held(Gauge);

impl Held {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told() {
        let metrics = Metrics::new();
        metrics.event_stored("intrusion", 1_000_000, 1_300_000);
        metrics.event_stored("intrusion", 2_000_000, 1_000_000);
        metrics.batch("accepted");
        metrics.set_alerts_open(3);
        let held = metrics.subscriber();
        let text = metrics.encode().unwrap();
        for line in [
            r#"vong_events_stored_total{kind="intrusion"} 2"#,
            r#"vong_capture_to_stored_seconds_bucket{le="0.25"} 1"#,
            r#"vong_capture_to_stored_seconds_bucket{le="0.5"} 2"#,
            "vong_capture_to_stored_seconds_sum 0.3",
            r#"vong_batches_total{result="accepted"} 1"#,
            "vong_alerts_open 3",
            "vong_stream_subscribers 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        drop(held);
        assert!(
            metrics
                .encode()
                .unwrap()
                .contains("vong_stream_subscribers 0")
        );
    }
}
