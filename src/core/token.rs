//! Is a bearer token genuine? JSON Web Tokens by RFC 7515, 7519 and 8725, read strictly.

mod algorithm;

pub use algorithm::Algorithm;
