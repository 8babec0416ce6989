//! The kernel programs of panward.
//!
//! The programs are the binary `panward-bpf` (feature `bpf`, target
//! `bpfel-unknown-none`), built by `cargo xtask ebpf` into `object/` and
//! committed there. This library compiles everywhere; it only says what the
//! object holds.
#![no_std]

pub use gateway_common::{ABI, CGROUP_PROGRAMS, MAPS, NETNS_PROGRAM};
