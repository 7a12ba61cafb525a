//! The proxy-wasm adapter of Portcullis for Envoy and Istio, thin: it reads the request, asks core,
//! and acts on the answer.
//!
//! [`host`] is the one door to Envoy. `root` is what Envoy calls once a worker: it reads the
//! [`configuration`] and keeps the time. `http` is what Envoy calls for each request. Both share
//! a `worker`: the gate, its keys and the requests that wait for them, or for a fresh session token.
//! `readers` reads keys and revocations whose turn it is; `verdict` carries a decision out.
#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
// These two have no setting that allows them in tests.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::string_slice))]
#![cfg_attr(
    not(target_arch = "wasm32"),
    allow(
        dead_code,
        reason = "outside WebAssembly there are only the parts that tests reach"
    )
)]

pub mod configuration;
pub mod host;
mod http;
mod logger;
mod metrics;
mod protobuf;
mod readers;
mod reply;
mod root;
pub mod signatures;
mod verdict;
mod worker;

#[cfg(target_arch = "wasm32")]
mod module {
    //! What Envoy calls when it loads the module.

    #[allow(
        missing_docs,
        unsafe_code,
        reason = "the macro exports C functions and documents none of them"
    )]
    mod exports {
        proxy_wasm::main! {{
            crate::logger::install();
            proxy_wasm::set_root_context(|id| Box::new(crate::root::Root::new(id)));
        }}
    }
}
