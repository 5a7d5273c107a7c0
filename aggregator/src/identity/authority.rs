//! The centre's own certificate authority.

use std::{
    io,
    path::{Path, PathBuf},
};

use ed25519_dalek::SigningKey;
use rand::{TryRngCore, rngs::OsRng};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer};

use super::files::{read_if_there, write_private};
use crate::store::{Timestamp, make_private_folder};

/// A box that boots without a clock battery believes in a past day; it must be able to connect.
const FIRST_YEAR: i32 = 2020;
const CA_YEARS: i16 = 10;
/// The server's certificate is issued anew at every start, and no process runs that long. Some
/// browsers take none that lasts longer than 825 days.
const SERVER_YEARS: i16 = 2;

/// Keys or certificates cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{path}: not a key or certificate as this program writes it; restore it from a backup")]
    Damaged { path: PathBuf },
    #[error(
        "{path}: there is none, but what belongs to it is there; restore the whole folder ca from \
         a backup"
    )]
    Missing { path: PathBuf },
    #[error("{path}: its key is not the one in ca.key; restore the whole folder ca from a backup")]
    OtherKey { path: PathBuf },
    #[error("public name {name:?}: not a host name or address")]
    PublicName { name: String },
    #[error("certificate request: {reason}")]
    Request { reason: String },
    #[error("certificate could not be made: {0}")]
    Issue(#[from] rcgen::Error),
    #[error("no random numbers from the system: {0}")]
    Random(#[from] rand::rand_core::OsError),
}

/// Issues the certificates of the server and of its agents.
pub struct Authority {
    dir: PathBuf,
    certificate: CertificateDer<'static>,
    ends_at: Timestamp,
    issuer: Issuer<'static, KeyPair>,
    ack_key: SigningKey,
}

/// What the server shows to who connects.
pub struct ServerCertificate {
    /// Leaf and CA.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    pub chain_path: PathBuf,
    pub key_path: PathBuf,
    /// From then on nobody takes it.
    pub ends_at: Timestamp,
}

/// A client certificate, for one agent.
pub struct AgentCertificate {
    pub der: Vec<u8>,
}

impl Authority {
    /// Reads the authority of a data folder, or makes it at the first start.
    pub fn load_or_make(data: &Path) -> Result<Self, IdentityError> {
        let dir = data.join("ca");
        make_private_folder(&dir).map_err(at(&dir))?;
        let key_path = dir.join("ca.key");
        let path = dir.join("ca.pem");
        let key = match read_if_there(&key_path).map_err(at(&key_path))? {
            Some(pem) => key_from_pem(&pem, &key_path)?,
            // Another key would make an authority that no box of ours believes.
            None if path.exists() => return Err(IdentityError::Missing { path: key_path }),
            None => {
                let key = KeyPair::generate()?;
                write_private(&key_path, key.serialize_pem().as_bytes()).map_err(at(&key_path))?;
                key
            }
        };
        let certificate = match read_if_there(&path).map_err(at(&path))? {
            Some(pem) => certificate_from_pem(&pem, &path)?,
            None => {
                let made = ca_params().self_signed(&key)?;
                write_private(&path, made.pem().as_bytes()).map_err(at(&path))?;
                made.der().clone()
            }
        };
        let ack_key = load_or_make_ack_key(&dir.join("ack.key"))?;
        let facts =
            facts(&certificate).ok_or_else(|| IdentityError::Damaged { path: path.clone() })?;
        if facts.public_key != key.subject_public_key_info() {
            return Err(IdentityError::OtherKey { path });
        }
        let damaged = |_| IdentityError::Damaged { path: path.clone() };
        let issuer = Issuer::from_ca_cert_der(&certificate, key).map_err(damaged)?;
        Ok(Self {
            dir,
            certificate,
            ends_at: facts.ends_at,
            issuer,
            ack_key,
        })
    }

    /// Reads the authority of a data folder, for a tool: a missing one must not come to be by
    /// being looked at.
    pub fn load(data: &Path) -> Result<Self, IdentityError> {
        let path = data.join("ca").join("ca.key");
        if path.exists() {
            Self::load_or_make(data)
        } else {
            Err(IdentityError::Missing { path })
        }
    }

    /// From then on no certificate of ours is believed.
    pub fn ends_at(&self) -> Timestamp {
        self.ends_at
    }

    /// When the certificate that the server showed last ends; `None` when there is none to read.
    pub fn server_ends_at(&self) -> Option<Timestamp> {
        let path = self.dir.join("server.pem");
        let pem = read_if_there(&path).ok().flatten()?;
        let certificate = certificate_from_pem(&pem, &path).ok()?;
        facts(&certificate).map(|facts| facts.ends_at)
    }

    /// Of the CA; agents trust nothing else.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// Signs acknowledgements.
    pub fn ack_key(&self) -> &SigningKey {
        &self.ack_key
    }

    /// Issues the server's certificate for `names`, with a new key.
    pub fn issue_server(&self, names: &[String]) -> Result<ServerCertificate, IdentityError> {
        let mut params = CertificateParams::default();
        for name in names {
            let bad = |_| IdentityError::PublicName { name: name.clone() };
            let one = CertificateParams::new(vec![name.clone()]).map_err(bad)?;
            params.subject_alt_names.extend(one.subject_alt_names);
        }
        params
            .distinguished_name
            .push(DnType::CommonName, "Vọng aggregator");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        last_for(&mut params, SERVER_YEARS);
        let key = KeyPair::generate()?;
        let leaf = params.signed_by(&key, &self.issuer)?;
        let (chain_path, key_path) = (self.dir.join("server.pem"), self.dir.join("server.key"));
        let ca_path = self.dir.join("ca.pem");
        let ca_pem = std::fs::read_to_string(&ca_path).map_err(at(&ca_path))?;
        let chain_pem = format!("{}{ca_pem}", leaf.pem());
        write_private(&chain_path, chain_pem.as_bytes()).map_err(at(&chain_path))?;
        write_private(&key_path, key.serialize_pem().as_bytes()).map_err(at(&key_path))?;
        Ok(ServerCertificate {
            ends_at: facts(leaf.der())
                .map_or(self.ends_at, |facts| facts.ends_at.min(self.ends_at)),
            chain: vec![leaf.der().clone(), self.certificate.clone()],
            key: key.into(),
            chain_path,
            key_path,
        })
    }

    /// Issues an agent's certificate for the key in its request. Nothing else of the request
    /// counts: what the certificate says is ours to decide.
    pub fn issue_agent(
        &self,
        agent: &str,
        request_der: &[u8],
    ) -> Result<AgentCertificate, IdentityError> {
        let bad = |reason: String| IdentityError::Request { reason };
        let der = CertificateSigningRequestDer::from(request_der);
        let request = CertificateSigningRequestParams::from_der(&der)
            .map_err(|error| bad(error.to_string()))?;
        let name = format!("urn:vong:agent:{agent}");
        let name = name
            .try_into()
            .map_err(|error: rcgen::Error| bad(error.to_string()))?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, agent);
        params.subject_alt_names = vec![SanType::URI(name)];
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        last_for(&mut params, CA_YEARS);
        let certificate = params.signed_by(&request.public_key, &self.issuer)?;
        Ok(AgentCertificate {
            der: certificate.der().to_vec(),
        })
    }
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Vọng CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    last_for(&mut params, CA_YEARS);
    params
}

