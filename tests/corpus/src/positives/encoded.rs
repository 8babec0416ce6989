//! Percent, entities, digits of other scripts, UTF-16, base64, compressed bodies.

use super::{JSON, TEXT, add_line, add_text, expect, sentence, structured, tool_text};
use crate::card::{self, Pan};
use crate::case::{Class, Corpus};
use crate::encode;

const EACH: usize = 24;

/// Scripts by their digit nought.
const SCRIPTS: &[(&str, u32)] = &[
    ("fullwidth", 0xFF10),
    ("arabic-indic", 0x660),
    ("persian", 0x6F0),
    ("nko", 0x7C0),
    ("devanagari", 0x966),
    ("bengali", 0x9E6),
    ("tamil", 0xBE6),
    ("thai", 0xE50),
    ("lao", 0xED0),
    ("tibetan", 0xF20),
    ("myanmar", 0x1040),
    ("khmer", 0x17E0),
    ("mongolian", 0x1810),
    ("osmanya", 0x104A0),
    ("adlam", 0x1E950),
    ("math-bold", 0x1D7CE),
    ("math-monospace", 0x1D7F6),
    ("segmented", 0x1FBF0),
];

pub(super) fn add(corpus: &mut Corpus) {
    percent(corpus);
    scripts(corpus);
    utf16(corpus);
    base64(corpus);
    compressed(corpus);
    undecodable(corpus);
}

/// Found in some layer of the text; counted, not located.
fn add_counted(corpus: &mut Corpus, category: &str, class: Class, text: &str, pan: &Pan) {
    let plain = corpus.rng.below(3) == 0;
    let (carrier, body) = if plain {
        (TEXT, text.to_owned())
    } else {
        (JSON, tool_text(&mut corpus.rng, text))
    };
    corpus.add(category, class, carrier, body, vec![expect(pan)]);
}

fn percent(corpus: &mut Corpus) {
    for i in 0..EACH {
        let pan = card::usual(&mut corpus.rng);
        let grouped = pan.grouped(pan.layout(), if i % 2 == 0 { " " } else { "-" });
        let url = ["https://pay.example/?card={}", "/q?x=1&pan={}&y=2", "{}"][i % 3];
        let all = encode::percent(&pan.digits, true);
        add_line(
            corpus,
            "percent/all",
            Class::Core,
            &url.replace("{}", &all),
            &all,
            &pan,
        );
        let joints = encode::percent(&pan.grouped(pan.layout(), " "), false);
        add_line(
            corpus,
            "percent/separators",
            Class::Core,
            &url.replace("{}", &joints),
            &joints,
            &pan,
        );
        let some: String = grouped
            .chars()
            .map(|c| encode::percent(&c.to_string(), corpus.rng.below(2) == 0))
            .collect();
        add_line(
            corpus,
            "percent/mixed",
            Class::Core,
            &url.replace("{}", &some),
            &some,
            &pan,
        );
        let twice = encode::percent(&encode::percent(&pan.digits, true), false);
        add_counted(
            corpus,
            "percent/twice",
            Class::Heuristic,
            &url.replace("{}", &twice),
            &pan,
        );
        let wide = encode::percent(&encode::script(&pan.digits, 0xFF10), true);
        add_counted(
            corpus,
            "percent/fullwidth",
            Class::Heuristic,
            &url.replace("{}", &wide),
            &pan,
        );
        for (name, hex) in [("entity/decimal", false), ("entity/hex", true)] {
            let form = encode::entities(&pan.digits, hex);
            add_text(corpus, name, Class::Core, &form, &pan);
        }
        let nbsp = pan.grouped(pan.layout(), "&nbsp;");
        add_text(corpus, "entity/nbsp-separator", Class::Core, &nbsp, &pan);
        let joint = pan.grouped(pan.layout(), ["&#45;", "&#32;", "&#x2d;", "&#8211;"][i % 4]);
        add_text(corpus, "entity/separator", Class::Core, &joint, &pan);
        let padded: String = pan
            .digits
            .chars()
            .map(|c| format!("&#{:05};", u32::from(c)))
            .collect();
        add_counted(corpus, "entity/padded", Class::Heuristic, &padded, &pan);
    }
}

fn scripts(corpus: &mut Corpus) {
    for (name, zero) in SCRIPTS {
        for i in 0..16 {
            let pan = card::usual(&mut corpus.rng);
            let form = match i % 3 {
                0 => encode::script(&pan.digits, *zero),
                1 => encode::script(&pan.grouped(pan.layout(), " "), *zero),
                _ => {
                    let (head, tail) = pan.digits.split_at(7);
                    format!("{head}{}", encode::script(tail, *zero))
                }
            };
            add_text(corpus, &format!("digits/{name}"), Class::Core, &form, &pan);
        }
    }
}

