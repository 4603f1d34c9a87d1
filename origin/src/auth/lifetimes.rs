//! How long what is given out is good for.

/// Seconds an access token is good for.
pub const ACCESS_TOKEN_SECS: u32 = 15 * 60;
/// How long a refresh token is good for when it is not used.
pub const REFRESH_TOKEN_MS: i64 = 30 * 24 * 3_600 * 1_000;
