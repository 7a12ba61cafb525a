//! Forward auth: other proxies ask the companion, with the example configurations that we provide
//! for them.

mod bypasses;
mod connection;
mod error_pages;
mod files;
mod fixture;
mod programs;
mod proxies;
mod public_host;
mod refreshing;
mod sign_in_fixture;
mod spellings;
mod users;
