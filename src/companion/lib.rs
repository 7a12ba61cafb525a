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
    //! What fuzz targets call besides the public modules. Sessions, providers, forward auth, manifests,
    //! imports and replays are private as a whole, and each of these functions needs only a small part of them.
    pub use crate::forward_auth::fuzzing::{OriginalRequest, original_request};
    pub use crate::manifests::fuzzing::{check as check_manifest, is_accepted as is_policy};
    pub use crate::migration::fuzzing::{Kind as ImportKind, import};
    pub use crate::provider::fuzzing::{LOGOUT_EVENT, verify_logout_token};
    pub use crate::replay::fuzzing::replay;
    pub use crate::session::fuzzing::{
        opens_after_edit, read_revocation_state, read_session, read_ticket,
    };
}

mod access_log;
mod access_review;
mod admin;
mod attach;
mod background;
mod caller_name;
mod clock;
mod comparison;
mod doctor;
mod es256_key;
mod explain;
mod files;
mod forward_auth;
mod grants;
mod http_client;
mod issuers;
mod logging;
mod manifests;
mod metrics;
mod migration;
mod output;
mod pages;
mod provider;
mod readiness;
mod replay;
mod schema;
mod server;
mod session;
mod signals;
mod simulation;
mod test_suite;
mod watch;
