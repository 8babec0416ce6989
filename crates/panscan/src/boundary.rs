//! What a digit token may be part of that makes it no card number.

use crate::CONTEXT_BYTES;
use crate::scalar::View;
use crate::token::{self, Unit};

/// `More`: the bytes that would say so are not there yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    More,
}

/// Hex characters in a row, a letter among them, that make a hex token.
const HEX_TOKEN: usize = 24;
const UUID: usize = 36;
/// Longest IBAN in print: 34 characters and a space after each four.
const IBAN_BYTES: usize = 42;

/// Rule 1: does what stands before the token `start..end` make it something else: a
/// phone number, a fraction, the end of a hex token?
pub(crate) fn forbids_before(view: &View<'_>, start: usize, end: usize) -> bool {
    let left = &view.buf[view.lo(start)..start];
    let (hex, prefix) = hex_before(view, start);
    phone(view, start)
        || left.ends_with(b".") && digit_before(left, 1)
        || prefix
        || hex > 0 && hex + (end - start) >= HEX_TOKEN
}

/// Rule 1: is the token `start..end` part of something else?
pub(crate) fn forbids_token(view: &View<'_>, start: usize, end: usize, in_string: bool) -> Answer {
    first_not_no([
        &|| decimal(view, end, in_string),
        &|| hex(view, start, end),
        &|| iban(view, start, end),
    ])
}

/// Rule 2: the same for groups. Context never vetoes a card layout, identity does.
pub(crate) fn forbids_groups(view: &View<'_>, start: usize, end: usize) -> Answer {
    if phone(view, start) || masked_before(view, start) {
        return Answer::Yes;
    }
    first_not_no([&|| masked_behind(view, end), &|| uuid(view, start), &|| {
        iban(view, start, end)
    }])
}

