//! Sockets: listening, connecting, TLS at the rim.

pub mod upstream;
