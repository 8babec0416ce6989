//! Range and check digit of a number, as plainly as a validating peer does it. Of its
//! own: it shares nothing with the scanner.

/// Prefix from, to, shortest, longest length: the brands accepted worldwide.
const RANGES: &[(u32, u32, usize, usize)] = &[
    (4000, 4999, 13, 19),
    (5100, 5599, 16, 16),
    (2221, 2720, 16, 16),
    (3400, 3499, 15, 15),
    (3700, 3799, 15, 15),
    (6011, 6011, 16, 19),
    (6440, 6599, 16, 19),
    (3528, 3589, 16, 19),
    (3000, 3059, 14, 19),
    (3600, 3699, 14, 19),
    (3800, 3999, 14, 19),
    (6200, 6299, 16, 19),
    (5000, 5099, 12, 19),
    (5600, 5899, 12, 19),
    (6300, 6399, 12, 19),
    (6700, 6799, 12, 19),
];

/// Is this text of digits and separators a card number?
pub(super) fn is_card(text: &[u8]) -> bool {
    let mut digits = [0u8; 19];
    let mut len = 0;
    for byte in text.iter().filter(|b| b.is_ascii_digit()) {
        let Some(slot) = digits.get_mut(len) else {
            return false;
        };
        *slot = byte - b'0';
        len += 1;
    }
    let digits = &digits[..len];
    issued(digits) && luhn(digits)
}

fn issued(digits: &[u8]) -> bool {
    let prefix = digits.iter().take(4).fold(0, |n, d| n * 10 + u32::from(*d));
    RANGES.iter().any(|(from, to, shortest, longest)| {
        (*from..=*to).contains(&prefix) && (*shortest..=*longest).contains(&digits.len())
    })
}

fn luhn(digits: &[u8]) -> bool {
    const DOUBLE: [u32; 10] = [0, 2, 4, 6, 8, 1, 3, 5, 7, 9];
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| match i % 2 {
            0 => u32::from(*d),
            _ => DOUBLE.get(usize::from(*d)).copied().unwrap_or(0),
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_and_others() {
        for card in [
            "4111111111111111",
            "3782 822463 10005",
            "6011-1111-1111-1117",
        ] {
            assert!(is_card(card.as_bytes()), "{card}");
        }
        for other in ["4111111111111112", "1764000000000", "00000000000000000000"] {
            assert!(!is_card(other.as_bytes()), "{other}");
        }
    }
}
