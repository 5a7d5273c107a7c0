//! Checks of single fields, shared by all decoders.

use prost::Message;
use scene::FrameTime;

use super::fault::{At, DecodeError, Fault};
use crate::limits::{MEDIA_TYPES, SLUG_BYTES_MAX, TIME_END_US, TIME_MIN_US, UNCERTAINTY_MS_MAX};

/// Decodes `bytes` once they are known to be few enough.
pub(crate) fn message<M: Message + Default>(
    name: &str,
    bytes: &[u8],
    bytes_max: usize,
) -> Result<M, DecodeError> {
    size(bytes.len(), bytes_max).at(name)?;
    M::decode(bytes).map_err(Fault::Malformed).at(name)
}

pub(crate) fn size(bytes: usize, bytes_max: usize) -> Result<(), Fault> {
    if bytes <= bytes_max {
        Ok(())
    } else {
        Err(Fault::TooLarge { bytes, bytes_max })
    }
}

pub(crate) fn count(count: usize, count_max: usize) -> Result<(), Fault> {
    if count <= count_max {
        Ok(())
    } else {
        Err(Fault::TooMany { count, count_max })
    }
}

pub(crate) fn slug(text: String) -> Result<String, Fault> {
    let inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    let first_fits = text
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_alphanumeric());
    if first_fits && text.len() <= SLUG_BYTES_MAX && text.bytes().all(inner) {
        Ok(text)
    } else {
        Err(Fault::NotASlug)
    }
}

/// Text for people; may be empty.
pub(crate) fn text(text: String, bytes_max: usize) -> Result<String, Fault> {
    size(text.len(), bytes_max)?;
    if text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\t')
    {
        return Err(Fault::ControlCharacter);
    }
    Ok(text)
}

/// A name for people: text, one line, not empty.
pub(crate) fn name(value: String, bytes_max: usize) -> Result<String, Fault> {
    if value.is_empty() {
        return Err(Fault::Missing);
    }
    if value.chars().any(char::is_control) {
        return Err(Fault::ControlCharacter);
    }
    text(value, bytes_max)
}

pub(crate) fn bytes<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Fault> {
    let Ok(array) = bytes.try_into() else {
        return Err(Fault::Length {
            bytes: bytes.len(),
            expected: N,
        });
    };
    Ok(array)
}

pub(crate) fn time(micros: i64) -> Result<FrameTime, Fault> {
    if (TIME_MIN_US..TIME_END_US).contains(&micros) {
        Ok(FrameTime::from_micros(micros))
    } else {
        Err(Fault::OutOfRange)
    }
}

pub(crate) fn uncertainty(millis: u32) -> Result<u32, Fault> {
    if millis <= UNCERTAINTY_MS_MAX {
        Ok(millis)
    } else {
        Err(Fault::OutOfRange)
    }
}

pub(crate) fn number(value: f64, value_max: f64) -> Result<f64, Fault> {
    if (0.0..=value_max).contains(&value) {
        Ok(value)
    } else {
        Err(Fault::OutOfRange)
    }
}

pub(crate) fn media_type(value: String) -> Result<String, Fault> {
    if MEDIA_TYPES.contains(&value.as_str()) {
        Ok(value)
    } else {
        Err(Fault::MediaType)
    }
}
