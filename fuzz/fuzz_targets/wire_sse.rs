//! The properties of `wire` on arbitrary input; see the file they live in.
#![no_main]

#[allow(dead_code, reason = "the ordinary tests use more of it")]
#[path = "../../crates/wire/tests/suite/properties/sse.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|data: &[u8]| property::hold(data));
