//! `panward watch`: the gateway in observe mode, made up of parts instead of a
//! configuration file.
//!
//! Listening sockets of this network namespace become servers ([`listening`]),
//! the kernel redirect covers them with `fail = open`, and what is shown is read
//! from an ordinary audit log in a private temporary folder ([`calls`]): there
//! is no second path from the traffic to the screen. Bytes pass unchanged;
//! whatever is not HTTP passes unread. Everything ends with the process: nothing
//! is pinned, and the folder is removed.
//!
//! Bounds: at most [`listening::LISTENERS_MAX`] ports, [`calls::OPEN_MAX`] calls
//! without a result, segments of 1 MiB that are removed once read.

pub mod calls;
pub mod listening;
pub mod offer;
mod session;
pub mod summary;

pub use session::{Watch, WatchSettings};
