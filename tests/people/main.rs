//! People who sign in, with all real parts or with those that a test needs to bend: browsers,
//! providers, the companion, the filter's half of sessions, forward auth, and faults of each.

mod browser;
mod companion_faults;
mod forward_auth;
mod full_stack;
mod sessions;
mod sign_in;
