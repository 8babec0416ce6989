//! The parts of a multipart body (RFC 2046 5.1): where each header block and each
//! content stands. Nothing is copied, so that findings keep their place.

use std::ops::Range;

use crate::media::Media;

/// Parts of one body; the rest is read as one more part.
const PARTS_MAX: usize = 1000;

/// A piece of the body that is scanned as a text of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) range: Range<usize>,
    /// `Content-Type` of a content; empty for headers and what stands between parts.
    pub(crate) media_type: String,
}

/// The pieces of `body`, one behind the other, nothing left out.
pub(crate) fn parts(body: &[u8], media: &Media) -> Vec<Part> {
    let plain = |range| Part {
        range,
        media_type: String::new(),
    };
    let delimiter = match &media.boundary {
        Some(boundary) if !boundary.is_empty() => format!("--{boundary}").into_bytes(),
        _ => return vec![plain(0..body.len())],
    };
    let mut list = Vec::new();
    let mut at = 0;
    while list.len() < PARTS_MAX {
        let Some(begin) = line_with(body, at, &delimiter) else {
            break;
        };
        let Some(head_end) = find(body, begin, b"\r\n\r\n")
            .map(|i| i + 4)
            .or(find(body, begin, b"\n\n").map(|i| i + 2))
        else {
            break;
        };
        let end = line_with(body, head_end, &delimiter).unwrap_or(body.len());
        list.push(plain(at..head_end));
        list.push(Part {
            range: head_end..end,
            media_type: content_type(&body[begin..head_end]),
        });
        at = end;
    }
    list.push(plain(at..body.len()));
    list
}

/// Where a line begins that begins with `delimiter`, from `at` on.
fn line_with(body: &[u8], at: usize, delimiter: &[u8]) -> Option<usize> {
    let mut from = at;
    loop {
        let hit = find(body, from, delimiter)?;
        if hit == 0 || body[hit - 1] == b'\n' {
            return Some(hit);
        }
        from = hit + 1;
    }
}

fn find(body: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut at = from;
    loop {
        at += body.get(at..)?.iter().position(|b| *b == first)?;
        if body[at..].starts_with(what) {
            return Some(at);
        }
        at += 1;
    }
}

fn content_type(head: &[u8]) -> String {
    const NAME: &[u8] = b"content-type:";
    let value = head.split(|b| *b == b'\n').find(|line| {
        line.get(..NAME.len())
            .is_some_and(|n| n.eq_ignore_ascii_case(NAME))
    });
    let value = value.and_then(|line| line.get(NAME.len()..)).unwrap_or(b"");
    String::from_utf8_lossy(value.trim_ascii()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_the_body() {
        let body = b"pre\r\n--b\r\nContent-Disposition: form-data\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n--b\r\n\r\nplain --b no\r\n--b--\r\nend";
        let media = Media::parse("multipart/form-data; boundary=b");
        let parts = parts(body, &media);
        let mut at = 0;
        for part in &parts {
            assert_eq!(part.range.start, at);
            at = part.range.end;
        }
        assert_eq!(at, body.len());
        let contents: Vec<_> = parts.iter().skip(1).step_by(2).collect();
        assert_eq!(&body[contents[0].range.clone()], b"{\"a\":1}\r\n");
        assert_eq!(contents[0].media_type, "application/json");
        assert_eq!(&body[contents[1].range.clone()], b"plain --b no\r\n");
        let none = Media::parse("multipart/mixed");
        assert_eq!(super::parts(body, &none).len(), 1);
    }
}
