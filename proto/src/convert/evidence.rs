use scene::FrameTime;
use sha2::{Digest, Sha256};

use super::{At, DecodeError, Fault, bytes, media_type, size, slug, time};
use crate::{limits::EVIDENCE_DATA_BYTES_MAX, v1};

/// A picture, named by its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Of `data`; checked when it was decoded.
    pub sha256: [u8; 32],
    /// One of [`MEDIA_TYPES`](crate::limits::MEDIA_TYPES).
    pub media_type: String,
    /// The picture.
    pub data: Vec<u8>,
    /// The camera's name, unique within the agent.
    pub camera: String,
    /// When its frame was captured.
    pub captured: FrameTime,
    /// Whether faces and plates were made unreadable.
    pub masked: bool,
}

impl Evidence {
    /// Computes the digest of `data`.
    pub fn new(
        camera: String,
        captured: FrameTime,
        media_type: String,
        data: Vec<u8>,
        masked: bool,
    ) -> Self {
        let sha256 = Sha256::digest(&data).into();
        Self {
            sha256,
            media_type,
            data,
            camera,
            captured,
            masked,
        }
    }

    /// What an event says of this picture.
    pub fn reference(&self) -> EvidenceRef {
        EvidenceRef {
            sha256: self.sha256,
            media_type: self.media_type.clone(),
            size_bytes: u32::try_from(self.data.len()).unwrap_or(u32::MAX),
            masked: self.masked,
        }
    }
}

impl From<Evidence> for v1::Evidence {
    fn from(evidence: Evidence) -> Self {
        Self {
            sha256: evidence.sha256.to_vec(),
            media_type: evidence.media_type,
            data: evidence.data,
            camera: evidence.camera,
            captured_us: evidence.captured.as_micros(),
            masked: evidence.masked,
        }
    }
}

impl TryFrom<v1::Evidence> for Evidence {
    type Error = DecodeError;

    fn try_from(wire: v1::Evidence) -> Result<Self, DecodeError> {
        size(wire.data.len(), EVIDENCE_DATA_BYTES_MAX).at("evidence.data")?;
        if wire.data.is_empty() {
            return Err(Fault::Missing.at("evidence.data"));
        }
        let evidence = Self {
            sha256: bytes(&wire.sha256).at("evidence.sha256")?,
            media_type: media_type(wire.media_type).at("evidence.media_type")?,
            data: wire.data,
            camera: slug(wire.camera).at("evidence.camera")?,
            captured: time(wire.captured_us).at("evidence.captured_us")?,
            masked: wire.masked,
        };
        if Sha256::digest(&evidence.data)[..] == evidence.sha256 {
            Ok(evidence)
        } else {
            Err(Fault::Digest.at("evidence.sha256"))
        }
    }
}

/// What an event says of a picture that follows in a later item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceRef {
    /// Names the picture.
    pub sha256: [u8; 32],
    /// One of [`MEDIA_TYPES`](crate::limits::MEDIA_TYPES).
    pub media_type: String,
    /// Size of the picture.
    pub size_bytes: u32,
    /// Whether faces and plates were made unreadable.
    pub masked: bool,
}

impl From<EvidenceRef> for v1::EvidenceRef {
    fn from(reference: EvidenceRef) -> Self {
        Self {
            sha256: reference.sha256.to_vec(),
            media_type: reference.media_type,
            size_bytes: reference.size_bytes,
            masked: reference.masked,
        }
    }
}

impl TryFrom<v1::EvidenceRef> for EvidenceRef {
    type Error = Fault;

    fn try_from(wire: v1::EvidenceRef) -> Result<Self, Fault> {
        Ok(Self {
            sha256: bytes(&wire.sha256)?,
            media_type: media_type(wire.media_type)?,
            size_bytes: wire.size_bytes,
            masked: wire.masked,
        })
    }
}
