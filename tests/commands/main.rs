//! The companion's commands, run as users run them.

mod attach;
mod check;
mod import;
mod render;
mod schema;
mod serve;
mod session_keys;
