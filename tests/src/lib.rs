//! The harness of the suites: it starts servers, clients and the gateway as ordinary
//! processes, takes down exactly what goes over the wire, and looks through what was
//! written to disk. It links none of our own crates: a suite sees panward as a user does.
//!
//! Blocking code on purpose: a test reads from top to bottom. Every wait has a limit,
//! every process ends with the value that holds it.

pub mod binaries;
pub mod capture;
pub mod client;
pub mod config;
pub mod ports;
pub mod process;
pub mod runtimes;
pub mod scratch;
pub mod search;
pub mod server;
pub mod skip;

pub use capture::{Answer, Capture};
pub use client::{Call, Client, Plan, Received};
pub use config::GatewayConfig;
pub use process::Process;
pub use scratch::Scratch;
pub use search::search_tree;
pub use server::{Server, ServerProcess};

/// Published test card number of the fixtures' customer 1001.
pub const CARD: &str = "4111111111111111";

/// Lower-case hexadecimal SHA-256.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
