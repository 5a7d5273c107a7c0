//! HTTP over TLS, as it is served off this machine.

use std::sync::Arc;

use aggregator::{
    api::{self, ApiState, Settings},
    metrics::Metrics,
    store::Role,
};
use rustls::{ClientConfig, RootCertStore, ServerConfig, crypto::ring, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsConnector;

use super::centre::{Centre, PASSWORD};

#[tokio::test]
async fn the_cookie_is_secure_and_our_origin_is_https() {
    let mut centre = Centre::start().await;
    centre.add_user(Role::Viewer).await;
    let own = rcgen::generate_simple_self_signed(["vong.example".to_owned()]).unwrap();
    let certificate = own.cert.der().clone();
    let key = own.signing_key.serialize_der().try_into().unwrap();
    let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = centre.shutdown.clone();
    let metrics = Arc::new(Metrics::new());
    let settings = Settings { tls: true };
    let state = ApiState::new(centre.store.clone(), metrics, settings, stop.clone()).unwrap();
    let served = api::http::serve(listener, Some(Arc::new(server)), state, stop);
    centre.tasks.spawn(served);

    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(client));
    let json = format!(r#"{{"username":"viewer","password":"{PASSWORD}"}}"#);
    let ask = async |origin: &str| {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("vong.example").unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        let request = format!(
            "POST /api/v1/session HTTP/1.1\r\nhost: vong.example\r\norigin: {origin}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{json}",
            json.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = ask("https://vong.example").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("; Secure"), "{answer}");
    let answer = ask("http://vong.example").await;
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    // What does not speak TLS is let go.
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    // An alert or nothing, but an end.
    drop(plain.read_to_end(&mut answer).await);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}
