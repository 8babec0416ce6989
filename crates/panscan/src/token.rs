//! One unit of text at a time: a digit, a separator, something invisible, or other.
//! A unit is a character in any of the forms of `decode.rs`. Everything here is local:
//! the answer depends on at most [`UNIT_BYTES_MAX`] bytes to either side.

use crate::decode::{self, Code, UNIT_BYTES_MAX};
use crate::finding::Layer;
use crate::unicode;

/// What joins two groups of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sep {
    Space,
    DoubleSpace,
    Dash,
    Dot,
    Slash,
    /// A space in a query string.
    Plus,
    /// As in a number literal.
    Underscore,
}

/// What stands at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Digit(u8),
    Sep(Sep),
    /// Zero-width: joins digits without separating them.
    Invisible,
    /// What a masked digit may have become.
    Star,
    Other,
    /// The bytes end inside a unit (or there are none).
    Short,
}

/// The unit that begins at `pos`, and its length in bytes. `pos` must not be inside
/// a unit. `Short` has the length of what is there.
#[inline]
pub(crate) fn next(buf: &[u8], pos: usize) -> (Unit, usize) {
    match buf.get(pos) {
        None => (Unit::Short, 0),
        Some(byte @ b'0'..=b'9') => (Unit::Digit(byte - b'0'), 1),
        Some(_) => match decode::char_at(buf, pos) {
            (Code::Char(code), len) => (unicode::classify(code), len),
            (Code::Other, len) => (Unit::Other, len),
            (Code::Short, len) => (Unit::Short, len),
        },
    }
}

/// The unit that ends at `pos`, looking no further back than `lo`. `Short` at `lo`.
pub(crate) fn prev(buf: &[u8], pos: usize, lo: usize) -> (Unit, usize) {
    let Some(left) = buf.get(lo..pos) else {
        return (Unit::Short, 0);
    };
    let Some(&byte) = left.last() else {
        return (Unit::Short, 0);
    };
    let shape = match byte {
        b';' | b'/' => true,
        _ => byte >= 0x80 || byte.is_ascii_hexdigit() && may_end_escape(left),
    };
    if shape && let Some(found) = wide_before(&buf[..pos], lo) {
        return found;
    }
    if byte >= 0x80 || decode::is_lead(byte) {
        return (Unit::Other, 1);
    }
    (next(&buf[..pos], pos - 1).0, 1)
}

/// Hex digits at the end: is there something before them that begins an escape?
fn may_end_escape(left: &[u8]) -> bool {
    let at = |back: usize| left.len().checked_sub(back).and_then(|i| left.get(i));
    matches!(at(3), Some(b'%' | b'5' | b'x')) || at(5) == Some(&b'u')
}

/// The longest unit of several bytes that ends with the buffer.
fn wide_before(buf: &[u8], lo: usize) -> Option<(Unit, usize)> {
    let from = lo.max(buf.len().saturating_sub(UNIT_BYTES_MAX));
    (from..buf.len()).find_map(|start| {
        let lead = buf[start];
        if !(decode::is_lead(lead) || lead >= 0xC2) {
            return None;
        }
        let (unit, len) = next(buf, start);
        (len > 1 && start + len == buf.len() && unit != Unit::Short).then_some((unit, len))
    })
}

/// Where a position stands to the units around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Around {
    /// A unit begins here.
    Free,
    /// Inside a unit that ends at `end`. With `literal` the digits that follow can be
    /// meant as they are as well: `100%4111...`, `C:\\u4111...`.
    Inside { end: usize, literal: bool },
    /// Inside a unit that is not all there.
    Cut,
}

/// Is `pos` inside a unit that began before it?
pub(crate) fn around(buf: &[u8], pos: usize, json: bool) -> Around {
    let from = pos.saturating_sub(UNIT_BYTES_MAX - 1);
    let leads = buf.get(from..pos).unwrap_or(&[]);
    for (i, lead) in leads.iter().enumerate() {
        if !decode::is_lead(*lead) {
            continue;
        }
        let start = from + i;
        let (code, len) = decode::char_at(buf, start);
        if start + len <= pos {
            continue;
        }
        let code = match code {
            Code::Char(code) => unicode::classify(code),
            Code::Short => return Around::Cut,
            Code::Other => continue,
        };
        let before = buf[pos - 1];
        let run = pos - 1 - start;
        let literal = match lead {
            b'%' => before == b'%' || code == Unit::Other,
            b'\\' => matches!(before, b'u' | b'x') && (!json || run.is_multiple_of(2)),
            _ => false,
        };
        return Around::Inside {
            end: start + len,
            literal,
        };
    }
    Around::Free
}

/// Does a digit begin at `pos`, in any form?
pub(crate) fn is_digit_start(buf: &[u8], pos: usize) -> bool {
    match buf.get(pos) {
        Some(b'0'..=b'9') => true,
        Some(b'\\') if decode::is_inside_run(buf, pos) => false,
        Some(b'\\' | b'%' | b'&' | 0xC2..=0xF4) => matches!(next(buf, pos).0, Unit::Digit(_)),
        _ => false,
    }
}

