//! Which adapter of the filter a gateway has.

use std::env;

use super::Version;

/// An adapter of the filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Adapter {
    /// The WebAssembly filter, from `make wasm`.
    #[default]
    Filter,
    /// The dynamic module, from `make e2e`.
    Module,
}

impl Adapter {
    /// The adapter of this run: that which `PORTCULLIS_ADAPTER` names, `filter` or `module`, or the
    /// WebAssembly filter.
    ///
    /// # Panics
    /// If it names another one.
    #[must_use]
    pub fn of_run() -> Self {
        match env::var("PORTCULLIS_ADAPTER").as_deref() {
            Err(_) | Ok("filter") => Self::Filter,
            Ok("module") => Self::Module,
            Ok(other) => panic!("PORTCULLIS_ADAPTER={other}: must be `filter` or `module`"),
        }
    }

    /// The version for a test that names one: the oldest that supports this adapter instead of an older
    /// one.
    pub(super) fn supported(self, version: Version) -> Version {
        match (self, version) {
            (Self::Module, Version::V1_36) => Version::V1_38,
            (Self::Filter | Self::Module, version) => version,
        }
    }
}
