use std::{net::SocketAddr, time::Duration};

use proto::{
    sign::VerifyingKey,
    v1::{
        Down, EnrollReply, EnrollRequest, Up,
        enrollment_server::{Enrollment, EnrollmentServer},
        uplink_server::{Uplink, UplinkServer},
    },
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Certificate, Identity, Server as Tonic, ServerTlsConfig},
};

use super::{AGENT, Centre};

/// The code that this centre takes, once.
pub(crate) const CODE: [u8; 16] = [42; 16];

/// gRPC with mutual TLS; dropping it is a crash.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    tasks: JoinSet<()>,
}

impl Server {
    pub(crate) async fn start(centre: &Centre, address: SocketAddr, mqtt_address: String) -> Self {
        // tonic's server takes the process's provider, and the workspace's build has two of them.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let listener = bind(address).await;
        let address = listener.local_addr().unwrap();
        let (certificate, key) = centre.authority.server("127.0.0.1");
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(certificate, key))
            .client_ca_root(Certificate::from_pem(centre.authority.pem()))
            .client_auth_optional(true);
        let service = Service {
            centre: centre.clone(),
            grpc_address: address.to_string(),
            mqtt_address,
        };
        let serve = Tonic::builder()
            .tls_config(tls)
            .unwrap()
            .add_service(UplinkServer::new(service.clone()).max_decoding_message_size(1 << 20))
            .add_service(EnrollmentServer::new(service))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { serve.await.unwrap() });
        Self { address, tasks }
    }

    pub(crate) async fn kill(mut self) -> SocketAddr {
        self.tasks.shutdown().await;
        self.address
    }
}

/// The port of a server that was killed may need a moment.
async fn bind(address: SocketAddr) -> TcpListener {
    for _ in 0..100 {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("{address} cannot be bound");
}

#[derive(Clone)]
struct Service {
    centre: Centre,
    grpc_address: String,
    mqtt_address: String,
}

#[tonic::async_trait]
impl Enrollment for Service {
    async fn enroll(
        &self,
        request: Request<EnrollRequest>,
    ) -> Result<Response<EnrollReply>, Status> {
        let request = request.into_inner();
        let mut state = self.centre.state.lock().unwrap();
        if request.code != CODE {
            return Err(Status::not_found("no such code"));
        }
        if state.agent_key.is_some() {
            return Err(Status::failed_precondition("used before"));
        }
        let key = request.signing_public_key.as_slice().try_into().unwrap();
        state.agent_key = Some(VerifyingKey::from_bytes(key).unwrap());
        Ok(Response::new(EnrollReply {
            agent: AGENT.to_owned(),
            certificate_der: self.centre.authority.sign(&request.csr_der),
            ca_der: self.centre.authority.der(),
            ack_public_key: state.key.verifying_key().to_bytes().to_vec(),
            store_id: state.centre.store_id.to_vec(),
            mqtt_address: self.mqtt_address.clone(),
            mqtt_password: super::broker::PASSWORD.to_owned(),
            grpc_address: self.grpc_address.clone(),
        }))
    }
}

#[tonic::async_trait]
impl Uplink for Service {
    type ExchangeStream = ReceiverStream<Result<Down, Status>>;

    async fn exchange(
        &self,
        request: Request<Streaming<Up>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        if request.peer_certs().is_none() {
            return Err(Status::unauthenticated("no client certificate"));
        }
        let centre = self.centre.clone();
        let mut ups = request.into_inner();
        let (downs, answer) = mpsc::channel(4);
        let mut task = JoinSet::new();
        task.spawn(async move {
            while let Ok(Some(up)) = ups.message().await {
                if let Some(down) = centre.take(up)
                    && downs.send(Ok(down)).await.is_err()
                {
                    break;
                }
            }
        });
        task.detach_all();
        Ok(Response::new(ReceiverStream::new(answer)))
    }
}
