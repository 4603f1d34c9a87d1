//! The media type of a file by the end of its name, for those that web apps are made of. Not for what the API answers.

/// Ending, media type, and whether such files become smaller when compressed.
const TYPES: &[(&str, &str, bool)] = &[
    ("html", "text/html; charset=utf-8", true),
    // RFC 9239.
    ("js", "text/javascript; charset=utf-8", true),
    ("mjs", "text/javascript; charset=utf-8", true),
    ("css", "text/css; charset=utf-8", true),
    ("json", "application/json", true),
    ("map", "application/json", true),
    ("webmanifest", "application/manifest+json", true),
    ("wasm", "application/wasm", true),
    ("svg", "image/svg+xml", true),
    ("txt", "text/plain; charset=utf-8", true),
    ("xml", "application/xml", true),
    ("ico", "image/x-icon", true),
    ("ttf", "font/ttf", true),
    ("png", "image/png", false),
    ("jpg", "image/jpeg", false),
    ("jpeg", "image/jpeg", false),
    ("gif", "image/gif", false),
    ("webp", "image/webp", false),
    ("avif", "image/avif", false),
    ("woff", "font/woff", false),
    ("woff2", "font/woff2", false),
];

/// Of what is not known: bytes, which no browser makes anything of (`nosniff`).
const UNKNOWN: &str = "application/octet-stream";

pub(super) fn of(path: &str) -> &'static str {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    TYPES.iter().find(|(known, ..)| *known == ending).map_or(UNKNOWN, |(_, media_type, _)| media_type)
}

pub(super) fn is_compressible(media_type: &str) -> bool {
    TYPES.iter().any(|(_, known, is_compressible)| *known == media_type && *is_compressible)
}
