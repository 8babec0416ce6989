//! Laws of the layers on any bytes: used by the corpus tests and by the fuzz targets.
#![allow(dead_code)] // each user needs some of it

#[path = "../base64/mod.rs"]
mod base64;

pub(crate) use base64::base64;
use panscan::body::{Content, Verdict, scan_body};
use panscan::codec::{Decoder, Encoding};
use panscan::{Caps, Scanner, Settings, Undecodable};

/// Small, so that inputs of a few hundred bytes reach the bounds.
const CAPS: Caps = Caps {
    ratio: 50,
    bytes: 4 << 20,
    layers: 3,
};

/// First byte: layers and alphabet; second: escapes, lines and cuts.
pub(crate) fn wrapped(data: &[u8]) -> Option<(String, usize)> {
    let (&[how, form], bytes) = data.split_first_chunk::<2>()?;
    let mut text = base64(bytes, how & 1 != 0, how & 2 != 0);
    for _ in 0..how >> 2 & 3 {
        text = base64(text.as_bytes(), how & 16 != 0, how & 32 != 0);
    }
    if form & 1 != 0 {
        text = text.replace('/', "\\/");
    }
    if form & 2 != 0 {
        text = text.replace('+', "\\u002B");
    }
    if form & 4 != 0 {
        let joint = if form & 8 != 0 { "\\r\\n" } else { "\\n" };
        let lines: Vec<String> = text
            .as_bytes()
            .chunks(if form & 16 != 0 { 64 } else { 76 })
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        text = lines.join(joint);
    }
    let cut = usize::from(form >> 5) * 11 + 1;
    Some((format!("{{\"blob\":\"{text}\",\"n\":1}}"), cut))
}

/// Every cut gives the same text or the same error, within the caps.
pub(crate) fn decoders_hold(data: &[u8]) {
    let Some((&how, data)) = data.split_first() else {
        return;
    };
    for encoding in [
        Encoding::Gzip,
        Encoding::Zlib,
        Encoding::Deflate,
        Encoding::Brotli,
        Encoding::Zstd,
    ] {
        let run = |size: usize| {
            let mut decoder = Decoder::new(encoding, &CAPS);
            let mut out = Vec::new();
            let mut done = Ok(());
            for piece in data.chunks(size) {
                done = decoder.push(piece, &mut out);
                if done.is_err() {
                    break;
                }
            }
            (out, done.and_then(|()| decoder.finish()))
        };
        let (whole, done) = run(usize::MAX);
        let (cut, cut_done) = run(usize::from(how) + 1);
        assert_eq!(
            done.is_ok(),
            cut_done.is_ok(),
            "{encoding:?}: {done:?} {cut_done:?}"
        );
        if done.is_ok() {
            assert!(whole == cut, "{encoding:?}");
            assert!(whole.len() as u64 <= CAPS.bytes);
        }
    }
}

const TYPES: [&str; 8] = [
    "application/json",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "text/event-stream",
    "text/plain; charset=utf-16le",
    "text/plain; charset=windows-1252",
    "application/octet-stream",
];

const ENCODINGS: [&str; 8] = ["", "", "", "", "gzip", "deflate", "br", "zstd"];

/// Every cut gives the same; masked has nothing left; clean is untouched.
pub(crate) fn body_holds(data: &[u8]) {
    let Some((&[how, size], raw)) = data.split_first_chunk::<2>() else {
        return;
    };
    let content = Content {
        media_type: TYPES[usize::from(how & 7)],
        encoding: ENCODINGS[usize::from(how >> 3 & 7)],
    };
    let scanner = Scanner::new(Settings::default());
    let whole = scan_body(&scanner, &content, raw, &[], &CAPS);
    let cuts: Vec<usize> = (0..raw.len()).step_by(usize::from(size) + 1).collect();
    let cut = scan_body(&scanner, &content, raw, &cuts, &CAPS);
    let bounded = |v| {
        matches!(
            v,
            Verdict::Undecodable(Undecodable::RatioCap | Undecodable::SizeCap)
        )
    };
    if bounded(whole.verdict) || bounded(cut.verdict) {
        return; // which bound is met first depends on the pieces
    }
    assert_eq!(cut.verdict, whole.verdict);
    assert_eq!(cut.bytes, whole.bytes);
    assert_eq!(cut.findings.len(), whole.findings.len());
    match whole.verdict {
        Verdict::Masked => {
            let again = scan_body(&scanner, &content, &whole.bytes, &[], &CAPS);
            assert_eq!(again.verdict, Verdict::Clean, "{:?}", again.findings);
            if content.encoding.is_empty() {
                assert_eq!(whole.bytes.len(), raw.len());
            }
        }
        Verdict::Clean | Verdict::Undecodable(_) => assert_eq!(whole.bytes, raw),
    }
}
