//! `portcullis serve`, as operators and machines meet it: how it starts, what it keeps up with, what
//! it refuses, and how it ends. That people can sign in is proven elsewhere.

mod ending;
mod fixture;
mod requests;
mod running;
mod starting;
mod tls;
mod watching;
