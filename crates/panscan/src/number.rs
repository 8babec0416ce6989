//! JSON numbers: what counts is the integer value, so `4.111111111111111e15` and
//! `41111111111111110e-1` are card numbers and `4111111111111111.5` is none.
//!
//! Only the digits of the card are edited; the point, the exponent and zeros behind it
//! stay as they are, and so does the type.

use crate::CONTEXT_BYTES;
use crate::scalar::View;

/// Digits before and behind the point that are read, and bytes of a number in all. A
/// number that is longer is no card number.
const DIGITS_MAX: usize = 40;
/// Digits of a card that are written out, at least: `4e15` is a round number.
const WRITTEN_MIN: usize = 9;

/// A number with a point or an exponent that has the value of an integer.
pub(crate) struct Number {
    /// Its decimal digits, without leading zeros; 12 to 19.
    pub(crate) digits: [u8; 19],
    pub(crate) len: usize,
    /// Of the first and behind the last of them that is written out.
    pub(crate) start: usize,
    pub(crate) last: usize,
    /// Behind the whole number.
    pub(crate) end: usize,
}

pub(crate) enum Read {
    /// Not such a number, or of another value.
    No,
    More,
    Yes(Number),
}

/// Reads the number that begins at `start`.
pub(crate) fn read(view: &View<'_>, start: usize) -> Read {
    if !begins(view, start) {
        return Read::No;
    }
    let mut mantissa = Mantissa::default();
    let mut pos = start;
    loop {
        let Some(&byte) = view.buf.get(pos) else {
            return if view.end {
                finish(mantissa, 0, pos)
            } else {
                Read::More
            };
        };
        match byte {
            b'0'..=b'9' if pos - start < DIGITS_MAX => mantissa.push(byte - b'0', pos),
            b'.' if mantissa.point.is_none() => mantissa.point = Some(mantissa.count),
            b'e' | b'E' => return exponent(view, mantissa, pos + 1),
            _ if is_end(byte) => return finish(mantissa, 0, pos),
            _ => return Read::No,
        }
        pos += 1;
    }
}

#[derive(Default)]
struct Mantissa {
    digits: [u8; 19],
    /// Digits kept: leading zeros are not.
    len: usize,
    /// Significant digits, also those beyond the 19 that are kept.
    significant: usize,
    /// More than 19, and not only zeros behind them.
    too_long: bool,
    start: usize,
    /// Behind the 19th digit, or the last.
    ends: [usize; 19],
    /// All digits.
    count: usize,
    point: Option<usize>,
}

impl Mantissa {
    fn push(&mut self, digit: u8, pos: usize) {
        self.count += 1;
        if self.significant == 0 && digit == 0 {
            return;
        }
        if self.significant == 0 {
            self.start = pos;
        }
        self.significant += 1;
        match (self.digits.get_mut(self.len), self.ends.get_mut(self.len)) {
            (Some(slot), Some(end)) => {
                *slot = digit;
                *end = pos + 1;
                self.len += 1;
            }
            _ => self.too_long |= digit != 0,
        }
    }
}

/// A JSON number can begin here.
pub(crate) fn begins(view: &View<'_>, start: usize) -> bool {
    // Not only behind the last finding: what was masked must not change what is read.
    let left = &view.buf[start.saturating_sub(CONTEXT_BYTES)..start];
    let left = left.strip_suffix(b"-").unwrap_or(left);
    matches!(
        left.last(),
        None | Some(b':' | b'[' | b',' | b' ' | b'\t' | b'\n' | b'\r')
    )
}

/// What may stand behind a number.
fn is_end(byte: u8) -> bool {
    matches!(
        byte,
        b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r' | b'\\' | b'"'
    )
}

fn exponent(view: &View<'_>, mantissa: Mantissa, from: usize) -> Read {
    let (mut pos, mut value, mut sign, mut digits) = (from, 0i32, 1, 0);
    loop {
        let Some(&byte) = view.buf.get(pos) else {
            return if !view.end {
                Read::More
            } else if digits == 0 {
                Read::No
            } else {
                finish(mantissa, value, pos)
            };
        };
        match byte {
            b'+' | b'-' if pos == from => sign = if byte == b'-' { -1 } else { 1 },
            b'0'..=b'9' if digits < 4 => {
                value = value * 10 + sign * i32::from(byte - b'0');
                digits += 1;
            }
            _ if is_end(byte) && digits > 0 => return finish(mantissa, value, pos),
            _ => return Read::No,
        }
        pos += 1;
    }
}

/// The integer that mantissa and exponent make, if they make one.
fn finish(mantissa: Mantissa, exponent: i32, end: usize) -> Read {
    let point = mantissa.point.unwrap_or(mantissa.count);
    let leading = mantissa.count - mantissa.significant;
    // Significant digits before the point, once the exponent has moved it.
    let len = point as i32 - leading as i32 + exponent;
    let Ok(len) = usize::try_from(len) else {
        return Read::No;
    };
    if !(12..=19).contains(&len) || mantissa.too_long || mantissa.len == 0 {
        return Read::No;
    }
    let kept = mantissa.len.min(len);
    if kept < WRITTEN_MIN {
        return Read::No;
    }
    if mantissa.digits[kept..mantissa.len].iter().any(|d| *d != 0) {
        return Read::No;
    }
    let mut digits = mantissa.digits;
    digits[kept..].fill(0);
    Read::Yes(Number {
        digits,
        len,
        start: mantissa.start,
        last: mantissa.ends[kept - 1],
        end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Option<String> {
        let view = View {
            buf: text.as_bytes(),
            floor: 0,
            end: true,
            json: true,
        };
        match read(&view, 0) {
            Read::Yes(n) => Some(
                n.digits[..n.len]
                    .iter()
                    .map(|d| (b'0' + d) as char)
                    .collect(),
            ),
            _ => None,
        }
    }

    #[test]
    fn integers_in_every_form() {
        for text in [
            "4111111111111111.0",
            "4111111111111111.000",
            "4111111111111111e0",
            "4111111111111111E+0",
            "4.111111111111111e15",
            "4.111111111111111E+15",
            "4.1111111111111110e15",
            "41111111.11111111e8",
            "41111111111111110e-1",
            "4111111111111111000e-3",
            "0.4111111111111111e16",
            "0.004111111111111111e18",
            "4.111111111111111e0015",
        ] {
            assert_eq!(value(text).as_deref(), Some("4111111111111111"), "{text}");
        }
        assert_eq!(
            value("5.1051051051051e15").as_deref(),
            Some("5105105105105100")
        );
        for text in [
            "4111111111111111.5",
            "4.111111111111111e14",
            "4.111111111111111",
            "41111111111111111e-1",
            "4111111111111111e",
            "4111111111111111e99999",
            "0.0",
            "1e15x",
            "57e15",
            "4.1.1e15",
        ] {
            assert_ne!(value(text).as_deref(), Some("4111111111111111"), "{text}");
        }
    }
}
