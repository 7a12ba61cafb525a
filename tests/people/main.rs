//! Sign-in and sessions, with real programs or with ones that a test controls: browsers, providers,
//! the companion, the filter's part of sessions, forward auth, and faults of each.

mod browser;
mod companion_faults;
mod deep_links;
mod forward_auth;
mod full_stack;
mod lost_attempts;
mod sessions;
mod sign_in;
