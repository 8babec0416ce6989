//! The laws of the scanner on any bytes: first byte chooses carrier, format and cuts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use panscan::{Carrier, MaskFormat};

#[path = "../../crates/panscan/tests/laws/mod.rs"]
mod laws;

fuzz_target!(|data: &[u8]| {
    let Some((&how, text)) = data.split_first() else {
        return;
    };
    let carrier = if how & 1 == 0 {
        Carrier::Json
    } else {
        Carrier::Text
    };
    let format = match how >> 1 & 3 {
        0 => MaskFormat::Last4,
        1 => MaskFormat::Bin8Last4,
        _ => MaskFormat::First6Last4,
    };
    laws::hold(carrier, format, text, &[usize::from(how >> 3) + 1, 97]);
});
