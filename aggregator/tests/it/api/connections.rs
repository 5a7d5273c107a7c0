//! Connections that want to hold more than their share.

use std::time::{Duration, Instant};

use aggregator::store::Role;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::centre::{Centre, Person};

/// Sends these bytes and reads until the other end closes.
pub(super) async fn raw(centre: &Centre, request: &str) -> String {
    let mut stream = TcpStream::connect(centre.http).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// How long until the centre closes a connection on which this was sent, and then `drip` every half
/// second.
async fn held(centre: &Centre, start: &str, drip: &str) -> Duration {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(centre.http).await.unwrap();
    stream.write_all(start.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let drip = async {
        while writer.write_all(drip.as_bytes()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut rest = Vec::new();
    tokio::select! {
        // A reset is as good as an end.
        _ = reader.read_to_end(&mut rest) => begun.elapsed(),
        () = drip => unreachable!("the reader ends first"),
    }
}

#[tokio::test]
async fn a_request_that_never_comes_to_its_end_is_cut_off() {
    let centre = Centre::start().await;
    let slow_headers = held(&centre, "GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ", "x");
    let silent = held(&centre, "", "");
    // The start of both protocols: which one it is stays open.
    let undecided = held(&centre, "PRI * HTTP/2.0\r\n", "");
    let after_one = async {
        let begun = Instant::now();
        let mut stream = TcpStream::connect(centre.http).await.unwrap();
        let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
        begun.elapsed()
    };
    let slow_body = async {
        let begun = Instant::now();
        let request = "POST /api/v1/session HTTP/1.1\r\nhost: x\r\n\
            content-type: application/json\r\ncontent-length: 50\r\nconnection: close\r\n\r\n{";
        let answer = raw(&centre, request).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
        begun.elapsed()
    };
    let all = tokio::join!(slow_headers, silent, undecided, after_one, slow_body);
    for took in [all.0, all.1, all.2, all.3, all.4] {
        assert!(took < Duration::from_secs(14), "{all:?}");
        assert!(took > Duration::from_secs(8), "{all:?}");
    }
    // Nobody else has noticed.
    assert_eq!(Person::new(&centre).get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn endless_headers_are_refused() {
    let centre = Centre::start().await;
    let many = "x-many: y\r\n".repeat(200);
    let large = format!("x-large: {}\r\n", "y".repeat(100_000));
    for headers in [many, large] {
        let mut stream = TcpStream::connect(centre.http).await.unwrap();
        let request = format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        // The centre may close before it has read all of it.
        let sent = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer).await;
        let refused = answer.starts_with(b"HTTP/1.1 431 ");
        assert!(
            refused || sent.is_err() || read.is_err(),
            "{}",
            answer.len()
        );
    }
}

#[tokio::test]
async fn at_the_end_open_requests_are_answered_and_streams_are_ended() {
    let mut centre = Centre::start().await;
    let viewer = centre.person(Role::Viewer).await;
    let stream = viewer.get("/api/v1/stream").await;
    assert_eq!(stream.status(), 200);
    centre.shutdown.cancel();
    let text = tokio::time::timeout(Duration::from_secs(5), stream.text());
    let text = text.await.unwrap().unwrap();
    assert!(text.contains("the centre is stopping"), "{text}");
    let ended = async { while centre.tasks.join_next().await.is_some() {} };
    tokio::time::timeout(Duration::from_secs(12), ended)
        .await
        .unwrap();
    assert!(TcpStream::connect(centre.http).await.is_err());
}
