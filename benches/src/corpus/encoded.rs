//! Texts full of what makes a scanner leave its fast path.

use super::{Maker, cards, json};

const FOREIGN: &[&str] = &[
    "訂單已發貨",
    "客户付款",
    "請確認地址",
    "оплата получена",
    "заказ отправлен",
    "счёт",
    "تم الدفع",
    "الطلب",
    "ご注文番号",
    "お支払い",
    "é déjà payé",
    "größe",
    "🙂",
    "✓",
];

/// A string of JSON: escapes of letters, of digits now and then, slashes, nested JSON.
pub(super) fn escapes(maker: &mut Maker) {
    let mut text = String::new();
    for _ in 0..4 + maker.random.below(8) {
        for c in maker.random.pick(FOREIGN).encode_utf16() {
            text.push_str(&format!("\\u{c:04x}"));
        }
        match maker.random.below(4) {
            0 => text.push_str(&escaped(&maker.random.digits(6))),
            1 => text.push_str(r"https:\/\/example.com\/v1\/orders\/"),
            _ => text.push_str(&maker.random.digits(4)),
        }
        text.push_str(r"\t");
    }
    if let Some(card) = maker.hidden_card() {
        text.push_str(&format!("card {} ", escaped(&card)));
    }
    // A text of JSON in a text of JSON in a text of JSON.
    let inner = format!(
        r#"{{"id":{},"note":"{text}"}}"#,
        maker.random.below(1_000_000)
    );
    let nested = match maker.random.below(3) {
        0 => inner,
        1 => format!(r#"{{"text":"{}"}}"#, nest(&inner)),
        _ => format!(
            r#"{{"text":"{}"}}"#,
            nest(&format!(r#"{{"t":"{}"}}"#, nest(&inner)))
        ),
    };
    maker.push(nested);
    maker.push("\n");
}

/// As `\u0034\u0031...`.
fn escaped(digits: &str) -> String {
    digits
        .chars()
        .map(|d| format!("\\u{:04x}", u32::from(d)))
        .collect()
}

/// As the content of a JSON string.
fn nest(json: &str) -> String {
    json.replace('\\', r"\\").replace('"', "\\\"")
}

/// A line of foreign text with digits right beside it.
pub(super) fn unicode(maker: &mut Maker) {
    let mut text = String::new();
    for _ in 0..6 + maker.random.below(10) {
        text.push_str(maker.random.pick(FOREIGN));
        // Not eight: two groups of eight are a card layout.
        let number = maker.random.below(5) as usize + 3;
        let digits = maker.random.digits(number);
        match maker.random.below(8) {
            0 => text.push_str(&shifted(&digits, 0xFF10)),
            1 => text.push_str(&shifted(&digits, 0x0660)),
            2 => text.push_str(&format!("{digits}\u{a0}{digits}\u{2009}{digits}")),
            3 => text.push_str(&format!("{digits}\u{2013}{digits}")),
            4 => text.push_str(&format!("\u{200b}{digits}\u{200d}")),
            5 => text.push_str(&cards::group(
                &cards::off_by_one(&mut maker.random),
                "\u{a0}",
            )),
            _ => text.push_str(&digits),
        }
    }
    if let Some(card) = maker.hidden_card() {
        text.push_str(&format!("卡號 {} ", shifted(&card, 0xFF10)));
    }
    maker.push(format!("{{\"text\":\"{text}\"}}\n"));
}

/// The same digits of another script.
fn shifted(digits: &str, zero: u32) -> String {
    let digit = |d: u8| char::from_u32(zero + u32::from(d - b'0')).unwrap_or('?');
    digits.bytes().map(digit).collect()
}

/// A blob (an image; a text in one of five), tokens and hashes.
pub(super) fn base64(maker: &mut Maker) {
    let len = 3000 + maker.random.below(20_000) as usize;
    let blob = match maker.hidden_card() {
        Some(card) => encode(
            format!("card number {card}, thank you").as_bytes(),
            STANDARD,
        ),
        None if maker.random.one_in(5) => text_blob(maker, len),
        None => noise(maker, len),
    };
    let (token, claims) = (noise(maker, 32), noise(maker, 120));
    let url = |text: &str| text.replace('+', "-").replace('/', "_").replace('=', "");
    maker.push(format!(
        "{{\"type\":\"image\",\"data\":\"{blob}\",\"mimeType\":\"image/png\",\"etag\":\"{token}\",\"auth\":\"eyJhbGciOiJFUzI1NiJ9.{}.{}\"}}\n",
        url(&claims),
        url(&token),
    ));
}

fn noise(maker: &mut Maker, len: usize) -> String {
    let noise: Vec<u8> = (0..len).map(|_| maker.random.next() as u8).collect();
    encode(&noise, STANDARD)
}

/// Base64 of rows of a result.
fn text_blob(maker: &mut Maker, len: usize) -> String {
    let start = maker.out.len();
    // No card number in it: it would be counted as one that is not encoded.
    let every = std::mem::replace(&mut maker.every, usize::MAX);
    while maker.out.len() < start + len {
        json::message(maker);
    }
    maker.every = every;
    let text = maker.out.split_off(start);
    encode(&text, STANDARD)
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encode(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let word = (0..3).fold(0, |n, i| {
            n << 8 | u32::from(group.get(i).copied().unwrap_or(0))
        });
        for i in 0..4 {
            out.push(match i <= group.len() {
                true => char::from(alphabet[(word >> (18 - 6 * i)) as usize & 63]),
                false => '=',
            });
        }
    }
    out
}

/// A line of an access log with a query, or of HTML.
pub(super) fn percent(maker: &mut Maker) {
    let words = maker.words(3);
    let foreign: String = maker
        .random
        .pick(FOREIGN)
        .bytes()
        .map(|b| format!("%{b:02X}"))
        .collect();
    let hidden = maker.hidden_card();
    let digits = maker.random.digits(7);
    let line = if maker.random.one_in(2) {
        let card = hidden.map_or_else(String::new, |card| format!("&card={}", percented(&card)));
        format!(
            "GET /s?q={}&t={foreign}&n={}&id={digits}%20{digits}%2D{digits}{card} HTTP/1.1\n",
            words.replace(' ', "%20"),
            percented(&digits),
        )
    } else {
        let card = hidden.map_or_else(String::new, |card| entities(&card));
        format!(
            "<td>{words}&nbsp;{digits}&nbsp;{digits}&amp;{}</td><td>&#8364;{digits}</td><b>{card}</b>\n",
            entities(&digits),
        )
    };
    maker.push(line);
}

fn percented(digits: &str) -> String {
    digits.bytes().map(|d| format!("%{d:02X}")).collect()
}

fn entities(digits: &str) -> String {
    digits.bytes().map(|d| format!("&#{d};")).collect()
}

/// One line with all of it; no number in it is a card.
pub(super) fn all(maker: &mut Maker) {
    let random = &mut maker.random;
    let mut number = || cards::off_by_one(random);
    let (a, b, c, d) = (number(), number(), number(), number());
    let (e, f, g) = (number(), number(), number());
    let blob = encode(format!("id {e} and {f}").as_bytes(), STANDARD);
    let inner = format!(r#"{{"n":"{}","u":"\/{}","cvv":"x"}}"#, escaped(&a), a);
    let foreign = maker.random.pick(FOREIGN);
    maker.push(format!(
        "{{\"e\":\"{}\",\"j\":\"{}\",\"p\":\"{}\",\"h\":\"{}\",\"w\":\"{foreign}{}{foreign}\",\"z\":\"{}\",\"b\":\"{blob}\",\"a\":[{}],\"q\":[\"{}\"],\"x\":{}.{}e15,\"i\":{}}}\n",
        escaped(&b),
        nest(&inner),
        percented(&c),
        entities(&d),
        shifted(&e, 0xFF10),
        cards::group(&f, "\u{200b}\u{a0}"),
        split(&g),
        cards::group(&a, "\",\""),
        &b[..1],
        &b[1..],
        c,
    ));
}

/// As the elements of an array.
fn split(digits: &str) -> String {
    let digits: Vec<String> = digits.chars().map(String::from).collect();
    digits.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        assert_eq!(encode(b"Many hands", STANDARD), "TWFueSBoYW5kcw==");
        assert_eq!(encode(b"light work.", STANDARD), "bGlnaHQgd29yay4=");
        assert_eq!(percented("41"), "%34%31");
        assert_eq!(entities("41"), "&#52;&#49;");
        assert_eq!(escaped("41"), r"\u0034\u0031");
        assert_eq!(shifted("41", 0xFF10), "４１");
    }
}
