//! The check digit of ISO/IEC 7812-1.

/// Does the number (digit values 0-9, any length) pass Luhn?
#[inline]
pub(crate) fn passes(digits: &[u8]) -> bool {
    let mut sum = 0u32;
    for (i, &d) in digits.iter().rev().enumerate() {
        let d = u32::from(d);
        // Doubled, then the digits of the product added: 5 becomes 1, 9 becomes 9.
        sum += if i % 2 == 0 {
            d
        } else {
            2 * d - if d > 4 { 9 } else { 0 }
        };
    }
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::passes;

    #[test]
    fn published_numbers_pass_and_neighbours_do_not() {
        for text in [
            "4111111111111111",
            "378282246310005",
            "6011111111111117",
            "30569309025904",
        ] {
            let mut digits: Vec<u8> = text.bytes().map(|b| b - b'0').collect();
            assert!(passes(&digits), "{text}");
            for i in 0..digits.len() {
                let kept = digits[i];
                digits[i] = (kept + 1) % 10;
                assert!(!passes(&digits), "{text} with digit {i} changed");
                digits[i] = kept;
            }
        }
    }
}
