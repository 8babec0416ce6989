//! Numbers that are cards, and numbers that only look like one.

use super::random::Random;

/// Published test numbers of the major brands.
const PUBLISHED: &[&str] = &[
    "4111111111111111",
    "5555555555554444",
    "378282246310005",
    "6011111111111117",
    "4012888888881881",
    "5105105105105100",
    "3530111333300000",
    "2223003122003222",
];

/// The next published number, contiguous or grouped.
pub(super) fn published(n: u64, separator: &str) -> String {
    group(PUBLISHED[(n % PUBLISHED.len() as u64) as usize], separator)
}

/// A 16-digit number in a brand's range whose check digit is off by one.
pub(super) fn off_by_one(random: &mut Random) -> String {
    let mut number = random
        .pick(&["4", "51", "53", "2221", "6011", "3528", "62"])
        .to_owned();
    while number.len() < 15 {
        number.push(char::from(b'0' + random.below(10) as u8));
    }
    let sum: u32 = number
        .bytes()
        .enumerate()
        .map(|(i, d)| u32::from(d - b'0') * if i % 2 == 0 { 2 } else { 1 })
        .map(|d| if d > 9 { d - 9 } else { d })
        .sum();
    number.push(char::from(b'0' + ((10 - sum % 10 + 1) % 10) as u8));
    number
}

/// In groups of four (15 digits: 4-6-5) with the separator between them.
pub(super) fn group(number: &str, separator: &str) -> String {
    let cuts: &[usize] = if number.len() == 15 {
        &[4, 10]
    } else {
        &[4, 8, 12]
    };
    let mut out = String::with_capacity(number.len() + 3 * separator.len());
    for (i, digit) in number.char_indices() {
        if cuts.contains(&i) {
            out.push_str(separator);
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luhn(number: &str) -> bool {
        let sum: u32 = number
            .bytes()
            .rev()
            .enumerate()
            .map(|(i, d)| u32::from(d - b'0') * (1 + i as u32 % 2))
            .map(|d| if d > 9 { d - 9 } else { d })
            .sum();
        sum.is_multiple_of(10)
    }

    #[test]
    fn published_numbers_pass_luhn_and_the_others_do_not() {
        assert!((0..8).all(|n| luhn(&published(n, ""))));
        let mut random = Random::new(1);
        assert!((0..1000).all(|_| !luhn(&off_by_one(&mut random))));
    }

    #[test]
    fn groups() {
        assert_eq!(published(0, "-"), "4111-1111-1111-1111");
        assert_eq!(published(2, " "), "3782 822463 10005");
    }
}
