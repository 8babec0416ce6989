//! Sans-IO framing: HTTP/1 heads and bodies, SSE events, JSON-RPC messages.
//!
//! Second step of the data path (`accept -> identify -> frame -> scan ->
//! decide`). The caller owns the bytes; everything here answers with spans into
//! the caller's buffer, so that what is clean can leave byte for byte as it
//! came.
//!
//! Invariants:
//! - No socket, clock, file or thread; no panic on any input.
//! - What can be read in two ways is an error, never a guess: the next parser
//!   on the path must see the message as we did (RFC 9112 section 11.2).
//! - Where input is cut between two calls does not change what is reported.
//! - Every buffer and count is bounded by a `Limits`, and passing the bound is
//!   [`WireError::TooLarge`].
#![forbid(unsafe_code)]

mod error;
pub mod http1;
mod json;
pub mod jsonrpc;
pub mod sse;

pub use error::WireError;

/// A half-open range of byte offsets into the buffer that was parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset just after the last byte; never less than `start`.
    pub end: usize,
}

impl Span {
    /// A span from `start` to `end`; an `end` before `start` gives an empty one.
    pub const fn new(start: usize, end: usize) -> Span {
        Span {
            start,
            end: if end < start { start } else { end },
        }
    }

    /// Number of bytes covered.
    pub const fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether it covers no byte.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes covered; empty if `buf` is shorter than the span, which
    /// happens only when it is not the buffer that was parsed.
    pub fn of<'a>(&self, buf: &'a [u8]) -> &'a [u8] {
        buf.get(self.start..self.end).unwrap_or_default()
    }

    /// The span as a range.
    pub const fn range(&self) -> std::ops::Range<usize> {
        self.start..self.end
    }
}
