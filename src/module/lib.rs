//! Portcullis as a dynamic module of Envoy: native code without a VM.
//!
//! This version supports inline keys only: a policy with fetched keys or sign-in is refused. It
//! needs Envoy 1.38 or later; Envoy 1.40 warns about a different ABI version, and loads it. A
//! refused gRPC client gets the gRPC status that Envoy derives from the HTTP status. Metrics have the names of the WebAssembly
//! filter's if the runtime flag `envoy.reloadable_features.dynamic_modules_strip_custom_stat_prefix` is on, else the prefix
//! `dynamicmodulescustom.`; they are there from the first request on.
//!
//! `hooks` has the functions that Envoy calls, `envoy` the callbacks into Envoy, and `abi` the C
//! declarations of both. `filter` has no pointers: it has the engines of a configuration, one for
//! each worker, and enforces their decisions. `signatures` verifies signatures in native code, and `metrics` are the engine's,
//! as Envoy takes them.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used
)]

mod abi;
#[allow(
    unsafe_code,
    reason = "Envoy's functions are C functions, and what they return is raw memory"
)]
mod envoy;
mod filter;
#[allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    reason = "Envoy calls C functions by their names, and hands over raw pointers"
)]
mod hooks;
mod metrics;
mod signatures;
