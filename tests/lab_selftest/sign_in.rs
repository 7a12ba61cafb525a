//! Tests of the lab's programs for sign-in.

mod browser;
mod companion;
mod provider;
mod servers;
