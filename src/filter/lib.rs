//! The proxy-wasm adapter of Portcullis for Envoy and Istio: a thin layer that passes events to
//! `portcullis-engine` and performs its effects.
//!
//! `host` has all calls into Envoy. `root` has the callbacks for each worker, and `http` those for
//! each request. Both share a `worker`: the engine with its readers, signatures and metrics.
//! `verdict` enforces the engine's decision on a request.
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
    allow(dead_code, reason = "outside WebAssembly only tests use this code")
)]

mod host;
mod http;
mod root;
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
