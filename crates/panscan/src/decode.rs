//! One character, however it is written: plain ASCII and UTF-8, `\uXXXX` (a pair for
//! what is beyond the BMP), `\xXX` and `\/` behind any number of backslashes (JSON in
//! JSON), `%XX` (percent-encoded UTF-8, encoded again), `&#52;` and named entities (also
//! behind `&amp;` and the `\u0026` that some JSON encoders write).
//!
//! Bounds: [`BACKSLASHES_MAX`] backslashes, [`AGAIN_MAX`] further rounds of percent
//! encoding, one `&amp;`, [`UNIT_BYTES_MAX`] bytes in all. What goes beyond is no
//! character here but the bytes that stand there.

/// JSON in JSON in JSON in JSON doubles them three times: 1, 2, 4, 8.
pub(crate) const BACKSLASHES_MAX: usize = 8;
/// `%34`, `%2534`, `%252534`.
const AGAIN_MAX: usize = 2;
/// Longest form of one character.
pub(crate) const UNIT_BYTES_MAX: usize = 24;
/// Digits in a numeric entity, leading zeros among them.
const ENTITY_DIGITS_MAX: usize = 7;

/// What stands at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Char(u32),
    /// Not a character that anything here reads; one byte.
    Other,
    /// The bytes end inside one.
    Short,
}

/// The character at `pos`, and its length in bytes.
pub(crate) fn char_at(buf: &[u8], pos: usize) -> (Code, usize) {
    let Some(&byte) = buf.get(pos) else {
        return (Code::Short, 0);
    };
    let (code, len) = match byte {
        b'\\' => escape(buf, pos),
        b'%' => percent(buf, pos),
        b'&' => entity(buf, pos, 1).unwrap_or((Code::Other, 1)),
        0..=0x7F => (Code::Char(u32::from(byte)), 1),
        0xC2..=0xF4 => utf8(buf, pos),
        _ => (Code::Other, 1),
    };
    if len > UNIT_BYTES_MAX {
        (Code::Other, 1)
    } else {
        (code, len)
    }
}

/// Can a character of several bytes begin with this one?
pub(crate) fn is_lead(byte: u8) -> bool {
    matches!(byte, b'\\' | b'%' | b'&')
}

/// How many backslashes stand at `pos`, counted to one beyond the bound.
fn backslashes(buf: &[u8], pos: usize) -> usize {
    let rest = buf.get(pos..).unwrap_or(&[]);
    rest.iter()
        .take(BACKSLASHES_MAX + 1)
        .take_while(|b| **b == b'\\')
        .count()
}

/// Is the backslash at `pos` one of a run that began before it, and is not the first of
/// the ones that count?
pub(crate) fn is_inside_run(buf: &[u8], pos: usize) -> bool {
    pos > 0 && buf.get(pos - 1) == Some(&b'\\') && backslashes(buf, pos) < BACKSLASHES_MAX
}

/// Hex digits at `at`; `Err(Short)` where the bytes end before something misfits.
fn hex(buf: &[u8], at: usize, count: usize) -> Result<u32, Code> {
    let mut value = 0;
    for i in at..at + count {
        let byte = *buf.get(i).ok_or(Code::Short)?;
        let digit = char::from(byte).to_digit(16).ok_or(Code::Other)?;
        value = value * 16 + digit;
    }
    Ok(value)
}

/// `Short` is as long as what is there, `Other` one byte.
fn failed(buf: &[u8], pos: usize, code: Code) -> (Code, usize) {
    match code {
        Code::Short => (Code::Short, buf.len() - pos),
        _ => (Code::Other, 1),
    }
}

fn escape(buf: &[u8], pos: usize) -> (Code, usize) {
    let run = backslashes(buf, pos);
    if run > BACKSLASHES_MAX {
        return (Code::Other, 1);
    }
    let at = pos + run;
    match buf.get(at) {
        None => (Code::Short, run),
        Some(b'/') => (Code::Char(u32::from(b'/')), run + 1),
        Some(b'x') => match hex(buf, at + 1, 2) {
            Ok(code) => (Code::Char(code), run + 3),
            Err(code) => failed(buf, pos, code),
        },
        Some(b'u') => match hex(buf, at + 1, 4) {
            Ok(0x26) => entity(buf, pos, run + 5).unwrap_or((Code::Char(0x26), run + 5)),
            Ok(high @ 0xD800..=0xDBFF) => low_surrogate(buf, pos, run, high),
            Ok(code) => (Code::Char(code), run + 5),
            Err(code) => failed(buf, pos, code),
        },
        Some(_) => (Code::Other, 1),
    }
}

