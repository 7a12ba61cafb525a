//! Tests of the lab itself: if one of these fails, look here before other failures.

mod programs;
mod sign_in;
