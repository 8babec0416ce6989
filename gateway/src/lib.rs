//! The daemon of panward: the only crate with sockets, clocks, files and tokio.
//!
//! Everything that decides is in the pure crates; here bytes are carried in and
//! out of them.

pub mod admin;
pub mod app;
pub mod cli;
pub mod config;
pub mod identity;
pub mod net;
pub mod policy_dir;
pub mod proxy;
pub mod redirect;
pub mod suppress;
pub mod sys;
pub mod tls;
pub mod trail;
pub mod watch;
