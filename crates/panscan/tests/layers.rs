//! Each layer: what is found through it, and what the output is.

mod base64;
mod laws;

use base64::base64 as encode;
use panscan::{Carrier, Finding, MaskFormat, Scanner, Settings, Stream, Undecodable};

const CARD: &str = "4111111111111111";
const MASKED: &str = "411111******1111";

fn b64(text: impl AsRef<[u8]>) -> String {
    encode(text.as_ref(), false, true)
}

fn scanner() -> Scanner {
    Scanner::new(Settings::default())
}

fn scan(carrier: Carrier, text: &[u8]) -> (Vec<u8>, Vec<Finding>, Option<Undecodable>) {
    let scanner = scanner();
    let mut st = Stream::new(carrier);
    let mut found = Vec::new();
    scanner.scan(&mut st, text, &mut |f| found.push(f));
    scanner.finish(&mut st, &mut |f| found.push(f));
    let mut out = text.to_vec();
    for f in found.iter().filter(|f| f.masked) {
        out[f.start as usize..f.end as usize].copy_from_slice(f.replacement());
    }
    (out, found, st.undecodable())
}

/// `text` becomes `want`, however it is cut, and `want` has nothing to find.
#[track_caller]
fn masks(carrier: Carrier, text: &[u8], want: &[u8]) {
    let (out, found, why) = scan(carrier, text);
    assert_eq!(
        String::from_utf8_lossy(&out),
        String::from_utf8_lossy(want),
        "{found:?}"
    );
    assert_eq!(why, None);
    assert!(!found.is_empty());
    for size in [1, 2, 3, 5, 7, 16, 61, 64, 100, 1000] {
        laws::hold(carrier, MaskFormat::First6Last4, text, &[size]);
    }
}

#[track_caller]
fn leaves(carrier: Carrier, text: &[u8]) {
    let (out, found, why) = scan(carrier, text);
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(why, None);
    assert_eq!(out, text);
    laws::hold(carrier, MaskFormat::First6Last4, text, &[1, 13]);
}

fn filler(len: usize) -> String {
    "Lorem ipsum, dolor sit amet; "
        .chars()
        .cycle()
        .take(len)
        .collect()
}

#[test]
fn base64_in_json_at_every_phase_and_length() {
    for before in (0..6).chain([40, 95, 96, 97, 5000]) {
        for after in [0, 1, 2, 3, 100] {
            for (url, pad) in [(false, true), (false, false), (true, true), (true, false)] {
                let (head, tail) = (filler(before), filler(after));
                let of = |card| encode(format!("{head}{card}{tail}").as_bytes(), url, pad);
                let (text, want) = (
                    format!("{{\"blob\":\"{}\"}}", of(CARD)),
                    format!("{{\"blob\":\"{}\"}}", of(MASKED)),
                );
                if before + after < 200 || pad && !url {
                    let (out, found, _) = scan(Carrier::Json, text.as_bytes());
                    assert_eq!(
                        String::from_utf8_lossy(&out),
                        want,
                        "{before} {after} {found:?}"
                    );
                }
            }
        }
    }
    let text = format!(
        "{{\"blob\":\"{}\"}}",
        b64(filler(500) + CARD + " x " + CARD)
    );
    let want = format!(
        "{{\"blob\":\"{}\"}}",
        b64(filler(500) + MASKED + " x " + MASKED)
    );
    masks(Carrier::Json, text.as_bytes(), want.as_bytes());
}

#[test]
fn base64_of_every_form_of_text() {
    for (inner, masked) in [
        (CARD.to_string(), MASKED.to_string()),
        ("4111 1111 1111 1111".into(), "4111 11** **** 1111".into()),
        ("378282246310005".into(), "378282*****0005".into()),
        (
            format!("{{\"pan\":\"{CARD}\"}}"),
            format!("{{\"pan\":\"{MASKED}\"}}"),
        ),
        (
            "{\"n\": 4111111111111111}".into(),
            "{\"n\": 4111110000001111}".into(),
        ),
        (
            "4111\u{a0}1111\u{a0}1111\u{a0}1111".into(),
            "4111\u{a0}11**\u{a0}****\u{a0}1111".into(),
        ),
    ] {
        for (text, want) in [
            (b64(&inner), b64(&masked)),
            (b64(b64(&inner)), b64(b64(&masked))),
            (b64(b64(b64(&inner))), b64(b64(b64(&masked)))),
        ] {
            masks(
                Carrier::Text,
                format!("see {text} there").as_bytes(),
                format!("see {want} there").as_bytes(),
            );
        }
    }
}

