//! End-to-end tests of Portcullis with real programs, the [`lab`] that they, the demo and the
//! benchmark share, and the [`demo`], whose metrics are tested too.
#![forbid(unsafe_code)]

pub mod demo;
pub mod lab;
