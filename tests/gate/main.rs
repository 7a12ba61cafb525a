//! The filter in real Envoys, with the lab's issuers and apps: bearer tokens, keys, requests, and
//! what operators see.
//!
//! All of it is one program, as in each folder of tests: shared code is linked once, and while one
//! test waits for an Envoy another one runs.

mod attach;
mod attacks;
mod audit_logs;
mod bodies;
mod capabilities;
mod clusters;
mod cors;
mod credential_injector;
mod dynamic_module;
mod encoded_paths;
mod envoy_files;
mod explained;
mod faults;
mod headers;
mod karma_gate;
mod key_owners;
mod keys;
mod large_policy;
mod least_privilege;
mod log_lines;
mod mirror;
mod module;
mod module_abi;
mod observability;
mod policy_edit;
mod policy_encoding;
mod policy_updates;
mod published_keys;
mod refusals;
mod requests;
mod rotation;
mod shared_gateway;
mod sidecar;
mod trailers;
mod unenforced;
mod upgrades;
