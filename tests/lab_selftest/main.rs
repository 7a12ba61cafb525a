//! The lab itself: if one of these fails, look here before you believe another failure.

mod people;
mod programs;
