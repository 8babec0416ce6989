//! What else than digits and separators makes the prefilter stop, and how it makes sure.
//!
//! - A character in several bytes (`sieve.rs` itself).
//! - A bracket before digits ([`first_element`]), for `array.rs`.
//! - An exponent behind digits ([`mantissa`]) and a point behind leading zeros
//!   ([`is_float`]), for `number.rs`.
//! - A name of a code ([`is_named`]), for `sad.rs`.

use crate::arch;
use crate::decode;
use crate::token;

/// Bytes of a key, and of the white space around it.
const KEY: usize = 48;
const SPACE: usize = 96;
/// Digits of a number that are read, and those that are written out at least.
const NUMBER: usize = 44;
const WRITTEN: usize = 9;

/// Where the first element begins, if the array or object that opens at `at` begins with
/// digits in a layout, and a second element follows.
pub(crate) fn first_element(buf: &[u8], at: usize) -> Option<usize> {
    let mut pos = blank(buf, at + 1);
    if buf.get(at) == Some(&b'{') {
        let key = buf.get(pos..)?.strip_prefix(b"\"")?;
        let len = key.iter().take(KEY + 1).position(|b| *b == b'"')?;
        pos = blank(buf, pos + len + 2);
        if buf.get(pos) != Some(&b':') {
            return None;
        }
        pos = blank(buf, pos + 1);
    }
    if buf.get(pos) == Some(&b'"') {
        pos += 1;
    }
    let rest = buf.get(pos..)?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    match rest.get(digits) {
        // The end of the buffer or a digit in another form: that is for others to read.
        None => {}
        Some(byte) if *byte >= 0x80 || decode::is_lead(*byte) => {}
        Some(b'"' | b',' | b' ' | b'\t' | b'\n' | b'\r') if matches!(digits, 1 | 2 | 4 | 6 | 8) => {
        }
        Some(_) => return None,
    }
    token::is_digit_start(buf, pos).then_some(pos)
}

/// Where white space, also as escapes, and backslashes end.
fn blank(buf: &[u8], mut pos: usize) -> usize {
    let end = pos + SPACE;
    while pos < end {
        match buf.get(pos) {
            Some(b' ' | b'\t' | b'\n' | b'\r' | b'\\') => pos += 1,
            Some(b'n' | b'r' | b't') if buf.get(pos - 1) == Some(&b'\\') => pos += 1,
            _ => break,
        }
    }
    pos
}

/// Where the number begins whose exponent begins at `at`, if it is long enough.
pub(crate) fn mantissa(buf: &[u8], from: usize, at: usize) -> Option<usize> {
    let left = buf.get(from.max(at.saturating_sub(NUMBER))..at)?;
    let len = left
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_digit() || **b == b'.')
        .count();
    (len >= WRITTEN).then_some(at - len)
}

/// Digits that a point follows?
pub(crate) fn is_float(rest: &[u8]) -> bool {
    let rest = rest.iter().take(NUMBER);
    rest.copied().find(|b| !b.is_ascii_digit()) == Some(b'.')
}

/// May a name of a code begin in `from..to`?
pub(crate) fn is_named(buf: &[u8], from: usize, to: usize) -> bool {
    let text = buf.get(from..(to + 2).min(buf.len())).unwrap_or(&[]);
    text.windows(3).any(|w| arch::is_name(w[0], w[1], w[2]))
}
