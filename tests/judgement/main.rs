//! Core's token verification compared with others: the vectors of Project Wycheproof, another
//! library, and generated tokens.

mod differential;
mod properties;
mod vectors;
