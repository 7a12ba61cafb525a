//! The proxy-wasm adapter of Portcullis: reads the request, asks core, acts on the answer.
#![cfg_attr(
    not(test),
    deny(
        clippy::panic,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::string_slice
    )
)]

pub mod configuration;
pub mod host;
mod protobuf;
pub mod signatures;
