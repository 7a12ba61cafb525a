//! `portcullis serve` as a process: start, reload, refusal to start, and shutdown. Sign-in is
//! tested elsewhere.

mod ending;
mod fixture;
mod requests;
mod running;
mod starting;
mod tls;
mod watching;
mod without_sign_in;
