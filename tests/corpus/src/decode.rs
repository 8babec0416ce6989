//! Undoes every encoding of [`crate::encode`], to see whether a number can still be read
//! anywhere in an output. Eager: it decodes whatever can be decoded.

use std::collections::BTreeMap;
use std::io::Read;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

/// Layers that are undone.
const DEPTH: usize = 5;
/// Most bytes that a compressed body may become.
const SIZE: u64 = 8 << 20;

/// The body without its content encoding.
pub fn body(bytes: &[u8], encoding: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let read = match encoding {
        "" | "identity" => return Some(bytes.to_vec()),
        "gzip" => flate2::read::MultiGzDecoder::new(bytes)
            .take(SIZE)
            .read_to_end(&mut out),
        "deflate" => {
            let zlib = flate2::read::ZlibDecoder::new(bytes)
                .take(SIZE)
                .read_to_end(&mut out);
            zlib.or_else(|_| {
                out.clear();
                flate2::read::DeflateDecoder::new(bytes)
                    .take(SIZE)
                    .read_to_end(&mut out)
            })
        }
        "br" => brotli::Decompressor::new(bytes, 4096)
            .take(SIZE)
            .read_to_end(&mut out),
        "zstd" => zstd::Decoder::new(bytes).and_then(|d| d.take(SIZE).read_to_end(&mut out)),
        _ => return None,
    };
    read.is_ok().then_some(out)
}

/// Can these digits, one after the other and nothing but other characters between
/// them, be read in any layer of the (decompressed) body?
pub fn holds(body: &[u8], digits: &str) -> bool {
    views(body, DEPTH, &mut |text| only_digits(text).contains(digits))
}

/// Can this text be read as it is in any layer?
pub fn holds_text(body: &[u8], needle: &str) -> bool {
    views(body, DEPTH, &mut |text| text.contains(needle))
}

/// Digits of any script; everything else is left out.
pub fn only_digits(text: &str) -> String {
    text.chars()
        .filter_map(digit)
        .map(|d| char::from(b'0' + d))
        .collect()
}

/// Decimal digit of any script of [`ZEROS`].
fn digit(c: char) -> Option<u8> {
    if c.is_ascii() {
        return c.to_digit(10).map(|d| d as u8);
    }
    let code = u32::from(c);
    if (0x1D7CE..=0x1D7FF).contains(&code) {
        return Some(((code - 0x1D7CE) % 10) as u8);
    }
    ZEROS
        .iter()
        .find(|z| (**z..**z + 10).contains(&code))
        .map(|z| (code - z) as u8)
}

/// Digit nought of scripts (Unicode general category Nd).
const ZEROS: &[u32] = &[
    0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xE50,
    0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0xFF10, 0x104A0, 0x1E950, 0x1FBF0,
];

/// Calls `see` with the text of every layer until it says yes.
fn views(bytes: &[u8], depth: usize, see: &mut dyn FnMut(&str) -> bool) -> bool {
    if depth == 0 {
        return false;
    }
    for text in texts(bytes) {
        if text_views(&text, depth, see) {
            return true;
        }
    }
    false
}

/// The bytes as UTF-8, and as UTF-16 where they could be.
fn texts(bytes: &[u8]) -> Vec<String> {
    let mut out = vec![String::from_utf8_lossy(bytes).into_owned()];
    let zeros = bytes.iter().filter(|b| **b == 0).count();
    if zeros * 4 > bytes.len() {
        for read in [u16::from_le_bytes, u16::from_be_bytes] {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|c| read([c[0], c[1]])).collect();
            out.push(String::from_utf16_lossy(&units));
        }
    }
    out
}

fn text_views(text: &str, depth: usize, see: &mut dyn FnMut(&str) -> bool) -> bool {
    if see(text) {
        return true;
    }
    if depth == 0 {
        return false;
    }
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return json_views(&value, depth, see);
    }
    let mut next: Vec<String> = Vec::new();
    if text.contains("data:") {
        next.extend(events(text));
    }
    if text.contains('%') {
        next.push(percent(text));
    }
    if text.contains("&#") || text.contains("&nbsp;") {
        next.push(entities(text));
    }
    if text.contains("\\u") {
        next.push(escapes(text));
    }
    next.retain(|n| n != text);
    if next.iter().any(|n| text_views(n, depth - 1, see)) {
        return true;
    }
    runs(text).iter().any(|bytes| views(bytes, depth - 1, see))
}

fn json_views(value: &Value, depth: usize, see: &mut dyn FnMut(&str) -> bool) -> bool {
    match value {
        Value::String(text) => text_views(text, depth - 1, see),
        Value::Number(n) => see(&integer(&n.to_string())),
        Value::Array(items) => {
            see(&joined(items.iter())) || items.iter().any(|v| json_views(v, depth, see))
        }
        Value::Object(map) => {
            see(&joined(map.values()))
                || map
                    .iter()
                    .any(|(k, v)| text_views(k, depth - 1, see) || json_views(v, depth, see))
        }
        _ => false,
    }
}

/// The scalars of an array or object, one after the other.
fn joined<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    values
        .map(|v| match v {
            Value::String(s) => s.clone(),
            Value::Number(n) => n.to_string(),
            _ => " ".to_owned(),
        })
        .collect()
}

/// A number with its exponent worked out.
fn integer(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(n) if text.contains(['e', 'E', '.']) && n.abs() < 1e20 => format!("{n:.0}"),
        _ => text.to_owned(),
    }
}

