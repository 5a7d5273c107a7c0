//! A box with nothing but a one-time code becomes an agent.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use proto::v1::{EnrollReply, EnrollRequest, enrollment_server::Enrollment};
use rand::{TryRngCore, rngs::OsRng};
use tonic::{Code, Request, Response, Status};

use super::{Authority, IdentityError, sha256};
use crate::store::{EnrollError, Enrolled, Store, StoreError, Timestamp};

/// How long an invitation may be used.
pub const INVITE_SECONDS: i64 = 15 * 60;
/// Tries from one address in [`TRIES_WINDOW`].
const TRIES_MAX: u32 = 20;
const TRIES_WINDOW: Duration = Duration::from_mins(1);
/// Addresses remembered; beyond, all are forgotten at once.
const ADDRESSES_MAX: usize = 4096;
/// A request for a P-256 certificate has some 250.
const REQUEST_BYTES_MAX: usize = 4096;
const SOFTWARE_CHARS_MAX: usize = 100;

/// Where agents are told to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertised {
    /// host:port
    pub grpc: String,
    /// host:port
    pub mqtt: String,
}

/// The service that a box calls once.
pub struct Enroller {
    store: Store,
    authority: Arc<Authority>,
    advertised: Advertised,
    tries: Mutex<BTreeMap<IpAddr, (Instant, u32)>>,
}

impl Enroller {
    pub fn new(store: Store, authority: Arc<Authority>, advertised: Advertised) -> Self {
        Self {
            store,
            authority,
            advertised,
            tries: Mutex::default(),
        }
    }

    /// Counts a try; whether there were too many.
    fn too_many(&self, from: IpAddr, now: Instant) -> bool {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if ADDRESSES_MAX <= tries.len() {
            tries.clear();
        }
        let (since, count) = tries.entry(from).or_insert((now, 0));
        if TRIES_WINDOW <= now.duration_since(*since) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        TRIES_MAX < *count
    }
}

#[tonic::async_trait]
impl Enrollment for Enroller {
    async fn enroll(
        &self,
        request: Request<EnrollRequest>,
    ) -> Result<Response<EnrollReply>, Status> {
        let from = request.remote_addr().map(|address| address.ip());
        if let Some(from) = from
            && self.too_many(from, Instant::now())
        {
            tracing::warn!(%from, "enrolment refused, too many tries");
            return Err(Status::resource_exhausted("too many tries; wait a minute"));
        }
        let EnrollRequest {
            code,
            csr_der,
            signing_public_key,
            software,
        } = request.into_inner();
        let signing_key = checked_key(&signing_public_key)?;
        if REQUEST_BYTES_MAX < csr_der.len() || code.len() != 16 {
            return Err(Status::invalid_argument(
                "code or certificate request has a wrong size",
            ));
        }
        let software = software.chars().take(SOFTWARE_CHARS_MAX).collect();
        let now = Timestamp::now();
        let code = sha256(&code);
        let agent = self.store.invited(code, now).await.map_err(refusal)?;
        let certificate =
            self.authority
                .issue_agent(&agent, &csr_der)
                .map_err(|error| match error {
                    IdentityError::Request { .. } => Status::invalid_argument(error.to_string()),
                    error => Status::internal(error.to_string()),
                })?;
        let mut secret = [0; 32];
        OsRng
            .try_fill_bytes(&mut secret)
            .map_err(|error| Status::internal(error.to_string()))?;
        let password = URL_SAFE_NO_PAD.encode(secret);
        let enrolled = Enrolled {
            signing_key,
            certificate_sha256: sha256(&certificate.der),
            mqtt_secret_sha256: sha256(password.as_bytes()),
            software,
        };
        let agent = self
            .store
            .enroll(code, enrolled, now)
            .await
            .map_err(refusal)?;
        tracing::info!(%agent, ?from, "agent enrolled");
        Ok(Response::new(EnrollReply {
            agent,
            certificate_der: certificate.der,
            ca_der: self.authority.certificate().to_vec(),
            ack_public_key: self.authority.ack_key().verifying_key().to_bytes().to_vec(),
            store_id: self.store.id().to_vec(),
            mqtt_address: self.advertised.mqtt.clone(),
            mqtt_password: password,
            grpc_address: self.advertised.grpc.clone(),
        }))
    }
}

fn checked_key(bytes: &[u8]) -> Result<[u8; 32], Status> {
    let key = <[u8; 32]>::try_from(bytes).ok();
    let good = key.filter(|key| {
        ed25519_dalek::VerifyingKey::from_bytes(key).is_ok_and(|point| !point.is_weak())
    });
    good.ok_or_else(|| Status::invalid_argument("signing_public_key is not an Ed25519 key"))
}

fn refusal(error: EnrollError) -> Status {
    let code = match &error {
        EnrollError::Unknown => Code::NotFound,
        EnrollError::Expired | EnrollError::Used => Code::FailedPrecondition,
        EnrollError::Store(StoreError::Failed { .. }) => Code::Internal,
        EnrollError::Store(_) => Code::Unavailable,
    };
    tracing::warn!(%error, "enrolment refused");
    Status::new(code, error.to_string())
}