fn utf16(corpus: &mut Corpus) {
    for i in 0..EACH {
        let pan = card::usual(&mut corpus.rng);
        let grouped = pan.grouped(pan.layout(), " ");
        let text = sentence(
            &mut corpus.rng,
            if i % 2 == 0 { &pan.digits } else { &grouped },
        );
        let json = tool_text(&mut corpus.rng, &text);
        for (name, big, bom, carrier, body) in [
            (
                "utf16/le-bom",
                false,
                true,
                "text/plain; charset=utf-16",
                &text,
            ),
            (
                "utf16/be-bom",
                true,
                true,
                "text/plain; charset=utf-16",
                &text,
            ),
            (
                "utf16/le-declared",
                false,
                false,
                "text/plain; charset=utf-16le",
                &text,
            ),
            (
                "utf16/be-declared",
                true,
                false,
                "text/plain; charset=utf-16be",
                &text,
            ),
            ("utf16/le-undeclared-bom", false, true, "text/plain", &text),
            (
                "utf16/json-le",
                false,
                true,
                "application/json; charset=utf-16",
                &json,
            ),
            (
                "utf16/json-be",
                true,
                false,
                "application/json; charset=utf-16be",
                &json,
            ),
            (
                "utf16/json-le-undeclared",
                false,
                false,
                "application/json",
                &json,
            ),
        ] {
            let body = encode::utf16(body, big, bom);
            corpus.add(
                name,
                Class::Heuristic,
                (carrier, "identity"),
                body,
                vec![expect(&pan)],
            );
        }
        let blob = encode::base64(&encode::utf16(&text, i % 3 == 0, true), false, true);
        let body = resource(&blob, "text/plain");
        corpus.add(
            "utf16/in-base64-blob",
            Class::Heuristic,
            JSON,
            body,
            vec![expect(&pan)],
        );
    }
}

/// A resource with a blob.
pub(super) fn resource(blob: &str, media_type: &str) -> String {
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":{{\"contents\":[{{\"uri\":\"file:///export\",\"mimeType\":\"{media_type}\",\"blob\":\"{blob}\"}}]}}}}"
    )
}

