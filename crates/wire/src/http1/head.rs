//! Finding and parsing heads.
//!
//! Two passes. Ours finds the blank line and refuses what lenient parsers
//! disagree about (bare CR, bare LF, NUL, line folding), byte by byte in the
//! order received, and remembers how far it came. httparse then parses the
//! complete head once.

use crate::http1::{Header, Limits, headers};
use crate::{Span, WireError};

/// Incremental head parser for one direction of a connection.
///
/// Give it the whole buffer received so far, from the head's first byte, each
/// time; it looks at each byte once. After a head or an error it starts afresh.
#[derive(Clone, Debug, Default)]
pub struct HeadParser {
    /// Bytes already looked at.
    seen: usize,
    /// Offset of the line being looked at.
    line_start: usize,
    /// Complete lines before it.
    lines: usize,
}

/// A parsed request head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// Bytes of the head with its blank line; the body starts here.
    pub len: usize,
    /// The method, case as sent.
    pub method: Span,
    /// The target: origin-form, or `*` with OPTIONS.
    pub target: Span,
    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    pub minor_version: u8,
    /// Header lines, in order.
    pub headers: Vec<Header>,
}

/// A parsed response head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// Bytes of the head with its blank line; the body starts here.
    pub len: usize,
    /// Status code, 100 to 599.
    pub status: u16,
    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    pub minor_version: u8,
    /// Header lines, in order.
    pub headers: Vec<Header>,
}

impl HeadParser {
    /// A parser at the start of a message.
    pub fn new() -> HeadParser {
        HeadParser::default()
    }

    /// Parse a request head at the start of `buf`; `None` = more bytes needed.
    ///
    /// # Errors
    /// `Malformed`, `TooLarge`, `Unsupported` (HTTP/0.9, HTTP/2 preface,
    /// absolute-form, authority-form).
    pub fn request(
        &mut self,
        buf: &[u8],
        limits: &Limits,
    ) -> Result<Option<RequestHead>, WireError> {
        let Some((head, lines)) = self.complete(buf, limits)? else {
            return Ok(None);
        };
        parse_request(head, lines, limits).map(Some)
    }

    /// Parse a response head at the start of `buf`; `None` = more bytes needed.
    ///
    /// # Errors
    /// `Malformed`, `TooLarge`, `Unsupported` (not HTTP/1.0 or HTTP/1.1).
    pub fn response(
        &mut self,
        buf: &[u8],
        limits: &Limits,
    ) -> Result<Option<ResponseHead>, WireError> {
        let Some((head, lines)) = self.complete(buf, limits)? else {
            return Ok(None);
        };
        parse_response(head, lines).map(Some)
    }

    /// The complete head and its number of header lines, once it is there.
    fn complete<'a>(
        &mut self,
        buf: &'a [u8],
        limits: &Limits,
    ) -> Result<Option<(&'a [u8], usize)>, WireError> {
        match self.look(buf, limits) {
            Ok(None) => Ok(None),
            Ok(Some(len)) => {
                let lines = self.lines.saturating_sub(1);
                *self = HeadParser::new();
                Ok(buf.get(..len).map(|head| (head, lines)))
            }
            Err(error) => {
                *self = HeadParser::new();
                Err(error)
            }
        }
    }

    /// Look at the bytes not yet seen; length of the head once it ends.
    fn look(&mut self, buf: &[u8], limits: &Limits) -> Result<Option<usize>, WireError> {
        let window = buf
            .get(..buf.len().min(limits.head_bytes_max))
            .unwrap_or(buf);
        loop {
            if self.seen == self.line_start
                && self.lines > 0
                && matches!(window.get(self.seen), Some(b' ' | b'\t'))
            {
                return Err(WireError::Malformed("line folding in head"));
            }
            let rest = window.get(self.seen..).unwrap_or_default();
            let Some(at) = memchr::memchr3(b'\r', b'\n', 0, rest) else {
                self.seen = self.seen.max(window.len());
                break;
            };
            let at = self.seen.saturating_add(at);
            match (window.get(at), window.get(at.saturating_add(1))) {
                (Some(b'\r'), Some(b'\n')) => {}
                (Some(b'\r'), None) => {
                    self.seen = at;
                    break;
                }
                (Some(b'\r'), Some(_)) => return Err(WireError::Malformed("bare cr in head")),
                (Some(b'\n'), _) => return Err(WireError::Malformed("bare lf in head")),
                _ => return Err(WireError::Malformed("nul in head")),
            }
            let blank = at == self.line_start;
            self.seen = at.saturating_add(2);
            self.line_start = self.seen;
            if blank && self.lines == 0 {
                return Err(WireError::Malformed("empty line before the start line"));
            }
            if blank {
                return Ok(Some(self.seen));
            }
            self.lines = self.lines.saturating_add(1);
            if self.lines > limits.headers_max.saturating_add(1) {
                return Err(WireError::TooLarge("headers_max"));
            }
        }
        if window.len() >= limits.head_bytes_max {
            return Err(WireError::TooLarge("head_bytes_max"));
        }
        Ok(None)
    }
}

