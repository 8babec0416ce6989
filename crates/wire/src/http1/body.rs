//! Finding payload bytes and the end of a body, as it streams.
//!
//! Nothing is buffered: the caller forwards the bytes as they are and learns
//! which of them are payload. State is a few integers whatever the body's size.

use std::ops::Range;

use crate::WireError;
use crate::http1::{BodyLength, Limits};

/// What a pushed chunk contains; offsets are relative to that chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyEvent {
    /// Payload bytes. Never empty. Adjacent ranges may come as one or several.
    Data(Range<usize>),
    /// The terminating chunk has been seen; offset of its first byte (the
    /// first `0` of its size line), or 0 if it began in an earlier push.
    LastChunk(usize),
    /// The message is complete. Comes once, with the byte that completes it; a
    /// body that is empty by its length completes in the first push.
    End,
}

/// Reads one body.
#[derive(Clone, Debug)]
pub struct BodyReader {
    length: BodyLength,
    state: State,
    /// Whether `End` has been reported.
    ended: bool,
    /// Bytes of the current chunk-size line or of the trailer section so far.
    line_bytes: usize,
    chunk_line_bytes_max: usize,
    trailer_bytes_max: usize,
}

/// Where the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Payload of a body with a stated length; bytes left, never 0.
    Exact(u64),
    UntilClose,
    /// First byte of a chunk-size line.
    SizeStart,
    /// Later hex digits, and the size so far.
    Size(u64),
    Extension(u64),
    SizeLf(u64),
    /// Payload of a chunk; bytes left, never 0.
    Chunk(u64),
    ChunkCr,
    ChunkLf,
    /// First byte of a trailer line, or of the final CRLF.
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    FinalLf,
    Done,
}

impl BodyReader {
    /// A reader at the first byte of a body.
    pub fn new(length: BodyLength, limits: &Limits) -> BodyReader {
        let state = match length {
            BodyLength::Empty | BodyLength::Exact(0) => State::Done,
            BodyLength::Exact(n) => State::Exact(n),
            BodyLength::Chunked => State::SizeStart,
            BodyLength::UntilClose => State::UntilClose,
        };
        BodyReader {
            length,
            state,
            ended: false,
            line_bytes: 0,
            chunk_line_bytes_max: limits.chunk_line_bytes_max,
            trailer_bytes_max: limits.trailer_bytes_max,
        }
    }

    /// Take the next bytes of the connection. Returns how many belong to this
    /// body: less than all when it ends, the rest is the next message's.
    ///
    /// # Errors
    /// `Framing` for a bad chunk, `TooLarge` for a long size line or trailer,
    /// `Malformed` for a bad trailer. The reader is of no use afterwards.
    pub fn push(
        &mut self,
        chunk: &[u8],
        sink: &mut dyn FnMut(BodyEvent),
    ) -> Result<usize, WireError> {
        let mut at = 0_usize;
        // Where the current size line began, if in this push.
        let mut line_start = 0_usize;
        while self.state != State::Done && at < chunk.len() {
            let rest = chunk.get(at..).unwrap_or_default();
            let payload = match self.state {
                State::Exact(left) | State::Chunk(left) => {
                    usize::try_from(left).unwrap_or(usize::MAX).min(rest.len())
                }
                State::UntilClose => rest.len(),
                _ => 0,
            };
            if payload > 0 {
                let end = at.saturating_add(payload);
                sink(BodyEvent::Data(at..end));
                self.state = after_payload(self.state, payload);
                at = end;
                continue;
            }
            let Some(&byte) = rest.first() else { break };
            if self.state == State::SizeStart {
                line_start = at;
            }
            let was = self.state;
            self.state = self.step(byte)?;
            if matches!((was, self.state), (State::SizeLf(0), State::TrailerStart)) {
                sink(BodyEvent::LastChunk(line_start));
            }
            at = at.saturating_add(1);
        }
        if self.state == State::Done && !self.ended {
            self.ended = true;
            sink(BodyEvent::End);
        }
        Ok(at)
    }

    /// The peer has closed its side.
    ///
    /// # Errors
    /// `Truncated` unless the body is complete or runs until close.
    pub fn eof(&mut self) -> Result<(), WireError> {
        match self.state {
            State::Done => Ok(()),
            State::UntilClose => {
                self.state = State::Done;
                self.ended = true;
                Ok(())
            }
            _ => Err(WireError::Truncated("body")),
        }
    }

