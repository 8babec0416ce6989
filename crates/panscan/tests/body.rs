//! Whole bodies by media type, charset and content encoding.
#![cfg(feature = "decode")]

use panscan::body::{Body, Content, Verdict, scan_body};
use panscan::codec::{Decoder, Encoding, encode};
use panscan::{Caps, MaskFormat, Mode, Scanner, Settings, Undecodable};

const CARD: &str = "4111111111111111";
const MASKED: &str = "411111******1111";

fn scan(media_type: &str, encoding: &str, raw: &[u8]) -> Body {
    let scanner = Scanner::new(Settings::default());
    let content = Content {
        media_type,
        encoding,
    };
    let caps = Caps::default();
    let whole = scan_body(&scanner, &content, raw, &[], &caps);
    for size in [1, 2, 7, 50] {
        let cuts: Vec<usize> = (0..raw.len()).step_by(size).collect();
        let cut = scan_body(&scanner, &content, raw, &cuts, &caps);
        assert_eq!(
            (cut.verdict, &cut.bytes),
            (whole.verdict, &whole.bytes),
            "cut at {size}"
        );
        let places = |body: &Body| -> Vec<_> {
            body.findings
                .iter()
                .map(|l| (l.finding.start, l.finding.end))
                .collect()
        };
        assert_eq!(places(&cut), places(&whole));
    }
    whole
}

#[track_caller]
fn masks(media_type: &str, text: &[u8], want: &[u8]) {
    let body = scan(media_type, "", text);
    assert_eq!(
        String::from_utf8_lossy(&body.bytes),
        String::from_utf8_lossy(want)
    );
    assert_eq!(body.verdict, Verdict::Masked);
    assert_eq!(scan(media_type, "", want).verdict, Verdict::Clean);
}

#[test]
fn encodings_stay_what_they_were() {
    let text = format!("{{\"text\":\"{CARD}\"}}");
    let want = format!("{{\"text\":\"{MASKED}\"}}");
    for (name, chain) in [
        ("gzip", &[Encoding::Gzip][..]),
        ("deflate", &[Encoding::Zlib]),
        ("deflate", &[Encoding::Deflate]),
        ("br", &[Encoding::Brotli]),
        ("zstd", &[Encoding::Zstd]),
        ("gzip, br", &[Encoding::Gzip, Encoding::Brotli]),
        (
            "zstd, deflate, gzip",
            &[Encoding::Zstd, Encoding::Zlib, Encoding::Gzip],
        ),
    ] {
        let coded = |text: &str| {
            chain
                .iter()
                .fold(text.as_bytes().to_vec(), |t, e| encode(*e, &t))
        };
        let body = scan("application/json", name, &coded(&text));
        assert_eq!(body.verdict, Verdict::Masked, "{name}");
        assert_eq!(
            (body.findings[0].finding.start, body.findings[0].finding.end),
            (9, 25)
        );
        let mut out = body.bytes;
        for encoding in chain.iter().rev() {
            let mut decoder = Decoder::new(*encoding, &Caps::default());
            let mut next = Vec::new();
            if *encoding == Encoding::Deflate {
                decoder = Decoder::new(Encoding::Zlib, &Caps::default());
            }
            decoder.push(&out, &mut next).unwrap();
            decoder.finish().unwrap();
            assert_eq!(decoder.encoding(), *encoding);
            out = next;
        }
        assert_eq!(String::from_utf8_lossy(&out), want);
        let clean = coded("{\"text\":\"nothing\"}");
        let body = scan("application/json", name, &clean);
        assert_eq!(
            (body.verdict, body.bytes),
            (Verdict::Clean, clean),
            "byte-identical"
        );
    }
}

#[test]
fn what_cannot_be_read_is_said_so() {
    let text = format!("{{\"text\":\"{CARD}\"}}");
    for (encoding, raw, why) in [
        ("gzip", text.as_bytes().to_vec(), Undecodable::Compressed),
        ("snappy", text.as_bytes().to_vec(), Undecodable::Encoding),
        (
            "gzip,gzip,gzip,gzip",
            text.as_bytes().to_vec(),
            Undecodable::TooDeep,
        ),
        (
            "gzip",
            encode(Encoding::Gzip, &vec![b'a'; 16 << 20]),
            Undecodable::RatioCap,
        ),
        (
            "br",
            encode(Encoding::Brotli, &vec![b'a'; 16 << 20]),
            Undecodable::RatioCap,
        ),
        (
            "zstd",
            encode(Encoding::Zstd, &vec![b'a'; 16 << 20]),
            Undecodable::RatioCap,
        ),
    ] {
        let body = scan_body(
            &Scanner::new(Settings::default()),
            &Content {
                media_type: "application/json",
                encoding,
            },
            &raw,
            &[],
            &Caps::default(),
        );
        assert_eq!(body.verdict, Verdict::Undecodable(why), "{encoding}");
        assert_eq!(body.bytes, raw);
    }
    for charset in ["utf-7", "utf-32", "shift_jis"] {
        let body = scan(&format!("text/plain; charset={charset}"), "", b"hello");
        assert_eq!(body.verdict, Verdict::Undecodable(Undecodable::Charset));
    }
}

