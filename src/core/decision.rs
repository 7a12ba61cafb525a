//! The verdict on one request, and its reason.

mod reason;

pub use reason::{Class, Reason};
