//! `portcullis doctor`, against real servers: a set-up without faults, and each fault by itself.

mod command_line;
mod envoy;
mod files;
mod fixture;
mod issuers;
mod providers;
mod redis;
mod snapshot;
