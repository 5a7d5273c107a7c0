//! Takes connections, a bounded number, and lets none of them idle before its first request.
//!
//! `axum::serve` sets no timer, so hyper's limit on slow headers would never strike.

use std::{
    io,
    net::IpAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, http::Request};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::{
    guard::Peer,
    router,
    stall::{STALL_MAX, StallGuard},
};
use crate::api::{
    ApiState,
    slots::{Slot, Slots},
};

const CONNECTIONS_MAX: usize = 4096;
/// Of one address; a proxy or a whole office may stand behind it.
const CONNECTIONS_EACH_MAX: usize = 1024;
/// For the TLS handshake, then for the first request's headers, then for those of each next one.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long open connections may finish at the end.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);
const HEADER_BYTES_MAX: u32 = 32 * 1024;
const HEADERS_MAX: usize = 64;
const H2_STREAMS_MAX: u32 = 64;

/// Serves until `shutdown`, then lets open requests finish, and ends.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    state: ApiState,
    shutdown: CancellationToken,
) {
    let slots = Slots::<IpAddr>::new(CONNECTIONS_MAX, CONNECTIONS_EACH_MAX);
    let metrics = Arc::clone(&state.metrics);
    let server = Server {
        router: router(state),
        tls: tls.map(TlsAcceptor::from),
        shutdown,
    };
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = server.shutdown.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match slots.take(peer.ip().to_canonical()) {
                Some(slot) => {
                    let held = metrics.connection();
                    let served = server.clone().connection(stream, Peer(peer), slot);
                    connections.spawn(async move {
                        served.await;
                        drop(held);
                    });
                }
                None => metrics.connection_shed(),
            },
            Err(error) => {
                // Usually out of file handles: connections that end free some.
                tracing::warn!(%error, "connection not accepted");
                time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if time::timeout(DRAIN_TIMEOUT, drained).await.is_err() {
        tracing::warn!(open = connections.len(), "connections cut off at the end");
        connections.shutdown().await;
    }
}

#[derive(Clone)]
struct Server {
    router: Router,
    tls: Option<TlsAcceptor>,
    shutdown: CancellationToken,
}

impl Server {
    async fn connection(self, stream: TcpStream, peer: Peer, _slot: Slot<IpAddr>) {
        // Small answers must not wait for acknowledgements of earlier ones.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "connection broke off");
            return;
        }
        let stream = StallGuard::new(stream, STALL_MAX);
        let outcome = match &self.tls {
            None => self.exchange(stream, peer).await,
            Some(tls) => match time::timeout(HEADER_TIMEOUT, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.exchange(stream, peer).await,
                Ok(Err(error)) => Err(error.into()),
                Err(elapsed) => Err(io::Error::from(elapsed).into()),
            },
        };
        if let Err(error) = outcome {
            tracing::debug!(peer = %peer.0, error, "connection broke off");
        }
    }

    async fn exchange(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: Peer,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let asked = Arc::new(AtomicBool::new(false));
        let service = {
            let (router, asked) = (self.router.clone(), Arc::clone(&asked));
            service_fn(move |request: Request<Incoming>| {
                asked.store(true, Ordering::Relaxed);
                let mut request = request.map(Body::new);
                request.extensions_mut().insert(peer);
                // A router is always ready.
                router.clone().call(request)
            })
        };
        let builder = builder();
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let mut first_request = pin!(time::sleep(HEADER_TIMEOUT));
        let mut waiting = true;
        let mut ending = false;
        loop {
            tokio::select! {
                outcome = connection.as_mut() => return outcome,
                () = &mut first_request, if waiting => {
                    waiting = false;
                    if !asked.load(Ordering::Relaxed) {
                        return Err("no request in time".into());
                    }
                }
                () = self.shutdown.cancelled(), if !ending => {
                    ending = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEADER_BYTES_MAX as usize);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10))
        .max_concurrent_streams(H2_STREAMS_MAX)
        .max_header_list_size(HEADER_BYTES_MAX)
        .max_send_buf_size(256 * 1024);
    builder
}
