//! The companion's commands, run as people run them.

mod check;
mod serve;
mod session_keys;
