//! HTTP/1.0 and HTTP/1.1 messages (RFC 9112), strict.
//!
//! A [`HeadParser`] finds the end of a head and gives spans of its parts;
//! [`BodyLength`] decides how the body is delimited (section 6.3);
//! [`BodyReader`] finds the payload bytes and the end. [`rewrite`] edits a head
//! and leaves every other byte as it was.
//!
//! Bounds: [`Limits`]. Not here: HTTP/2, content codings, connection policy.

mod body;
mod edit;
mod head;
mod headers;
mod length;

pub use body::{BodyEvent, BodyReader};
pub use edit::{Edit, rewrite};
pub use head::{HeadParser, RequestHead, ResponseHead};
pub use headers::Header;
pub use length::BodyLength;

/// Bounds of one HTTP/1 message. Passing one is [`crate::WireError::TooLarge`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head: start line, headers and the blank line.
    pub head_bytes_max: usize,
    /// Header lines in a head.
    pub headers_max: usize,
    /// Bytes of a request target.
    pub target_bytes_max: usize,
    /// Bytes of a chunk-size line with its extensions, without its CRLF.
    pub chunk_line_bytes_max: usize,
    /// Bytes of a trailer section with its line ends; 0 refuses trailers.
    pub trailer_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head_bytes_max: 64 * 1024,
            headers_max: 128,
            target_bytes_max: 8 * 1024,
            chunk_line_bytes_max: 256,
            trailer_bytes_max: 8 * 1024,
        }
    }
}
