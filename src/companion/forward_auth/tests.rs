//! Requests of proxies, and the responses to them.

mod allowed;
mod fixture;
mod refused;
mod sessions;
mod spellings;
