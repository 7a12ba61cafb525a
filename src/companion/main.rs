//! The companion of the Portcullis filter.
#![forbid(unsafe_code)]

fn main() {}
