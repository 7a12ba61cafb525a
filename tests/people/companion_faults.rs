//! Sessions under faults and attacks: replicas, Redis, the companion itself, injected cookies,
//! other sites, malicious claims, slow clients, and providers that deviate from the specifications.
//!
//! The lab checks that no log contains a secret.

mod actions;
mod claims;
mod cookies;
mod deployment;
mod down;
mod long_cookies;
mod other_sites;
mod provider_answers;
mod provider_requests;
mod redirect_ports;
mod replicas;
mod revocation_list;
mod revoke;
mod slow_clients;
mod store;
mod tampering;
