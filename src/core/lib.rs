//! The decision logic of Portcullis without I/O: no clock, no network, no environment, no proxy types.
//!
//! A request passes through the modules in this order: [`request`] (its canonical form) →
//! [`credential`] (what the client presents) → [`token`] (whether it is genuine: a
//! [`token::Verified`] that only `verify` can build) → [`caller`] (who that is) → [`policy`] (the
//! rules) → [`decision`] (the decision and its [`reason`]) → [`local_reply`] (the response to a
//! refused client) → [`outcome`] (the changed header fields or the local reply, and the audit
//! record). [`keys`], [`trust`], [`session`], [`endpoints`] and [`escape`] hold what these need, and [`gate`]
//! evaluates a request with them. There are no cyclic dependencies.
//!
//! Core makes no calls. It takes a snapshot and the time, and returns a value that says what to do,
//! for example "fetch these keys first". So the filter, the module, the companion and the tests all
//! make the same decisions.
#![forbid(unsafe_code)]
#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
// Clippy has no setting that allows these two in tests.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::string_slice))]

mod bytes;
pub mod caller;
pub mod credential;
pub mod decision;
pub mod endpoints;
pub mod escape;
mod fetch_lease;
pub mod fetch_schedule;
#[cfg(test)]
mod fixtures;
pub mod gate;
pub mod json;
mod jwk;
pub mod keys;
pub mod local_reply;
pub mod outcome;
pub mod page;
pub mod policy;
pub mod reason;
pub mod request;
pub mod session;
pub mod timestamp;
pub mod token;
pub mod trust;
#[cfg(test)]
mod work;
