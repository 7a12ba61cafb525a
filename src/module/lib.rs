//! Portcullis as a dynamic module of Envoy: native code without a VM. It needs Envoy 1.38 or later.
//!
//! `abi` has the functions that Envoy calls, and those of Envoy. For each configuration, `main_thread`
//! fetches keys and revocations for all workers, with `process` as the host of the engine's driver,
//! `cells` as its memory, and ticks of the `timer`. Each `worker` has an engine, and each request a
//! `filter`. They pass updates, calls and responses through `shared`. `signatures` verifies signatures in
//! native code, and `metrics` are the engine's, as Envoy takes them.
//!
//! Metrics have the names of the WebAssembly filter's if the runtime flag
//! `envoy.reloadable_features.dynamic_modules_strip_custom_stat_prefix` is on, else the prefix
//! `dynamicmodulescustom.`. Envoy 1.40 warns about a different ABI version, and loads the module.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used
)]
#![cfg_attr(
    test,
    allow(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used,
        reason = "a test fails by a panic"
    )
)]

#[allow(
    unsafe_code,
    reason = "Envoy calls C functions, and hands over raw pointers"
)]
mod abi;
mod cells;
mod clock;
mod filter;
mod main_thread;
mod metrics;
mod process;
mod reply;
mod response;
mod shared;
mod signatures;
mod timer;
mod worker;
