//! Kernel programs, one file per hook; `maps.rs` has the maps, `ctx.rs` the way
//! contexts are read. What is decided, and why, is in `gateway-common`.
#![no_std]
#![no_main]
#![allow(internal_features)]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

mod connect4;
mod connect6;
mod ctx;
mod getpeername4;
mod getpeername6;
mod identity;
mod maps;
mod outbound;
mod sendmsg4;
mod sendmsg6;
mod sk_lookup;
mod sockops;

/// Some helpers (bpf_sk_storage_get among them on older kernels) are for
/// GPL-compatible programs only.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier refuses any program in which this could be reached.
    loop {}
}
