//! The web console: the files that were in `console/dist` when this program was built.

use std::{borrow::Cow, path::Path};

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::Problem;

#[derive(RustEmbed)]
#[folder = "console/dist"]
struct Dist;

/// Files under this folder have a hash of their content in their name.
const HASHED_FOLDER: &str = "assets/";

const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\"><meta charset=\"utf-8\"><title>Vọng</title>
<h1>The console is not in this program</h1>
<p>It was built without <code>aggregator/console/dist</code>. To have it: run
<code>scripts/build-console</code>, then build the aggregator again. The API works all the same: see <a href=\"/api/v1/openapi.json\">its description</a>.</p>
</html>
";

/// A file of the console, or its one page for every address that the page itself understands.
pub(super) fn page(path: &str, headers: &HeaderMap) -> Response {
    let name = path.trim_start_matches('/');
    if let Some(file) = Dist::get(name) {
        return serve(name, file, headers);
    }
    // An address of the page has no extension; a missing file must not turn into the page.
    if Path::new(name).extension().is_some() && name != "index.html" {
        return Problem::not_found("there is no such file").into_response();
    }
    match Dist::get("index.html") {
        Some(file) => serve("index.html", file, headers),
        None => {
            let form = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
            (StatusCode::SERVICE_UNAVAILABLE, form, NOT_BUILT).into_response()
        }
    }
}

fn serve(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let caching = if name.starts_with(HASHED_FOLDER) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let hash = hex::encode(file.metadata.sha256_hash());
    let Ok(tag) = HeaderValue::try_from(format!("\"{hash}\"")) else {
        return Problem::not_found("there is no such file").into_response();
    };
    let unchanged = headers.get(header::IF_NONE_MATCH) == Some(&tag);
    let about = [
        (header::ETAG, tag),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
    ];
    if unchanged {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let bytes: Cow<'static, [u8]> = file.data;
    let form = [(header::CONTENT_TYPE, media_type(name))];
    (about, form, bytes).into_response()
}

fn media_type(name: &str) -> &'static str {
    let extension = Path::new(name).extension().and_then(|text| text.to_str());
    match extension.unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
