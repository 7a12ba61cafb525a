//! The part of the lab that people sign in with: if one of these fails, look here before you believe
//! another failure.

mod browser;
mod companion;
mod provider;
mod servers;
