//! Words to the left of a number that make it more or less likely to be a card.

/// Bytes before the number that are read.
const REACH: usize = 64;

/// Words of cards; `true` = counts only as a word of its own (`pan`, not `company`).
const CARD: &[(&[u8], bool)] = &[
    (b"card", false),
    (b"karte", false),
    (b"carte", false),
    (b"tarjeta", false),
    (b"credit", false),
    (b"debit", false),
    (b"visa", true),
    (b"mastercard", false),
    (b"maestro", false),
    (b"amex", true),
    (b"unionpay", false),
    (b"pan", true),
    (b"ccn", true),
    (b"cc", true),
    (b"primary_account", false),
];

/// Words of other numbers.
const OTHER: &[(&[u8], bool)] = &[
    (b"imei", true),
    (b"iccid", true),
    (b"ean", true),
    (b"gtin", true),
    (b"isbn", true),
    (b"trace", false),
    (b"span_id", false),
    (b"offset", true),
    (b"snowflake", false),
    (b"timestamp", false),
    (b"tracking", false),
];

/// Is a card word close before the number?
pub(crate) fn card(left: &[u8]) -> bool {
    any(left, CARD)
}

/// Is a word of another kind of number close before it?
pub(crate) fn other(left: &[u8]) -> bool {
    any(left, OTHER)
}

fn any(left: &[u8], words: &[(&[u8], bool)]) -> bool {
    let left = &left[left.len().saturating_sub(REACH)..];
    words.iter().any(|(word, alone)| {
        left.windows(word.len()).enumerate().any(|(i, w)| {
            w.eq_ignore_ascii_case(word)
                && (!alone
                    || (!letter(left, i.checked_sub(1)) && !letter(left, Some(i + word.len()))))
        })
    })
}

fn letter(text: &[u8], at: Option<usize>) -> bool {
    at.and_then(|i| text.get(i))
        .is_some_and(u8::is_ascii_alphabetic)
}
