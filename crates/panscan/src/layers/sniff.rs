//! What decoded bytes are, from how they begin.

/// A kind of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Json,
    Text,
    Utf16 {
        little: bool,
    },
    Packed(Pack),
    Image,
    /// None of these. Scanned as text: digits may stand between other bytes.
    Binary,
}

/// Content with text inside that cannot be altered in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pack {
    Gzip,
    Zlib,
    Zstd,
    Zip,
    Pdf,
}

/// Bytes that decide, but for telling text from binary.
pub(crate) const HEAD: usize = 4;

/// What begins with `head`, the first bytes that are there.
pub(crate) fn content(head: &[u8]) -> Content {
    match head {
        [0x1F, 0x8B, 8, flags, ..] if flags & 0xE0 == 0 => Content::Packed(Pack::Gzip),
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Content::Packed(Pack::Zstd),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Content::Packed(Pack::Zip),
        [b'%', b'P', b'D', b'F', ..] => Content::Packed(Pack::Pdf),
        [0x89, b'P', b'N', b'G', ..] | [0xFF, 0xD8, 0xFF, ..] | [b'G', b'I', b'F', b'8', ..] => {
            Content::Image
        }
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Content::Image,
        [0x78, second @ (0x01 | 0x5E | 0x9C | 0xDA), ..] if !second.is_ascii_graphic() => {
            Content::Packed(Pack::Zlib)
        }
        [0x78, 0x5E, third, ..] if third.is_ascii_control() || *third >= 0x80 => {
            Content::Packed(Pack::Zlib)
        }
        _ => match utf16(head) {
            Some(little) => Content::Utf16 { little },
            None if !is_text(head) => Content::Binary,
            None => text(head),
        },
    }
}

fn text(head: &[u8]) -> Content {
    match head.trim_ascii_start().first() {
        Some(b'{' | b'[' | b'"') => Content::Json,
        _ => Content::Text,
    }
}

/// UTF-16 by its byte order mark, or by zeros where ASCII has them: little-endian?
pub(crate) fn utf16(head: &[u8]) -> Option<bool> {
    let plain = |b: u8| (b' '..0x7F).contains(&b) || matches!(b, b'\t' | b'\n' | b'\r');
    match *head {
        [0xFF, 0xFE, ..] => Some(true),
        [0xFE, 0xFF, ..] => Some(false),
        [a, 0, b, 0, ..] if plain(a) && plain(b) => Some(true),
        [0, a, 0, b, ..] if plain(a) && plain(b) => Some(false),
        _ => None,
    }
}

/// UTF-8 without control characters; it may end inside a character.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    let control = |b: &u8| *b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r' | 0x1B) || *b == 0x7F;
    if bytes.iter().any(control) {
        return false;
    }
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (head, want) in [
            (&b"{\"a\":1}"[..], Content::Json),
            (b" [1]", Content::Json),
            (b"hello", Content::Text),
            (b"x^2 is", Content::Text),
            (b"x\x9c\x03\x00", Content::Packed(Pack::Zlib)),
            (b"\x1f\x8b\x08\x00", Content::Packed(Pack::Gzip)),
            (b"PK\x03\x04", Content::Packed(Pack::Zip)),
            (b"%PDF-1.7", Content::Packed(Pack::Pdf)),
            (b"\xff\xd8\xff\xe0", Content::Image),
            (b"4\x001\x00", Content::Utf16 { little: true }),
            (b"\xfe\xff\x004", Content::Utf16 { little: false }),
            (b"\x00\x01\x02\x03", Content::Binary),
            ("é…".as_bytes(), Content::Text),
            (&"é…".as_bytes()[..4], Content::Text),
            (b"\xc3\x28", Content::Binary),
        ] {
            assert_eq!(content(head), want, "{head:?}");
        }
    }
}
