//! The judgement of Portcullis, pure: no clock, no network, no environment, no proxy types.
//!
//! The way of a request reads like a sentence, one module a word: [`request`] (what is asked, in
//! canonical form) → [`credential`] (what the client shows) → [`token`] (is it genuine: a
//! [`token::Verified`] that only `verify` can build) → [`caller`] (who that is) → [`policy`] (what
//! the rules say) → [`decision`] (the verdict and its [`reason`]) → [`answer`] (what the client is
//! told). [`keys`], [`trust`] and [`session`] stand beside it, and [`gate`] puts the sentence together.
//!
//! Core never calls out. It takes a snapshot and the time, and returns a value that says what to do,
//! also "fetch these keys, then ask me again". So the filter, the companion and the tests all run
//! the same judgement.
#![forbid(unsafe_code)]
#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
// These two have no setting that allows them in tests.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::string_slice))]

pub mod answer;
pub mod caller;
pub mod credential;
pub mod decision;
pub mod endpoints;
mod fetch_lease;
pub mod fetch_schedule;
#[cfg(test)]
mod fixtures;
pub mod gate;
pub mod json;
pub mod keys;
pub mod policy;
pub mod reason;
pub mod request;
pub mod session;
pub mod timestamp;
pub mod token;
pub mod trust;
