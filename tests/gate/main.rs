//! The filter in real Envoys, with issuers and apps that the lab runs: everything that it promises of
//! bearer tokens, keys, requests and what operators see.
//!
//! One program for all of it, as for each folder of tests: what several link alike is linked once, and
//! while one test waits for an Envoy the next can run.

mod answers;
mod attacks;
mod clusters;
mod dynamic_module;
mod envoy_files;
mod faults;
mod handover;
mod headers;
mod keys;
mod least_privilege;
mod module;
mod policy_edit;
mod requests;
mod rotation;
mod seen;
