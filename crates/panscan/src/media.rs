//! `Content-Type` values (RFC 9110 8.3.1), as far as they decide how text is read.

use crate::Carrier;
use crate::layers::Charset;
use crate::undecodable::Undecodable;

/// What a media type says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Media {
    /// Type and subtype in lower case.
    pub(crate) essence: String,
    charset: Option<String>,
    pub(crate) boundary: Option<String>,
}

impl Media {
    pub(crate) fn parse(value: &str) -> Media {
        let mut parts = split(value, b';').into_iter();
        let essence = parts.next().unwrap_or("").trim().to_ascii_lowercase();
        let (mut charset, mut boundary) = (None, None);
        for part in parts {
            let Some((name, value)) = part.split_once('=') else {
                continue;
            };
            let value = value.trim().trim_matches('"').to_string();
            match name.trim().to_ascii_lowercase().as_str() {
                "charset" => charset = charset.or(Some(value.to_ascii_lowercase())),
                "boundary" => boundary = boundary.or(Some(value)),
                _ => {}
            }
        }
        Media {
            essence,
            charset,
            boundary,
        }
    }

    /// How the text is read; as text where the type says nothing.
    pub(crate) fn carrier(&self) -> Carrier {
        let json = matches!(
            self.essence.as_str(),
            "application/json"
                | "text/json"
                | "text/event-stream"
                | "application/x-ndjson"
                | "application/ndjson"
                | "application/jsonl"
                | "application/json-seq"
        ) || self.essence.ends_with("+json");
        if json { Carrier::Json } else { Carrier::Text }
    }

    pub(crate) fn is_events(&self) -> bool {
        self.essence == "text/event-stream"
    }

    pub(crate) fn is_form(&self) -> bool {
        self.essence == "application/x-www-form-urlencoded"
    }

    pub(crate) fn is_multipart(&self) -> bool {
        self.essence.starts_with("multipart/")
    }

    /// The charset, where it is not UTF-8 or ASCII. UTF-16 without a byte order is told
    /// by its first bytes, so that is `None` too.
    pub(crate) fn charset(&self) -> Result<Option<Charset>, Undecodable> {
        match self.charset.as_deref() {
            None | Some("" | "utf-8" | "utf8" | "us-ascii" | "ascii" | "utf-16" | "utf16") => {
                Ok(None)
            }
            Some("utf-16le") => Ok(Some(Charset::Utf16Le)),
            Some("utf-16be") => Ok(Some(Charset::Utf16Be)),
            Some(
                "iso-8859-1" | "iso8859-1" | "iso-8859-15" | "latin1" | "latin-1" | "windows-1252"
                | "cp1252",
            ) => Ok(Some(Charset::Western)),
            Some(_) => Err(Undecodable::Charset),
        }
    }
}

/// Splits at `at`, not inside quotes.
fn split(value: &str, at: u8) -> Vec<&str> {
    let (mut parts, mut from, mut quoted) = (Vec::new(), 0, false);
    for (i, byte) in value.bytes().enumerate() {
        if byte == b'"' {
            quoted = !quoted;
        } else if byte == at && !quoted {
            parts.push(&value[from..i]);
            from = i + 1;
        }
    }
    parts.push(&value[from..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters() {
        let media = Media::parse("Multipart/Form-Data; boundary=\"a;b\"; charset = UTF-8");
        assert!(media.is_multipart());
        assert_eq!(media.boundary.as_deref(), Some("a;b"));
        assert_eq!(media.charset(), Ok(None));
        assert_eq!(Media::parse("application/ld+json").carrier(), Carrier::Json);
        assert_eq!(Media::parse("").carrier(), Carrier::Text);
        let charset = |name: &str| Media::parse(&format!("text/plain;charset={name}")).charset();
        assert_eq!(charset("UTF-16LE"), Ok(Some(Charset::Utf16Le)));
        assert_eq!(charset("latin1"), Ok(Some(Charset::Western)));
        assert_eq!(charset("utf-7"), Err(Undecodable::Charset));
    }
}
