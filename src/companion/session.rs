//! Sessions: who is signed in, for how long, and how sessions end.
//!
//! A session is two things: a short-lived session token, which filters verify with the companion's
//! public keys, and a sealed session, which only the companion opens. The sealed session alone is the
//! credential for a new session token. [`keys`] signs and seals, [`cookies`] reads and writes the cookies,
//! [`record`] is the content of a sealed session, [`revocations`] lists the sessions that ended early, and
//! [`store`] stores what outlives a request. [`Sessions`] is what the endpoints use.
//!
//! Nothing in here reads the configuration, handles HTTP requests or sends requests to a provider.

mod atomic_file;
mod attempt;
mod bytes;
mod clock;
mod cookies;
mod event;
#[cfg(test)]
mod fixtures;
mod format_version;
pub(crate) mod fuzzing;
pub(crate) mod keys;
mod oauth_state;
mod outcome;
mod policy_claims;
mod record;
mod revocations;
mod revoke;
mod secret;
mod sessions;
mod settings;
mod single_flight;
mod store;
mod unavailable;

pub(crate) use attempt::SignInAttempt;
pub(crate) use cookies::{Cookies, SetCookie};
pub(crate) use event::{EventClient, SessionEvent, SessionEventKind};
pub(crate) use keys::Keys;
pub(crate) use oauth_state::ReturnTo;
pub(crate) use outcome::{ActiveSession, LoggedOut, LogoutOutcome, NoSession};
pub(crate) use policy_claims::{KeptGroups, PolicyClaims};
pub(crate) use record::{RefreshFailure, Session};
pub(crate) use revoke::{RevocationTarget, Revoker, TargetError};
pub(crate) use sessions::{AttemptError, Initiator, LogoutClaims, Redeem, Sessions, StartError};
pub(crate) use settings::{SameSite, SessionSettings};
#[cfg(test)]
pub(crate) use store::RedisTopology;
pub(crate) use store::{
    FileProbe, RedisInfo, RedisOptions, RedisProbe, RedisSettings, StoreOptions, StoreProbe,
    StoreSettings, ValueInError,
};
pub(crate) use unavailable::Unavailable;