impl RequestHead {
    /// Value of the first header of this name.
    pub fn header<'a>(&'a self, buf: &'a [u8], name: &'a str) -> Option<&'a [u8]> {
        headers::all(buf, &self.headers, name).next()
    }

    /// Value of a header that may stand once only.
    ///
    /// # Errors
    /// `Malformed` if it stands twice, even with equal values.
    pub fn single<'a>(
        &'a self,
        buf: &'a [u8],
        name: &'a str,
    ) -> Result<Option<&'a [u8]>, WireError> {
        headers::single(buf, &self.headers, name)
    }

    /// Values of every header of this name, in order.
    pub fn all<'a>(&'a self, buf: &'a [u8], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        headers::all(buf, &self.headers, name)
    }

    /// Whether a comma-separated list header holds this token (any case).
    pub fn has_token(&self, buf: &[u8], name: &str, token: &str) -> bool {
        headers::has_token(buf, &self.headers, name, token)
    }

    /// Whether the connection lives on after this message (RFC 9112, 9.3).
    pub fn keep_alive(&self, buf: &[u8]) -> bool {
        headers::keep_alive(buf, &self.headers, self.minor_version)
    }

    /// Whether the client waits for `100 Continue` (RFC 9110, 10.1.1).
    pub fn expects_continue(&self, buf: &[u8]) -> bool {
        self.minor_version >= 1 && self.has_token(buf, "expect", "100-continue")
    }

    /// Whether the client asks to leave HTTP/1: `Upgrade`, or CONNECT.
    pub fn wants_upgrade(&self, buf: &[u8]) -> bool {
        self.method.of(buf) == b"CONNECT"
            || (self.header(buf, "upgrade").is_some()
                && self.has_token(buf, "connection", "upgrade"))
    }
}

impl ResponseHead {
    /// Value of the first header of this name.
    pub fn header<'a>(&'a self, buf: &'a [u8], name: &'a str) -> Option<&'a [u8]> {
        headers::all(buf, &self.headers, name).next()
    }

    /// Value of a header that may stand once only.
    ///
    /// # Errors
    /// `Malformed` if it stands twice, even with equal values.
    pub fn single<'a>(
        &'a self,
        buf: &'a [u8],
        name: &'a str,
    ) -> Result<Option<&'a [u8]>, WireError> {
        headers::single(buf, &self.headers, name)
    }

    /// Values of every header of this name, in order.
    pub fn all<'a>(&'a self, buf: &'a [u8], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        headers::all(buf, &self.headers, name)
    }

    /// Whether a comma-separated list header holds this token (any case).
    pub fn has_token(&self, buf: &[u8], name: &str, token: &str) -> bool {
        headers::has_token(buf, &self.headers, name, token)
    }

    /// Whether the connection lives on after this message (RFC 9112, 9.3). A
    /// body that runs until close ends it in any case.
    pub fn keep_alive(&self, buf: &[u8]) -> bool {
        headers::keep_alive(buf, &self.headers, self.minor_version)
    }
}

fn parse_request(head: &[u8], lines: usize, limits: &Limits) -> Result<RequestHead, WireError> {
    let mut slots = vec![httparse::EMPTY_HEADER; lines];
    let mut parsed = httparse::Request::new(&mut slots);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(len)) if len == head.len() => {}
        Ok(_) => return Err(WireError::Malformed("head ends early")),
        Err(error) => return Err(refusal(head, error)),
    }
    let (Some(method), Some(target), Some(minor_version)) =
        (parsed.method, parsed.path, parsed.version)
    else {
        return Err(WireError::Malformed("request line"));
    };
    if target.len() > limits.target_bytes_max {
        return Err(WireError::TooLarge("target_bytes_max"));
    }
    check_target(method, target.as_bytes())?;
    let found = RequestHead {
        len: head.len(),
        method: span_in(head, method.as_bytes()),
        target: span_in(head, target.as_bytes()),
        minor_version,
        headers: header_spans(head, parsed.headers),
    };
    check_host(head, &found)?;
    Ok(found)
}

