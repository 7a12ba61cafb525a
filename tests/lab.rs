//! Real parts on loopback: issuers with a private CA, Envoy gateways, apps, clients.
//!
//! Everything that runs is ended by the guard that started it, and at the latest with the process.
//! A lab that cannot be set up panics and says what is missing, because that is how a test fails.

pub mod alertmanager;
pub mod app;
pub mod authority;
pub mod background;
pub mod browser;
pub mod caddy;
pub mod client;
pub mod companion;
pub mod envoy;
pub mod folder;
mod http;
pub mod issuer;
pub mod keys;
pub mod liar;
pub mod nginx;
pub mod person;
pub mod port;
pub mod process;
pub mod prometheus;
pub mod provider;
pub mod redis;
pub mod scene;
pub mod secrets;
mod server;
pub mod shipped;
pub mod stand;
pub mod token;
pub mod tools;
pub mod wait;
pub mod way;
pub mod yaml;

pub use alertmanager::Alertmanager;
pub use app::App;
pub use authority::{Authority, Identity};
pub use browser::Browser;
pub use caddy::Caddy;
pub use client::{Call, Connection, Crowd, Reply};
pub use companion::Companion;
pub use envoy::{Gateway, Handover, Version};
pub use issuer::{Answer, Endpoint, Issuer};
pub use keys::{Algorithm, SigningKey};
pub use liar::Liar;
pub use nginx::Nginx;
pub use person::Person;
pub use prometheus::Prometheus;
pub use provider::Provider;
pub use redis::Redis;
pub use scene::Scene;
pub use shipped::Shipped;
pub use stand::Stand;
pub use token::Token;
pub use way::Way;
