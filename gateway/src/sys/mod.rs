//! The only system calls and `unsafe` of this crate.

pub mod bpf;
pub mod netns;
pub mod sandbox;
