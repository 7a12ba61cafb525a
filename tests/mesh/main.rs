//! The filter and the companion with real Kubernetes API servers and a real istiod. `make mesh` runs
//! this program, not `make test`: what it needs takes a quarter of an hour to build.

#![cfg(feature = "mesh")]

mod admission;
mod bound_tokens;
mod client_sidecar;
mod cluster;
mod discovery;
mod envoy_gateway;
mod image;
mod manifests;
mod mesh;
mod push;
mod rotation;
mod shared_gateway;
mod shipped;
mod sidecars;
mod telemetry;
mod two_clusters;
