//! One bidirectional stream, `Uplink.Exchange`, over mutual TLS.

use std::{sync::Arc, time::Duration};

use proto::{
    limits::MESSAGE_BYTES_MAX,
    v1::{Down, uplink_client::UplinkClient},
};
use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::link::{Link, LinkError, QUEUE_MESSAGES};
use crate::identity::{Identity, channel, dial};

const OPEN_MAX: Duration = Duration::from_secs(15);

pub(super) async fn connect(
    identity: &Identity,
    tls: Arc<rustls::ClientConfig>,
) -> Result<Link, LinkError> {
    let stream = dial(&identity.grpc_address, tls).await?;
    let mut client = UplinkClient::new(channel(stream).await?)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let (up, up_queue) = mpsc::channel(QUEUE_MESSAGES);
    let opened = client.exchange(ReceiverStream::new(up_queue));
    let late = |_elapsed| LinkError::Silent(OPEN_MAX.as_secs());
    let opened = tokio::time::timeout(OPEN_MAX, opened).await.map_err(late)?;
    let stream = opened.map_err(Box::new)?.into_inner();
    let (down_queue, down) = mpsc::channel(QUEUE_MESSAGES);
    let mut tasks = JoinSet::new();
    tasks.spawn(receive(stream, down_queue));
    Ok(Link { up, down, tasks })
}

async fn receive(mut stream: Streaming<Down>, down: mpsc::Sender<Down>) -> LinkError {
    loop {
        match stream.message().await {
            Ok(Some(message)) => {
                if down.send(message).await.is_err() {
                    return LinkError::Ended;
                }
            }
            Ok(None) => return LinkError::Ended,
            Err(status) => return Box::new(status).into(),
        }
    }
}
