//! End-to-end tests of Portcullis with real programs, and the [`lab`] that they, the demo and the
//! benchmark share.
#![forbid(unsafe_code)]

pub mod lab;
