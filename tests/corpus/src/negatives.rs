//! Hard negatives: numbers and texts that must come out byte-identical, and the bare ids
//! that look like a card in every respect (reported apart).

use crate::card::{self, Pan, looks_like_card};
use crate::case::{Class, Corpus};
use crate::positives::{JSON, TEXT, expect_at, structured, tool_text};
use crate::{Rng, encode};

const EACH: usize = 30;

/// One way to make a text without a card.
type Make = fn(&mut Rng, usize) -> String;

const TEXTS: &[(&str, Make)] = &[
    ("luhn-failure", luhn_failure),
    ("luhn-failure-grouped", luhn_failure_grouped),
    ("unassigned-iin", unassigned_iin),
    ("wrong-length", wrong_length),
    ("epoch", epoch),
    ("date-time", date_time),
    ("uuid", |r, i| {
        format!(
            "{} {}",
            r.uuid(),
            if i.is_multiple_of(2) {
                digit_uuid(r)
            } else {
                r.uuid()
            }
        )
    }),
    ("hex", hex),
    ("hex-literal", |r, _| {
        format!("mov rax, 0x{}; 0X{}", card::usual16(r).digits, r.hex(16))
    }),
    ("hash", |r, i| {
        format!("sha {} md5 {}", r.hex(40 + 24 * (i % 2)), r.hex(32))
    }),
    ("token", token),
    ("random-base64", |r, i| {
        let n = 60 + i * 97;
        encode::base64(&r.bytes(n), i % 2 == 1, true)
    }),
    ("imei", |r, _| format!("IMEI {}", imei(r))),
    ("iccid", |r, _| format!("iccid: 89{}", r.digits(17 + 1))),
    ("ean-isbn", ean),
    ("phone", phone),
    ("order-number", |r, _| {
        format!("order {} ref {}", failing(r, 16), failing(r, 12))
    }),
    ("tracking", tracking),
    ("float", float),
    ("ip", |r, _| {
        format!("{} {} fe80::{}:{}", ip(r), ip(r), r.hex(4), r.hex(4))
    }),
    ("version", version),
    ("iban", iban),
    ("amount", amount),
    ("repeated-digits", |r, _| {
        let d = r.digits(1);
        format!(
            "{} {} {}",
            d.repeat(16),
            d.repeat(15),
            vec![d.repeat(4); 4].join("-")
        )
    }),
    ("longer-run", longer_run),
    ("neighbouring-lines", |r, _| columns(r, "\n")),
    ("csv-cells", |r, _| columns(r, ",")),
    ("csv-cells-semicolon", |r, _| columns(r, ";")),
    ("tsv-cells", |r, _| columns(r, "\t")),
    ("markdown-cells", |r, _| {
        format!("| {} |", columns(r, " | "))
    }),
    ("masked", masked),
    ("number-series", |r, _| {
        (0..9)
            .map(|_| format!("{}", r.between(1000, 9999)))
            .collect::<Vec<_>>()
            .join(" ")
    }),
    ("thousands", |r, _| {
        format!("{} {} {}", r.digits(3), r.digits(3), r.digits(3))
    }),
    ("words", |r, i| {
        "The card was not present and the customer could not pay. ".repeat(1 + i % 3) + &r.digits(3)
    }),
];

pub(crate) fn add(corpus: &mut Corpus) {
    for (name, make) in TEXTS {
        for i in 0..EACH {
            let text = make(&mut corpus.rng, i);
            let category = format!("negative/{name}");
            if i % 3 == 0 {
                corpus.add(&category, Class::Negative, TEXT, text, vec![]);
            } else {
                let body = tool_text(&mut corpus.rng, &text);
                corpus.add(&category, Class::Negative, JSON, body, vec![]);
            }
        }
    }
    values(corpus);
    random(corpus);
    apart(corpus);
}

