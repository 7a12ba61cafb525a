//! People's sessions while parts fail and others attack: replicas, Redis, the companion itself, tossed
//! and planted cookies, other sites, claims that mean harm, and clients that take their time.
//!
//! That nothing of it tells a secret is seen to by the lab, wherever a program runs.

mod actions;
mod claims;
mod cookies;
mod deployment;
mod down;
mod long_cookies;
mod other_sites;
mod replicas;
mod slow_clients;
mod store;
mod tampering;
