//! Tests of the lab itself. If one of these fails, look at it before failures of other tests.

mod bench;
mod programs;
mod sign_in;
