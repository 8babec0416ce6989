//! Words to the left of a number that make it more or less likely to be a card. They
//! raise or lower confidence and decide on bare numbers of unusual lengths; they never
//! veto a card layout.

/// Bytes before the number that are read.
const REACH: usize = 64;

/// Words of cards; `true` = counts only as a word of its own (`pan`, not `company`).
const CARD: &[(&[u8], bool)] = &[
    (b"card", false),
    (b"karte", false),
    (b"carte", false),
    (b"carta", true),
    (b"tarjeta", false),
    (b"credit", false),
    (b"debit", false),
    (b"visa", true),
    (b"mastercard", false),
    (b"maestro", false),
    (b"amex", true),
    (b"american express", false),
    (b"diners", false),
    (b"jcb", true),
    (b"unionpay", false),
    (b"rupay", true),
    (b"pan", true),
    (b"ccn", true),
    (b"ccnum", false),
    (b"cc", true),
    (b"cvv", false),
    (b"cvc", true),
    (b"primary_account", false),
    (b"primaryaccount", false),
    (b"primary account", false),
];

/// Words of other numbers.
const OTHER: &[(&[u8], bool)] = &[
    (b"imei", true),
    (b"imsi", true),
    (b"meid", true),
    (b"iccid", true),
    (b"msisdn", true),
    (b"phone", false),
    (b"ean", true),
    (b"gtin", true),
    (b"upc", true),
    (b"isbn", true),
    (b"issn", true),
    (b"sscc", true),
    (b"gs", true),
    (b"barcode", false),
    (b"sku", true),
    (b"serial", false),
    (b"vin", true),
    (b"trace", false),
    (b"span_id", false),
    (b"spanid", false),
    (b"request_id", false),
    (b"requestid", false),
    (b"message_id", false),
    (b"messageid", false),
    (b"order", false),
    (b"invoice", false),
    (b"ticket", false),
    (b"offset", true),
    (b"cursor", true),
    (b"sequence", false),
    (b"seq", true),
    (b"snowflake", false),
    (b"tweet", false),
    (b"timestamp", false),
    (b"epoch", false),
    (b"nonce", true),
    (b"hash", true),
    (b"checksum", false),
    (b"tracking", false),
    (b"parcel", false),
];

/// Is a card word close before the number?
pub(crate) fn card(left: &[u8]) -> bool {
    any(near(left), CARD)
}

/// Is a card word anywhere in a text, such as the path of a value?
pub(crate) fn card_anywhere(text: &[u8]) -> bool {
    any(text, CARD)
}

/// Is it named as a number of another kind: does such a word, and no card word, stand
/// between the last `,`, `;`, `&`, brace or line end and the number?
pub(crate) fn other(left: &[u8]) -> bool {
    let near = near(left);
    let from = near
        .iter()
        .rposition(|b| matches!(b, b',' | b';' | b'&' | b'{' | b'}' | b'\n'));
    let clause = &near[from.map_or(0, |i| i + 1)..];
    any(clause, OTHER) && !any(clause, CARD)
}

fn near(left: &[u8]) -> &[u8] {
    &left[left.len().saturating_sub(REACH)..]
}

fn any(left: &[u8], words: &[(&[u8], bool)]) -> bool {
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
