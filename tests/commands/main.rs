//! The companion's commands, run as users run them.

mod access;
mod attach;
mod check;
mod diff;
mod doctor;
mod explain;
mod import;
mod inputs;
mod render;
mod replay;
mod revoke;
mod schema;
mod serve;
mod session_keys;
mod terminal;
mod test_command;
