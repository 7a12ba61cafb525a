//! Portcullis as a dynamic module of Envoy: native, without a VM.
//!
//! This version judges requests by inline keys: a policy that needs fetched keys or sign-in is
//! refused. It needs Envoy 1.38 or later; Envoy 1.40 warns that the ABI's version is another, and
//! loads it. A gRPC client that is refused gets the gRPC status that Envoy derives from the HTTP
//! status. Metrics are not exported yet.
//!
//! `hooks` is what Envoy calls, `envoy` what the module asks of Envoy, and `abi` the C declarations
//! that both need. `gate` knows no pointers: it has a configuration's engines, one a worker, and
//! carries out what they say of a request.
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
mod gate;
#[allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    reason = "Envoy calls C functions by their names, and hands over raw pointers"
)]
mod hooks;
