//! Types shared by the kernel programs and user space, and the pure redirect
//! decision. `no_std`; nothing here allocates, reads a clock or makes a call.
//!
//! Everything that stands in a map is `#[repr(C)]`, made of fixed-width
//! integers, with its padding written out (zerocopy's derives refuse hidden
//! padding) and its size asserted. Addresses are always 16 bytes; an IPv4
//! address is written as `::ffff:a.b.c.d`. A change to any of these layouts
//! changes [`ABI`].
#![no_std]

mod addr;
mod decide;
mod maps;
mod names;
mod reason;

pub use addr::Addr16;
pub use decide::{
    Action, Liveness, Transport, act, act_unsteerable, heartbeat_stale, is_coverable,
    loopback_scope, transport,
};
pub use maps::{
    ABI, COUNTERS, Cfg, DIRECTION_INBOUND, DIRECTION_OUTBOUND, DIRECTION_OWN, EXEMPT, FAIL_CLOSED,
    FAIL_OPEN, FlowTuple, IN_KEY_FIXED_BITS, Identity, InKey, InValue, LISTENERS_PER_NETNS,
    NETNS_MAX, NetnsSlot, OutKey, RULES_MAX, TUPLES_MAX, bypass_scope, listener_slot,
};
pub use names::{CGROUP_PROGRAMS, MAPS, NETNS_PROGRAM};
pub use reason::Reason;
