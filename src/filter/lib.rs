//! The proxy-wasm adapter of Portcullis for Envoy and Istio: a thin layer that passes events to
//! `portcullis-engine` and performs its effects.
//!
//! `host` is the one door to Envoy. `root` is what Envoy calls once a worker, and `http` what it
//! calls for each request. Both share a `worker`: the engine, its readers and the calls under way.
//! `verdict` carries out what the engine says of a request, and `signatures` lets Envoy check
//! signatures.
#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
// Clippy has no option that allows these two lints in tests.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::string_slice))]
#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(
        dead_code,
        reason = "outside WebAssembly there are only the parts that tests reach"
    )
)]

#[doc(hidden)]
pub mod fuzzing {
    //! What fuzz targets call. The header map of the host is private to the door to Envoy.

    type OwnedPairs = Vec<(Vec<u8>, Vec<u8>)>;

    /// Decodes a header map in the serialization of the ABI; `None` if it is malformed.
    #[must_use]
    pub fn decode_header_map(bytes: Vec<u8>) -> Option<OwnedPairs> {
        let pairs = crate::host::Pairs::decode(bytes).ok()?;
        let owned = pairs
            .iter()
            .map(|(name, value)| (name.to_vec(), value.to_vec()));
        Some(owned.collect())
    }

    /// Encodes a header map; `None` if it is larger than the proxy accepts.
    #[must_use]
    pub fn encode_header_map(pairs: &[(Vec<u8>, Vec<u8>)]) -> Option<Vec<u8>> {
        crate::host::encode_pairs(pairs).ok()
    }
}

mod host;
mod http;
mod root;
mod signatures;
mod verdict;
mod worker;

#[cfg(target_arch = "wasm32")]
mod module {
    //! The entry point of the module.

    #[allow(
        missing_docs,
        unsafe_code,
        reason = "the macro exports C functions and documents none of them"
    )]
    mod exports {
        proxy_wasm::main! {{
            proxy_wasm::set_root_context(|id| Box::new(crate::root::Root::new(id)));
        }}
    }
}