    /// Whether the body is complete. True at once for one that is empty by its
    /// length.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// How the body is delimited.
    pub fn length(&self) -> BodyLength {
        self.length
    }

    /// One byte of chunk framing.
    fn step(&mut self, byte: u8) -> Result<State, WireError> {
        match self.state {
            State::SizeStart => match hex(byte) {
                Some(digit) => {
                    self.line_bytes = 1;
                    Ok(State::Size(digit))
                }
                None => Err(WireError::Framing("chunk size is not hex")),
            },
            State::Size(_) | State::Extension(_) => self.size_line(byte),
            State::SizeLf(size) => match (byte, size) {
                (b'\n', 0) => {
                    self.line_bytes = 0;
                    Ok(State::TrailerStart)
                }
                (b'\n', _) => Ok(State::Chunk(size)),
                _ => Err(WireError::Framing("bare cr in chunk size line")),
            },
            State::ChunkCr if byte == b'\r' => Ok(State::ChunkLf),
            State::ChunkLf if byte == b'\n' => Ok(State::SizeStart),
            State::ChunkCr | State::ChunkLf => Err(WireError::Framing("chunk data overruns")),
            State::FinalLf if byte == b'\n' => Ok(State::Done),
            State::FinalLf => Err(WireError::Malformed("bare cr in trailer")),
            _ => self.trailer(byte),
        }
    }

    /// The rest of a chunk-size line: `1*HEXDIG [ ";" extension ] CR`.
    /// White space after the size is refused: parsers differ on it.
    fn size_line(&mut self, byte: u8) -> Result<State, WireError> {
        if byte == b'\r' {
            return match self.state {
                State::Size(size) | State::Extension(size) => Ok(State::SizeLf(size)),
                other => Ok(other),
            };
        }
        self.line_bytes = self.line_bytes.saturating_add(1);
        if self.line_bytes > self.chunk_line_bytes_max {
            return Err(WireError::TooLarge("chunk_line_bytes_max"));
        }
        match (self.state, byte) {
            (State::Size(size), b';') => Ok(State::Extension(size)),
            (State::Size(size), _) => {
                let digit = hex(byte).ok_or(WireError::Framing("chunk size is not hex"))?;
                if self.line_bytes > SIZE_DIGITS_MAX {
                    return Err(WireError::Framing("chunk size has too many digits"));
                }
                size.checked_mul(16)
                    .and_then(|size| size.checked_add(digit))
                    .map(State::Size)
                    .ok_or(WireError::Framing("chunk size overflows"))
            }
            (state, b'\t' | b' '..=b'~' | 0x80..) => Ok(state),
            _ => Err(WireError::Framing("byte in chunk extension")),
        }
    }

    /// `*( field-line CRLF ) CRLF`; framing is checked, values are not used.
    fn trailer(&mut self, byte: u8) -> Result<State, WireError> {
        if self.state == State::TrailerStart && byte == b'\r' {
            return Ok(State::FinalLf);
        }
        self.line_bytes = self.line_bytes.saturating_add(1);
        if self.line_bytes > self.trailer_bytes_max {
            return Err(WireError::TooLarge("trailer_bytes_max"));
        }
        match (self.state, byte) {
            (State::TrailerStart | State::TrailerName, _) if is_token_byte(byte) => {
                Ok(State::TrailerName)
            }
            (State::TrailerName, b':') => Ok(State::TrailerValue),
            (State::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => Ok(State::TrailerValue),
            (State::TrailerValue, b'\r') => Ok(State::TrailerLf),
            (State::TrailerLf, b'\n') => Ok(State::TrailerStart),
            _ => Err(WireError::Malformed("trailer")),
        }
    }
}

/// Digits of a chunk size, leading zeros too: others count them against the
/// width of their integer, so longer ones are read in different ways.
const SIZE_DIGITS_MAX: usize = 16;

/// The state after `taken` payload bytes.
fn after_payload(state: State, taken: usize) -> State {
    let taken = u64::try_from(taken).unwrap_or(u64::MAX);
    match state {
        State::Exact(left) if left > taken => State::Exact(left.saturating_sub(taken)),
        State::Exact(_) => State::Done,
        State::Chunk(left) if left > taken => State::Chunk(left.saturating_sub(taken)),
        State::Chunk(_) => State::ChunkCr,
        other => other,
    }
}

fn hex(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

/// RFC 9110 section 5.6.2.
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
