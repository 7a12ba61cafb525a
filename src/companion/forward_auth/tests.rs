//! Requests of proxies, and their responses.

mod allowed;
mod fixture;
mod logged;
mod people;
mod refused;
mod spellings;
