//! A client that sends exactly what it is told, and waits for a whole answer.

mod call;
mod client_pool;
mod connection;
mod h2;
mod reply;

pub use call::Call;
pub use client_pool::ClientPool;
pub use connection::Connection;
pub use reply::Reply;
