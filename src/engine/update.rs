//! What readers have fetched.

use std::sync::Arc;

use portcullis_core::keys::{KeyOwners, KeyRecord};
use portcullis_core::session::{Revocations, RevocationsRecord};
use portcullis_core::trust::KeySourceId;

/// What a [`Reader`](crate::Reader) has fetched, or another worker has shared, for the engines of all
/// workers. Each replaces the one before about the same subject.
#[derive(Clone, Debug)]
pub enum Update {
    /// The keys of this source.
    Keys(KeySourceId, Arc<KeyRecord>),
    /// The owners of the keys of this issuer.
    Owners(Arc<str>, Arc<KeyOwners>),
    /// The companion's revocations, and their fetch state.
    Revocations(Arc<Revocations>, RevocationsRecord),
}

impl Update {
    /// Whether both are about the same subject: the keys of one source, the owners of one issuer's
    /// keys, or the revocations.
    #[must_use]
    pub fn replaces(&self, older: &Self) -> bool {
        match (self, older) {
            (Self::Keys(source, _), Self::Keys(older, _)) => source == older,
            (Self::Owners(issuer, _), Self::Owners(older, _)) => issuer == older,
            (Self::Revocations(..), Self::Revocations(..)) => true,
            (Self::Keys(..) | Self::Owners(..) | Self::Revocations(..), _) => false,
        }
    }
}
