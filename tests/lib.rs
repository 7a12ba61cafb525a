//! The proofs of Portcullis against real parts, one file a promise, and the [`lab`] they and the
//! demo run on.
#![forbid(unsafe_code)]

pub mod lab;
