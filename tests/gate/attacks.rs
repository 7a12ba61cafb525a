//! Forged, foreign and malformed credentials: each is refused with its own reason and does not
//! reach the app.

mod claims;
mod credentials;
mod encodings;
mod forgeries;
mod headers;
