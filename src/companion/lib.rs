//! The companion of the Portcullis filter: what a filter inside a proxy cannot do, or should not.
//!
//! [`commands`] has one file or folder for each command. The other modules are libraries that any
//! command may use: they never use a command, so that what one command needs today another can use
//! tomorrow. The public items are those that programs beside the binary link: fuzzers, benchmarks
//! and generators of schemas. The crate has no stable API.
#![forbid(unsafe_code)]

pub mod commands;
pub mod config;
pub mod document;
pub mod policy_file;
pub mod public_url;
pub mod redirect_target;

#[doc(hidden)]
pub mod fuzzing {
    //! What fuzz targets call besides the public modules. Sessions, providers, forward auth and manifests
    //! are private as a whole, and each of these functions needs only a small part of them.
    pub use crate::forward_auth::fuzzing::{OriginalRequest, original_request};
    pub use crate::manifests::fuzzing::{check as check_manifest, is_accepted as is_policy};
    pub use crate::provider::fuzzing::{LOGOUT_EVENT, verify_logout_token};
    pub use crate::session::fuzzing::{
        opens_after_edit, read_revocation_state, read_session, read_ticket,
    };
}

mod attach;
mod background;
mod clock;
mod files;
mod forward_auth;
mod http_client;
mod issuers;
mod logging;
mod manifests;
mod metrics;
mod migration;
mod pages;
mod provider;
mod readiness;
mod schema;
mod server;
mod session;
mod signals;
mod watch;
