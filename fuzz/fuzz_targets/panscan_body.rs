//! Bodies of any media type and encoding: every cut gives the same, a masked body has
//! nothing left, a clean one is untouched.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/panscan/tests/wrap/mod.rs"]
mod wrap;

fuzz_target!(|data: &[u8]| wrap::body_holds(data));
