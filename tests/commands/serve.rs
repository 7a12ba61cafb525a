//! `portcullis serve` as a process: start, reload, refusal to start, and shutdown. Sign-in is
//! tested elsewhere.

pub(crate) mod fixture;
mod issuer_token;
mod log_lines;
mod permissions;
mod policy_folder;
mod reload;
mod requests;
mod responses;
mod shutdown;
mod startup;
mod tls;
mod without_sign_in;