/// Negatives that are JSON values.
fn values(corpus: &mut Corpus) {
    for i in 0..EACH {
        let rng = &mut corpus.rng;
        let mixed = mixed_array(rng);
        let bytes: Vec<String> = (0..64).map(|_| rng.below(256).to_string()).collect();
        let failing_number = failing(rng, 16);
        let vector: Vec<String> = (0..24).map(|_| format!("0.{}", rng.digits(16))).collect();
        let groups: Vec<String> = (0..9)
            .map(|_| rng.between(1000, 9999).to_string())
            .collect();
        let blob = encode::base64(&rng.bytes(700 + i * 40), false, true);
        let small: Vec<String> = failing(rng, 16).chars().map(|c| c.to_string()).collect();
        let broken = broken(rng);
        let parts = broken.grouped(broken.layout(), "\",\"");
        for (name, value) in [
            ("array-mixed-widths", format!("{{\"values\":[{mixed}]}}")),
            (
                "array-bytes",
                format!("{{\"bytes\":[{}]}}", bytes.join(",")),
            ),
            (
                "array-integers",
                format!("{{\"ports\":[{}]}}", groups.join(", ")),
            ),
            (
                "number-luhn-failure",
                format!("{{\"id\":{failing_number},\"b\":[{failing_number}]}}"),
            ),
            (
                "number-decimal",
                format!(
                    "{{\"x\":{}.5,\"y\":0.{}}}",
                    card::usual16(rng).digits,
                    card::usual16(rng).digits
                ),
            ),
            (
                "number-exponent-not-integer",
                format!(
                    "{{\"x\":4.1111111111111{}e{}}}",
                    rng.digits(3),
                    [9, 12, -5, 300][i % 4]
                ),
            ),
            (
                "vector",
                format!("{{\"embedding\":[{}]}}", vector.join(",")),
            ),
            (
                "epoch-number",
                format!(
                    "{{\"ts\":{},\"us\":{}}}",
                    rng.between(1_600_000_000_000, 1_900_000_000_000),
                    rng.between(1_600_000_000_000_000, 1_900_000_000_000_000)
                ),
            ),
            (
                "object-numbers",
                format!(
                    "{{\"a\":{},\"b\":\"{}\",\"c\":\"{}\"}}",
                    rng.below(9999),
                    rng.below(99),
                    rng.digits(5)
                ),
            ),
            (
                "array-small-integers",
                format!("{{\"scores\":[{}]}}", small.join(",")),
            ),
            ("array-luhn-failure", format!("{{\"parts\":[\"{parts}\"]}}")),
            ("blob-random", format!("{{\"blob\":\"{blob}\"}}")),
        ] {
            let body = structured(&mut corpus.rng, &value);
            corpus.add(
                &format!("negative/{name}"),
                Class::Negative,
                JSON,
                body,
                vec![],
            );
        }
        let mut events = String::new();
        for n in 0..6 {
            events.push_str(&format!("id: {n}\ndata: {{\"method\":\"notifications/progress\",\"params\":{{\"progress\":{},\"total\":100000,\"message\":\"row {}\"}}}}\n\n", corpus.rng.below(100_000), corpus.rng.below(100_000)));
        }
        corpus.add(
            "negative/sse-progress",
            Class::Negative,
            ("text/event-stream", "identity"),
            events,
            vec![],
        );
        let binary = corpus.rng.bytes(300 + i * 50);
        corpus.add(
            "negative/random-binary",
            Class::Negative,
            ("application/octet-stream", "identity"),
            binary,
            vec![],
        );
    }
}

/// Random digit strings of every length that fail some test.
fn random(corpus: &mut Corpus) {
    for _ in 0..200 {
        let mut text = String::new();
        for _ in 0..12 {
            let len = 8 + corpus.rng.below(16);
            text.push_str(&failing(&mut corpus.rng, len));
            let joint = *corpus.rng.pick(&[", ", "\n", " / x ", ";"]);
            text.push_str(joint);
        }
        corpus.add(
            "negative/random-digits",
            Class::Negative,
            TEXT,
            text,
            vec![],
        );
    }
}

/// Valid by prefix, length and Luhn, and yet an id as far as anybody can tell.
fn apart(corpus: &mut Corpus) {
    for i in 0..60 {
        let pan = card::usual(&mut corpus.rng);
        let key = [
            "order_id",
            "trace_id",
            "id",
            "snowflake",
            "account_id",
            "imei",
        ][i % 6];
        let value = format!("{{\"{key}\":{}}}", pan.digits);
        let body = structured(&mut corpus.rng, &value);
        let want = expect_at(&body, 0, &pan.digits, &pan);
        corpus.add(
            &format!("apart/bare-id/{key}"),
            Class::Apart,
            JSON,
            body,
            vec![want],
        );
    }
}

