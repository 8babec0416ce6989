//! What a byte is, as bits: in [`FIRST`] on its own or as the first of a pair, in
//! [`SECOND`] as the second of a pair. A pair is of interest where both have a bit.

pub(crate) const DIGIT: u8 = 0x01;
pub(crate) const SEP: u8 = 0x02;
const ESCAPE: u8 = 0x04;
const PERCENT: u8 = 0x08;
const ENTITY: u8 = 0x10;
/// Pairs that may begin a character in several bytes.
pub(crate) const LEADS: u8 = ESCAPE | PERCENT | ENTITY;
/// Two backslashes.
pub(crate) const DOUBLE: u8 = 0x40;
/// A quote with no backslash before it.
pub(crate) const QUOTE: u8 = 0x80;

/// By byte, as the first of a pair.
pub(crate) static FIRST: [u8; 128] = table(true);
/// By byte, as the second.
pub(crate) static SECOND: [u8; 128] = table(false);

#[inline(always)]
pub(crate) fn first(byte: u8) -> u8 {
    FIRST.get(usize::from(byte)).copied().unwrap_or(QUOTE)
}

#[inline(always)]
pub(crate) fn second(byte: u8) -> u8 {
    SECOND.get(usize::from(byte)).copied().unwrap_or(0)
}

const fn table(first: bool) -> [u8; 128] {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = if first {
            first_of(byte as u8)
        } else {
            second_of(byte as u8)
        };
        byte += 1;
    }
    table
}

const fn first_of(byte: u8) -> u8 {
    let class = match byte {
        b'0'..=b'9' => DIGIT,
        b' ' | b'-' | b'.' | b'/' | b'+' | b'_' => SEP,
        b'\\' => return ESCAPE | DOUBLE,
        b'%' => PERCENT,
        b'&' => ENTITY,
        _ => 0,
    };
    class | QUOTE
}

const fn second_of(byte: u8) -> u8 {
    let mut class = 0;
    if matches!(byte, b'u' | b'x' | b'/') {
        class |= ESCAPE;
    }
    if byte.is_ascii_hexdigit() {
        class |= PERCENT;
    }
    if byte == b'#' || byte.is_ascii_alphabetic() {
        class |= ENTITY;
    }
    match byte {
        b'\\' => class | DOUBLE,
        b'"' => class | QUOTE,
        _ => class,
    }
}
