//! The work of one proxy worker as state machines: events in, effects out.
//!
//! Each worker has one [`Engine`]: it evaluates requests, holds those that wait for keys or for a
//! fresh session token, refreshes sessions and keeps metrics. A [`Reader`] fetches the keys of one
//! trust entry, or the companion's revocations, for all workers, and shares them through a
//! versioned cell. An adapter (`portcullis-filter`, `portcullis-module`) passes events to both and
//! performs the effects that they queue; a [`Driver`] does so for a proxy that implements [`Host`].
//!
//! The engine does not call the proxy, read a clock or generate random numbers: the adapter passes
//! time and random numbers with each event. The result for a request is a borrowed return value
//! ([`Step`]), so a request with a cached token queues and copies nothing.
//!
//! [`configuration`] reads the policy from the plugin configuration. [`header_map`] has the wire
//! form of header maps, and [`signatures`] uses the proxy's own signature verification.
#![forbid(unsafe_code)]
#![deny(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]
// Clippy has no option that allows these two lints in tests.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::string_slice))]

mod call;
mod call_response;
mod client_address;
pub mod configuration;
mod driver;
mod effect;
mod engine;
#[cfg(test)]
mod fixtures;
pub mod header_map;
mod log_level;
pub mod metrics;
mod protobuf;
mod reader;
mod refresh_response;
mod refreshes;
mod request_id;
pub mod signatures;
mod step;
mod update;
mod waiting;

pub use self::call::{Call, CallId};
pub use self::call_response::CallResponse;
pub use self::client_address::client_address;
pub use self::driver::{Driver, Host, PendingCall};
pub use self::effect::Effect;
pub use self::engine::{Engine, RequestContext, TICK};
pub use self::log_level::{log_level, log_severity};
pub use self::reader::{CellContent, CellId, FetchTriggers, Reader, ReaderEffect, TimeAndRandom};
pub use self::refresh_response::RefreshResponse;
pub use self::request_id::RequestId;
pub use self::step::Step;
pub use self::update::Update;
