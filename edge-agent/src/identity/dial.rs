//! One TLS connection, and gRPC over it.

use std::{io, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use rustls::{CertificateError, ClientConfig, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::{
    codegen::http::Uri,
    transport::{Channel, Endpoint},
};

const DIAL_MAX: Duration = Duration::from_secs(15);
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(20);
const KEEP_ALIVE_ANSWER_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("\"{address}\" is not host:port")]
    Address { address: String },
    #[error("cannot reach {address}: {source}")]
    Unreachable { address: String, source: io::Error },
    #[error("{address} did not answer within {} s", DIAL_MAX.as_secs())]
    Silent { address: String },
    #[error(
        "{address} is not the centre that made the invitation: none of its certificates has the fingerprint; ask for a new invitation, or find out who answers there"
    )]
    Fingerprint { address: String },
    #[error("{address}: TLS refused: {source}; check the box's clock and the name in the address")]
    Tls { address: String, source: io::Error },
}

/// `host:port`, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostPort {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl HostPort {
    pub(crate) fn parse(address: &str) -> Result<Self, DialError> {
        let parts = address.rsplit_once(':').and_then(|(host, port)| {
            let host = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'))
                .unwrap_or(host);
            let port = port.parse().ok().filter(|port| *port != 0)?;
            (!host.is_empty()).then(|| Self {
                host: host.to_owned(),
                port,
            })
        });
        parts.ok_or_else(|| DialError::Address {
            address: address.to_owned(),
        })
    }

    /// By its spelling: a name that merely resolves to this machine today is not enough.
    pub(crate) fn is_loopback(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

pub(crate) async fn dial(
    address: &str,
    config: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, DialError> {
    let named = || address.to_owned();
    let HostPort { host, port } = HostPort::parse(address)?;
    let server = ServerName::try_from(host.clone())
        .map_err(|_not_a_name| DialError::Address { address: named() })?;
    let connect = async {
        let unreachable = |source| DialError::Unreachable {
            address: named(),
            source,
        };
        let stream = TcpStream::connect((host, port))
            .await
            .map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let connected = TlsConnector::from(config).connect(server, stream).await;
        connected.map_err(|source| refused(named(), source))
    };
    let late = |_elapsed| DialError::Silent { address: named() };
    tokio::time::timeout(DIAL_MAX, connect)
        .await
        .map_err(late)?
}

fn refused(address: String, source: io::Error) -> DialError {
    let reason = source
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match reason {
        Some(rustls::Error::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure,
        )) => DialError::Fingerprint { address },
        _ => DialError::Tls { address, source },
    }
}

/// gRPC over one connection; when that breaks, so does the channel.
pub(crate) async fn channel(
    stream: TlsStream<TcpStream>,
) -> Result<Channel, tonic::transport::Error> {
    let mut stream = Some(TokioIo::new(stream));
    let once = tower::service_fn(move |_: Uri| {
        let stream = stream.take();
        async move { stream.ok_or_else(|| io::Error::other("the connection is gone")) }
    });
    // The name was checked by TLS; here it is only a header.
    Endpoint::from_static("http://centre")
        .http2_keep_alive_interval(KEEP_ALIVE_EVERY)
        .keep_alive_timeout(KEEP_ALIVE_ANSWER_MAX)
        .keep_alive_while_idle(true)
        .connect_with_connector(once)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_host_and_port() {
        let parsed = HostPort::parse("[::1]:8443").unwrap();
        assert_eq!((parsed.host.as_str(), parsed.port), ("::1", 8443));
        assert!(parsed.is_loopback());
        assert!(HostPort::parse("127.3.2.1:1").unwrap().is_loopback());
        assert!(
            !HostPort::parse("localhost.example:1")
                .unwrap()
                .is_loopback()
        );
        for wrong in ["centre", "centre:", "centre:0", ":8443", "centre:70000"] {
            assert!(
                matches!(HostPort::parse(wrong), Err(DialError::Address { .. })),
                "{wrong}"
            );
        }
    }
}
