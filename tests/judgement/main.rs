//! How core verifies tokens, compared with the vectors of Project Wycheproof and with another library,
//! and tested on generated tokens.

mod differential;
mod properties;
mod vectors;