fn parse_response(head: &[u8], lines: usize) -> Result<ResponseHead, WireError> {
    let mut slots = vec![httparse::EMPTY_HEADER; lines];
    let mut parsed = httparse::Response::new(&mut slots);
    match parsed.parse(head) {
        Ok(httparse::Status::Complete(len)) if len == head.len() => {}
        Ok(_) => return Err(WireError::Malformed("head ends early")),
        Err(error) => return Err(refusal(head, error)),
    }
    let (Some(status), Some(minor_version)) = (parsed.code, parsed.version) else {
        return Err(WireError::Malformed("status line"));
    };
    if !(100..=599).contains(&status) {
        return Err(WireError::Malformed("status code"));
    }
    Ok(ResponseHead {
        len: head.len(),
        status,
        minor_version,
        headers: header_spans(head, parsed.headers),
    })
}

/// RFC 9112 section 3.2: only the forms an origin server is sent.
fn check_target(method: &str, target: &[u8]) -> Result<(), WireError> {
    if method == "CONNECT" {
        return Err(WireError::Unsupported("authority-form target"));
    }
    if target.iter().any(|b| !b.is_ascii_graphic() || *b == b'#') {
        return Err(WireError::Malformed("byte in target"));
    }
    match target.first() {
        Some(b'/') => Ok(()),
        Some(b'*') if target.len() == 1 && method == "OPTIONS" => Ok(()),
        Some(_) if memchr::memmem::find(target, b"://").is_some() => {
            Err(WireError::Unsupported("absolute-form target"))
        }
        _ => Err(WireError::Malformed("target form")),
    }
}

/// RFC 9112 section 3.2: exactly one Host in HTTP/1.1, at most one in 1.0.
fn check_host(buf: &[u8], head: &RequestHead) -> Result<(), WireError> {
    match head.single(buf, "host") {
        Err(_) => Err(WireError::Malformed("host given twice")),
        Ok(None) if head.minor_version >= 1 => Err(WireError::Malformed("host is missing")),
        Ok(Some(host))
            if host
                .iter()
                .any(|b| !b.is_ascii_graphic() || b"/,@?#\\".contains(b)) =>
        {
            Err(WireError::Malformed("byte in host"))
        }
        Ok(_) => Ok(()),
    }
}

/// What httparse refused, in our terms. Versions are told apart here because
/// the answer differs: a newer protocol is unsupported, nonsense is malformed.
fn refusal(head: &[u8], error: httparse::Error) -> WireError {
    use httparse::Error;
    let line = memchr::memchr(b'\r', head)
        .and_then(|end| head.get(..end))
        .unwrap_or(head);
    let last = line.rsplit(|b| *b == b' ').next().unwrap_or_default();
    let first = line.split(|b| *b == b' ').next().unwrap_or_default();
    let words = line.split(|b| *b == b' ').count();
    match error {
        Error::HeaderName => WireError::Malformed("header name"),
        Error::HeaderValue => WireError::Malformed("header value"),
        Error::TooManyHeaders => WireError::TooLarge("headers_max"),
        Error::Status => WireError::Malformed("status line"),
        _ if is_version(last) && words == 3 || is_version(first) => {
            if matches!(last, b"HTTP/1.0" | b"HTTP/1.1") {
                WireError::Malformed("start line")
            } else {
                WireError::Unsupported("http version")
            }
        }
        _ if words == 2 && line.starts_with(b"GET /") => WireError::Unsupported("http/0.9"),
        _ => WireError::Malformed("start line"),
    }
}

/// `HTTP/` DIGIT [`.` DIGIT]
fn is_version(word: &[u8]) -> bool {
    match word.strip_prefix(b"HTTP/") {
        Some([major]) => major.is_ascii_digit(),
        Some([major, b'.', minor]) => major.is_ascii_digit() && minor.is_ascii_digit(),
        _ => false,
    }
}

/// Spans of httparse's headers. Each line starts with its name and runs to the
/// next one, since the first pass saw no folding and no leading white space.
fn header_spans(head: &[u8], parsed: &[httparse::Header<'_>]) -> Vec<Header> {
    let mut found: Vec<Header> = parsed
        .iter()
        .map(|h| {
            let name = span_in(head, h.name.as_bytes());
            let value = if h.value.is_empty() {
                let after_colon = name.end.saturating_add(1);
                Span::new(after_colon, after_colon)
            } else {
                span_in(head, h.value)
            };
            Header {
                name,
                value,
                line: Span::new(name.start, name.start),
            }
        })
        .collect();
    let mut end = head.len().saturating_sub(2);
    for header in found.iter_mut().rev() {
        header.line = Span::new(header.line.start, end);
        end = header.line.start;
    }
    found
}

/// Where `part`, a slice of `whole`, lies in it.
fn span_in(whole: &[u8], part: &[u8]) -> Span {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    Span::new(
        start.min(whole.len()),
        start.saturating_add(part.len()).min(whole.len()),
    )
}