/// The second half of a pair, behind as many backslashes.
fn low_surrogate(buf: &[u8], pos: usize, run: usize, high: u32) -> (Code, usize) {
    let at = pos + run + 5;
    let alone = (Code::Char(high), run + 5);
    for i in 0..=run {
        match buf.get(at + i) {
            None => return (Code::Short, buf.len() - pos),
            Some(b'\\') if i < run => {}
            Some(b'u') if i == run => {}
            Some(_) => return alone,
        }
    }
    match hex(buf, at + run + 1, 4) {
        Ok(low @ 0xDC00..=0xDFFF) => {
            let code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            (Code::Char(code), 2 * (run + 5))
        }
        Err(Code::Short) => (Code::Short, buf.len() - pos),
        _ => alone,
    }
}

/// One `%XX`, and where it ends; the `%` may be written `%25`.
fn percent_byte(buf: &[u8], pos: usize) -> Result<(u8, usize), Code> {
    match buf.get(pos) {
        None => return Err(Code::Short),
        Some(b'%') => {}
        Some(_) => return Err(Code::Other),
    }
    let mut at = pos + 1;
    for _ in 0..AGAIN_MAX {
        match buf.get(at..at + 2) {
            Some(b"25") => match hex(buf, at + 2, 2) {
                Ok(_) => at += 2,
                Err(Code::Short) => return Err(Code::Short),
                Err(_) => break,
            },
            _ => break,
        }
    }
    hex(buf, at, 2).map(|value| (value as u8, at + 2))
}

fn percent(buf: &[u8], pos: usize) -> (Code, usize) {
    let (first, mut end) = match percent_byte(buf, pos) {
        Ok(byte) => byte,
        Err(code) => return failed(buf, pos, code),
    };
    let more = match first {
        0..=0x7F => return (Code::Char(u32::from(first)), end - pos),
        0xC2..=0xDF => 1,
        0xE0..=0xEF => 2,
        0xF0..=0xF4 => 3,
        _ => return (Code::Other, 1),
    };
    let mut code = u32::from(first) & (0x3F >> more);
    for _ in 0..more {
        match percent_byte(buf, end) {
            Ok((byte, next)) if byte & 0xC0 == 0x80 => {
                code = code << 6 | u32::from(byte & 0x3F);
                end = next;
            }
            Err(Code::Short) => return (Code::Short, buf.len() - pos),
            _ => return (Code::Other, 1),
        }
    }
    (Code::Char(code), end - pos)
}

/// A UTF-8 sequence; what is broken is one byte.
fn utf8(buf: &[u8], pos: usize) -> (Code, usize) {
    let first = buf[pos];
    let more = match first {
        0..=0xDF => 1,
        0xE0..=0xEF => 2,
        _ => 3,
    };
    let mut code = u32::from(first) & (0x3F >> more);
    for i in 1..=more {
        match buf.get(pos + i) {
            None => return (Code::Short, i),
            Some(&b) if b & 0xC0 == 0x80 => code = code << 6 | u32::from(b & 0x3F),
            Some(_) => return (Code::Other, 1),
        }
    }
    (Code::Char(code), more + 1)
}

/// Entities of what joins or hides digits, with the code that they stand for.
const NAMED: &[(&[u8], u32)] = &[
    (b"nbsp;", 0xA0),
    (b"NonBreakingSpace;", 0xA0),
    (b"ensp;", 0x2002),
    (b"emsp;", 0x2003),
    (b"numsp;", 0x2007),
    (b"puncsp;", 0x2008),
    (b"thinsp;", 0x2009),
    (b"hairsp;", 0x200A),
    (b"hyphen;", 0x2010),
    (b"dash;", 0x2010),
    (b"ndash;", 0x2013),
    (b"mdash;", 0x2014),
    (b"minus;", 0x2212),
    (b"period;", 0x2E),
    (b"sol;", 0x2F),
    (b"plus;", 0x2B),
    (b"lowbar;", 0x5F),
    (b"ast;", 0x2A),
    (b"shy;", 0xAD),
    (b"zwnj;", 0x200C),
    (b"zwj;", 0x200D),
    (b"lrm;", 0x200E),
    (b"rlm;", 0x200F),
    (b"NoBreak;", 0x2060),
    (b"ZeroWidthSpace;", 0x200B),
];

