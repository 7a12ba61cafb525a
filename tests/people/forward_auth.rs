//! Forward auth: other proxies ask the companion, with the example configurations that we provide
//! for them.

mod bypasses;
mod connection;
mod files;
mod fixture;
mod programs;
mod proxies;
mod public_host;
mod spellings;
mod users;
