//! The filter's half of people's sessions, against a companion that says what a test tells it to.

mod admitted;
mod companion;
mod concurrency;
mod ending;
mod origins;
mod own_host;
mod refreshing;
mod session_gateway;
mod sign_in;
