//! The OAuth parameter `state` of a sign-in attempt: a random value, and the sealed redirect target.
//!
//! The random value binds the callback to the attempt, and so to the browser. The redirect target counts
//! only if there is no such attempt any more, because it has expired, was completed, or the browser has
//! deleted its cookie: the browser then continues at the target, with its session or after another sign-in.
//! The authorization code of such a callback is never redeemed.

use portcullis_core::timestamp::Timestamp;

use super::bytes;
use super::keys::{Binding, Keys, Purpose};
use super::settings::SessionSettings;

#[cfg(test)]
mod tests;

/// The length of the random value, in bytes.
const RANDOM: usize = 16;

/// Separates the two parts. It is no character of base64url.
const SEPARATOR: char = '.';

/// What precedes the redirect target of a first sign-in, and of a repeated one.
const FIRST: u8 = b'1';
const REPEATED: u8 = b'2';

/// Where a browser continues whose sign-in attempt is not known any more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ReturnTo {
    /// The redirect target; empty if there is none. It was allowed when the sign-in started.
    pub(crate) rd: String,
    /// Whether this sign-in replaced one whose attempt was not known. A third one would not help.
    pub(crate) is_repeated: bool,
}

impl ReturnTo {
    /// The maximum length of `rd`, in bytes. The `state` is in the URL of the authorization request, and
    /// some providers limit the query to 2,048 bytes.
    pub(crate) const MAX_RD: usize = 768;

    /// A new `state`.
    pub(super) fn seal(&self, settings: &SessionSettings, keys: &Keys, now: Timestamp) -> String {
        let random = bytes::encode(bytes::random::<RANDOM>());
        let mut content = vec![if self.is_repeated { REPEATED } else { FIRST }];
        content.extend_from_slice(self.rd.as_bytes());
        let sealed = keys.seal(binding(settings, &random), &content, now);
        format!("{random}{SEPARATOR}{sealed}")
    }

    /// Opens a `state`. `None` if it is not ours. Anybody can start a sign-in and so get a `state` for an
    /// allowed redirect target.
    pub(super) fn open(settings: &SessionSettings, keys: &Keys, state: &str) -> Option<Self> {
        let (random, sealed) = state.split_once(SEPARATOR)?;
        let content = keys.open(binding(settings, random), sealed)?;
        let (kind, rd) = content.split_first()?;
        let is_repeated = match *kind {
            FIRST => false,
            REPEATED => true,
            _ => return None,
        };
        Some(Self {
            rd: std::str::from_utf8(rd).ok()?.to_owned(),
            is_repeated,
        })
    }
}

/// The redirect target opens only behind its own random value.
fn binding<'a>(settings: &'a SessionSettings, random: &'a str) -> Binding<'a> {
    settings.binding(Purpose::ReturnTo, random)
}
