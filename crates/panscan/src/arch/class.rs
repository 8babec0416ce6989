//! What a byte is, as bits: in [`FIRST`] on its own or as the first of a pair, in
//! [`SECOND`] as the second of a pair. A pair is of interest where both have a bit.
//! [`NAMES`] does the same for three letters, of which it sees the low six bits.

pub(crate) const DIGIT: u8 = 0x01;
pub(crate) const SEP: u8 = 0x02;
const ESCAPE: u8 = 0x04;
const PERCENT: u8 = 0x08;
const ENTITY: u8 = 0x10;
/// Pairs that may begin a character in several bytes.
pub(crate) const LEADS: u8 = ESCAPE | PERCENT | ENTITY;
/// A bracket, and what may stand before the first digit of an array or object.
pub(crate) const OPEN: u8 = 0x20;
/// Two backslashes.
pub(crate) const DOUBLE: u8 = 0x40;
/// A quote with no backslash before it.
pub(crate) const QUOTE: u8 = 0x80;
/// As a pair: a digit, and the letter of an exponent.
pub(crate) const EXPONENT: u8 = DIGIT;

/// By byte, as the first of a pair.
pub(crate) static FIRST: [u8; 128] = table(true);
/// By byte, as the second.
pub(crate) static SECOND: [u8; 128] = table(false);

/// By the low six bits of a byte, for the first, second and third letter of what a name of
/// a code (`sad.rs`) has in it: `cvv`, `cvc`, `cvn`, `cvd`, `ccv`; `pin`; `cid`, `csc`,
/// `cav`; `ecu` and `rif` of `security` and `verification`.
pub(crate) static NAMES: [[u8; 64]; 3] = [
    letters(&[b"c", b"p", b"c", b"er"]),
    letters(&[b"vc", b"i", b"isa", b"ci"]),
    letters(&[b"vcnd", b"n", b"dcv", b"uf"]),
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
    let class = |table: &[u8; 64], byte: u8| table[usize::from(byte & 63)];
    class(first, a) & class(second, b) & class(third, c) != 0
}

const fn letters(sets: &[&[u8]; 4]) -> [u8; 64] {
    let mut table = [0; 64];
    let mut set = 0;
    while set < sets.len() {
        let mut i = 0;
        while i < sets[set].len() {
            let letter = sets[set][i] & 31;
            // Upper and lower case.
            table[letter as usize] |= 1 << set;
            table[letter as usize | 32] |= 1 << set;
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
