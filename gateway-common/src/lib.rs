//! Types shared by the kernel programs and user space, and the pure redirect
//! decision. `no_std`; nothing here allocates, reads a clock or makes a call.
#![no_std]

mod reason;

pub use reason::Reason;
