//! Real programs on loopback: issuers with a private CA, Envoy gateways, apps, clients.
//!
//! Every program is stopped by the guard that started it, at the latest when the process ends. If
//! the lab can't be set up it panics with what is missing, which fails the test.

pub mod alertmanager;
pub mod app;
pub mod authority;
pub mod background;
pub mod browser;
pub mod caddy;
pub mod client;
pub mod companion;
pub mod envoy;
pub mod example_config;
pub mod fixture;
pub mod folder;
pub mod full_stack;
mod http;
pub mod issuer;
pub mod istio;
pub mod karma;
pub mod keys;
pub mod kubernetes;
pub mod nginx;
pub mod port;
pub mod process;
pub mod projected_token;
pub mod prometheus;
pub mod provider;
pub mod redis;
pub mod registry;
pub mod rogue_provider;
pub mod secrets;
mod server;
pub mod test_gateway;
pub mod token;
pub mod tools;
pub mod user_agent;
pub mod wait;
pub mod yaml;

pub use alertmanager::Alertmanager;
pub use app::App;
pub use authority::{Authority, Identity};
pub use browser::Browser;
pub use caddy::Caddy;
pub use client::{Call, ClientPool, Connection, Response};
pub use companion::Companion;
pub use envoy::{Gateway, PolicyEncoding, Version};
pub use example_config::ExampleConfig;
pub use fixture::Fixture;
pub use full_stack::FullStack;
pub use issuer::{Endpoint, Issuer, ServerResponse};
pub use istio::Istiod;
pub use karma::Karma;
pub use keys::{Algorithm, SigningKey};
pub use kubernetes::ApiServer;
pub use nginx::Nginx;
pub use projected_token::ProjectedToken;
pub use prometheus::Prometheus;
pub use provider::Provider;
pub use redis::Redis;
pub use registry::Registry;
pub use rogue_provider::RogueProvider;
pub use test_gateway::TestGateway;
pub use token::Token;
pub use user_agent::UserAgent;
