//! Writes the masked form: same bytes count, same separators, same JSON type.

use crate::finding::Shown;
use crate::settings::MaskFormat;
use crate::token::{self, Unit};
use crate::{HOLD_BYTES_MAX, luhn};

/// How the hidden digits are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `*` for each hidden digit.
    Stars,
    /// A number of the same digit count that fails Luhn.
    Number,
    /// Every byte becomes `*` (track data).
    Whole,
}

/// How many digits stay at the front (the last four always stay).
fn front(format: MaskFormat, len: usize) -> usize {
    match format {
        MaskFormat::Last4 => 0,
        _ if len < 14 => 0,
        MaskFormat::Bin8Last4 if len == 16 => 8,
        _ => 6,
    }
}

/// The masked number without separators.
pub(crate) fn shown(digits: &[u8], format: MaskFormat) -> Shown {
    let keep = front(format, digits.len());
    let mut text = [b'*'; 19];
    for (i, (slot, digit)) in text.iter_mut().zip(digits).enumerate() {
        if i < keep || i + 4 >= digits.len() {
            *slot = b'0' + digit;
        }
    }
    Shown {
        text,
        len: digits.len().min(19) as u8,
    }
}

/// The replacement of `span` (at most [`HOLD_BYTES_MAX`] bytes), which holds `digits`.
pub(crate) fn replacement(
    span: &[u8],
    digits: &[u8],
    format: MaskFormat,
    form: Form,
) -> [u8; HOLD_BYTES_MAX] {
    let mut out = [b'*'; HOLD_BYTES_MAX];
    if form == Form::Whole {
        return out;
    }
    for (slot, byte) in out.iter_mut().zip(span) {
        *slot = *byte;
    }
    let keep = front(format, digits.len());
    let number = number(digits, keep);
    let (mut pos, mut index) = (0, 0);
    while pos < span.len() {
        let (unit, len) = token::next(span, pos);
        let len = len.max(1);
        if matches!(unit, Unit::Digit(_)) {
            if !(index < keep || index + 4 >= digits.len()) {
                match out.get_mut(pos..pos + len) {
                    Some([slot]) if form == Form::Number => *slot = number[index.min(18)],
                    Some(unit) => token::star(unit),
                    None => {}
                }
            }
            index += 1;
        }
        pos += len;
    }
    out
}

/// ASCII digits with zeros for the hidden ones, made to fail Luhn and not to begin
/// with 0 (a JSON number must not).
fn number(digits: &[u8], keep: usize) -> [u8; 19] {
    let mut value = [0u8; 19];
    for (i, (slot, digit)) in value.iter_mut().zip(digits).enumerate() {
        if i < keep || i + 4 >= digits.len() {
            *slot = *digit;
        }
    }
    if keep == 0 {
        value[0] = 1;
    }
    let len = digits.len().min(19);
    if luhn::passes(&value[..len]) && len > 5 {
        // One hidden digit from 0 to 1 moves the sum by one or two: never by ten.
        value[len - 5] = 1;
    }
    value.map(|d| b'0' + d)
}