#[test]
fn a_card_in_a_document_is_no_clean_body() {
    let packed = encode(Encoding::Gzip, CARD.as_bytes());
    let body = scan("application/gzip", "", &packed);
    assert_eq!(body.verdict, Verdict::Undecodable(Undecodable::Unmaskable));
    assert_eq!(body.findings.len(), 1);
    assert_eq!(body.findings[0].finding.shown().as_str(), MASKED);
}

#[test]
fn media_types() {
    for (media_type, text, want) in [
        (
            "application/json",
            "{\"n\": 4111111111111111}",
            "{\"n\": 4111110000001111}",
        ),
        (
            "application/vnd.x+json; charset=utf-8",
            "[4111111111111111]",
            "[4111110000001111]",
        ),
        (
            "application/x-ndjson",
            "{\"n\":4111111111111111}\n{\"s\":\"4111111111111111\"}\n",
            "{\"n\":4111110000001111}\n{\"s\":\"411111******1111\"}\n",
        ),
        (
            "text/csv",
            "a,b\r\n4111111111111111,x\r\n",
            "a,b\r\n411111******1111,x\r\n",
        ),
        (
            "application/x-www-form-urlencoded",
            "name=J+Doe&pan=4111+1111+1111+1111&x=1",
            "name=J+Doe&pan=4111+11**+****+1111&x=1",
        ),
        (
            "text/event-stream",
            "event: message\ndata: {\"text\":\"4111111111111111\"}\n\n",
            "event: message\ndata: {\"text\":\"411111******1111\"}\n\n",
        ),
        ("", "pan 4111111111111111", "pan 411111******1111"),
    ] {
        masks(media_type, text.as_bytes(), want.as_bytes());
    }
}

#[test]
fn findings_are_located() {
    for (media_type, text, path) in [
        (
            "application/json",
            "{\"a\":[{\"b c\":\"4111111111111111\"}]}",
            "$.a[0][\"b c\"]",
        ),
        (
            "application/x-ndjson",
            "{\"a\":1}\n{\"b\":4111111111111111}\n",
            "$.b",
        ),
        (
            "text/event-stream",
            "id: 1\ndata: {\"x\":{\"y\":\"4111111111111111\"}}\n\n",
            "$.x.y",
        ),
        ("text/plain", "4111111111111111", ""),
    ] {
        let body = scan(media_type, "", text.as_bytes());
        assert_eq!(body.findings[0].path, path, "{media_type}");
    }
}

#[test]
fn parts_are_read_by_their_own_type() {
    let body = |number: &str, text: &str, blob: &str| {
        format!(
            "--b1\r\nContent-Disposition: form-data; name=\"j\"\r\nContent-Type: application/json\r\n\r\n\
             {{\"n\": {number}}}\r\n--b1\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n{text}\r\n\
             --b1\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n{blob}\r\n--b1--\r\n"
        )
    };
    let text = body(
        "4111111111111111",
        CARD,
        "eyJwYW4iOiI0MTExMTExMTExMTExMTExIn0=",
    );
    let want = body(
        "4111110000001111",
        MASKED,
        "eyJwYW4iOiI0MTExMTEqKioqKioxMTExIn0=",
    );
    masks(
        "multipart/form-data; boundary=b1",
        text.as_bytes(),
        want.as_bytes(),
    );
    let mut deep = text;
    for i in 2..6 {
        deep = format!(
            "--b{i}\r\nContent-Type: multipart/mixed; boundary=b{}\r\n\r\n{deep}\r\n--b{i}--\r\n",
            i - 1
        );
    }
    assert_eq!(
        scan("multipart/mixed; boundary=b5", "", deep.as_bytes()).verdict,
        Verdict::Undecodable(Undecodable::TooDeep)
    );
}

#[test]
fn charsets() {
    let utf16 = |text: &str, little: bool| -> Vec<u8> {
        text.encode_utf16()
            .flat_map(|u| {
                if little {
                    u.to_le_bytes()
                } else {
                    u.to_be_bytes()
                }
            })
            .collect()
    };
    let (text, want) = (format!("ключ {CARD} ü"), format!("ключ {MASKED} ü"));
    masks(
        "text/plain; charset=utf-16le",
        &utf16(&text, true),
        &utf16(&want, true),
    );
    masks(
        "text/plain; charset=UTF-16BE",
        &utf16(&text, false),
        &utf16(&want, false),
    );
    masks(
        "text/plain; charset=windows-1252",
        b"\xe9t\xe9 4111\xa01111\x961111\x971111 \x80",
        b"\xe9t\xe9 4111\xa011**\x96****\x971111 \x80",
    );
}

#[test]
fn settings_of_the_scanner_hold() {
    let settings = Settings {
        mask: MaskFormat::Last4,
        mode: Mode::Balanced,
        ..Settings::default()
    };
    let content = Content {
        media_type: "text/plain",
        encoding: "",
    };
    let body = scan_body(
        &Scanner::new(settings),
        &content,
        CARD.as_bytes(),
        &[3, 1, 99],
        &Caps::default(),
    );
    assert_eq!(body.bytes, b"************1111");
}
