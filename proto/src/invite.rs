//! The one string that a person carries from the centre to a new box.
//!
//! ```text
//! vong1.<base64url, unpadded>
//!        │ code, 16 bytes │ SHA-256 of the CA certificate (DER), 32 │ check, 4 │ host:port, 3..=255 │
//! ```
//!
//! `check` is the start of the SHA-256 over everything else, so that a slip of the pen is named as
//! one. The fingerprint lets the box pin the centre before it trusts anything.

use std::{fmt, str::FromStr};

use sha2::{Digest, Sha256};

const PREFIX: &str = "vong1.";
const CODE_BYTES: usize = 16;
const FINGERPRINT_BYTES: usize = 32;
const CHECK_BYTES: usize = 4;
/// A DNS name has at most 253 characters; with a port the address is bounded by this.
const ADDRESS_BYTES_MAX: usize = 255;
/// Base64 of the longest payload, rounded up.
const TEXT_BYTES_MAX: usize = 512;

/// What an invitation says.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    code: [u8; CODE_BYTES],
    ca_sha256: [u8; FINGERPRINT_BYTES],
    grpc_address: String,
}

/// Why a string is not an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InviteError {
    /// Another kind of string, or a later version.
    #[error(
        "an invitation starts with \"vong1.\"; copy the whole line that `aggregator invite` printed"
    )]
    Prefix,
    /// A character that base64url does not have, or a length it cannot have.
    #[error(
        "the invitation has a character that does not belong there; copy it again, without spaces or line breaks"
    )]
    Alphabet,
    /// Parts are missing.
    #[error(
        "the invitation is too short or too long; copy the whole line that `aggregator invite` printed"
    )]
    Length,
    /// The check value disagrees.
    #[error("the invitation was changed on its way: its check value does not match; copy it again")]
    Check,
    /// The address is not `host:port`.
    #[error(
        "the address in the invitation is not host:port; give the aggregator a valid --public-name"
    )]
    Address,
}

impl Invite {
    /// Checks that `grpc_address` is `host:port`.
    pub fn new(
        code: [u8; CODE_BYTES],
        ca_sha256: [u8; FINGERPRINT_BYTES],
        grpc_address: String,
    ) -> Result<Self, InviteError> {
        check_address(&grpc_address)?;
        Ok(Self {
            code,
            ca_sha256,
            grpc_address,
        })
    }

    /// The one-time code. A secret.
    pub fn code(&self) -> &[u8; CODE_BYTES] {
        &self.code
    }

    /// SHA-256 of the DER of the centre's CA certificate.
    pub fn ca_sha256(&self) -> &[u8; FINGERPRINT_BYTES] {
        &self.ca_sha256
    }

    /// `host:port` of the enrolment service.
    pub fn grpc_address(&self) -> &str {
        &self.grpc_address
    }
}

/// The code is a secret and stays out of logs.
impl fmt::Debug for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invite")
            .field("grpc_address", &self.grpc_address)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Invite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(TEXT_BYTES_MAX);
        bytes.extend_from_slice(&self.code);
        bytes.extend_from_slice(&self.ca_sha256);
        bytes.extend_from_slice(&check_value(
            &self.code,
            &self.ca_sha256,
            &self.grpc_address,
        ));
        bytes.extend_from_slice(self.grpc_address.as_bytes());
        f.write_str(PREFIX)?;
        f.write_str(&encode(&bytes))
    }
}

impl FromStr for Invite {
    type Err = InviteError;

    fn from_str(text: &str) -> Result<Self, InviteError> {
        let body = text
            .trim()
            .strip_prefix(PREFIX)
            .ok_or(InviteError::Prefix)?;
        if body.len() > TEXT_BYTES_MAX {
            return Err(InviteError::Length);
        }
        let bytes = decode(body.as_bytes()).ok_or(InviteError::Alphabet)?;
        let (code, rest) = bytes
            .split_first_chunk::<CODE_BYTES>()
            .ok_or(InviteError::Length)?;
        let (ca_sha256, rest) = rest
            .split_first_chunk::<FINGERPRINT_BYTES>()
            .ok_or(InviteError::Length)?;
        let (check, address) = rest
            .split_first_chunk::<CHECK_BYTES>()
            .ok_or(InviteError::Length)?;
        let address = std::str::from_utf8(address).map_err(|_bad| InviteError::Check)?;
        if *check != check_value(code, ca_sha256, address) {
            return Err(InviteError::Check);
        }
        Self::new(*code, *ca_sha256, address.to_owned())
    }
}