#[test]
fn a_fourth_layer_is_too_deep() {
    let text = b64(b64(b64(b64(CARD))));
    let (out, found, why) = scan(Carrier::Text, text.as_bytes());
    assert_eq!((out, why), (text.into_bytes(), Some(Undecodable::TooDeep)));
    assert!(found.is_empty());
    let long = b64(b64(b64(b64(filler(300)))));
    assert_eq!(
        scan(Carrier::Text, long.as_bytes()).2,
        Some(Undecodable::TooDeep)
    );
}

#[test]
fn base64_with_escapes_and_line_breaks() {
    let (inner, masked) = (
        filler(200) + CARD + &filler(90),
        filler(200) + MASKED + &filler(90),
    );
    for line in [64, 76] {
        for joint in ["\n", "\r\n", "\\n", "\\r\\n", "\\\\n", "\\u000a"] {
            let wrap = |text: &str| {
                let text = b64(text);
                let lines: Vec<&str> = text
                    .as_bytes()
                    .chunks(line)
                    .map(|c| std::str::from_utf8(c).unwrap())
                    .collect();
                format!("\"{}\"", lines.join(joint))
            };
            masks(
                Carrier::Json,
                wrap(&inner).as_bytes(),
                wrap(&masked).as_bytes(),
            );
        }
    }
    // Bytes that give slashes and pluses all over.
    let noisy = |card: &str| {
        let mut bytes = b"\xff\xef\xbf\xfb\xff".repeat(30);
        bytes.extend_from_slice(card.as_bytes());
        bytes.extend_from_slice(b" \xff\xff\xfb\xef");
        b64(bytes)
    };
    for slash in ["\\/", "\\\\/", "\\u002F", "\\u002f"] {
        for plus in ["+", "\\u002B"] {
            let escaped =
                |card: &str| format!("\"{}\"", noisy(card).replace('/', slash).replace('+', plus));
            masks(
                Carrier::Json,
                escaped(CARD).as_bytes(),
                escaped(MASKED).as_bytes(),
            );
        }
    }
    // Every character escaped.
    let every = |text: &str| -> String {
        let escaped: String = b64(text).bytes().map(|b| format!("\\u{b:04x}")).collect();
        format!("\"{escaped}\"")
    };
    masks(
        Carrier::Json,
        every(CARD).as_bytes(),
        every(MASKED).as_bytes(),
    );
}

#[test]
fn base64_behind_what_looks_like_it() {
    for path in [
        "/files/",
        "/a/b/c/d/",
        "token_",
        "x-",
        "/long/path/that/goes/on/and/on/",
    ] {
        masks(
            Carrier::Text,
            format!("GET {path}{} HTTP/1.1", b64(CARD)).as_bytes(),
            format!("GET {path}{} HTTP/1.1", b64(MASKED)).as_bytes(),
        );
    }
}

fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
    let text = if mark {
        format!("\u{feff}{text}")
    } else {
        text.to_string()
    };
    text.encode_utf16()
        .flat_map(|u| {
            if little {
                u.to_le_bytes()
            } else {
                u.to_be_bytes()
            }
        })
        .collect()
}

#[test]
fn utf16_with_and_without_mark() {
    for little in [true, false] {
        for mark in [true, false] {
            for (text, want) in [
                (
                    format!("{{\"é🙂\": \"{CARD} ü\"}}"),
                    format!("{{\"é🙂\": \"{MASKED} ü\"}}"),
                ),
                (format!("\"{CARD}\""), format!("\"{MASKED}\"")),
                (
                    "\"pan ４１１１１１１１１１１１１１１１\"".into(),
                    "\"pan ４１１１１１＊＊＊＊＊＊１１１１\"".into(),
                ),
            ] {
                let of = |t: &str| utf16(t, little, mark);
                masks(Carrier::Json, &of(&text), &of(&want));
                masks(
                    Carrier::Json,
                    format!("\"{}\"", b64(of(&text))).as_bytes(),
                    format!("\"{}\"", b64(of(&want))).as_bytes(),
                );
            }
        }
    }
}

#[test]
fn what_is_no_base64_of_anything_is_left() {
    for text in [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "550e8400-e29b-41d4-a716-446655440000",
        "getElementsByTagNameAndSomeMoreOfIt",
        "/usr/local/share/doc/some-long-package-name/README",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        "IIIILLLLMMMMNNNNOOOOIIIILLLLMMMMNNNNOOOO",
    ] {
        leaves(Carrier::Text, text.as_bytes());
        leaves(Carrier::Json, format!("\"{text}\"").as_bytes());
    }
}
