//! The whole way: what a proxy asks, and what it is told.

mod allowed;
mod fixture;
mod logged;
mod people;
mod refused;
