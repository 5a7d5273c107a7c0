//! What runs beside the cameras: signals, uplink, metrics.

use std::{
    sync::mpsc::{SyncSender, TrySendError},
    time::{Duration, Instant},
};

use proto::v1;
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
    sync::watch,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{UNCERTAINTY_MS_MIN, Wake};
use crate::{
    config::{Agent, file::UplinkKind},
    failure::Failure,
    identity::Identity,
    metrics::{self, Metrics},
    outbox::Outbox,
    uplink::{self, Carrier, LinkState, Settings},
};

const FIGURES: Duration = Duration::from_secs(1);
const UNCERTAINTY_MS_MAX: i64 = 3_600_000;
const STOP_RETRY: Duration = Duration::from_millis(50);

pub(super) struct Uplink {
    pub(super) settings: Settings,
    pub(super) identity: Identity,
    pub(super) status: watch::Receiver<v1::Status>,
}

pub(super) struct Tasks {
    runtime: Runtime,
    tasks: JoinSet<()>,
    shutdown: CancellationToken,
    link: watch::Receiver<LinkState>,
}

/// `None`: events stay in the outbox.
pub(super) fn uplink_settings(agent: &Agent) -> Option<Settings> {
    let carrier = |kind| match kind {
        UplinkKind::Mqtt => Some(Carrier::Mqtt),
        UplinkKind::Grpc => Some(Carrier::Grpc),
        UplinkKind::None => None,
    };
    Some(Settings {
        fallback: agent.fallback.and_then(carrier),
        mqtt_tls: agent.mqtt_tls,
        mqtt_address: agent.mqtt_address.clone(),
        ..Settings::only(carrier(agent.uplink)?)
    })
}

impl Tasks {
    /// A port in use or a signal that cannot be handled fails here, before anything is promised.
    pub(super) fn start(
        agent: &Agent,
        outbox: &Outbox,
        metrics: Metrics,
        uplink: Option<Uplink>,
        (link, link_seen): (watch::Sender<LinkState>, watch::Receiver<LinkState>),
        uncertainty: watch::Sender<u32>,
        wake: SyncSender<Wake>,
    ) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(Failure::work)?;
        let inside = runtime.enter();
        let mut tasks = JoinSet::new();
        let shutdown = CancellationToken::new();
        watch_signals(&mut tasks, wake, shutdown.clone())?;
        if let Some(address) = agent.metrics_listen {
            let listener = runtime
                .block_on(metrics::listen(address))
                .map_err(|error| {
                    Failure::usage(format!("metrics_listen: {address} cannot be used: {error}"))
                })?;
            tasks.spawn(metrics::serve(listener, metrics.clone(), shutdown.clone()));
        }
        if let Some(Uplink {
            settings,
            identity,
            status,
        }) = uplink
        {
            let ended = uplink::run(
                outbox.clone(),
                identity,
                settings,
                status,
                link,
                shutdown.clone(),
            );
            tasks.spawn(async move {
                if let Err(error) = ended.await {
                    error!(%error, "uplink cannot run; events stay in the outbox");
                }
            });
        }
        tasks.spawn(tell_figures(
            outbox.clone(),
            metrics,
            link_seen.clone(),
            uncertainty,
            shutdown.clone(),
        ));
        drop(inside);
        Ok(Self {
            runtime,
            tasks,
            shutdown,
            link: link_seen,
        })
    }

    /// Lets the uplink send what is left, what still waits for its commit included, at most for
    /// `patience`; then ends everything.
    pub(super) fn drain(mut self, outbox: &Outbox, patience: Duration) {
        let until = Instant::now() + patience;
        let is_left =
            || !outbox.is_settled() || outbox.stats().backlog_items.iter().any(|&count| 0 < count);
        while is_left() && self.link.borrow().carrier.is_some() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.shutdown.cancel();
        self.runtime.block_on(async {
            outbox.close().await;
            let end = async { while self.tasks.join_next().await.is_some() {} };
            if tokio::time::timeout(patience, end).await.is_err() {
                warn!("some tasks did not end in time");
            }
        });
        self.runtime.shutdown_timeout(Duration::from_secs(1));
    }
}

fn watch_signals(
    tasks: &mut JoinSet<()>,
    wake: SyncSender<Wake>,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::work)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::work)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(Failure::work)?;
    tasks.spawn(async move {
        loop {
            let asked = tokio::select! {
                () = shutdown.cancelled() => return,
                _ = terminate.recv() => Wake::Stop,
                _ = interrupt.recv() => Wake::Stop,
                _ = hangup.recv() => Wake::Reload,
            };
            if !tell(&wake, asked).await {
                return;
            }
        }
    });
    Ok(())
}

/// False once the main thread has stopped.
async fn tell(wake: &SyncSender<Wake>, asked: Wake) -> bool {
    loop {
        match wake.try_send(asked) {
            // One reload is as good as two.
            Ok(()) | Err(TrySendError::Full(Wake::Reload)) => return true,
            // Many reloads wait; a stop must not be lost among them.
            Err(TrySendError::Full(Wake::Stop)) => tokio::time::sleep(STOP_RETRY).await,
            Err(TrySendError::Disconnected(_)) => return false,
        }
    }
}

/// Once a second: the outbox's and the link's figures, and how well the clock is known.
async fn tell_figures(
    outbox: Outbox,
    metrics: Metrics,
    link: watch::Receiver<LinkState>,
    uncertainty: watch::Sender<u32>,
    shutdown: CancellationToken,
) {
    let mut ticks = tokio::time::interval(FIGURES);
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        metrics.outbox(&outbox.stats());
        let state = link.borrow().clone();
        metrics.link(&state);
        // How far our clock is from the centre's is not corrected, but said.
        let clock = state.clock.map_or(0, |clock| {
            clock
                .offset_us
                .saturating_abs()
                .saturating_add(clock.uncertainty_us)
                / 1000
        });
        let clock = u32::try_from(clock.clamp(0, UNCERTAINTY_MS_MAX)).unwrap_or(0);
        uncertainty.send_replace(UNCERTAINTY_MS_MIN.saturating_add(clock));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    #[tokio::test]
    async fn a_stop_is_not_lost_among_reloads() {
        let (wake, wakes) = sync_channel(1);
        assert!(tell(&wake, Wake::Reload).await);
        assert!(
            tell(&wake, Wake::Reload).await,
            "one reload is as good as two"
        );
        let main = std::thread::spawn(move || {
            std::thread::sleep(STOP_RETRY * 2);
            [wakes.recv().unwrap(), wakes.recv().unwrap()]
        });
        assert!(tell(&wake, Wake::Stop).await);
        assert_eq!(main.join().unwrap(), [Wake::Reload, Wake::Stop]);
        assert!(!tell(&wake, Wake::Stop).await, "nobody is there any more");
    }
}
