//! Looking things up in a parsed head, by name without regard to case.

use crate::{Span, WireError};

/// One header line; all spans are relative to the start of the head's buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name as written.
    pub name: Span,
    /// The value without the white space around it.
    pub value: Span,
    /// The whole line with its CRLF.
    pub line: Span,
}

/// Values of every header of this name, in order.
pub(crate) fn all<'a>(
    buf: &'a [u8],
    headers: &'a [Header],
    name: &'a str,
) -> impl Iterator<Item = &'a [u8]> {
    headers
        .iter()
        .filter(move |h| h.name.of(buf).eq_ignore_ascii_case(name.as_bytes()))
        .map(move |h| h.value.of(buf))
}

/// The value of a header that may stand once only.
pub(crate) fn single<'a>(
    buf: &'a [u8],
    headers: &'a [Header],
    name: &'a str,
) -> Result<Option<&'a [u8]>, WireError> {
    let mut values = all(buf, headers, name);
    let first = values.next();
    if values.next().is_some() {
        return Err(WireError::Malformed("header given twice"));
    }
    Ok(first)
}

/// Whether a comma-separated list header holds this token, in any of its lines.
pub(crate) fn has_token(buf: &[u8], headers: &[Header], name: &str, token: &str) -> bool {
    all(buf, headers, name).any(|value| {
        value
            .split(|b| *b == b',')
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    })
}

/// RFC 9112 section 9.3: does the connection live on after this message?
pub(crate) fn keep_alive(buf: &[u8], headers: &[Header], minor_version: u8) -> bool {
    if has_token(buf, headers, "connection", "close") {
        return false;
    }
    minor_version >= 1 || has_token(buf, headers, "connection", "keep-alive")
}
