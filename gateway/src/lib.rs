//! The daemon of panward: the only crate with sockets, clocks, files and tokio.
//!
//! Everything that decides is in the pure crates; here bytes are carried in and
//! out of them.

pub mod admin;
pub mod cli;
pub mod trail;
pub mod config;
pub mod policy_dir;
pub mod identity;
pub mod tls;
pub mod net;
pub mod proxy;
pub mod redirect;
pub mod sys;