fn check_value(code: &[u8], ca_sha256: &[u8], address: &str) -> [u8; CHECK_BYTES] {
    let mut hash = Sha256::new();
    hash.update(b"vong invite 1\0");
    hash.update(code);
    hash.update(ca_sha256);
    hash.update(address.as_bytes());
    let [a, b, c, d, ..] = <[u8; 32]>::from(hash.finalize());
    [a, b, c, d]
}

fn check_address(address: &str) -> Result<(), InviteError> {
    let (host, port) = address.rsplit_once(':').ok_or(InviteError::Address)?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    let port_fits = port.parse::<u16>().is_ok_and(|port| port != 0);
    let host_fits = !host.is_empty() && host.chars().all(known);
    if port_fits && host_fits && address.len() <= ADDRESS_BYTES_MAX {
        Ok(())
    } else {
        Err(InviteError::Address)
    }
}

// Base64url without padding, RFC 4648 section 5.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let mut word = [0_u8; 4];
        for (to, from) in word.iter_mut().skip(1).zip(chunk) {
            *to = *from;
        }
        let word = u32::from_be_bytes(word);
        // n bytes give n + 1 characters.
        for shift in [18_u32, 12, 6, 0]
            .into_iter()
            .take(chunk.len().saturating_add(1))
        {
            let index = usize::try_from((word >> shift) & 63).unwrap_or(0);
            text.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'A')));
        }
    }
    text
}

fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    for chunk in text.chunks(4) {
        let mut word = 0_u32;
        for (character, shift) in chunk.iter().zip([18_u32, 12, 6, 0]) {
            let value = ALPHABET.iter().position(|known| known == character)?;
            word |= u32::try_from(value).ok()? << shift;
        }
        let kept = chunk.len().checked_sub(1).filter(|kept| *kept > 0)?;
        let [_, word @ ..] = word.to_be_bytes();
        // Bits beyond the last byte must be zero: one value has one spelling.
        if word.iter().skip(kept).any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend(word.iter().take(kept));
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn invite() -> Invite {
        Invite::new([7; 16], [9; 32], "centre.example:8443".to_owned()).unwrap()
    }

    #[test]
    fn base64url_agrees_with_the_vectors_of_rfc_4648() {
        for (plain, text) in [
            ("", ""),
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(plain.as_bytes()), text);
            assert_eq!(decode(text.as_bytes()).unwrap(), plain.as_bytes());
        }
        assert_eq!(encode(&[0xfb, 0xff]), "-_8");
        assert_eq!(decode(b"Zh"), None, "spare bits");
        assert_eq!(decode(b"Z"), None, "half a byte");
        assert_eq!(decode(b"Zg=="), None, "padding");
    }

    #[test]
    fn a_slip_is_named() {
        let text = invite().to_string();
        assert_eq!(
            format!("  {text}\n").parse::<Invite>(),
            Ok(invite()),
            "spaces around it"
        );
        assert_eq!("vong2.abcd".parse::<Invite>(), Err(InviteError::Prefix));
        assert_eq!("vong1.ab cd".parse::<Invite>(), Err(InviteError::Alphabet));
        assert_eq!(
            text.get(..40).unwrap().parse::<Invite>(),
            Err(InviteError::Length)
        );
        assert_eq!(
            text.get(..text.len() - 4).unwrap().parse::<Invite>(),
            Err(InviteError::Check)
        );
        assert_eq!(
            format!("vong1.{}", "A".repeat(600)).parse::<Invite>(),
            Err(InviteError::Length)
        );
        for address in ["centre", "centre:0", "centre:99999", ":1", "a b:1", "a/b:1"] {
            let made = Invite::new([0; 16], [0; 32], address.to_owned());
            assert_eq!(made, Err(InviteError::Address), "{address}");
        }
        assert!(Invite::new([0; 16], [0; 32], "[::1]:8443".to_owned()).is_ok());
    }

    #[test]
    fn the_code_is_not_logged() {
        assert!(!format!("{:?}", invite()).contains('7'));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(code: [u8; 16], ca: [u8; 32], port in 1_u16.., host in "[a-z0-9.-]{1,60}") {
            let invite = Invite::new(code, ca, format!("{host}:{port}")).unwrap();
            prop_assert_eq!(invite.to_string().parse::<Invite>(), Ok(invite));
        }

        #[test]
        fn a_changed_character_is_found(code: [u8; 16], at in 6_usize..80, to in "[A-Za-z0-9_-]") {
            let text = Invite::new(code, [3; 32], "centre.example:8443".to_owned()).unwrap().to_string();
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            prop_assert!(changed == text || changed.parse::<Invite>().is_err());
        }

        #[test]
        fn any_text_is_answered(text in ".{0,700}") {
            let _answer = format!("vong1.{text}").parse::<Invite>().is_ok();
        }
    }
}
