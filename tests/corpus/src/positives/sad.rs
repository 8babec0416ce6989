//! Sensitive authentication data: tracks, verification codes, PINs.

use super::plain::in_order;
use super::{JSON, TEXT, expect, expect_at, structured, tool_text};
use crate::card::{self, Pan};
use crate::case::{Class, Corpus, Expect};
use crate::encode;

const EACH: usize = 24;

fn track(kind: &'static str, pan: &Pan, secret: &str) -> Expect {
    Expect {
        kind,
        secret: Some(secret.to_owned()),
        ..expect(pan)
    }
}

fn code(kind: &'static str, digits: &str, span: (usize, usize)) -> Expect {
    Expect {
        kind,
        brands: vec![],
        digits: digits.to_owned(),
        span: Some(span),
        secret: None,
        maskable: true,
    }
}

pub(super) fn add(corpus: &mut Corpus) {
    tracks(corpus);
    codes(corpus);
    by_key(corpus);
}

fn tracks(corpus: &mut Corpus) {
    for i in 0..EACH {
        let pan = card::usual(&mut corpus.rng);
        let disc = format!("2912101{}", corpus.rng.digits(10));
        let name = ["LEE/ANN", "DOE/JOHN Q", "GARCIA LOPEZ/MARIA"][i % 3];
        let one = format!("%B{}^{name}^{disc}?", pan.digits);
        let two = format!(";{}={disc}?", pan.digits);
        let bare = format!("{}={disc}", pan.digits);
        let both = format!("{one}{two}");
        for (category, form, wants) in [
            ("sad/track1", &one, vec![track("track1", &pan, &disc)]),
            ("sad/track2", &two, vec![track("track2", &pan, &disc)]),
            (
                "sad/track2-no-sentinels",
                &bare,
                vec![track("track2", &pan, &disc)],
            ),
            (
                "sad/track-1-and-2",
                &both,
                vec![track("track1", &pan, &disc), track("track2", &pan, &disc)],
            ),
        ] {
            let text = ["swipe {} ok", "{}", "raw={}\n"][i % 3].replace("{}", form);
            if i % 2 == 0 {
                corpus.add(category, Class::Core, TEXT, text, wants);
            } else {
                let body = tool_text(&mut corpus.rng, &text);
                corpus.add(category, Class::Core, JSON, body, wants);
            }
        }
    }
}

/// A code close behind a card in free text.
fn codes(corpus: &mut Corpus) {
    const TEXTS: &[&str] = &[
        "card {} exp 12/29 cvv {c}",
        "{} 12/29 CVV: {c}",
        "card={} cvc={c}",
        "PAN {}, CVV2 {c}, thanks",
        "{} security code {c}",
    ];
    for i in 0..EACH * 2 {
        let pan = card::usual16(&mut corpus.rng);
        let digits = corpus.rng.digits(3);
        let form = if i % 4 == 0 {
            pan.grouped(pan.layout(), " ")
        } else {
            pan.digits.clone()
        };
        let text = TEXTS[i % TEXTS.len()]
            .replace("{}", &form)
            .replace("{c}", &digits);
        let json = i % 3 != 0;
        let body = if json {
            tool_text(&mut corpus.rng, &text)
        } else {
            text
        };
        let mut wants = in_order(
            &body,
            std::slice::from_ref(&form),
            std::slice::from_ref(&pan),
        );
        let from = wants[0].span.map_or(0, |s| s.1);
        // Behind the number the code is the last run of three digits.
        let at = body[from..].rfind(&digits).map_or(0, |at| from + at);
        wants.push(code("cvv", &digits, (at, at + 3)));
        corpus.add(
            "sad/cvv-near-pan",
            Class::Core,
            if json { JSON } else { TEXT },
            body,
            wants,
        );
    }
}

/// A code under its own key.
fn by_key(corpus: &mut Corpus) {
    for i in 0..EACH {
        let pan = card::usual(&mut corpus.rng);
        let digits = corpus.rng.digits(3 + i % 2);
        let key = [
            "cvv",
            "cvc",
            "cvv2",
            "card_cvc",
            "securityCode",
            "cvcCode",
            "CVV",
        ][i % 7];
        for (category, class, value, with_pan) in [
            (
                "sad/cvv-key-beside-pan",
                Class::Core,
                format!("{{\"card\":\"{}\",\"{key}\":\"{digits}\"}}", pan.digits),
                true,
            ),
            (
                "sad/cvv-key-number",
                Class::Core,
                format!(
                    "{{\"card\":\"{}\",\"exp\":\"12/29\",\"{key}\":7{}}}",
                    pan.digits,
                    &digits[1..]
                ),
                true,
            ),
            (
                "sad/cvv-key-alone",
                Class::Core,
                format!("{{\"{key}\":\"{digits}\",\"ok\":true}}"),
                false,
            ),
            (
                "sad/cvv-key-before-pan",
                Class::Core,
                format!("{{\"{key}\":\"{digits}\",\"card\":\"{}\"}}", pan.digits),
                true,
            ),
        ] {
            let body = structured(&mut corpus.rng, &value);
            push_code(
                corpus,
                category,
                class,
                body,
                key,
                "cvv",
                with_pan.then_some(&pan),
            );
        }
        let pin = corpus.rng.digits(4);
        let key = ["pin", "card_pin", "PIN", "pin_code"][i % 4];
        let value = format!("{{\"card\":\"{}\",\"{key}\":\"{pin}\"}}", pan.digits);
        let body = structured(&mut corpus.rng, &value);
        push_code(
            corpus,
            "sad/pin-key-beside-pan",
            Class::Core,
            body,
            key,
            "pin",
            Some(&pan),
        );
        let inner = format!("{{\"card\":\"{}\",\"cvv\":\"{digits}\"}}", pan.digits);
        let body = tool_text(&mut corpus.rng, &inner);
        push_code(
            corpus,
            "sad/cvv-key-nested",
            Class::Heuristic,
            body,
            "cvv",
            "cvv",
            Some(&pan),
        );
    }
}

fn push_code(
    corpus: &mut Corpus,
    category: &str,
    class: Class,
    body: String,
    key: &str,
    kind: &'static str,
    pan: Option<&Pan>,
) {
    let from = body
        .find(&format!("{key}\""))
        .or_else(|| body.find(&encode::json(&format!("{key}\""))))
        .map_or(0, |at| at + key.len());
    let at = body[from..]
        .find(|c: char| c.is_ascii_digit())
        .map_or(0, |at| from + at);
    let digits: String = body[at..]
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let mut wants = vec![code(kind, &digits, (at, at + digits.len()))];
    if let Some(pan) = pan {
        wants.push(expect_at(&body, 0, &pan.digits, pan));
    }
    corpus.add(category, class, JSON, body, wants);
}
