//! Text in PDF documents (ISO 32000): what the content streams show.
//!
//! Streams are found by their keyword, inflated where the dictionary says so, and their
//! strings put together as a reader sees them: `(..) Tj`, `[(..) -20 (..)] TJ`, hex
//! strings. Fonts that number their glyphs in an order of their own are not resolved.
//! Encrypted documents, and filters other than Flate on what is not an image, cannot
//! be read.

use super::{Scanner, Stream};
use crate::Carrier;
use crate::codec::{Decoder, Encoding};
use crate::finding::Finding;
use crate::undecodable::Undecodable;

/// Bytes before `stream` in which its dictionary is looked for.
const DICTIONARY: usize = 2048;
/// A shift in a `TJ` array, in thousandths, that reads as a space.
const SPACE_SHIFT: f32 = 180.0;

/// Scans the whole document. `depth` is that of its streams.
pub(crate) fn scan(
    scanner: &Scanner,
    document: &[u8],
    depth: u8,
    found: &mut dyn FnMut(Finding),
) -> Result<(), Undecodable> {
    // Titles, notes and form fields stand there as they are.
    let mut outside = Stream::inside(Carrier::Text, depth);
    let mut at = 0;
    let mut why = None;
    let mut left = scanner.caps().bytes;
    while let Some(begin) = find(document, at, b"stream") {
        scanner.scan(&mut outside, &document[at..begin], found);
        let mut from = begin + b"stream".len();
        if document[..begin].ends_with(b"end") {
            at = from;
            continue;
        }
        from += match document.get(from..) {
            Some([b'\r', b'\n', ..]) => 2,
            Some([b'\n' | b'\r', ..]) => 1,
            _ => 0,
        };
        let to = find(document, from, b"endstream").unwrap_or(document.len());
        let dictionary = dictionary(&document[..begin]);
        let shown = one_stream(
            scanner,
            dictionary,
            &document[from..to],
            depth,
            &mut left,
            found,
        );
        why = why.or(shown.err());
        at = to;
    }
    scanner.scan(&mut outside, &document[at..], found);
    scanner.finish(&mut outside, found);
    if find(document, 0, b"/Encrypt").is_some() {
        why = why.or(Some(Undecodable::Document));
    }
    why.or(outside.undecodable()).map_or(Ok(()), Err)
}

fn one_stream(
    scanner: &Scanner,
    dictionary: &[u8],
    data: &[u8],
    depth: u8,
    left: &mut u64,
    found: &mut dyn FnMut(Finding),
) -> Result<(), Undecodable> {
    let has = |name: &[u8]| find(dictionary, 0, name).is_some();
    if has(b"/Subtype/Image") || has(b"/Subtype /Image") || has(b"/Length1") || has(b"/XRef") {
        return Ok(());
    }
    for filter in [
        &b"/LZWDecode"[..],
        b"/ASCII85Decode",
        b"/ASCIIHexDecode",
        b"/RunLengthDecode",
        b"/Crypt",
    ] {
        if has(filter) {
            return Err(Undecodable::Document);
        }
    }
    let mut content = Vec::new();
    if has(b"/FlateDecode") || has(b"/Fl ") {
        inflate(scanner, data, left, &mut content)?;
    } else {
        content.extend_from_slice(data);
    }
    let mut stream = Stream::inside(Carrier::Text, depth);
    let text = shown(&content);
    // Object streams have dictionaries, not operators: what shows nothing is text.
    let text = if text.is_empty() { &content } else { &text };
    scanner.scan(&mut stream, text, found);
    scanner.finish(&mut stream, found);
    stream.undecodable().map_or(Ok(()), Err)
}

/// An end of line belongs to `endstream`, so one is let stand behind the data.
fn inflate(
    scanner: &Scanner,
    data: &[u8],
    left: &mut u64,
    content: &mut Vec<u8>,
) -> Result<(), Undecodable> {
    let caps = crate::caps::Caps {
        bytes: *left,
        ..*scanner.caps()
    };
    let mut last = Err(Undecodable::Compressed);
    for end in [
        data.len(),
        data.len().saturating_sub(1),
        data.len().saturating_sub(2),
    ] {
        content.clear();
        let mut decoder = Decoder::new(Encoding::Zlib, &caps);
        last = decoder
            .push(&data[..end], content)
            .and_then(|()| decoder.finish());
        if last != Err(Undecodable::Compressed) {
            break;
        }
    }
    *left -= (content.len() as u64).min(*left);
    last
}

/// The innermost dictionary that ends the bytes.
fn dictionary(before: &[u8]) -> &[u8] {
    let before = &before[before.len().saturating_sub(DICTIONARY)..];
    let begin = before
        .windows(4)
        .rposition(|w| w == b" obj" || w == b"\nobj")
        .unwrap_or(0);
    &before[begin..]
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let first = what.first()?;
    let mut at = 0;
    loop {
        at += rest.get(at..)?.iter().position(|b| b == first)?;
        if rest[at..].starts_with(what) {
            return Some(from + at);
        }
        at += 1;
    }
}

