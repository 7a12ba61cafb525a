//! `portcullis attach` as a process, between clients and targets with TLS.

mod browsers;
mod command_line;
mod fixture;
mod headers;
mod limits;
mod process;
mod streams;
mod target;
mod tls;
mod token;
