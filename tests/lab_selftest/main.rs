//! Tests of the lab itself: if one of these fails, look here before other failures.

mod people;
mod programs;
