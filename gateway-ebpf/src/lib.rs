//! gateway-ebpf.
#![no_std]