/// `n` digits that no scanner may take for a card, as a whole.
pub(crate) fn failing(rng: &mut Rng, n: usize) -> String {
    loop {
        let digits = rng.digits(n);
        if !looks_like_card(&digits) {
            return digits;
        }
    }
}

fn luhn_failure(rng: &mut Rng, i: usize) -> String {
    format!(
        "{} {}",
        ["card", "number", "PAN", ""][i % 4],
        broken(rng).digits
    )
}

fn luhn_failure_grouped(rng: &mut Rng, i: usize) -> String {
    let pan = broken(rng);
    pan.grouped(pan.layout(), [" ", "-", ".", "\u{a0}", "  "][i % 5])
}

/// A card number with one digit changed.
fn broken(rng: &mut Rng) -> Pan {
    loop {
        let pan = card::usual(rng);
        let at = 6 + rng.below(pan.digits.len() - 6);
        let digits = format!(
            "{}{}{}",
            &pan.digits[..at],
            rng.digits(1),
            &pan.digits[at + 1..]
        );
        if !card::luhn(&digits) {
            return Pan {
                digits,
                brands: vec![],
            };
        }
    }
}

/// Passes Luhn, issued to nobody.
fn unassigned_iin(rng: &mut Rng, i: usize) -> String {
    let head = [
        "00", "01", "07", "70", "77", "79", "91", "99", "2100", "2721", "2999", "3100", "3300",
        "3900000",
    ][i % 12];
    let len = 16;
    let pan = card::draw_from(rng, head, len);
    assert!(pan.brands.is_empty(), "{pan:?}");
    let form = if i.is_multiple_of(2) {
        pan.digits.clone()
    } else {
        pan.grouped(pan.layout(), " ")
    };
    format!("number {form}")
}

fn wrong_length(rng: &mut Rng, i: usize) -> String {
    let (bin, len) = [
        ("411111", 14),
        ("411111", 15),
        ("411111", 17),
        ("555555", 15),
        ("555555", 17),
        ("555555", 19),
        ("378282", 14),
        ("378282", 16),
        ("353011", 15),
        ("411111", 12),
        ("601111", 11),
        ("222300", 14),
    ][i % 12];
    loop {
        let pan = card::draw_from(rng, bin, len);
        if pan.brands.is_empty() {
            return format!("n={}", pan.digits);
        }
    }
}

fn epoch(rng: &mut Rng, i: usize) -> String {
    let s = rng.between(1_500_000_000, 1_900_000_000);
    let digits = [3, 6, 9][i % 3];
    let parts: Vec<String> = (0..5)
        .map(|n| format!("{}{}", s + n * 60, rng.digits(digits)))
        .collect();
    parts.join([" ", "\n", ", ", "..", " - "][i % 5])
}

fn date_time(rng: &mut Rng, i: usize) -> String {
    let (y, mo, d) = (
        rng.between(1990, 2035),
        rng.between(1, 12),
        rng.between(1, 28),
    );
    let (h, mi, s) = (rng.between(0, 23), rng.between(0, 59), rng.between(0, 59));
    let ms = rng.digits(3);
    match i % 5 {
        0 => format!("{y}{mo:02}{d:02}{h:02}{mi:02}{s:02} {y}{mo:02}{d:02}{h:02}{mi:02}{s:02}{ms}"),
        1 => format!("{y}-{mo:02}-{d:02} {h:02}:{mi:02}:{s:02}.{ms}{ms}"),
        2 => format!("{y}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}.{ms}Z"),
        3 => format!(
            "{d:02}.{mo:02}.{y} {d:02}.{mo:02}.{y} {d:02}/{mo:02}/{y} {h:02}-{mi:02}-{s:02}"
        ),
        _ => format!(
            "{y}{mo:02}{d:02}-{h:02}{mi:02}{s:02}-{ms} {y} {mo:02} {d:02} {h:02} {mi:02} {s:02}"
        ),
    }
}

/// A UUID all of whose characters are digits, a card number among them.
fn digit_uuid(rng: &mut Rng) -> String {
    let card = card::usual16(rng).digits;
    format!(
        "{}-{}-{}-{}-{}",
        &card[..8],
        &card[8..12],
        &card[12..],
        rng.digits(4),
        rng.digits(12)
    )
}

