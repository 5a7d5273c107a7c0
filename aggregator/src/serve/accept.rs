//! The gRPC port: TLS with limits on connections and on the time to shake hands.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::stream;
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;
use tonic::{
    service::Routes,
    transport::{Server, server::Connected},
};

/// Connections at once, handshakes included.
const CONNECTIONS_MAX: usize = 10_000;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Ready connections waiting to be served.
const READY_MAX: usize = 64;
const STREAMS_PER_CONNECTION_MAX: u32 = 32;
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// After an error of the system, such as no free file handles.
const PAUSE: Duration = Duration::from_millis(200);

/// Serves until `shutdown`.
pub(super) async fn serve_grpc(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    routes: Routes,
    shutdown: CancellationToken,
) {
    let (ready, connections) = mpsc::channel(READY_MAX);
    let connections = stream::unfold(connections, |mut connections| async move {
        let connection: Held = connections.recv().await?;
        Some((Ok::<_, io::Error>(connection), connections))
    });
    let served = Server::builder()
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        .add_routes(routes)
        .serve_with_incoming_shutdown(connections, shutdown.cancelled());
    let accepting = accept(listener, TlsAcceptor::from(tls), ready, &shutdown);
    let (served, ()) = tokio::join!(served, accepting);
    if let Err(error) = served {
        tracing::error!(%error, "grpc server failed");
    }
}

async fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    ready: mpsc::Sender<Held>,
    shutdown: &CancellationToken,
) {
    let turns = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut handshakes = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            () = ready.closed() => return,
            Some(_) = handshakes.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Ok(turn) = Arc::clone(&turns).try_acquire_owned() else {
            tracing::warn!(%from, "too many grpc connections, one refused");
            continue;
        };
        // Small answers must not wait for acknowledgements of earlier ones.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::info!(%from, %error, "connection broke off");
            continue;
        }
        let (tls, ready) = (tls.clone(), ready.clone());
        handshakes.spawn(async move {
            match timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
                // An error says that the server has stopped.
                Ok(Ok(stream)) => drop(
                    ready
                        .send(Held {
                            stream,
                            _turn: turn,
                        })
                        .await,
                ),
                Ok(Err(error)) => tracing::info!(%from, %error, "tls handshake failed"),
                Err(_) => tracing::info!(%from, "tls handshake took too long"),
            }
        });
    }
}

/// A connection that gives its turn back when it ends.
struct Held {
    stream: TlsStream<TcpStream>,
    _turn: OwnedSemaphorePermit,
}

impl Connected for Held {
    type ConnectInfo = <TlsStream<TcpStream> as Connected>::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