/// The data of each event, and each field's texts over all events.
fn events(text: &str) -> Vec<String> {
    let (mut out, mut fields) = (Vec::new(), BTreeMap::<String, String>::new());
    let text = text.replace("\r\n", "\n");
    let mut all = String::new();
    for event in text.split("\n\n") {
        let lines: Vec<&str> = event
            .lines()
            .filter_map(|l| l.strip_prefix("data:"))
            .collect();
        if lines.is_empty() {
            continue;
        }
        let data = lines.join("\n");
        if let Ok(value) = serde_json::from_str::<Value>(&data) {
            collect(&value, String::new(), &mut fields);
        } else {
            all.push_str(&lines.concat());
        }
        out.push(data);
    }
    out.push(all);
    out.extend(fields.into_values());
    out
}

fn collect(value: &Value, path: String, fields: &mut BTreeMap<String, String>) {
    match value {
        Value::String(text) => fields.entry(path).or_default().push_str(text),
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                collect(item, format!("{path}/{i}"), fields);
            }
        }
        Value::Object(map) => {
            for (key, item) in map {
                collect(item, format!("{path}/{key}"), fields);
            }
        }
        _ => {}
    }
}

fn percent(text: &str) -> String {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let hex = text
            .get(at + 1..at + 3)
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn entities(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find(';').filter(|end| *end < 12);
        let name = end.and_then(|end| rest.get(..end)).unwrap_or("");
        let code = match name.strip_prefix('#') {
            Some(number) => match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok(),
                None => number.parse().ok(),
            },
            None => (name == "nbsp").then_some(0xA0),
        };
        match code.and_then(char::from_u32) {
            Some(c) => {
                out.push(c);
                rest = &rest[name.len() + 1..];
            }
            None => out.push('&'),
        }
    }
    out + rest
}

/// `\uXXXX` outside of JSON that parses.
fn escapes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\u") {
        out.push_str(&rest[..at]);
        let code = rest
            .get(at + 2..at + 6)
            .and_then(|h| u32::from_str_radix(h, 16).ok());
        match code.and_then(char::from_u32) {
            Some(c) => {
                out.push(c);
                rest = &rest[at + 6..];
            }
            None => {
                out.push_str("\\u");
                rest = &rest[at + 2..];
            }
        }
    }
    out + rest
}

/// What runs of base64 characters decode to (line breaks inside are skipped).
fn runs(text: &str) -> Vec<Vec<u8>> {
    const LAX: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let standard = GeneralPurpose::new(&alphabet::STANDARD, LAX);
    let is = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_');
    let mut out = Vec::new();
    let unwrapped = text.replace("\r\n", "").replace('\n', "");
    for text in [text, unwrapped.as_str()] {
        for run in text.split(|c| !is(c)).filter(|r| r.len() >= 16) {
            let run: String = run.replace('-', "+").replace('_', "/");
            // A word may be glued to it.
            for from in 0..4 {
                let part = &run[from..];
                let part = &part[..part.len() - usize::from(part.len() % 4 == 1)];
                if let Ok(bytes) = standard.decode(part) {
                    let plain = bytes
                        .iter()
                        .filter(|b| b.is_ascii_graphic() || **b == b' ' || **b == 0)
                        .count();
                    if plain * 2 > bytes.len() {
                        out.push(bytes);
                    }
                }
            }
        }
        if text.len() == unwrapped.len() {
            break;
        }
    }
    out
}

/// The shape of a JSON text: strings, integers and other numbers by their kind only.
/// `None` where it is not JSON.
pub fn shape(bytes: &[u8]) -> Option<String> {
    serde_json::from_slice::<Value>(bytes).ok()?;
    let (mut out, mut at) = (String::new(), 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while bytes.get(at).is_some_and(|b| *b != b'"') {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                out.push('S');
            }
            b'-' | b'0'..=b'9' => {
                let end = bytes[at..]
                    .iter()
                    .position(|b| !matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
                    .map_or(bytes.len(), |n| at + n);
                let number = &bytes[at..end];
                out.push(if number.iter().any(|b| matches!(b, b'.' | b'e' | b'E')) {
                    'F'
                } else {
                    'I'
                });
                at = end - 1;
            }
            b' ' | b'\n' | b'\r' | b'\t' => {}
            other => out.push(char::from(other)),
        }
        at += 1;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{card, encode};

    /// Every positive case holds its numbers before masking: the check can fail.
    #[test]
    fn sees_every_number_of_the_corpus() {
        let mut blind = BTreeMap::<String, usize>::new();
        for case in crate::generate(3) {
            let Some(body) = body(&case.body, &case.content_encoding) else {
                continue;
            };
            for want in case.expect.iter().filter(|e| e.maskable && e.kind == "pan") {
                if !holds(&body, &want.digits) {
                    *blind.entry(case.category.clone()).or_default() += 1;
                }
            }
        }
        assert!(blind.is_empty(), "{blind:?}");
    }

    #[test]
    fn a_masked_number_is_not_seen() {
        let digits = card::PUBLISHED[0];
        assert!(holds(b"{\"a\":[4,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]}", digits));
        assert!(!holds(b"{\"a\":\"411111******1111\"}", digits));
        let twice = encode::base64(
            encode::base64(digits.as_bytes(), false, true).as_bytes(),
            true,
            false,
        );
        assert!(holds(twice.as_bytes(), digits));
    }

    #[test]
    fn shapes() {
        assert_eq!(
            shape(b"{\"a\": [1, 2.0, \"x\\\"\"]}").as_deref(),
            Some("{S:[I,F,S]}")
        );
        assert_eq!(shape(b"{"), None);
    }
}
