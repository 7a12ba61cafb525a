//! The companion's commands, run as users run them.

mod check;
mod schema;
mod serve;
mod session_keys;
