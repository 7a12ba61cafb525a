//! Sessions: who is signed in, for how long, and how that ends.
//!
//! A session is two things: a short-lived session token that any filter verifies with the
//! companion's public keys, and a sealed session that only the companion opens and which alone is
//! the credential for the next token. [`keys`] makes both, [`cookies`] carries them, [`record`] is
//! what is sealed, [`ended`] is what is known of sessions that ended before their time. [`Sessions`]
//! puts it together. What it keeps is kept in a [`store`]: beside the cookies in one file, or in
//! [`redis`] for several replicas.

mod bytes;
mod cookies;
mod ended;
#[cfg(test)]
mod fixtures;
mod flights;
pub(crate) mod keys;
mod login;
mod outcome;
mod record;
mod redis;
mod secret;
mod sessions;
mod settings;
mod store;
mod unavailable;
mod whole_file;

pub(crate) use cookies::{Cookies, SetCookie};
pub(crate) use keys::Keys;
pub(crate) use login::Login;
pub(crate) use outcome::{LoggedOut, NoSession};
pub(crate) use record::{NotRenewed, Session};
pub(crate) use redis::{Kind, RedisSettings};
pub(crate) use sessions::{LoginError, Logout, NotStarted, Redeem, Sessions};
pub(crate) use settings::{SameSite, Settings};
pub(crate) use store::StoreSettings;
