//! What a byte is, as bits: in [`FIRST`] on its own or as the first of a pair, in
//! [`SECOND`] as the second of a pair. A pair is of interest where both have a bit.
//! [`NAMES`] does the same for three letters.

pub(crate) const DIGIT: u8 = 0x01;
pub(crate) const SEP: u8 = 0x02;
const ESCAPE: u8 = 0x04;
const PERCENT: u8 = 0x08;
const ENTITY: u8 = 0x10;
/// Pairs that may begin a character in several bytes.
pub(crate) const LEADS: u8 = ESCAPE | PERCENT | ENTITY;
/// A bracket, and what may stand before the first digit of an array or object.
const OPEN: u8 = 0x20;
/// Two backslashes.
pub(crate) const DOUBLE: u8 = 0x40;
/// A quote with no backslash before it.
pub(crate) const QUOTE: u8 = 0x80;
/// As a pair: a digit, and the letter of an exponent.
const EXPONENT: u8 = DIGIT;
/// Pairs that may begin or end a card number in a form of its own.
pub(crate) const EXTRAS: u8 = OPEN | EXPONENT;

/// By byte, as the first of a pair.
pub(crate) static FIRST: [u8; 128] = table(true);
/// By byte, as the second.
pub(crate) static SECOND: [u8; 128] = table(false);

/// By byte, for the first, second and third letter of what a name of a code (`sad.rs`) has
/// in it. `ecu` and `rif` are in `security` and `verification`.
pub(crate) static NAMES: [[u8; 128]; 3] = [
    letters(&[b"c", b"c", b"p", b"c", b"c", b"c", b"e", b"r"]),
    letters(&[b"v", b"c", b"i", b"i", b"s", b"a", b"c", b"i"]),
    letters(&[b"vcnd", b"v", b"n", b"d", b"c", b"v", b"u", b"f"]),
];

#[inline(always)]
pub(crate) fn first(byte: u8) -> u8 {
    FIRST.get(usize::from(byte)).copied().unwrap_or(QUOTE)
}

#[inline(always)]
pub(crate) fn second(byte: u8) -> u8 {
    SECOND.get(usize::from(byte)).copied().unwrap_or(0)
}

/// May these three be part of a name?
#[inline(always)]
pub(crate) fn is_name(a: u8, b: u8, c: u8) -> bool {
    let [first, second, third] = &NAMES;
    let class = |table: &[u8; 128], byte: u8| table[usize::from(byte & 127)];
    class(first, a) & class(second, b) & class(third, c) != 0
}

const fn letters(sets: &[&[u8]; 8]) -> [u8; 128] {
    let mut table = [0; 128];
    let mut set = 0;
    while set < sets.len() {
        let mut i = 0;
        while i < sets[set].len() {
            let lower = sets[set][i] as usize;
            table[lower] |= 1 << set;
            table[lower - 32] |= 1 << set;
            i += 1;
        }
        set += 1;
    }
    table
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
        b'[' | b'{' => OPEN,
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
    if matches!(
        byte,
        b'0'..=b'9' | b'"' | b'\\' | b' ' | b'\n' | b'\r' | b'\t'
    ) {
        class |= OPEN;
    }
    match byte {
        b'e' | b'E' => class | EXPONENT,
        b'\\' => class | DOUBLE,
        b'"' => class | QUOTE,
        _ => class,
    }
}
