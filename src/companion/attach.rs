//! The forwarder of `portcullis attach`: it forwards requests to a target with the token that its file has now, so
//! that clients never have a token and never restart when it is rotated.
//!
//! [`Forwarder`] handles the requests of one listener. [`TokenFile`] follows the file of a token, [`Target`] has the
//! connections to a target, and [`AttachMetrics`] counts.

mod browsers;
mod connector;
mod forwarder;
mod headers;
mod metrics;
mod pools;
mod refusal;
mod request_body;
mod response_body;
mod target;
mod token;
mod token_file;
mod upgrade;

pub(crate) use forwarder::Forwarder;
pub(crate) use headers::is_hop_by_hop;
pub(crate) use metrics::{AttachMetrics, ForwardLabels};
pub(crate) use target::Target;
pub(crate) use token_file::TokenFile;
