//! The filter's part of sessions, with a companion whose responses the test sets.

mod allowed;
mod companion;
mod concurrency;
mod origins;
mod own_bearer;
mod own_host;
mod refreshing;
mod revocation;
mod session_gateway;
mod sign_in;