fn base64(corpus: &mut Corpus) {
    for i in 0..EACH {
        let pan = card::usual(&mut corpus.rng);
        let grouped = pan.grouped(pan.layout(), ["-", " ", "."][i % 3]);
        let text = sentence(
            &mut corpus.rng,
            if i % 2 == 0 { &pan.digits } else { &grouped },
        );
        let csv = format!("id,card,name\n{},{},Ann\n", i + 1, pan.digits);
        let want = || vec![expect(&pan)];
        let core = Class::Core;
        let body = resource(&encode::base64(text.as_bytes(), false, true), "text/plain");
        corpus.add("base64/blob", core, JSON, body, want());
        let body = resource(
            &encode::base64(csv.as_bytes(), true, i % 2 == 0),
            "text/csv",
        );
        corpus.add("base64/blob-url", core, JSON, body, want());
        let data = encode::base64(csv.as_bytes(), false, true);
        let body = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{{\"content\":[{{\"type\":\"audio\",\"data\":\"{data}\",\"mimeType\":\"text/csv\"}}]}}}}"
        );
        corpus.add("base64/data", core, JSON, body, want());
        let escaped = encode::base64(text.as_bytes(), false, true).replace('/', "\\/");
        corpus.add(
            "base64/slash-escaped",
            Class::Heuristic,
            JSON,
            resource(&escaped, "text/plain"),
            want(),
        );
        let bare = encode::base64(pan.digits.as_bytes(), false, i % 2 == 0);
        add_counted(
            corpus,
            "base64/text-pan-only",
            Class::Heuristic,
            &format!("token {bare} end"),
            &pan,
        );
        let bare = encode::base64(text.as_bytes(), i % 2 == 0, true);
        add_counted(
            corpus,
            "base64/text",
            Class::Heuristic,
            &format!("attachment: {bare}"),
            &pan,
        );
        add_counted(
            corpus,
            "base64/data-uri",
            Class::Heuristic,
            &format!("see data:text/plain;base64,{bare}"),
            &pan,
        );
        let pad = "x".repeat(i % 3);
        let shifted = encode::base64(
            format!("{pad}{} is the card of the customer", pan.digits).as_bytes(),
            false,
            true,
        );
        add_counted(
            corpus,
            "base64/text-shifted",
            Class::Heuristic,
            &shifted,
            &pan,
        );
        let json = format!("{{\"card\":\"{}\",\"exp\":\"12/29\"}}", pan.digits);
        let body = structured(
            &mut corpus.rng,
            &format!(
                "{{\"state\":\"{}\"}}",
                encode::base64(json.as_bytes(), true, false)
            ),
        );
        corpus.add("base64/json-value", Class::Heuristic, JSON, body, want());
        let twice = encode::base64(
            encode::base64(text.as_bytes(), false, true).as_bytes(),
            false,
            true,
        );
        corpus.add(
            "base64/twice",
            Class::Heuristic,
            JSON,
            resource(&twice, "text/plain"),
            want(),
        );
        let long =
            "The customer asked for a refund of the whole amount. ".repeat(2 + i % 4) + &text;
        let code = encode::base64(long.as_bytes(), false, true);
        let lines: Vec<String> = code
            .as_bytes()
            .chunks(76)
            .map(|c| String::from_utf8_lossy(c).into_owned())
            .collect();
        add_counted(
            corpus,
            "base64/wrapped-lines",
            Class::Heuristic,
            &lines.join("\r\n"),
            &pan,
        );
        corpus.add(
            "base64/blob-long",
            core,
            JSON,
            resource(&code, "text/plain"),
            want(),
        );
    }
}

fn compressed(corpus: &mut Corpus) {
    for encoding in ["gzip", "deflate", "deflate-raw", "br", "zstd"] {
        let name = encoding.trim_end_matches("-raw");
        for i in 0..EACH {
            let pan = card::usual(&mut corpus.rng);
            let grouped = pan.grouped(pan.layout(), " ");
            let filler = "Nothing of interest in this line of the log.\n".repeat(i * i);
            let text = format!(
                "{filler}{}",
                sentence(
                    &mut corpus.rng,
                    if i % 2 == 0 { &pan.digits } else { &grouped }
                )
            );
            let body = tool_text(&mut corpus.rng, &text);
            let body = encode::compress(body.as_bytes(), encoding);
            let category = format!("compressed/{encoding}");
            corpus.add(
                &category,
                Class::Core,
                (JSON.0, name),
                body,
                vec![expect(&pan)],
            );
        }
        for _ in 0..8 {
            let body = clean_text(corpus);
            let body = encode::compress(body.as_bytes(), encoding);
            let category = format!("negative/compressed-{encoding}");
            corpus.add(&category, Class::Negative, (JSON.0, name), body, vec![]);
        }
    }
    for i in 0..EACH {
        let pan = card::usual(&mut corpus.rng);
        let blob = encode::base64(format!("card {}", pan.digits).as_bytes(), false, true);
        let body = encode::compress(
            resource(&blob, "text/plain").as_bytes(),
            ["gzip", "br", "zstd"][i % 3],
        );
        corpus.add(
            "compressed/with-base64",
            Class::Heuristic,
            (JSON.0, ["gzip", "br", "zstd"][i % 3]),
            body,
            vec![expect(&pan)],
        );
        let event = format!(
            "event: message\ndata: {}\n\n",
            tool_text(&mut corpus.rng, &pan.digits)
        );
        let body = encode::compress(event.as_bytes(), "gzip");
        corpus.add(
            "compressed/sse-gzip",
            Class::Heuristic,
            ("text/event-stream", "gzip"),
            body,
            vec![expect(&pan)],
        );
    }
}

fn clean_text(corpus: &mut Corpus) -> String {
    let id = corpus.rng.uuid();
    tool_text(&mut corpus.rng, &format!("nothing here, id {id}"))
}

/// What cannot be read to the end must be said to be so.
fn undecodable(corpus: &mut Corpus) {
    for i in 0..EACH {
        let pan = card::usual(&mut corpus.rng);
        let encoding = ["gzip", "deflate", "br", "zstd"][i % 4];
        let filler = corpus.rng.hex(400);
        let body = tool_text(&mut corpus.rng, &format!("{} and {filler}", pan.digits));
        let whole = encode::compress(body.as_bytes(), encoding);
        let undecodable = Class::Undecodable;
        corpus.add(
            "undecodable/truncated",
            undecodable,
            (JSON.0, encoding),
            &whole[..whole.len() * 2 / 3],
            vec![],
        );
        let mut bad = whole.clone();
        bad[..4].copy_from_slice(&[0xFF; 4]);
        corpus.add(
            "undecodable/corrupt",
            undecodable,
            (JSON.0, encoding),
            bad,
            vec![],
        );
        corpus.add(
            "undecodable/unknown-encoding",
            undecodable,
            (JSON.0, ["compress", "x-lzma", "exi"][i % 3]),
            whole,
            vec![],
        );
        let mut deep = pan.digits.clone();
        for _ in 0..4 + i % 2 {
            deep = encode::base64(format!("the inner text is: {deep}").as_bytes(), false, true);
        }
        corpus.add(
            "undecodable/base64-too-deep",
            undecodable,
            JSON,
            resource(&deep, "text/plain"),
            vec![],
        );
    }
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let bomb = encode::compress(&vec![b'0'; 64 << 20], encoding);
        corpus.add(
            "undecodable/bomb",
            Class::Undecodable,
            (JSON.0, encoding),
            bomb,
            vec![],
        );
    }
}
