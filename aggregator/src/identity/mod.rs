//! Who we are, and who may become an agent of ours.
//!
//! ```text
//! DIR/ca/ca.key, ca.pem        own certificate authority, made at the first start
//! DIR/ca/server.key, .pem      issued anew at every start, for the public names
//! DIR/ca/ack.key               signs acknowledgements (Ed25519)
//!
//! invite NAME ─▶ one-time code ─▶ Enroll(code, keys made on the box) ─▶ certificate, MQTT secret
//! ```
//!
//! Private keys are readable by their owner only.

mod authority;
mod enroll;
mod files;
mod tls;

pub use authority::{AgentCertificate, Authority, IdentityError, ServerCertificate};
pub use enroll::{Advertised, Enroller, INVITE_SECONDS};
pub use tls::{TlsError, grpc_config, http_config};

use sha2::{Digest, Sha256};

/// SHA-256, as secrets and certificates are known by.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Compares without telling by its duration where two differ.
pub fn equal(left: &[u8; 32], right: &[u8; 32]) -> bool {
    left.iter()
        .zip(right)
        .fold(0, |differing, (l, r)| differing | (l ^ r))
        == 0
}
