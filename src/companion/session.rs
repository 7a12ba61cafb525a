//! Sessions: who is signed in, for how long, and how sessions end.
//!
//! A session is two things: a short-lived session token, which filters verify with the companion's
//! public keys, and a sealed session, which only the companion opens and which alone is the
//! credential for a new session token. [`keys`] makes both, [`cookies`] carries them, [`record`] is
//! what is sealed, [`revocations`] lists the sessions that ended early, and [`store`] keeps what
//! outlives a request. [`Sessions`] puts them together.
//!
//! Nothing in here reads the configuration, answers requests or talks to a provider.

mod atomic_file;
mod bytes;
mod clock;
mod cookies;
#[cfg(test)]
mod fixtures;
pub(crate) mod fuzzing;
pub(crate) mod keys;
mod login;
mod outcome;
mod record;
mod revocations;
mod secret;
mod sessions;
mod settings;
mod single_flight;
mod store;
mod unavailable;

pub(crate) use cookies::{Cookies, SetCookie};
pub(crate) use keys::Keys;
pub(crate) use login::Login;
pub(crate) use outcome::{LogoutOutcome, NoSession};
pub(crate) use record::{RefreshFailure, Session};
pub(crate) use sessions::{Initiator, LoginError, LogoutClaims, Redeem, Sessions, StartError};
pub(crate) use settings::{SameSite, Settings};
pub(crate) use store::{RedisOptions, StoreOptions, StoreSettings, ValueInError};
#[cfg(test)]
pub(crate) use store::{RedisSettings, RedisTopology};
pub(crate) use unavailable::Unavailable;
