//! Against issuers that speak TLS, as an API server does. Their time is a clock set by hand, so that
//! five minutes pass at once.

mod errors;
mod fixture;
mod keys;
mod mirror;