/// The entity whose `&` takes `head` bytes at `pos`; `None`: it is none.
fn entity(buf: &[u8], pos: usize, head: usize) -> Option<(Code, usize)> {
    let short = Some((Code::Short, buf.len() - pos));
    let mut rest = buf.get(pos + head..)?;
    let mut len = head;
    if b"amp;".starts_with(&rest[..rest.len().min(4)]) {
        rest = match rest.get(4..) {
            Some(rest) => rest,
            None => return short,
        };
        len += 4;
    }
    if let Some(number) = rest.strip_prefix(b"#") {
        return match numeric(number) {
            Ok((code, n)) => Some((Code::Char(code), len + 1 + n)),
            Err(Code::Short) => short,
            Err(_) => None,
        };
    }
    for (name, code) in NAMED {
        if rest.starts_with(name) {
            return Some((Code::Char(*code), len + name.len()));
        }
        if name.starts_with(rest) {
            return short;
        }
    }
    None
}

/// `52;` or `x34;` and its length.
fn numeric(text: &[u8]) -> Result<(u32, usize), Code> {
    let is_hex = matches!(text.first(), Some(b'x' | b'X'));
    let skip = usize::from(is_hex);
    let radix = if is_hex { 16 } else { 10 };
    let mut code = 0u32;
    for (i, &byte) in text.iter().enumerate().skip(skip) {
        if byte == b';' && i > skip {
            return Ok((code, i + 1));
        }
        let digit = char::from(byte).to_digit(radix).ok_or(Code::Other)?;
        if i - skip == ENTITY_DIGITS_MAX {
            return Err(Code::Other);
        }
        code = code * radix + digit;
    }
    Err(Code::Short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_four() {
        for form in [
            "4",
            r"\u0034",
            r"\\u0034",
            r"\\\\\\\\u0034",
            r"\x34",
            r"\\x34",
            "%34",
            "%2534",
            "%252534",
            "&#52;",
            "&#0000052;",
            "&#x34;",
            "&#X0034;",
            "&amp;#52;",
            r"\u0026#52;",
            r"\u0026amp;#x34;",
        ] {
            let bytes = form.as_bytes();
            assert_eq!(char_at(bytes, 0), (Code::Char(0x34), form.len()), "{form}");
            for cut in 1..bytes.len() {
                assert_eq!(
                    char_at(&bytes[..cut], 0),
                    (Code::Short, cut),
                    "{form} at {cut}"
                );
            }
        }
    }

    #[test]
    fn characters_of_several_bytes() {
        for (form, code) in [
            ("%C2%A0", 0xA0),
            ("%25E2%2580%258B", 0x200B),
            ("%F0%9D%9F%98", 0x1D7D8),
            (r"\ud835\udfd8", 0x1D7D8),
            (r"\\ud835\\udfd8", 0x1D7D8),
            ("&nbsp;", 0xA0),
            ("&amp;nbsp;", 0xA0),
            (r"\u0026nbsp;", 0xA0),
            ("&#x1D7D8;", 0x1D7D8),
            ("𝟘", 0x1D7D8),
            (r"\\\/", 0x2F),
        ] {
            assert_eq!(
                char_at(form.as_bytes(), 0),
                (Code::Char(code), form.len()),
                "{form}"
            );
        }
    }

    #[test]
    fn what_is_beyond_the_bounds_is_bytes() {
        for form in [
            r"\\\\\\\\\u0034",
            "%GG34",
            "&#00000052;",
            "&#;",
            "&nothing;",
            "&#x;",
            r"\n",
            r"\u00zz",
            "%C3%28",
        ] {
            assert_eq!(char_at(form.as_bytes(), 0), (Code::Other, 1), "{form}");
        }
        assert_eq!(char_at(b"%25252534", 0), (Code::Char(0x25), 7));
    }
}
