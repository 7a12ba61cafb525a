//! `portcullis serve`, as operators and machines meet it: how it starts, what it keeps up with, what
//! it refuses, and how it ends. That people can sign in is proven elsewhere.

mod ending;
mod requests;
mod running;
mod scene;
mod starting;
mod tls;
mod watching;
