//! Signatures: who made a message, whichever broker carried it.
//!
//! Ed25519 (RFC 8032) over the name of the message's domain, a zero byte and the payload. The
//! domain keeps a signature given for one kind of message from passing as one for another.
//! Verification is the strict one: no small-order keys, no malleable signatures.

use ed25519_dalek::{SIGNATURE_LENGTH, Signature, Signer};
pub use ed25519_dalek::{SigningKey, VerifyingKey};

use crate::{limits::ENVELOPE_BYTES_MAX, v1::Envelope};

/// What kind of message a signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// A [`Batch`](crate::v1::Batch), by the agent.
    Batch,
    /// A [`Hello`](crate::v1::Hello), by the agent.
    Hello,
    /// A [`Status`](crate::v1::Status), by the agent.
    Status,
    /// An [`Ack`](crate::v1::Ack), by the centre.
    Ack,
}

impl Domain {
    /// The full name of the message's type, as it is signed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Batch => "vong.v1.Batch",
            Self::Hello => "vong.v1.Hello",
            Self::Status => "vong.v1.Status",
            Self::Ack => "vong.v1.Ack",
        }
    }
}

/// Why an envelope was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The payload is larger than any message may be.
    #[error("payload of {bytes} bytes in a {} envelope, at most {ENVELOPE_BYTES_MAX} are read", .domain.name())]
    TooLarge {
        /// What it was to be.
        domain: Domain,
        /// Its size.
        bytes: usize,
    },
    /// The signature is not 64 bytes long.
    #[error("signature of {bytes} bytes in a {} envelope, expected {SIGNATURE_LENGTH}", .domain.name())]
    Length {
        /// What it was to be.
        domain: Domain,
        /// Its size.
        bytes: usize,
    },
    /// Another key, another domain, or another payload.
    #[error("signature does not match the key on record for this {}; check that the sender is enrolled here", .domain.name())]
    Mismatch {
        /// What it was to be.
        domain: Domain,
    },
}

/// Signs an encoded message.
pub fn seal(domain: Domain, payload: Vec<u8>, key: &SigningKey) -> Envelope {
    let signature = key
        .sign(&signed_bytes(domain, &payload))
        .to_bytes()
        .to_vec();
    Envelope { payload, signature }
}

/// The encoded message, once its signature is proved to be of `key` for `domain`.
pub fn open<'a>(
    domain: Domain,
    envelope: &'a Envelope,
    key: &VerifyingKey,
) -> Result<&'a [u8], SignatureError> {
    if envelope.payload.len() > ENVELOPE_BYTES_MAX {
        return Err(SignatureError::TooLarge {
            domain,
            bytes: envelope.payload.len(),
        });
    }
    let Ok(signature) = Signature::from_slice(&envelope.signature) else {
        return Err(SignatureError::Length {
            domain,
            bytes: envelope.signature.len(),
        });
    };
    let Ok(()) = key.verify_strict(&signed_bytes(domain, &envelope.payload), &signature) else {
        return Err(SignatureError::Mismatch { domain });
    };
    Ok(&envelope.payload)
}

fn signed_bytes(domain: Domain, payload: &[u8]) -> Vec<u8> {
    [domain.name().as_bytes(), &[0], payload].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DOMAINS: [Domain; 4] = [Domain::Batch, Domain::Hello, Domain::Status, Domain::Ack];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn opens_only_with_the_key_domain_and_payload_it_was_sealed_with(
            secret: [u8; 32],
            other: [u8; 32],
            payload in proptest::collection::vec(any::<u8>(), 1..200),
            flip in any::<proptest::sample::Index>(),
        ) {
            prop_assume!(secret != other);
            let key = SigningKey::from_bytes(&secret);
            for domain in DOMAINS {
                let sealed = seal(domain, payload.clone(), &key);
                prop_assert_eq!(open(domain, &sealed, &key.verifying_key()), Ok(&*payload));
                for wrong in DOMAINS.into_iter().filter(|wrong| *wrong != domain) {
                    let refused = Err(SignatureError::Mismatch { domain: wrong });
                    prop_assert_eq!(open(wrong, &sealed, &key.verifying_key()), refused);
                }
                let foreign = SigningKey::from_bytes(&other).verifying_key();
                prop_assert!(open(domain, &sealed, &foreign).is_err());

                let mut changed = sealed.clone();
                changed.payload[flip.index(payload.len())] ^= 1;
                prop_assert!(open(domain, &changed, &key.verifying_key()).is_err());
                let mut changed = sealed;
                changed.signature[flip.index(64)] ^= 1;
                prop_assert!(open(domain, &changed, &key.verifying_key()).is_err());
            }
        }
    }

    #[test]
    fn a_small_order_key_verifies_nothing() {
        // The neutral element as key and as R, with s = 0, passes the lax check for every message.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let key = VerifyingKey::from_bytes(&neutral).unwrap();
        let mut signature = vec![0; 64];
        signature[0] = 1;
        let envelope = Envelope {
            payload: b"anything".to_vec(),
            signature,
        };
        assert_eq!(
            open(Domain::Batch, &envelope, &key),
            Err(SignatureError::Mismatch {
                domain: Domain::Batch
            })
        );
    }

    #[test]
    fn faults_are_named() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let short = Envelope {
            payload: vec![1],
            signature: vec![0; 63],
        };
        assert_eq!(
            open(Domain::Ack, &short, &key.verifying_key())
                .unwrap_err()
                .to_string(),
            "signature of 63 bytes in a vong.v1.Ack envelope, expected 64"
        );
        let large = seal(Domain::Batch, vec![0; ENVELOPE_BYTES_MAX + 1], &key);
        assert!(matches!(
            open(Domain::Batch, &large, &key.verifying_key()),
            Err(SignatureError::TooLarge { .. })
        ));
    }
}
