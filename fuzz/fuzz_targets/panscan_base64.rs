//! The laws of the scanner on base64: the input encoded, in layers, escapes and lines that
//! the first bytes choose, inside a JSON string.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/panscan/tests/laws/mod.rs"]
mod laws;
#[path = "../../crates/panscan/tests/wrap/mod.rs"]
mod wrap;

fuzz_target!(|data: &[u8]| {
    if let Some((text, cut)) = wrap::wrapped(data) {
        let format = panscan::MaskFormat::First6Last4;
        laws::hold(panscan::Carrier::Json, format, text.as_bytes(), &[cut, 97]);
    }
});
