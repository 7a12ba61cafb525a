//! The whole way: what a proxy asks, and what it is told.

mod allowed;
mod fixture;
mod people;
mod refused;
