//! Requests of proxies, and the responses to them.

mod allowed;
mod fixture;
mod logged;
mod refused;
mod sessions;
mod spellings;
