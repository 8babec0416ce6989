//! Numbers that schemes and payment providers publish for tests. They are masked like
//! any other and only marked, so that a record tells a test from an incident.

const PUBLISHED: &[&str] = &[
    "4111111111111111",
    "4012888888881881",
    "4222222222222",
    "4242424242424242",
    "4000056655665556",
    "4000000000000002",
    "4000000000009995",
    "4000000000003220",
    "5555555555554444",
    "5105105105105100",
    "5200828282828210",
    "2223003122003222",
    "2223000048400011",
    "378282246310005",
    "371449635398431",
    "378734493671000",
    "6011111111111117",
    "6011000990139424",
    "6011981111111113",
    "3056930009020004",
    "30569309025904",
    "38520000023237",
    "36227206271667",
    "3530111333300000",
    "3566002020360505",
    "6200000000000005",
    "6200000000000047",
    "6205500000000000004",
    "6759649826438453",
    "5019717010103742",
];

/// Is this number (digit values) one of them?
pub(crate) fn is_published(digits: &[u8]) -> bool {
    PUBLISHED
        .iter()
        .any(|p| p.len() == digits.len() && p.bytes().map(|b| b - b'0').eq(digits.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::PUBLISHED;

    #[test]
    fn each_is_a_card_number() {
        for text in PUBLISHED {
            let digits: Vec<u8> = text.bytes().map(|b| b - b'0').collect();
            assert!(crate::luhn::passes(&digits), "{text}");
            assert!(crate::iin::issued(&digits).is_some(), "{text}");
        }
    }
}
