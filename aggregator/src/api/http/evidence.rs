//! Pictures of what happened, by the hash of their content.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use super::{
    extract::Path,
    problem::{Problem, ProblemBody},
};
use crate::{api::ApiState, store::EvidenceFile};

/// No picture is larger: the wire would not have carried it.
const PICTURE_BYTES_MAX: u64 = 1 << 20;

/// What a browser may show; anything else is only saved.
const SHOWN: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "video/mp4"];

/// A picture. Its content never changes.
#[utoipa::path(
    get,
    path = "/api/v1/evidence/{sha256}",
    operation_id = "getEvidence",
    tag = "events",
    params(("sha256" = String, Path, description = "64 hexadecimal digits, lower case")),
    responses(
        (status = 200, description = "the picture", content_type = "image/jpeg"),
        (status = 304, description = "the same as `If-None-Match` says"),
        (status = 404, description = "there is no such picture, or it has not come yet",
            body = ProblemBody, content_type = "application/problem+json")
    )
)]
pub(super) async fn picture(
    State(state): State<ApiState>,
    Path(sha256): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let hash = parse(&sha256)
        .ok_or_else(|| Problem::bad_request("sha256: not 64 hexadecimal digits in lower case"))?;
    let missing = || Problem::not_found("there is no such picture, or it has not come yet");
    let file = state.store.evidence(hash).await?.ok_or_else(missing)?;
    let tag = HeaderValue::try_from(format!("\"{sha256}\""))
        .map_err(|error| Problem::internal(&error))?;
    if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, caching(tag)).into_response());
    }
    let bytes = read(&file)
        .await
        .map_err(|error| Problem::internal(&error))?;
    if Sha256::digest(&bytes)[..] != hash {
        let path = file.path.display();
        tracing::error!(%path, "picture is damaged, its content does not have its hash");
        return Err(Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the picture is damaged",
        ));
    }
    let shown = SHOWN.contains(&file.media_type.as_str());
    let media_type = if shown {
        file.media_type.as_str()
    } else {
        "application/octet-stream"
    };
    let disposition = if shown { "inline" } else { "attachment" };
    let about = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_DISPOSITION, disposition),
        // Whatever it is, it is not a page.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox; frame-ancestors 'none'",
        ),
    ];
    Ok((caching(tag), about, bytes).into_response())
}

fn caching(tag: HeaderValue) -> [(header::HeaderName, HeaderValue); 2] {
    let forever = HeaderValue::from_static("private, max-age=31536000, immutable");
    [(header::ETAG, tag), (header::CACHE_CONTROL, forever)]
}

/// Only this form becomes part of a path, and it holds neither dot nor slash.
fn parse(sha256: &str) -> Option<[u8; 32]> {
    let lower = sha256
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut hash = [0; 32];
    (lower && hex::decode_to_slice(sha256, &mut hash).is_ok()).then_some(hash)
}

async fn read(file: &EvidenceFile) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    tokio::fs::File::open(&file.path)
        .await?
        .take(PICTURE_BYTES_MAX)
        .read_to_end(&mut bytes)
        .await?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_hash_is_a_hash() {
        assert_eq!(parse(&"ab".repeat(32)), Some([0xab; 32]));
        for wrong in [
            "",
            "ab",
            "../../../../etc/passwd",
            &"AB".repeat(32),
            &"ab".repeat(33),
            &format!("{}\0", "ab".repeat(31)),
            &"é".repeat(32),
        ] {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
    }
}
