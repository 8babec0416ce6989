//! The daemon of panward: the only crate with sockets, clocks, files and tokio.
//!
//! Everything that decides is in the pure crates; here bytes are carried in and
//! out of them.

pub mod cli;
pub mod redirect;
pub mod sys;
