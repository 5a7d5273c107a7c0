//! The gRPC carrier: `Uplink.Exchange` for agents, who are whom their client certificate says.

use std::{pin::Pin, sync::Arc};

use futures::Stream;
use proto::{
    limits::MESSAGE_BYTES_MAX,
    v1::{
        Down, Up,
        uplink_server::{Uplink, UplinkServer},
    },
};
use tokio_util::sync::CancellationToken;
use tonic::{
    Request, Response, Status, Streaming,
    transport::server::{TcpConnectInfo, TlsConnectInfo},
};

use super::{Intake, Refusal};
use crate::identity::sha256;

/// The service, with its limit on messages.
pub fn service(intake: Arc<Intake>, shutdown: CancellationToken) -> UplinkServer<Exchanges> {
    UplinkServer::new(Exchanges { intake, shutdown })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// Serves each agent's stream.
pub struct Exchanges {
    intake: Arc<Intake>,
    shutdown: CancellationToken,
}

#[tonic::async_trait]
impl Uplink for Exchanges {
    type ExchangeStream = Pin<Box<dyn Stream<Item = Result<Down, Status>> + Send>>;

    async fn exchange(
        &self,
        request: Request<Streaming<Up>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let certificate = request
            .extensions()
            .get::<TlsConnectInfo<TcpConnectInfo>>()
            .and_then(TlsConnectInfo::peer_certs)
            .and_then(|chain| chain.first().map(|leaf| sha256(leaf)))
            .ok_or_else(|| Status::unauthenticated("show the certificate got at enrolment"))?;
        let agent = self
            .intake
            .admit_certificate(&certificate)
            .await
            .map_err(status)?;
        tracing::info!(%agent, "agent connected by grpc");
        let exchange = Exchange {
            intake: Arc::clone(&self.intake),
            agent,
            messages: request.into_inner(),
            shutdown: self.shutdown.clone(),
        };
        let answers = futures::stream::unfold(Some(exchange), |exchange| async move {
            let mut exchange = exchange?;
            match exchange.answer().await {
                Ok(Some(answer)) => Some((Ok(answer), Some(exchange))),
                Ok(None) => None,
                Err(status) => Some((Err(status), None)),
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

struct Exchange {
    intake: Arc<Intake>,
    agent: String,
    messages: Streaming<Up>,
    shutdown: CancellationToken,
}

impl Exchange {
    /// The next message that calls for an answer, taken; `None` at the end of the stream.
    async fn answer(&mut self) -> Result<Option<Down>, Status> {
        loop {
            let message = tokio::select! {
                biased;
                () = self.shutdown.cancelled() => {
                    return Err(Status::unavailable("the centre is stopping; connect again"));
                }
                message = self.messages.message() => message,
            };
            let Ok(Some(message)) = message else {
                return Ok(None);
            };
            match self.intake.take(&self.agent, message).await {
                Ok(Some(answer)) => return Ok(Some(answer)),
                // It will be sent again once no ack comes.
                Ok(None) | Err(Refusal::Store(_)) => {}
                Err(refusal) => return Err(status(refusal)),
            }
        }
    }
}

fn status(refusal: Refusal) -> Status {
    let text = refusal.to_string();
    match refusal {
        Refusal::UnknownAgent | Refusal::WrongPassword => Status::unauthenticated(text),
        Refusal::Revoked | Refusal::OtherAgent { .. } | Refusal::Signature(_) => {
            Status::permission_denied(text)
        }
        Refusal::TooLarge { .. } | Refusal::Malformed(_) | Refusal::Empty | Refusal::Content(_) => {
            Status::invalid_argument(text)
        }
        Refusal::Store(_) => Status::unavailable(text),
    }
}
