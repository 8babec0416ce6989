//! Sockets: listening, connecting, TLS at the rim.

pub mod local_peer;
pub mod own;
pub mod upstream;
