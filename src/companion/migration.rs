//! Other gates' configurations, turned into ours.

pub(crate) mod fuzzing;
pub(crate) mod oauth2_proxy;