fn last_for(params: &mut CertificateParams, years: i16) {
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    params.not_before = date_time_ymd(FIRST_YEAR, 1, 1);
    // The first of the month exists in every year, the 29th of February does not.
    let month = u8::try_from(today.month()).unwrap_or(1);
    params.not_after = date_time_ymd(i32::from(today.year()) + i32::from(years), month, 1);
}

/// What else we read of a certificate.
struct Facts {
    /// SubjectPublicKeyInfo, DER.
    public_key: Vec<u8>,
    ends_at: Timestamp,
}

fn facts(certificate: &CertificateDer<'_>) -> Option<Facts> {
    let (_, read) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(Facts {
        public_key: read.public_key().raw.to_vec(),
        ends_at: Timestamp::default().plus_seconds(read.validity().not_after.timestamp()),
    })
}

fn load_or_make_ack_key(path: &Path) -> Result<SigningKey, IdentityError> {
    if let Some(bytes) = read_if_there(path).map_err(at(path))? {
        return match <[u8; 32]>::try_from(bytes.as_slice()) {
            Ok(secret) => Ok(SigningKey::from_bytes(&secret)),
            Err(_) => Err(IdentityError::Damaged {
                path: path.to_owned(),
            }),
        };
    }
    let mut secret = [0; 32];
    OsRng.try_fill_bytes(&mut secret)?;
    write_private(path, &secret).map_err(at(path))?;
    Ok(SigningKey::from_bytes(&secret))
}

fn key_from_pem(pem: &[u8], path: &Path) -> Result<KeyPair, IdentityError> {
    let key = std::str::from_utf8(pem)
        .ok()
        .and_then(|pem| KeyPair::from_pem(pem).ok());
    key.ok_or_else(|| IdentityError::Damaged {
        path: path.to_owned(),
    })
}

fn certificate_from_pem(
    mut pem: &[u8],
    path: &Path,
) -> Result<CertificateDer<'static>, IdentityError> {
    let certificate = rustls_pemfile::certs(&mut pem).next().and_then(Result::ok);
    certificate.ok_or_else(|| IdentityError::Damaged {
        path: path.to_owned(),
    })
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> IdentityError + use<> {
    let path = path.to_owned();
    move |source| IdentityError::File { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_authority_is_refused_by_name_and_left_as_it_is() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("ca");
        assert!(matches!(
            Authority::load(data.path()),
            Err(IdentityError::Missing { .. })
        ));
        assert!(!folder.exists(), "looking makes none");
        let first = Authority::load_or_make(data.path()).unwrap();

        std::fs::remove_file(folder.join("ca.key")).unwrap();
        let refused = Authority::load_or_make(data.path()).err().unwrap();
        assert!(
            refused.to_string().contains("ca.key: there is none"),
            "{refused}"
        );

        let other = KeyPair::generate().unwrap().serialize_pem();
        std::fs::write(folder.join("ca.key"), other).unwrap();
        let refused = Authority::load_or_make(data.path()).err().unwrap();
        assert!(
            matches!(refused, IdentityError::OtherKey { .. }),
            "{refused}"
        );
        let kept = std::fs::read(folder.join("ca.pem")).unwrap();
        let kept = certificate_from_pem(&kept, Path::new("ca.pem")).unwrap();
        assert_eq!(&kept, first.certificate());
    }

    #[test]
    fn the_servers_certificate_outlasts_any_process_and_no_browsers_patience() {
        const DAY: i64 = 86_400;
        let data = tempfile::tempdir().unwrap();
        let authority = Authority::load_or_make(data.path()).unwrap();
        let names = ["localhost".to_owned()];
        let server = authority.issue_server(&names).unwrap();
        let now = Timestamp::now();
        assert!(now.plus_seconds(365 * DAY) < server.ends_at);
        assert!(server.ends_at < now.plus_seconds(825 * DAY));
        assert!(server.ends_at < authority.ends_at());
        assert_eq!(authority.server_ends_at(), Some(server.ends_at));
    }
}