/// The text that a content stream shows.
fn shown(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut numbers = [0f32; 2];
    let mut in_array = false;
    let mut pos = 0;
    while let Some(&byte) = content.get(pos) {
        match byte {
            b'(' => pos = literal(content, pos + 1, &mut out),
            b'<' if content.get(pos + 1) == Some(&b'<') => pos += 2,
            b'<' => pos = hex(content, pos + 1, &mut out),
            b'[' | b']' => {
                in_array = byte == b'[';
                pos += 1;
            }
            b'%' => {
                let line = content[pos..]
                    .iter()
                    .take_while(|b| !matches!(b, b'\n' | b'\r'));
                pos += line.count();
            }
            b'0'..=b'9' | b'-' | b'+' | b'.' => {
                let word = word(content, pos);
                let number: f32 = std::str::from_utf8(word)
                    .ok()
                    .and_then(|w| w.parse().ok())
                    .unwrap_or(0.0);
                if in_array && number < -SPACE_SHIFT && !out.is_empty() {
                    out.push(b' ');
                }
                numbers = [numbers[1], number];
                pos += word.len();
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'\'' | b'"' | b'*' => {
                let word = word(content, pos);
                match word {
                    b"Td" | b"TD" if numbers[1] == 0.0 => out.push(b' '),
                    b"Td" | b"TD" | b"Tm" | b"T*" | b"ET" | b"'" | b"\"" if !out.is_empty() => {
                        out.push(b'\n');
                    }
                    _ => {}
                }
                pos += word.len().max(1);
            }
            _ => pos += 1,
        }
    }
    out
}

fn word(content: &[u8], pos: usize) -> &[u8] {
    let rest = &content[pos..];
    let delimiter = |b: &u8| {
        b.is_ascii_whitespace()
            || matches!(b, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'/' | b'%' | 0)
    };
    let len = rest.iter().position(delimiter).unwrap_or(rest.len());
    &rest[..len.max(1)]
}

/// A string in parentheses, which may be nested; where it ends.
fn literal(content: &[u8], mut pos: usize, out: &mut Vec<u8>) -> usize {
    let mut depth = 0;
    while let Some(&byte) = content.get(pos) {
        pos += 1;
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => break,
            b')' => depth -= 1,
            b'\\' => {
                let octal = content[pos..]
                    .iter()
                    .take(3)
                    .take_while(|b| matches!(b, b'0'..=b'7'));
                let (len, value) =
                    octal.fold((0, 0u16), |(n, v), b| (n + 1, v * 8 + u16::from(b - b'0')));
                if len > 0 {
                    out.push(value as u8);
                    pos += len;
                } else {
                    match content.get(pos) {
                        Some(b'n' | b'r') => out.push(b'\n'),
                        Some(b't') => out.push(b'\t'),
                        Some(b'\n' | b'\r') | None => {}
                        Some(other) => out.push(*other),
                    }
                    pos += 1;
                }
                continue;
            }
            // Two bytes for each character (UTF-16, Identity fonts): the first is zero.
            0 => continue,
            _ => {}
        }
        out.push(byte);
    }
    pos
}

/// A string in hex; where it ends. Zero bytes are left out (see [`literal`]).
fn hex(content: &[u8], mut pos: usize, out: &mut Vec<u8>) -> usize {
    let mut high = None;
    while let Some(&byte) = content.get(pos) {
        pos += 1;
        if byte == b'>' {
            break;
        }
        let Some(digit) = char::from(byte).to_digit(16) else {
            continue;
        };
        match high.take() {
            None => high = Some(digit),
            Some(high) if high * 16 + digit > 0 => out.push((high * 16 + digit) as u8),
            Some(_) => {}
        }
    }
    if let Some(high) = high {
        out.push((high * 16) as u8);
    }
    pos
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_put_together_as_they_are_seen() {
        for (content, want) in [
            ("BT (4111) Tj (1111) Tj ET", "41111111\n"),
            ("BT [(41) -20 (11) -300 (1111)] TJ ET", "4111 1111\n"),
            ("<34 31 31> Tj", "411"),
            ("<00340031> Tj", "41"),
            ("(4\\061\\)1) Tj", "41)1"),
            (
                "(4111) Tj 20 0 Td (1111) Tj 0 -12 Td (x) Tj",
                "4111 1111\nx",
            ),
            ("(a(b)c) ' % (no)\n(d) Tj", "a(b)c\nd"),
            ("q 1 0 0 1 72 720 cm Q", ""),
        ] {
            assert_eq!(
                String::from_utf8_lossy(&shown(content.as_bytes())),
                want,
                "{content}"
            );
        }
    }
}
