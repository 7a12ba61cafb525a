//! Forged, foreign and malformed credentials: each is refused for its own reason, and the app sees
//! none of them.

mod claims;
mod credentials;
mod encodings;
mod forgeries;
mod headers;
