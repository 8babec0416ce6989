//! Writes the masked form: same bytes count, same separators, same JSON type.

use crate::array::Places;
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
    /// Every byte becomes `*` (track data, codes).
    Whole,
    /// A 1 and zeros: a code that is a JSON number.
    Zeros,
    /// Digits that are elements of an array or object.
    Elements(Places),
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
    if digits.is_empty() {
        // A code: not even its length.
        let mut text = [0; 19];
        text[..3].fill(b'*');
        return Shown { text, len: 3 };
    }
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
    match form {
        Form::Whole => return out,
        Form::Zeros => {
            out.fill(b'0');
            out[0] = b'1';
            return out;
        }
        Form::Stars | Form::Number | Form::Elements(_) => {}
    }
    for (slot, byte) in out.iter_mut().zip(span) {
        *slot = *byte;
    }
    let keep = front(format, digits.len());
    if let Form::Elements(places) = form {
        elements(&mut out, digits, keep, &places);
        return out;
    }
    let written = span.iter().filter(|b| b.is_ascii_digit()).count();
    let number = number(digits, keep, written);
    let (mut pos, mut index) = (0, 0);
    while pos < span.len() {
        let (unit, len) = token::next(span, pos);
        let len = len.max(1);
        if matches!(unit, Unit::Digit(_)) {
            let hidden = index >= keep && index + 4 < digits.len();
            match out.get_mut(pos..pos + len) {
                Some([slot]) if form == Form::Number => *slot = number[index.min(18)],
                Some(unit) if hidden => token::star(unit),
                _ => {}
            }
            index += 1;
        }
        pos += len;
    }
    out
}

/// ASCII digits with zeros for the hidden ones, made to fail Luhn and not to begin
/// with 0 (a JSON number must not).
/// `written` digits of it are there to be edited: an exponent can stand for the last.
fn number(digits: &[u8], keep: usize, written: usize) -> [u8; 19] {
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
        // One digit changed always fails Luhn: a hidden one where one is written.
        let slot = &mut value[(len - 5).min(written.max(1) - 1)];
        *slot = (*slot + 1) % 10;
    }
    value.map(|d| b'0' + d)
}

/// Strings get stars, numbers zeros (a 1 where a number of several digits begins); if
/// digits alone are left they are made to fail Luhn.
fn elements(out: &mut [u8], digits: &[u8], keep: usize, places: &Places) {
    let mut value = [0u8; 19];
    let mut last_number = None;
    let mut stars = false;
    let len = digits.len().min(19);
    for (i, digit) in digits.iter().enumerate().take(19) {
        let (at, n) = (usize::from(places.at[i].0), usize::from(places.at[i].1));
        value[i] = *digit;
        let Some(unit) = out.get_mut(at..at + n) else {
            continue;
        };
        if i < keep || i + 4 >= digits.len() {
            continue;
        }
        if places.quoted >> i & 1 == 1 {
            token::star(unit);
            stars = true;
        } else {
            value[i] = u8::from(places.leading >> i & 1 == 1);
            unit.fill(b'0' + value[i]);
            last_number = Some((i, at));
        }
    }
    if let Some((i, at)) = last_number
        && !stars
        && luhn::passes(&value[..len])
        && let Some(slot) = out.get_mut(at)
    {
        *slot = b'0' + value[i] + 1;
    }
}
