//! What the documents at the top of the project say is so: every list in the README is the code's
//! own, its examples work, and the proofs that SECURITY.md names are there.

mod demo;
mod document;
mod examples;
mod options;
mod people;
mod reference;
mod running;
