//! One unit of text at a time: a digit, a separator, something invisible, or other.
//! Reads ASCII, UTF-8 and, in JSON, `\uXXXX` and `\/`. Everything here is local: the
//! answer depends on at most [`crate::CONTEXT_BYTES`] bytes to the left.

/// What joins two groups of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sep {
    Space,
    DoubleSpace,
    Dash,
    Dot,
    Slash,
}

/// What stands at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Digit(u8),
    Sep(Sep),
    /// Zero-width: joins digits without separating them.
    Invisible,
    Other,
    /// The bytes end inside a unit (or there are none).
    Short,
}

/// The unit that begins at `pos`, and its length in bytes. `pos` must not be inside
/// a unit. `Short` has the length of what is there.
#[inline]
pub(crate) fn next(buf: &[u8], pos: usize, escapes: bool) -> (Unit, usize) {
    let Some(&byte) = buf.get(pos) else {
        return (Unit::Short, 0);
    };
    match byte {
        b'0'..=b'9' => (Unit::Digit(byte - b'0'), 1),
        b' ' => (Unit::Sep(Sep::Space), 1),
        b'-' => (Unit::Sep(Sep::Dash), 1),
        b'.' => (Unit::Sep(Sep::Dot), 1),
        b'/' => (Unit::Sep(Sep::Slash), 1),
        b'\\' if escapes => escape(buf, pos),
        0xC2..=0xDF => wide(buf, pos, 2),
        0xE0..=0xEF => wide(buf, pos, 3),
        _ => (Unit::Other, 1),
    }
}

/// The unit that ends at `pos`, looking no further back than `lo`. `Short` at `lo`.
pub(crate) fn prev(buf: &[u8], pos: usize, lo: usize, escapes: bool) -> (Unit, usize) {
    let Some(left) = buf.get(lo..pos) else {
        return (Unit::Short, 0);
    };
    let Some(&byte) = left.last() else {
        return (Unit::Short, 0);
    };
    if escapes && left.len() >= 6 && byte.is_ascii_hexdigit() {
        let start = pos - 6;
        if let (unit, 6) = next(&buf[..pos], start, true)
            && buf[start] == b'\\'
            && is_escape_start(buf, start)
        {
            return (unit, 6);
        }
    }
    if escapes && byte == b'/' && left.len() >= 2 && is_escape_start(buf, pos - 2) {
        return (Unit::Sep(Sep::Slash), 2);
    }
    if byte < 0x80 {
        // A lone backslash is never the end of a unit that joins digits.
        let unit = if byte == b'\\' {
            Unit::Other
        } else {
            next(&buf[..pos], pos - 1, false).0
        };
        return (unit, 1);
    }
    for len in [2, 3] {
        if left.len() >= len
            && let (unit, n) = next(&buf[..pos], pos - len, false)
            && n == len
            && unit != Unit::Short
        {
            return (unit, len);
        }
    }
    (Unit::Other, 1)
}

/// Is the byte at `pos` a backslash that is not itself escaped? Counts at most
/// [`crate::CONTEXT_BYTES`] backslashes to the left.
pub(crate) fn is_escape_start(buf: &[u8], pos: usize) -> bool {
    buf.get(pos) == Some(&b'\\')
        && buf[..pos]
            .iter()
            .rev()
            .take(crate::CONTEXT_BYTES)
            .take_while(|b| **b == b'\\')
            .count()
            .is_multiple_of(2)
}

/// If `pos` is inside a `\uXXXX` that began before it: where that escape ends.
pub(crate) fn escape_around(buf: &[u8], pos: usize) -> Option<usize> {
    (2..=5).find_map(|back| {
        let start = pos.checked_sub(back)?;
        (buf.get(start) == Some(&b'\\')
            && buf.get(start + 1) == Some(&b'u')
            && buf[start + 2..pos].iter().all(u8::is_ascii_hexdigit)
            && is_escape_start(buf, start))
        .then(|| {
            let digits = buf[pos..].iter().take(6 - back);
            pos + digits.take_while(|b| b.is_ascii_hexdigit()).count()
        })
    })
}

/// A JSON escape: `\uXXXX` and `\/` can join or be digits, the others cannot.
fn escape(buf: &[u8], pos: usize) -> (Unit, usize) {
    match buf.get(pos + 1) {
        None => (Unit::Short, 1),
        Some(b'/') => (Unit::Sep(Sep::Slash), 2),
        Some(b'u') => {
            let mut code = 0u32;
            for i in 2..6 {
                match buf.get(pos + i) {
                    None => return (Unit::Short, i),
                    Some(&b) => match char::from(b).to_digit(16) {
                        Some(d) => code = code * 16 + d,
                        None => return (Unit::Other, 2),
                    },
                }
            }
            (classify(code), 6)
        }
        Some(_) => (Unit::Other, 2),
    }
}

/// A UTF-8 sequence of 2 or 3 bytes; broken ones are `Other`, one byte long.
fn wide(buf: &[u8], pos: usize, len: usize) -> (Unit, usize) {
    let mut code = u32::from(buf[pos]) & if len == 2 { 0x1F } else { 0x0F };
    for i in 1..len {
        match buf.get(pos + i) {
            None => return (Unit::Short, i),
            Some(&b) if b & 0xC0 == 0x80 => code = code << 6 | u32::from(b & 0x3F),
            Some(_) => return (Unit::Other, 1),
        }
    }
    (classify(code), len)
}

/// The part that a character plays.
fn classify(code: u32) -> Unit {
    match code {
        0x30..=0x39 => Unit::Digit((code - 0x30) as u8),
        // Fullwidth digits.
        0xFF10..=0xFF19 => Unit::Digit((code - 0xFF10) as u8),
        0x20 | 0xA0 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => Unit::Sep(Sep::Space),
        0x2D | 0x2010..=0x2015 | 0x2212 | 0xFE58 | 0xFE63 | 0xFF0D => Unit::Sep(Sep::Dash),
        0x2E | 0xFF0E => Unit::Sep(Sep::Dot),
        0x2F | 0x2044 | 0xFF0F => Unit::Sep(Sep::Slash),
        // Soft hyphen, joiners, direction marks, byte order mark.
        0xAD | 0x34F | 0x180E | 0x200B..=0x200F | 0x2060..=0x2064 | 0xFEFF => Unit::Invisible,
        _ => Unit::Other,
    }
}
