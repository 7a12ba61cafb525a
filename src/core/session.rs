//! What filter and companion share of sessions: the companion starts, refreshes and ends them, and the
//! filter verifies them without a call.
//!
//! A session is two things. The session token is a short-lived JSON Web Token of its own type,
//! which can be verified with the companion's public keys: [`Claims`]. The sealed session is
//! what only the companion opens. Both are kept in cookies: [`CookieNames`] has their names, [`cut`] and
//! [`candidates`] split a value into cookies and join it again. [`Revocations`] are the
//! sessions that ended before their tokens expire, and a [`RevocationsRecord`] is how the workers of a proxy read
//! them together.

mod candidates;
mod claims;
mod cookie_names;
mod id;
mod record;
mod revocations;

use std::time::Duration;

pub use candidates::{candidates, cut};
pub use claims::{Claims, SessionHandles};
pub use cookie_names::{CookieNames, Cookies, pairs};
pub use id::Id;
pub use record::{RevocationsRecord, RevocationsRecordError};
pub use revocations::{Revocations, RevocationsError, Revoked};

/// The `typ` of a session token.
pub const TOKEN_TYPE: &str = "portcullis-session+jwt";

/// The longest time from `iat` to `exp` of a session token that is accepted: how long a revoked
/// session could stay valid where revocations are not read. The companion issues shorter ones.
pub const MAX_TOKEN_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// Whether a token of this `typ` is a session token: its own spelling and no other.
pub fn is_token_type(typ: Option<&str>) -> bool {
    typ == Some(TOKEN_TYPE)
}