/// A run of 24 and more hex characters, letters among them, a card number inside.
fn hex(rng: &mut Rng, i: usize) -> String {
    let card = card::usual16(rng).digits;
    let (a, b) = (
        rng.text("abcdef", 1 + i % 4) + &rng.hex(5),
        rng.text("abcdef", 1) + &rng.hex(8),
    );
    format!("commit {a}{}{card}{b}", rng.text("abcdef", 2))
}

fn token(rng: &mut Rng, i: usize) -> String {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    match i % 4 {
        0 => {
            let claims = format!(
                "{{\"sub\":\"{}\",\"iat\":{},\"jti\":\"{}\"}}",
                rng.uuid(),
                rng.between(1_600_000_000, 1_800_000_000),
                rng.hex(24)
            );
            let head = encode::base64(b"{\"alg\":\"RS256\",\"typ\":\"JWT\"}", true, false);
            format!(
                "Bearer {head}.{}.{}",
                encode::base64(claims.as_bytes(), true, false),
                encode::base64(&rng.bytes(256), true, false)
            )
        }
        1 => format!(
            "sk_test_{} ghp_{}",
            rng.text(letters, 24),
            rng.text(letters, 36)
        ),
        2 => format!(
            "AKIA{} {}",
            rng.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16),
            rng.text(letters, 40)
        ),
        _ => format!(
            "xoxb-{}-{}-{}",
            failing(rng, 12),
            failing(rng, 13),
            rng.text(letters, 24)
        ),
    }
}

/// Valid IMEI: 15 digits, Luhn.
pub(crate) fn imei(rng: &mut Rng) -> String {
    let head = format!("{}{}", rng.pick(&["35", "86", "01", "99"]), rng.digits(12));
    format!("{head}{}", card::check_digit(&head))
}

fn ean(rng: &mut Rng, i: usize) -> String {
    // The hardest: an EAN-13 that begins with 4 and passes Luhn as well.
    let head = format!(
        "{}{}",
        ["4", "978", "40", "5", "0", "3"][i % 6],
        rng.digits(12)
    );
    let head = &head[..12];
    let sum: u32 = head
        .bytes()
        .enumerate()
        .map(|(n, b)| u32::from(b - b'0') * (1 + 2 * (n as u32 % 2)))
        .sum();
    let ean = format!("{head}{}", (10 - sum % 10) % 10);
    match i % 3 {
        0 => format!("EAN {ean}"),
        1 => format!("{ean};{};12.50", failing(rng, 8)),
        _ => format!(
            "ISBN {}-{}-{}-{}-{}",
            &ean[..3],
            &ean[3..4],
            &ean[4..7],
            &ean[7..12],
            &ean[12..]
        ),
    }
}

fn phone(rng: &mut Rng, i: usize) -> String {
    match i % 5 {
        0 => format!("+{}", card::draw_from(rng, "378282", 15).digits),
        1 => format!("tel +49 {} {}", rng.digits(3), rng.digits(7)),
        2 => format!(
            "(555) {}-{} x{}",
            rng.digits(3),
            rng.digits(4),
            rng.digits(3)
        ),
        3 => format!(
            "0049-{}-{}, 001 555 {} {}",
            rng.digits(3),
            rng.digits(8),
            rng.digits(3),
            rng.digits(4)
        ),
        _ => format!(
            "+1-555-{}-{} +44 20 {} {}",
            rng.digits(3),
            rng.digits(4),
            rng.digits(4),
            rng.digits(4)
        ),
    }
}

fn tracking(rng: &mut Rng, i: usize) -> String {
    match i % 4 {
        0 => format!(
            "USPS 9400 1{} {} {} {} {}",
            rng.digits(3),
            rng.digits(4),
            rng.digits(4),
            rng.digits(4),
            rng.digits(2)
        ),
        1 => format!("FedEx {}", failing(rng, 12)),
        2 => format!(
            "1Z{}{}",
            rng.text("ABCDEFGHJKLMNPRSTUVWXYZ0123456789", 6),
            rng.digits(10)
        ),
        _ => format!("USPS 94{}", rng.digits(20)),
    }
}

