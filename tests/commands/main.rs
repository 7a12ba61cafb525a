//! The companion's commands, run as users run them.

mod check;
mod serve;
mod session_keys;
