//! Proxies that are no gates themselves ask the companion: the files that we ship for them, run as
//! they are.

mod bypasses;
mod files;
mod fixture;
mod people;
mod programs;
mod proxies;
