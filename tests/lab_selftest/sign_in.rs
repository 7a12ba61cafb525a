//! Tests of the lab's programs for sign-in: if one of these fails, look here before other failures.

mod browser;
mod companion;
mod provider;
mod servers;