/// What a digit of this form was wrapped in.
pub(crate) fn layer(unit: &[u8]) -> Option<Layer> {
    match (unit.first()?, unit.last()?) {
        (_, b';') if unit.len() > 1 => Some(Layer::Entity),
        (b'\\', _) => Some(Layer::JsonEscape),
        (b'%', _) => Some(Layer::Percent),
        (0x80.., _) => Some(Layer::Unicode),
        _ => None,
    }
}

/// Writes a star over a digit: as many bytes, the same form, and still UTF-8 and JSON.
pub(crate) fn star(unit: &mut [u8]) {
    match unit {
        [b'&', ..] => star_entity(unit),
        [b'\\', .., b';'] => star_entity(unit),
        [b'\\', ..] => star_escape(unit),
        [b'%', ..] => star_percent(unit),
        // Fullwidth asterisk.
        [first, _, _] if *first >= 0x80 => unit.copy_from_slice("\u{FF0A}".as_bytes()),
        _ => unit.fill(b'*'),
    }
}

fn overwrite_end(bytes: &mut [u8], with: &[u8]) {
    let from = bytes.len().saturating_sub(with.len());
    for (slot, byte) in bytes.iter_mut().skip(from).zip(with) {
        *slot = *byte;
    }
}

/// `&#0052;` to `&#0042;`, `&#x664;` to `&#x02a;`.
fn star_entity(unit: &mut [u8]) {
    let Some(hash) = unit.iter().rposition(|b| *b == b'#') else {
        return;
    };
    let last = unit.len() - 1;
    let is_hex = matches!(unit.get(hash + 1), Some(b'x' | b'X'));
    let number = &mut unit[hash + 1 + usize::from(is_hex)..last];
    number.fill(b'0');
    overwrite_end(number, if is_hex { b"2a" } else { b"42" });
}

/// `\u0034` to `\u002a`, both halves of a pair alike.
fn star_escape(unit: &mut [u8]) {
    let run = unit.iter().take_while(|b| **b == b'\\').count();
    let (first, second) = unit.split_at_mut((run + 5).min(unit.len()));
    for part in [first, second] {
        let form: &[u8] = if part.get(run) == Some(&b'x') {
            b"2a"
        } else {
            b"002a"
        };
        if !part.is_empty() {
            overwrite_end(part, form);
        }
    }
}

/// `%34` to `%2A`, each byte of a longer character alike.
fn star_percent(unit: &mut [u8]) {
    for part in unit.split_inclusive_mut(|b| *b == b'%') {
        let end = part.len() - usize::from(part.last() == Some(&b'%'));
        if end >= 2 {
            overwrite_end(&mut part[..end], b"2A");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_has_the_form_and_length_of_the_digit() {
        for (digit, want) in [
            ("4", "*"),
            ("٤", "**"),
            ("４", "＊"),
            ("९", "＊"),
            ("𝟘", "****"),
            (r"\u0034", r"\u002a"),
            (r"\\\\u0034", r"\\\\u002a"),
            (r"\x34", r"\x2a"),
            (r"\ud835\udfd8", r"\u002a\u002a"),
            ("%34", "%2A"),
            ("%2534", "%252A"),
            ("%D9%A4", "%2A%2A"),
            ("%25D9%25A4", "%252A%252A"),
            ("&#52;", "&#42;"),
            ("&#0052;", "&#0042;"),
            ("&#x34;", "&#x2a;"),
            ("&#1636;", "&#0042;"),
            ("&#x664;", "&#x02a;"),
            ("&amp;#52;", "&amp;#42;"),
            (r"\u0026#52;", r"\u0026#42;"),
        ] {
            assert!(matches!(next(digit.as_bytes(), 0), (Unit::Digit(_), n) if n == digit.len()));
            let mut unit = digit.as_bytes().to_vec();
            star(&mut unit);
            assert_eq!(String::from_utf8_lossy(&unit), want, "{digit}");
            let mut pos = 0;
            while pos < unit.len() {
                let (found, len) = next(&unit, pos);
                assert_eq!(found, Unit::Star, "{want} at {pos}");
                pos += len;
            }
        }
    }

    #[test]
    fn back_and_forth_agree() {
        let text = "4%34\\\\u0034&#x34;\u{a0}%C2%A0&nbsp;٤𝟘\\u0026#52;\\/%2534a;é\\ud835\\udfd8-";
        let buf = text.as_bytes();
        let mut seen = Vec::new();
        let mut pos = 0;
        while pos < buf.len() {
            let (unit, len) = next(buf, pos);
            seen.push((pos, unit, len));
            pos += len;
        }
        while pos > 0 {
            let (unit, len) = prev(buf, pos, 0);
            pos -= len;
            assert_eq!(seen.pop(), Some((pos, unit, len)));
        }
    }
}
