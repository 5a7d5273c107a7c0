//! From a one-time invitation to an identity. Keys are made here and never leave.

use std::{io, path::Path, sync::Arc, time::Duration};

use proto::{
    invite::{Invite, InviteError},
    sign::{SigningKey, VerifyingKey},
    v1::{EnrollReply, EnrollRequest, enrollment_client::EnrollmentClient},
};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use tonic::Code;

use super::{
    DialError, FOLDER, HostPort, Identity, LoadError, Names, TimeFloor, channel, dial, files,
    verify,
};

const REPLY_MAX: Duration = Duration::from_secs(30);
const REPLY_BYTES_MAX: usize = 64 * 1024;
const PASSWORD_BYTES_MAX: usize = 256;

#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    #[error(transparent)]
    Invite(#[from] InviteError),
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error(
        "the centre does not know this code: {0}; it may have been replaced, ask for a new invitation"
    )]
    Unknown(String),
    #[error("the code was used before, or is too old: {0}; ask for a new invitation")]
    Spent(String),
    #[error("the centre takes no more tries for now: {0}; wait a few minutes")]
    TooManyTries(String),
    #[error("the centre refused: {0}")]
    Refused(String),
    #[error("the centre's answer cannot be used: {0}")]
    Reply(String),
    #[error("keys cannot be made: {0}")]
    Keys(#[from] rcgen::Error),
    #[error("identity cannot be written: {0}; the code is spent, ask for a new invitation")]
    Write(#[source] io::Error),
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Trades an invitation (`vong1.…`, of `aggregator invite`) for an identity, kept in
/// `state_dir/identity`. Trusts nobody but the certificate authority whose fingerprint is in the
/// invitation.
pub async fn enroll(code: &str, state_dir: &Path) -> Result<Identity, EnrollError> {
    let invite: Invite = code.parse()?;
    let tls_key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let signing = SigningKey::from_bytes(&rand::random());
    let request = EnrollRequest {
        code: invite.code().to_vec(),
        csr_der: CertificateParams::default()
            .serialize_request(&tls_key)?
            .der()
            .to_vec(),
        signing_public_key: signing.verifying_key().to_bytes().to_vec(),
        software: concat!("edge-agent ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let reply = ask(&invite, request).await?;
    check(&reply, &invite, &tls_key)?;
    let names = Names {
        id: reply.agent,
        grpc_address: reply.grpc_address,
        mqtt_address: reply.mqtt_address,
        store_id: hex::encode(reply.store_id),
    };
    let names = toml::to_string(&names).map_err(|error| EnrollError::Reply(error.to_string()))?;
    let written = files::write_folder(
        &state_dir.join(FOLDER),
        &[
            (files::NAMES, names),
            (files::KEY, tls_key.serialize_pem()),
            (
                files::CERTIFICATE,
                files::pem("CERTIFICATE", &reply.certificate_der),
            ),
            (files::CA, files::pem("CERTIFICATE", &reply.ca_der)),
            (files::SIGNING_KEY, hex::encode(signing.to_bytes())),
            (files::ACK_KEY, hex::encode(reply.ack_public_key)),
            (files::MQTT_PASSWORD, reply.mqtt_password),
        ],
    );
    written.map_err(EnrollError::Write)?;
    Ok(Identity::load(state_dir)?)
}

async fn ask(invite: &Invite, request: EnrollRequest) -> Result<EnrollReply, EnrollError> {
    let tls = |error: rustls::Error| EnrollError::Refused(error.to_string());
    let mut config = verify::builder()
        .map_err(tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verify::FingerprintVerifier::new(
            *invite.ca_sha256(),
        )))
        .with_no_client_auth();
    config.alpn_protocols.push(b"h2".to_vec());
    let stream = dial(invite.grpc_address(), Arc::new(config)).await?;
    let broken = |error: tonic::transport::Error| EnrollError::Refused(error.to_string());
    let client = EnrollmentClient::new(channel(stream).await.map_err(broken)?);
    let mut client = client.max_decoding_message_size(REPLY_BYTES_MAX);
    let mut request = tonic::Request::new(request);
    request.set_timeout(REPLY_MAX);
    let reply = client
        .enroll(request)
        .await
        .map_err(|status| refusal(&status))?;
    Ok(reply.into_inner())
}

fn refusal(status: &tonic::Status) -> EnrollError {
    let message = status.message().to_owned();
    match status.code() {
        Code::NotFound | Code::Unauthenticated => EnrollError::Unknown(message),
        Code::DeadlineExceeded | Code::FailedPrecondition | Code::AlreadyExists => {
            EnrollError::Spent(message)
        }
        Code::ResourceExhausted => EnrollError::TooManyTries(message),
        _ => EnrollError::Refused(format!("{message} ({:?})", status.code())),
    }
}

/// What is written must be usable: found out now, not at the first start on a mast.
fn check(reply: &EnrollReply, invite: &Invite, tls_key: &KeyPair) -> Result<(), EnrollError> {
    let fault = |what: &str| EnrollError::Reply(what.to_owned());
    if !is_slug(&reply.agent) {
        return Err(fault("the agent's id is not a name"));
    }
    if Sha256::digest(&reply.ca_der)[..] != *invite.ca_sha256() {
        return Err(fault(
            "its certificate authority is not that of the invitation",
        ));
    }
    let key = reply.ack_public_key.as_slice().try_into().ok();
    let key = key.and_then(|key| VerifyingKey::from_bytes(key).ok());
    if key.is_none_or(|key| key.is_weak()) {
        return Err(fault("its key for acks is not an Ed25519 key"));
    }
    if reply.store_id.len() != 16 {
        return Err(fault("its store id is not 16 bytes long"));
    }
    HostPort::parse(&reply.grpc_address)?;
    HostPort::parse(&reply.mqtt_address)?;
    let password = &reply.mqtt_password;
    let printable = password
        .chars()
        .all(|character| character.is_ascii_graphic());
    if password.is_empty() || PASSWORD_BYTES_MAX < password.len() || !printable {
        return Err(fault(
            "its MQTT password is empty, too long or not printable",
        ));
    }
    let ca = CertificateDer::from(reply.ca_der.clone());
    let tls = |error: rustls::Error| fault(&format!("TLS with its certificate: {error}"));
    verify::CentreVerifier::new(&ca, TimeFloor::load(Path::new(""))).map_err(tls)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(tls_key.serialize_der()));
    verify::builder()
        .map_err(tls)?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_client_auth_cert(vec![reply.certificate_der.clone().into()], key)
        .map_err(tls)?;
    Ok(())
}

/// As `proto::limits::SLUG_BYTES_MAX` says. The id becomes part of topics.
fn is_slug(name: &str) -> bool {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= proto::limits::SLUG_BYTES_MAX
        && name.starts_with(known)
        && name.chars().all(|c| known(c) || c == '-' || c == '_')
}
