//! A client that sends exactly what it is told, and waits for a whole answer.

mod call;
mod connection;
mod crowd;
mod h2;
mod reply;

pub use call::Call;
pub use connection::Connection;
pub use crowd::Crowd;
pub use reply::Reply;
