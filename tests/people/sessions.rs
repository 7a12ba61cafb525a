//! The filter's part of sessions, with a companion whose responses the test sets.

mod admitted;
mod companion;
mod concurrency;
mod ending;
mod origins;
mod own_host;
mod refreshing;
mod session_gateway;
mod sign_in;
