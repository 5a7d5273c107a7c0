//! What can be wrong with a message, and where.

/// Why a message was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{at}: {fault}")]
pub struct DecodeError {
    /// The place: a message, then its field, for example `event.objects[3].score`.
    pub at: String,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// Not protobuf, or of another type.
    #[error("malformed: {0}")]
    Malformed(prost::DecodeError),
    /// More bytes than the limit.
    #[error("{bytes} bytes, at most {bytes_max} are allowed")]
    TooLarge {
        /// Found.
        bytes: usize,
        /// Allowed.
        bytes_max: usize,
    },
    /// More elements than the limit.
    #[error("{count} elements, at most {count_max} are allowed")]
    TooMany {
        /// Found.
        count: usize,
        /// Allowed.
        count_max: usize,
    },
    /// Not there, or empty.
    #[error("missing")]
    Missing,
    /// There, where it has no meaning.
    #[error("not allowed here")]
    Unexpected,
    /// Not `[a-z0-9][a-z0-9_-]{0,62}`.
    #[error("not a name; use a-z, 0-9, _ and -, at most 63, the first a letter or digit")]
    NotASlug,
    /// A control character in text for people.
    #[error("holds a control character")]
    ControlCharacter,
    /// Bytes of a fixed length have another.
    #[error("{bytes} bytes, expected {expected}")]
    Length {
        /// Found.
        bytes: usize,
        /// Required.
        expected: usize,
    },
    /// A number of an enumeration that this version does not know.
    #[error("value {0} is not known here; a newer sender?")]
    UnknownValue(i32),
    /// NaN, infinite, or outside the allowed range.
    #[error("out of range")]
    OutOfRange,
    /// Named twice.
    #[error("named twice")]
    Repeated,
    /// Not one of the media types that are accepted.
    #[error("media type not accepted; send image/jpeg, image/png, image/webp or video/mp4")]
    MediaType,
    /// The content's SHA-256 is another.
    #[error("does not match the content")]
    Digest,
    /// Numbers that do not adjoin.
    #[error("does not adjoin its neighbour")]
    NotAdjoining,
}

impl Fault {
    pub(crate) fn at(self, place: impl Into<String>) -> DecodeError {
        DecodeError {
            at: place.into(),
            fault: self,
        }
    }
}

/// Names the place of a fault that was found without knowing it.
pub(crate) trait At<T> {
    fn at(self, place: &str) -> Result<T, DecodeError>;
    fn at_index(self, list: &str, index: usize, field: &str) -> Result<T, DecodeError>;
}

impl<T> At<T> for Result<T, Fault> {
    fn at(self, place: &str) -> Result<T, DecodeError> {
        self.map_err(|fault| fault.at(place))
    }

    fn at_index(self, list: &str, index: usize, field: &str) -> Result<T, DecodeError> {
        self.map_err(|fault| fault.at(format!("{list}[{index}]{field}")))
    }
}