/// Is the token a value of JSON inside a text (`"key": 123`)? Then it has to stay a number.
pub(crate) fn is_json_value(view: &View<'_>, start: usize, end: usize) -> Answer {
    let left = &view.buf[view.lo(start)..start];
    let left = left.strip_suffix(b"-").unwrap_or(left).trim_ascii_end();
    if !left.ends_with(b"\":") {
        return Answer::No;
    }
    match view.buf.get(end) {
        None if view.end => Answer::No,
        None => Answer::More,
        Some(b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' | b'\\') => Answer::Yes,
        Some(_) => Answer::No,
    }
}

fn first_not_no<const N: usize>(checks: [&dyn Fn() -> Answer; N]) -> Answer {
    checks
        .into_iter()
        .map(|check| check())
        .find(|a| *a != Answer::No)
        .unwrap_or(Answer::No)
}

/// A `+`, and no number (it may be masked) that it adds to or joins.
fn phone(view: &View<'_>, start: usize) -> bool {
    let lo = start.saturating_sub(CONTEXT_BYTES);
    let left = &view.buf[lo..start];
    let joins = |end: usize| {
        matches!(
            token::prev(view.buf, end, lo).0,
            Unit::Digit(_) | Unit::Star
        )
    };
    left.ends_with(b"+") && !joins(start - 1) || left.ends_with(b"%2B")
}

fn digit_before(left: &[u8], skip: usize) -> bool {
    left.iter().rev().nth(skip).is_some_and(u8::is_ascii_digit)
}

/// A `.` and a digit behind it. As a JSON number with only zeros there it is an integer.
fn decimal(view: &View<'_>, end: usize, in_string: bool) -> Answer {
    let ask = |at: usize| match view.buf.get(at) {
        Some(byte) => Ok(*byte),
        None if view.end => Err(Answer::No),
        None => Err(Answer::More),
    };
    match ask(end) {
        Ok(b'.') => {}
        Ok(_) => return Answer::No,
        Err(answer) => return answer,
    }
    match ask(end + 1) {
        // The fraction can be a card itself, and be masked.
        Ok(b'0'..=b'9' | b'*') if in_string => return Answer::Yes,
        Ok(b'0') => {}
        Ok(b'1'..=b'9') => return Answer::Yes,
        Ok(_) => return Answer::No,
        Err(answer) => return answer,
    }
    for at in end + 2..end + 20 {
        match ask(at) {
            Ok(b'0') => {}
            Ok(b'1'..=b'9' | b'e' | b'E') => return Answer::Yes,
            Ok(_) => return Answer::No,
            Err(answer) => return answer,
        }
    }
    Answer::No
}

/// Hex characters before a token, and whether they begin with `0x`.
fn hex_before(view: &View<'_>, start: usize) -> (usize, bool) {
    let left = &view.buf[view.lo(start)..start];
    let count = left
        .iter()
        .rev()
        .take(HEX_TOKEN)
        .take_while(|b| b.is_ascii_hexdigit())
        .count();
    let head = &left[..left.len() - count];
    (count, head.ends_with(b"0x") || head.ends_with(b"0X"))
}

/// `0x...`, or 24 and more hex characters with a letter among them. A token's
/// neighbours are no digits: where there is a hex character, there is a letter. A `*`
/// may have been a digit: what was hex before it was masked is hex afterwards.
fn hex(view: &View<'_>, start: usize, end: usize) -> Answer {
    let (before, _) = hex_before(view, start);
    let rest = view.buf.get(end..).unwrap_or(&[]);
    let after = rest
        .iter()
        .take(HEX_TOKEN)
        .take_while(|b| b.is_ascii_hexdigit() || **b == b'*')
        .count();
    let letter = before > 0 || rest.first().is_some_and(u8::is_ascii_hexdigit);
    if letter && before + (end - start) + after >= HEX_TOKEN {
        return Answer::Yes;
    }
    if after == rest.len() && after < HEX_TOKEN && !view.end {
        Answer::More
    } else {
        Answer::No
    }
}

/// Does a UUID (8-4-4-4-12, nothing glued to it) cover `start`?
pub(crate) fn uuid(view: &View<'_>, start: usize) -> Answer {
    let lo = view.lo(start).max(start.saturating_sub(UUID - 1));
    let mut answer = Answer::No;
    for from in lo..=start {
        if from > view.lo(start) && view.buf[from - 1].is_ascii_alphanumeric() {
            continue;
        }
        let there = &view.buf[from..(from + UUID).min(view.buf.len())];
        let fits = there.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        });
        match view.buf.get(from + UUID) {
            _ if !fits => {}
            Some(next) if next.is_ascii_alphanumeric() => {}
            None if !view.end => answer = Answer::More,
            _ if there.len() == UUID => return Answer::Yes,
            _ => {}
        }
    }
    answer
}

/// Does a valid IBAN cover `start..end`?
fn iban(view: &View<'_>, start: usize, end: usize) -> Answer {
    let lo = view.lo(start).max(start.saturating_sub(IBAN_BYTES));
    let mut answer = Answer::No;
    for from in lo..=start.saturating_sub(2) {
        let Some(&[a, b, c, d]) = view.buf.get(from..from + 4) else {
            continue;
        };
        let head = a.is_ascii_uppercase() && b.is_ascii_uppercase();
        let glued = from > view.floor && view.buf[from - 1].is_ascii_alphanumeric();
        if !head || glued || !c.is_ascii_digit() || !d.is_ascii_digit() {
            continue;
        }
        let Some(len) = iban_length([a, b]) else {
            continue;
        };
        match iban_at(view, from, len) {
            Ok(stop) if stop >= end => return Answer::Yes,
            Ok(_) => {}
            Err(Answer::More) => answer = Answer::More,
            Err(_) => {}
        }
    }
    answer
}

