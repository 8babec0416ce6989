//! The data path's shell: sockets to sessions. Decides nothing.

pub mod accept;
pub mod clock;
pub mod connection;
mod observer;
mod refuse;
pub mod server;
