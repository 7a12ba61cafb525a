//! A client that sends exactly the bytes it is given and waits for a complete response.

mod call;
mod client_pool;
mod connection;
mod h2;
mod response;

pub use call::Call;
pub use client_pool::ClientPool;
pub use connection::Connection;
pub use response::Response;
