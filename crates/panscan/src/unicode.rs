//! Which part a character plays: digit, separator, invisible, star. Data from the
//! Unicode Character Database 16.0 (general category Nd; `Zs`, `Pd`, `Cf` in part).

use crate::token::{Sep, Unit};

/// The zero of every run of ten decimal digits (Nd) behind ASCII, sorted.
const ZEROS: &[u32] = &[
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6,
    0xE50, 0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50,
    0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
    0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0,
    0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50,
    0x11DA0, 0x11F50, 0x16130, 0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE, 0x1D7D8,
    0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0,
];

/// The part that a character plays.
pub(crate) fn classify(code: u32) -> Unit {
    match code {
        0x30..=0x39 => Unit::Digit((code - 0x30) as u8),
        0x2A | 0xFF0A => Unit::Star,
        0x20 | 0xA0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => Unit::Sep(Sep::Space),
        0x2D | 0x2010..=0x2015 | 0x2043 | 0x2212 | 0xFE58 | 0xFE63 | 0xFF0D => Unit::Sep(Sep::Dash),
        0x2E | 0x2024 | 0xFF0E => Unit::Sep(Sep::Dot),
        0x2F | 0x2044 | 0x2215 | 0xFF0F => Unit::Sep(Sep::Slash),
        0x2B => Unit::Sep(Sep::Plus),
        0x5F => Unit::Sep(Sep::Underscore),
        _ if code < 0x80 => Unit::Other,
        _ if invisible(code) => Unit::Invisible,
        _ => digit(code).map_or(Unit::Other, Unit::Digit),
    }
}

/// Soft hyphen, combining marks, joiners, direction marks, variation selectors, the
/// enclosing keycap, tags, byte order mark.
fn invisible(code: u32) -> bool {
    matches!(
        code,
        0xAD | 0x300..=0x36F
            | 0x61C
            | 0x115F
            | 0x1160
            | 0x17B4
            | 0x17B5
            | 0x180B..=0x180F
            | 0x200B..=0x200F
            | 0x202A..=0x202E
            | 0x2060..=0x206F
            | 0x20D0..=0x20F0
            | 0x3164
            | 0xFE00..=0xFE0F
            | 0xFEFF
            | 0xFFA0
            | 0xFFF9..=0xFFFB
            | 0x1D173..=0x1D17A
            | 0xE0000..=0xE01EF
    )
}

fn digit(code: u32) -> Option<u8> {
    let above = ZEROS.partition_point(|zero| *zero <= code);
    let zero = ZEROS.get(above.checked_sub(1)?)?;
    (code - zero < 10).then_some((code - zero) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zeros_are_sorted_and_apart() {
        assert!(ZEROS.windows(2).all(|w| w[1] - w[0] >= 10));
        for (text, value) in [("٤", 4), ("९", 9), ("４", 4), ("𝟗", 9), ("𝟎", 0), ("🯹", 9)]
        {
            let code = u32::from(text.chars().next().expect("a character"));
            assert_eq!(classify(code), Unit::Digit(value), "{text}");
        }
        for text in ["a", "²", "①", "年", "é"] {
            let code = u32::from(text.chars().next().expect("a character"));
            assert_eq!(classify(code), Unit::Other, "{text}");
        }
    }
}
