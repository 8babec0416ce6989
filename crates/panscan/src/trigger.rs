//! What else than digits and separators makes the prefilter stop, and how it makes sure.
//!
//! - A character in several bytes (`sieve.rs` itself).
//! - A bracket before digits ([`first_element`]), for `array.rs`.
//! - An exponent behind digits ([`mantissa`]) and a point behind leading zeros
//!   ([`is_float`]), for `number.rs`.
//! - A name of a code ([`is_named`]), for `sad.rs`.

use crate::arch::Lanes;
use crate::decode;
use crate::token;

/// Bytes of a key, and of the white space around it.
const KEY: usize = 48;
const SPACE: usize = 96;
/// Longest name that is read.
const NAME: usize = 40;
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

/// A quick no to [`first_element`].
#[inline(always)]
pub(crate) fn may_begin_with_digits<L: Lanes>(buf: &[u8], at: usize) -> bool {
    let Some([open, rest @ ..]) = buf.get(at..).and_then(|b| b.first_chunk::<72>()) else {
        return true;
    };
    let value = if *open == b'[' {
        0
    } else {
        let Some(block) = rest.first_chunk() else {
            return true;
        };
        let (quotes, _) = L::quoting(block);
        let key = quotes.trailing_zeros();
        let end = (quotes & quotes.wrapping_sub(1)).trailing_zeros() as usize;
        // White space, a long key: not here.
        if key > 2 || end > 60 {
            return true;
        }
        match rest.get(end + 1) {
            Some(b':') => end + 2,
            Some(b' ' | b'\t' | b'\r' | b'\n' | b'\\') => return true,
            _ => return false,
        }
    };
    let byte = |i: usize| rest.get(value + i).copied().unwrap_or(0);
    match byte(0) {
        b'0'..=b'9' => true,
        b'"' => byte(1).is_ascii_digit() || byte(1) >= 0x80 || decode::is_lead(byte(1)),
        b' ' | b'\t' | b'\r' | b'\n' | b'\\' => true,
        _ => false,
    }
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

/// Can the digit at `at` be the first of a code: three to six, behind what stands between a
/// name and its value?
pub(crate) fn may_be_code(buf: &[u8], at: usize) -> bool {
    let gap = match at.checked_sub(1).and_then(|at| buf.get(at)) {
        Some(b) if b.is_ascii_alphanumeric() => at >= 3 && buf[at - 3] == b'%',
        _ => true,
    };
    let rest = buf.get(at..).unwrap_or(&[]);
    let len = rest
        .iter()
        .take(7)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let whole = match rest.get(len) {
        Some(after) => *after < 0x80 && !decode::is_lead(*after),
        None => false,
    };
    gap && (!whole || (3..=6).contains(&len))
}

/// Does a name of a code begin at the end of `left` (and go on in `right`)?
#[inline(always)]
pub(crate) fn is_named<L: Lanes>(left: &[u8], right: &[u8]) -> bool {
    const LEFT: usize = 2 * 64;
    // The rest of a name that is cut in two.
    const RIGHT: usize = 2 + 10;
    let mut bytes = [0u8; LEFT + RIGHT];
    let left = &left[left.len().saturating_sub(LEFT)..];
    let (space, rest) = bytes.split_at_mut(LEFT);
    space[LEFT - left.len()..].copy_from_slice(left);
    for (slot, byte) in rest.iter_mut().zip(right) {
        *slot = *byte;
    }
    let (Some(first), Some(last)) = (bytes.first_chunk(), bytes[64..].first_chunk()) else {
        return true;
    };
    let (first, last) = (L::classes(first).names, L::classes(last).names);
    let is_name = |mut names: u64, at: usize| {
        while names != 0 {
            // What is before it may be a finding, and not belong to it.
            if is_name(&bytes[at + names.trailing_zeros() as usize..], 0) {
                return true;
            }
            names &= names - 1;
        }
        false
    };
    is_name(first, 0) || is_name(last, 64)
}

/// The three letters at `at`: are they such a name, or in the middle of one?
pub(crate) fn is_name(buf: &[u8], at: usize) -> bool {
    let lower = |at: usize| buf.get(at).map(u8::to_ascii_lowercase);
    let (Some(a), Some(b), Some(c)) = (lower(at), lower(at + 1), lower(at + 2)) else {
        return false;
    };
    let goes_on = |with: &[u8]| {
        with.iter()
            .enumerate()
            .all(|(i, b)| lower(at + 3 + i) == Some(*b))
    };
    match [a, b, c] {
        [b'c', b'v', b'v' | b'c'] | [b'c', b'c', b'v'] => true,
        [b'e', b'c', b'u'] => goes_on(b"rity"),
        [b'r', b'i', b'f'] => goes_on(b"ication"),
        [b'c', b'v', b'n' | b'd'] | [b'p', b'i', b'n'] | [b'c', b'i', b'd'] => is_part(buf, at),
        [b'c', b's', b'c'] | [b'c', b'a', b'v'] => is_part(buf, at),
        _ => false,
    }
}

/// Are the three letters a word of a name (`card_pin`, `cardPin`, `CAV2`)?
fn is_part(buf: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| buf.get(at));
    // `sad.rs` cuts a name that is too long in front.
    let name = buf[at..].iter().take(NAME);
    let name = name.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let begins = match before {
        Some(_) if name.count() == NAME => true,
        Some(b) if b.is_ascii_lowercase() => buf[at].is_ascii_uppercase(),
        Some(b) => !b.is_ascii_alphanumeric(),
        None => true,
    };
    let ends = match buf.get(at + 3) {
        Some(b) if b.is_ascii_uppercase() => buf[at + 2].is_ascii_lowercase(),
        Some(b'2') => true,
        Some(b) => !b.is_ascii_alphanumeric(),
        None => true,
    };
    begins && ends
}
