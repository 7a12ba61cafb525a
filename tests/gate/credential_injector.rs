//! Clients and key reads with a token that Envoy's `credential_injector` adds, from the file that the kubelet
//! rotates. Envoy 1.36 can't: see `envoy/README.md`.

mod client;
mod fixture;
mod keys;
