//! Strict JSON (RFC 8259) as tokens with spans, in one pass and without
//! recursion. The grammar is checked to the end of the text, not only where a
//! caller looks.
//!
//! The text must be UTF-8. A lone surrogate escape (`"\ud800"`) is within the
//! grammar and passes here; turning it into a `String` fails.

use std::borrow::Cow;

use crate::{Span, WireError};

/// One token; the span is the raw text, quotes of strings included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Key,
    String,
    Number,
    True,
    False,
    Null,
}

/// What the grammar allows next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Value,
    FirstItem,
    FirstKey,
    Key,
    CommaOrEnd,
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Object,
    Array,
}

/// Pulls tokens from one JSON text.
pub(crate) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
    expect: Expect,
    stack: Vec<Container>,
    depth_max: usize,
}

impl<'a> Tokens<'a> {
    /// Tokens of `text`; refuses what is not UTF-8.
    pub(crate) fn new(text: &'a [u8], depth_max: usize) -> Result<Tokens<'a>, WireError> {
        if std::str::from_utf8(text).is_err() {
            return Err(WireError::Json("not utf-8"));
        }
        Ok(Tokens {
            text,
            at: 0,
            expect: Expect::Value,
            stack: Vec::with_capacity(8),
            depth_max,
        })
    }

    /// The next token; `None` after a complete text.
    pub(crate) fn next(&mut self) -> Result<Option<Token>, WireError> {
        loop {
            self.skip_space();
            let Some(byte) = self.peek() else {
                return match self.expect {
                    Expect::End => Ok(None),
                    _ => Err(WireError::Json("text ends early")),
                };
            };
            match (self.expect, byte) {
                (Expect::FirstItem, b']') | (Expect::FirstKey, b'}') => {
                    return self.close(byte).map(Some);
                }
                (Expect::CommaOrEnd, b',') => {
                    self.at = self.at.saturating_add(1);
                    self.expect = match self.stack.last() {
                        Some(Container::Object) => Expect::Key,
                        _ => Expect::Value,
                    };
                }
                (Expect::CommaOrEnd, _) => return self.close(byte).map(Some),
                (Expect::Key | Expect::FirstKey, b'"') => return self.key().map(Some),
                (Expect::Key | Expect::FirstKey, _) => {
                    return Err(WireError::Json("key is not a string"));
                }
                (Expect::Value | Expect::FirstItem, _) => return self.value(byte).map(Some),
                (Expect::End, _) => return Err(WireError::Json("bytes after the value")),
            }
        }
    }

    fn value(&mut self, byte: u8) -> Result<Token, WireError> {
        let start = self.at;
        let kind = match byte {
            b'{' => return self.open(Container::Object),
            b'[' => return self.open(Container::Array),
            b'"' => {
                self.string()?;
                TokenKind::String
            }
            b'-' | b'0'..=b'9' => {
                self.number()?;
                TokenKind::Number
            }
            b't' => self.word(b"true", TokenKind::True)?,
            b'f' => self.word(b"false", TokenKind::False)?,
            b'n' => self.word(b"null", TokenKind::Null)?,
            _ => return Err(WireError::Json("not a value")),
        };
        self.after_value();
        Ok(Token {
            kind,
            span: Span::new(start, self.at),
        })
    }

    fn open(&mut self, container: Container) -> Result<Token, WireError> {
        if self.stack.len() >= self.depth_max {
            return Err(WireError::Json("depth_max"));
        }
        self.stack.push(container);
        let start = self.at;
        self.at = self.at.saturating_add(1);
        let (kind, expect) = match container {
            Container::Object => (TokenKind::ObjectStart, Expect::FirstKey),
            Container::Array => (TokenKind::ArrayStart, Expect::FirstItem),
        };
        self.expect = expect;
        Ok(Token {
            kind,
            span: Span::new(start, self.at),
        })
    }

    fn close(&mut self, byte: u8) -> Result<Token, WireError> {
        let kind = match (self.stack.last(), byte) {
            (Some(Container::Object), b'}') => TokenKind::ObjectEnd,
            (Some(Container::Array), b']') => TokenKind::ArrayEnd,
            _ => return Err(WireError::Json("comma or end is missing")),
        };
        self.stack.pop();
        let start = self.at;
        self.at = self.at.saturating_add(1);
        self.after_value();
        Ok(Token {
            kind,
            span: Span::new(start, self.at),
        })
    }

    fn key(&mut self) -> Result<Token, WireError> {
        let start = self.at;
        self.string()?;
        let span = Span::new(start, self.at);
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(WireError::Json("colon is missing"));
        }
        self.at = self.at.saturating_add(1);
        self.expect = Expect::Value;
        Ok(Token {
            kind: TokenKind::Key,
            span,
        })
    }

