//! The laws of segment files on edited, reassembled and arbitrary bytes.
#![no_main]

#[path = "../../crates/audit/tests/properties/mod.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|data: &[u8]| properties::hold(data));
