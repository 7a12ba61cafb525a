//! Core's judgement of tokens beside others': the vectors of Project Wycheproof, another library, and
//! tokens that nobody thought of.

mod differential;
mod properties;
mod vectors;