    fn after_value(&mut self) {
        self.expect = if self.stack.is_empty() {
            Expect::End
        } else {
            Expect::CommaOrEnd
        };
    }

    fn string(&mut self) -> Result<(), WireError> {
        self.at = self.at.saturating_add(1);
        loop {
            let rest = self.rest();
            let Some(len) = memchr::memchr2(b'"', b'\\', rest) else {
                return Err(WireError::Json("string does not end"));
            };
            let plain = rest.get(..len).unwrap_or_default();
            // A fold without an early exit is what the compiler vectorises.
            if plain.iter().fold(false, |bad, b| bad | (*b < b' ')) {
                return Err(WireError::Json("control byte in string"));
            }
            let quote = rest.get(len) == Some(&b'"');
            self.at = self.at.saturating_add(len).saturating_add(1);
            if quote {
                return Ok(());
            }
            self.escape()?;
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<(), WireError> {
        let len = match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 1,
            Some(b'u') if hex4(self.rest().get(1..).unwrap_or_default()).is_some() => 5,
            _ => return Err(WireError::Json("escape")),
        };
        self.at = self.at.saturating_add(len);
        Ok(())
    }

    fn number(&mut self) -> Result<(), WireError> {
        self.skip_if(|b| b == b'-');
        if !self.skip_if(|b| b == b'0') {
            self.digits()?;
        }
        if self.skip_if(|b| b == b'.') {
            self.digits()?;
        }
        if self.skip_if(|b| matches!(b, b'e' | b'E')) {
            self.skip_if(|b| matches!(b, b'+' | b'-'));
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), WireError> {
        let len = self
            .rest()
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        if len == 0 {
            return Err(WireError::Json("number"));
        }
        self.at = self.at.saturating_add(len);
        Ok(())
    }

    fn word(&mut self, word: &[u8], kind: TokenKind) -> Result<TokenKind, WireError> {
        if !self.rest().starts_with(word) {
            return Err(WireError::Json("not a value"));
        }
        self.at = self.at.saturating_add(word.len());
        Ok(kind)
    }

    fn skip_if(&mut self, want: impl Fn(u8) -> bool) -> bool {
        let found = self.peek().is_some_and(want);
        if found {
            self.at = self.at.saturating_add(1);
        }
        found
    }

    fn skip_space(&mut self) {
        while self.skip_if(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')) {}
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }
}

/// The content of a string's raw text (with or without its quotes), escapes
/// resolved. Lone surrogates become their three-byte form, which is not UTF-8,
/// so that two spellings of one string compare equal.
pub(crate) fn unescape(raw: &[u8]) -> Cow<'_, [u8]> {
    let inner = raw
        .strip_prefix(b"\"")
        .map(|rest| rest.strip_suffix(b"\"").unwrap_or(rest))
        .unwrap_or(raw);
    if memchr::memchr(b'\\', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(slash) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(rest.get(..slash).unwrap_or_default());
        rest = rest.get(slash.saturating_add(1)..).unwrap_or_default();
        rest = unescape_one(rest, &mut out);
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// Resolve one escape, given what follows its backslash; returns the rest.
fn unescape_one<'a>(after: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some((first, rest)) = after.split_first() else {
        return after;
    };
    match first {
        b'b' => out.push(8),
        b'f' => out.push(12),
        b'n' => out.push(b'\n'),
        b'r' => out.push(b'\r'),
        b't' => out.push(b'\t'),
        b'u' => return unescape_code(rest, out),
        other => out.push(*other),
    }
    rest
}

fn unescape_code<'a>(digits: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let Some(unit) = hex4(digits) else {
        return digits;
    };
    let rest = digits.get(4..).unwrap_or_default();
    if (0xd800..0xdc00).contains(&unit)
        && let Some(low) = rest.strip_prefix(b"\\u").and_then(hex4)
        && (0xdc00..0xe000).contains(&low)
    {
        let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
        push_code(code, out);
        return rest.get(6..).unwrap_or_default();
    }
    push_code(unit, out);
    rest
}

/// UTF-8 of a code point; the same bit pattern for a lone surrogate.
fn push_code(code: u32, out: &mut Vec<u8>) {
    match char::from_u32(code) {
        Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        None => {
            let continuation = |shift: u32| 0x80 | ((code >> shift) & 0x3f) as u8;
            out.extend_from_slice(&[0xe0 | (code >> 12) as u8, continuation(6), continuation(0)]);
        }
    }
}

fn hex4(text: &[u8]) -> Option<u32> {
    text.get(..4)?.iter().try_fold(0_u32, |sum, b| {
        char::from(*b).to_digit(16).map(|digit| (sum << 4) | digit)
    })
}