fn float(rng: &mut Rng, i: usize) -> String {
    let card = card::usual16(rng).digits;
    match i % 4 {
        0 => format!("0.{card}"),
        1 => format!("p = {}.{card}", rng.below(100)),
        2 => format!("{card}.{}", rng.between(1, 99)),
        _ => format!("52.{} 13.{} -0.{card}", rng.digits(7), rng.digits(7)),
    }
}

fn ip(rng: &mut Rng) -> String {
    (0..4)
        .map(|_| rng.below(256).to_string())
        .collect::<Vec<_>>()
        .join(".")
}

/// As browsers, systems and drivers number themselves.
fn version(rng: &mut Rng, i: usize) -> String {
    let (a, b, c) = (rng.below(200), rng.below(30), rng.below(9999));
    match i % 4 {
        0 => format!(
            "Chrome/{a}.0.{}.{}",
            rng.between(1000, 9999),
            rng.below(300)
        ),
        1 => format!("v{a}.{b}.{c}-rc.{b}+{}", rng.digits(8)),
        2 => format!("10.0.{}.{c} 31.0.101.{c}", rng.between(10_000, 29_999)),
        _ => format!("2026.{b}.{c}.{} 1.{b}.{a}", rng.digits(8)),
    }
}

/// German IBANs whose account part is a card number and two digits.
fn iban(rng: &mut Rng, i: usize) -> String {
    let account = format!("{}{}", card::usual16(rng).digits, rng.digits(2));
    let rest = format!("{account}131400") // D = 13, E = 14, check 00
        .bytes()
        .fold(0u32, |n, b| (n * 10 + u32::from(b - b'0')) % 97);
    let iban = format!("DE{:02}{account}", 98 - rest);
    if i.is_multiple_of(2) {
        return format!("IBAN {iban}");
    }
    let groups: Vec<&str> = (0..iban.len())
        .step_by(4)
        .map(|at| &iban[at..(at + 4).min(iban.len())])
        .collect();
    groups.join(" ")
}

fn amount(rng: &mut Rng, i: usize) -> String {
    let card = card::usual16(rng).digits;
    let joint = [",", "'", "_"][i % 2];
    let mut parts = vec![&card[..1]];
    parts.extend((1..16).step_by(3).map(|at| &card[at..at + 3]));
    format!(
        "USD {}.{} EUR {}.{}",
        parts.join(joint),
        rng.digits(2),
        rng.digits(4),
        rng.digits(2)
    )
}

fn longer_run(rng: &mut Rng, i: usize) -> String {
    let card = card::usual16(rng).digits;
    format!("{}{card}{}", rng.digits(4 + i % 3), rng.digits(i % 6))
}

/// Cells that only form a card when joined.
fn columns(rng: &mut Rng, joint: &str) -> String {
    let pan = card::usual16(rng);
    pan.grouped(pan.layout(), joint)
}

/// What a gateway in front has already masked.
fn masked(rng: &mut Rng, i: usize) -> String {
    let d = card::usual16(rng).digits;
    let (head, last) = (&d[..6], &d[12..]);
    match i % 9 {
        0 => format!("{head}******{last}"),
        1 => format!("**** **** **** {last}"),
        2 => format!("{}-{}XX-XXXX-{last}", &d[..4], &d[4..6]),
        3 => format!("{head}xxxxxx{last}"),
        4 => format!("\u{2022}\u{2022}\u{2022}\u{2022} {last}"),
        5 => format!("{} {}** **** {last}", &d[..4], &d[4..6]),
        6 => format!("************{last}, ************{}", &d[8..12]),
        7 => format!("card ending in {last} ({head}...{last})"),
        _ => {
            let mut number = format!("{head}000000{last}");
            if card::luhn(&number) {
                number.replace_range(11..12, "1");
            }
            format!("number {number}")
        }
    }
}

/// Integers of mixed widths whose digits joined are a card number.
fn mixed_array(rng: &mut Rng) -> String {
    let pan = card::usual16(rng);
    let mut parts = pan.grouped(&[2, 3, 1, 4, 5, 1], " ");
    // No leading zeros in JSON numbers.
    parts = parts
        .split(' ')
        .map(|p| p.replacen('0', "1", usize::from(p.starts_with('0'))))
        .collect::<Vec<_>>()
        .join(",");
    parts
}
