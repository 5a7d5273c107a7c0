//! Who this box is to the centre: keys made here, a certificate from there, and whom to trust.
//!
//! `state_dir/identity/` holds `agent.toml` (names and addresses), `key.pem` and `cert.pem` (TLS),
//! `ca.pem` (the centre's only root), `signing.key` (batches), `ack.pub` (the centre's acks) and
//! `mqtt.password`. The folder is written once, by [`enroll`], all or nothing.

mod clock;
mod dial;
mod enroll;
mod files;
mod verify;

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use proto::sign::{SigningKey, VerifyingKey};
use rustls::{
    ClientConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde::{Deserialize, Serialize};

pub(crate) use self::{
    clock::TimeFloor,
    dial::{HostPort, channel, dial},
};
pub use self::{
    dial::DialError,
    enroll::{EnrollError, enroll},
};

const FOLDER: &str = "identity";

/// Read from disk by [`Identity::load`], or fresh from [`enroll`].
pub struct Identity {
    /// The agent's id, as the centre named it.
    pub agent: String,
    /// `host:port` of the centre's gRPC service.
    pub grpc_address: String,
    /// `host:port` of the centre's MQTT broker.
    pub mqtt_address: String,
    /// Of the store that the box was enrolled with; another one is worth a warning.
    pub store_id: [u8; 16],
    pub(crate) mqtt_password: String,
    pub(crate) signing: SigningKey,
    pub(crate) ack: VerifyingKey,
    pub(crate) floor: TimeFloor,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    ca: CertificateDer<'static>,
}

/// `agent.toml` in the identity folder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Names {
    id: String,
    grpc_address: String,
    mqtt_address: String,
    /// Hexadecimal, 32 digits.
    store_id: String,
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("{}: not enrolled; run `edge-agent enroll CODE` with a code of `aggregator invite`", path.display())]
    Absent { path: PathBuf },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {reason}; enrol the box again", path.display())]
    Invalid { path: PathBuf, reason: String },
}

impl Identity {
    /// Whether `state_dir` holds an identity.
    pub fn exists(state_dir: &Path) -> bool {
        state_dir.join(FOLDER).join(files::NAMES).exists()
    }

    /// Reads what [`enroll`] wrote to `state_dir/identity`.
    pub fn load(state_dir: &Path) -> Result<Self, LoadError> {
        let folder = state_dir.join(FOLDER);
        if !Self::exists(state_dir) {
            return Err(LoadError::Absent { path: folder });
        }
        let file = |name: &str| Source {
            path: folder.join(name),
        };
        let names: Names = file(files::NAMES).parse(|text| toml::from_str(text))?;
        Ok(Self {
            agent: names.id,
            grpc_address: names.grpc_address,
            mqtt_address: names.mqtt_address,
            store_id: file(files::NAMES).parse(|_| bytes(&names.store_id))?,
            mqtt_password: file(files::MQTT_PASSWORD).text()?,
            signing: SigningKey::from_bytes(&file(files::SIGNING_KEY).parse(bytes)?),
            ack: file(files::ACK_KEY).parse(|text| {
                VerifyingKey::from_bytes(&bytes(text)?).map_err(|error| error.to_string())
            })?,
            floor: TimeFloor::load(&folder),
            certificate: file(files::CERTIFICATE)
                .parse(|text| CertificateDer::from_pem_slice(text.as_bytes()))?,
            key: file(files::KEY).parse(|text| PrivateKeyDer::from_pem_slice(text.as_bytes()))?,
            ca: file(files::CA).parse(|text| CertificateDer::from_pem_slice(text.as_bytes()))?,
        })
    }

    /// TLS to the centre: its CA and no other, our certificate, and time that is never before what
    /// the centre last said.
    pub(crate) fn client_config(&self, alpn: &[u8]) -> Result<Arc<ClientConfig>, rustls::Error> {
        let verifier = verify::CentreVerifier::new(&self.ca, self.floor.clone())?;
        let mut config = verify::builder()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_auth_cert(
                vec![self.certificate.clone(), self.ca.clone()],
                self.key.clone_key(),
            )?;
        if !alpn.is_empty() {
            config.alpn_protocols.push(alpn.to_vec());
        }
        Ok(Arc::new(config))
    }
}

/// Keys and the password stay out of logs.
impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("agent", &self.agent)
            .field("grpc_address", &self.grpc_address)
            .field("mqtt_address", &self.mqtt_address)
            .finish_non_exhaustive()
    }
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|error| format!("expected {} hexadecimal digits: {error}", N * 2))?;
    Ok(bytes)
}

struct Source {
    path: PathBuf,
}

impl Source {
    fn text(&self) -> Result<String, LoadError> {
        let text = fs::read_to_string(&self.path);
        let text = text.map_err(|source| LoadError::Io {
            path: self.path.clone(),
            source,
        })?;
        Ok(text.trim().to_owned())
    }

    fn parse<T, E: ToString>(
        &self,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, LoadError> {
        parse(&self.text()?).map_err(|error| LoadError::Invalid {
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }
}
