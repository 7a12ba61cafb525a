//! Sessions, for filter and companion: the companion starts, refreshes and ends them, and the
//! filter verifies them without a call.
//!
//! A session has two parts. The session token is a short-lived JSON Web Token with a separate
//! `typ`, verified with the companion's public keys: [`Claims`]. The sealed session can be opened
//! by the companion only. Both are in cookies: [`CookieNames`] has their names, [`split_cookie`] and
//! [`candidates`] split a value into cookies and join it again. [`Revocations`] is the list of
//! revoked sessions, and [`RevocationsRecord`] is what the workers of a proxy share to fetch it.

mod candidates;
mod claims;
mod cookie_names;
mod id;
mod record;
mod revocations;

use std::time::Duration;

pub use candidates::{MAX_CHUNKS, MAX_COOKIE, candidates, split_cookie};
pub(crate) use claims::PROVIDER_CLAIMS;
pub use claims::{Claims, SessionHandles};
pub use cookie_names::{CookieNames, Cookies, pairs};
pub use id::Id;
pub use record::{RevocationsRecord, RevocationsRecordError};
pub use revocations::{Revocations, RevocationsError, Revoked};

/// The `typ` of a session token.
pub const TOKEN_TYPE: &str = "portcullis-session+jwt";

/// The longest accepted time from `iat` to `exp` of a session token: a revoked session stays valid
/// that long if revocations can't be fetched. The companion issues shorter ones.
pub const MAX_TOKEN_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Whether a token with this `typ` is a session token. The spelling must match exactly.
pub fn is_token_type(typ: Option<&str>) -> bool {
    typ == Some(TOKEN_TYPE)
}
