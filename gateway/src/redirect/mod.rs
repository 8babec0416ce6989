//! The redirect: loads and attaches the kernel programs, opens the listeners,
//! and hands them to the gateway. Reads no byte of traffic.
//!
//! ```text
//! client connect() --connect4/6--> identity, original destination
//!                  --sockops-----> TUPLES[src,dst]
//! SYN              --sk_lookup---> listener (SOCKMAP) | real server (BYPASS)
//! accept           --sockops-----> SK_ACCEPTED[socket]  -> MapHandles::origin_of
//! ```
//!
//! Who holds what: this process holds the listening sockets, so that a dead
//! gateway leaves the SOCKMAP at once and the programs apply the fail mode;
//! links and maps are pinned under `pin_dir`, so that they outlive it. Without
//! `pin_dir` they hang on a bpf file system that only this process holds and
//! everything ends with it.

mod attach;
mod detach;
mod error;
mod handoff;
mod listeners;
mod logs;
mod object;
mod pins;
mod process;
mod rules;
mod settings;

pub use attach::{Attached, Held, ProgramCost, attach};
pub use detach::detach;
pub use error::{OriginError, RedirectError};
pub use handoff::{Direction, Family, FlowOrigin, Handoff, Listener, MapHandles};
pub use object::object_sha256;
pub use process::{CgroupNames, ProcessFacts};
pub use settings::{FailMode, InRule, NetnsRef, Settings};
