//! What one worker of a proxy does, as state machines: events in, effects out.
//!
//! [`Engine`] is one worker's: it judges requests, holds those that wait for keys or for a fresh
//! session token, refreshes sessions and counts. A [`Reader`] reads the keys of one trust entry, or
//! the companion's revocations, for all workers, which share what it read through a versioned cell.
//! An adapter (`portcullis-filter`, `portcullis-module`) hands events to both and carries out the
//! effects that they queue.
//!
//! Nothing here calls the proxy, reads a clock or draws a random number: the adapter passes these
//! with each event. The verdict on a request is a borrowed return value ([`Step`]), so that judging
//! a request whose token is cached queues and copies nothing.
//!
//! [`configuration`] turns what a proxy hands over as configuration into the policy's JSON, and
//! [`signatures`] has the forms in which a proxy's own crypto takes keys and signatures.
#![forbid(unsafe_code)]
#![deny(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
// These two have no setting that allows them in tests.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::string_slice))]

mod call;
pub mod configuration;
mod engine;
#[cfg(test)]
mod fixtures;
pub mod metrics;
mod protobuf;
mod reader;
mod refresh_reply;
mod refreshes;
mod reply;
pub mod signatures;
mod step;
mod waiting;

pub use self::call::{Call, CallId};
pub use self::engine::{At, Effect, Engine, RequestId, TICK};
pub use self::reader::{Cell, Moment, Reader, ReaderEffect, Shared};
pub use self::refresh_reply::RefreshReply;
pub use self::reply::Reply;
pub use self::step::{Step, log_level};
