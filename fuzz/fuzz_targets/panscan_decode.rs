//! Decoders of content encodings on any bytes: every cut gives the same, within the caps.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/panscan/tests/wrap/mod.rs"]
mod wrap;

fuzz_target!(|data: &[u8]| wrap::decoders_hold(data));