/// Reads `len` characters, single spaces between, and checks mod 97; where it ends.
fn iban_at(view: &View<'_>, from: usize, len: usize) -> Result<usize, Answer> {
    let (mut pos, mut read) = (from, 0);
    let (mut head, mut tail) = (0u32, 0u32);
    while read < len {
        let byte = match view.buf.get(pos) {
            Some(byte) => *byte,
            None => return Err(if view.end { Answer::No } else { Answer::More }),
        };
        pos += 1;
        if byte == b' ' && read > 0 && view.buf[pos - 2] != b' ' {
            continue;
        }
        let value = match byte {
            b'0'..=b'9' => u32::from(byte - b'0'),
            b'A'..=b'Z' => u32::from(byte - b'A') + 10,
            _ => return Err(Answer::No),
        };
        let scale = if value < 10 { 10 } else { 100 };
        // The first four characters go to the end of the number.
        let part = if read < 4 { &mut head } else { &mut tail };
        *part = (*part * scale + value) % if read < 4 { 1_000_000 } else { 97 };
        read += 1;
    }
    // Two letters and two digits are six decimal digits.
    let remainder = (tail * (1_000_000 % 97) + head) % 97;
    if remainder == 1 {
        Ok(pos)
    } else {
        Err(Answer::No)
    }
}

/// IBAN lengths by country (SWIFT registry).
fn iban_length(country: [u8; 2]) -> Option<usize> {
    const LENGTHS: &[(usize, &str)] = &[
        (15, "NO"),
        (16, "BE"),
        (18, "DKFIFOGLNLSD"),
        (19, "MKSI"),
        (20, "ATBABAEEKZLTLUMNXK"),
        (21, "CHHRLILV"),
        (22, "BGBHCRDEGBGEIEMERSVA"),
        (23, "AEGIILIQOMSOTL"),
        (24, "ADCZESMDPKROSASESKTNVG"),
        (25, "LYPTST"),
        (26, "ISTR"),
        (27, "BIDJFRGRITMCMRSM"),
        (28, "ALAZBYCYDOGTHULBNIPLSV"),
        (29, "BREGPSQAUA"),
        (30, "JOKWMUYE"),
        (31, "MTSC"),
        (32, "LC"),
        (33, "RU"),
    ];
    let is = |names: &str| names.as_bytes().chunks_exact(2).any(|c| c == country);
    LENGTHS
        .iter()
        .find(|(_, names)| is(names))
        .map(|(len, _)| *len)
}

/// Groups joined by `_` can be a part of a name or of an id in hex: does a word with a
/// digit in it, or any word behind, belong to them?
pub(crate) fn part_of_name(view: &View<'_>, start: usize, end: usize) -> Answer {
    let left = &view.buf[view.lo(start)..start];
    let word = left
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_alphanumeric() || **b == b'_');
    if word.clone().any(u8::is_ascii_digit) {
        return Answer::Yes;
    }
    let open = if view.end { Answer::No } else { Answer::More };
    match (view.buf.get(end), view.buf.get(end + 1)) {
        (None, _) | (Some(b'_'), None) => open,
        (Some(b'_'), Some(next)) if next.is_ascii_alphanumeric() => Answer::Yes,
        (Some(next), _) if next.is_ascii_alphanumeric() => Answer::Yes,
        _ => Answer::No,
    }
}

/// Do the hidden digits of a longer token follow: three and more `*`? Bold has fewer.
fn masked_behind(view: &View<'_>, end: usize) -> Answer {
    let (mut pos, mut stars) = (end, 0);
    while stars < 3 {
        let (unit, len) = token::next(view.buf, pos);
        match unit {
            Unit::Star => stars += 1,
            Unit::Invisible => {}
            Unit::Short if !view.end && pos < end + 24 => return Answer::More,
            _ => return Answer::No,
        }
        pos += len;
        if pos >= end + 24 {
            return Answer::No;
        }
    }
    Answer::Yes
}

/// Does the rest of a masked number stand before this: five and more `*`, or two and
/// more with a digit before them? Markdown bullets and bold have fewer and no digit.
pub(crate) fn masked_before(view: &View<'_>, start: usize) -> bool {
    let lo = view.lo(start);
    let (mut pos, mut stars) = (start, 0);
    loop {
        let (unit, len) = token::prev(view.buf, pos, lo);
        match unit {
            Unit::Sep(_) | Unit::Invisible => pos -= len,
            Unit::Star => {
                pos -= len;
                stars += 1;
            }
            Unit::Digit(_) => return stars >= 2,
            _ => return stars >= 5,
        }
    }
}
