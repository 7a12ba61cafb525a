//! Against issuers that speak TLS, as an API server does. The test sets their clock, so that
//! five minutes pass at once.

mod errors;
mod fixture;
mod keys;
mod mirror;
mod owners;
mod token;
