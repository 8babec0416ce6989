//! Server-sent events (WHATWG HTML, section 9.2), as they stream.
//!
//! Finds where each event ends, so that it can be flushed at once, and which
//! bytes are the value of `data:` lines. Everything else (ids, retry, comments,
//! priming events with empty data) passes unmarked. Nothing is buffered.
//!
//! Lines end with LF, CRLF or CR. A push that ends between CR and LF has the
//! line end at the CR; an LF that opens the next push belongs to it.

use std::ops::Range;

use crate::WireError;

/// What a push contains; offsets are relative to that push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SseMark {
    /// An event ends here: the offset just after its blank line. Also after
    /// blank lines that end an event without data (comments, priming).
    EventEnd(usize),
    /// Value bytes of a `data:` line, without the one space after the colon.
    /// Never empty; a value that is cut by a push comes in parts.
    Data(Range<usize>),
}

/// Finds events in one stream.
#[derive(Clone, Debug)]
pub struct EventScanner {
    place: Place,
    /// The last byte was a CR: an LF now belongs to the same line end.
    after_cr: bool,
    /// The CR ended an event: its LF is not part of the next one.
    after_event: bool,
    event_bytes: usize,
    event_bytes_max: usize,
}

/// Where the next byte belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Within a byte order mark at the start of the stream; bytes of it seen.
    Mark(usize),
    /// Start of a line (0) or within `data`; bytes of it that matched.
    Name(usize),
    /// Just after `data:`, where one space is dropped.
    Space,
    Value,
    /// Rest of a line that is not data.
    Other,
}

const NAME: &[u8] = b"data";
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

impl EventScanner {
    /// A scanner at the start of a stream; `event_bytes_max` bounds the bytes
    /// of one event, line ends included.
    pub fn new(event_bytes_max: usize) -> EventScanner {
        EventScanner {
            place: Place::Mark(0),
            after_cr: false,
            after_event: false,
            event_bytes: 0,
            event_bytes_max,
        }
    }

    /// Whether the stream is between two events: nothing of one has come yet.
    pub fn is_between_events(&self) -> bool {
        self.event_bytes == 0
    }

    /// Take the next bytes of the stream.
    ///
    /// # Errors
    /// `TooLarge` when an event passes its bound; marks before that were given.
    pub fn push(&mut self, data: &[u8], sink: &mut dyn FnMut(SseMark)) -> Result<(), WireError> {
        let mut at = 0_usize;
        while let Some(&byte) = data.get(at) {
            if self.after_cr {
                self.after_cr = false;
                if byte == b'\n' {
                    at = at.saturating_add(1);
                    if !self.after_event {
                        self.count(1)?;
                    }
                    continue;
                }
            }
            self.after_event = false;
            at = match self.place {
                Place::Value | Place::Other => self.run(data, at, sink)?,
                _ if byte == b'\n' || byte == b'\r' => self.line_end(data, at, sink)?,
                _ => self.prefix(byte, at)?,
            };
        }
        Ok(())
    }

    /// One byte of a line's beginning, or none of it if the byte is already the
    /// value's or that of another line.
    fn prefix(&mut self, byte: u8, at: usize) -> Result<usize, WireError> {
        let next = match (self.place, byte) {
            (Place::Mark(n), _) if BYTE_ORDER_MARK.get(n) == Some(&byte) => {
                match n.saturating_add(1) {
                    seen if seen == BYTE_ORDER_MARK.len() => Place::Name(0),
                    seen => Place::Mark(seen),
                }
            }
            (Place::Mark(0), _) => {
                self.place = Place::Name(0);
                return Ok(at);
            }
            (Place::Name(n), _) if NAME.get(n) == Some(&byte) => Place::Name(n.saturating_add(1)),
            (Place::Name(n), b':') if n == NAME.len() => Place::Space,
            (Place::Space, b' ') => Place::Value,
            (Place::Space, _) => {
                self.place = Place::Value;
                return Ok(at);
            }
            _ => Place::Other,
        };
        self.count(1)?;
        self.place = next;
        Ok(at.saturating_add(1))
    }

    /// The rest of a line as far as it is here; returns where its end begins.
    fn run(
        &mut self,
        data: &[u8],
        at: usize,
        sink: &mut dyn FnMut(SseMark),
    ) -> Result<usize, WireError> {
        let rest = data.get(at..).unwrap_or_default();
        let len = memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        if len == 0 {
            return self.line_end(data, at, sink);
        }
        let room = self.event_bytes_max.saturating_sub(self.event_bytes);
        let end = at.saturating_add(len.min(room));
        if self.place == Place::Value && end > at {
            sink(SseMark::Data(at..end));
        }
        self.count(len)?;
        Ok(end)
    }

    /// The first byte of a line end; takes the LF of a CRLF with it.
    fn line_end(
        &mut self,
        data: &[u8],
        at: usize,
        sink: &mut dyn FnMut(SseMark),
    ) -> Result<usize, WireError> {
        let mut end = at.saturating_add(1);
        let cr = data.get(at) == Some(&b'\r');
        self.after_cr = cr && data.get(end).is_none();
        let blank = matches!(self.place, Place::Name(0) | Place::Mark(0));
        self.place = Place::Name(0);
        if blank {
            // The blank line itself is not counted, so that cutting its CRLF
            // changes nothing.
            self.event_bytes = 0;
            self.after_event = true;
        } else {
            self.count(1)?;
        }
        if cr && data.get(end) == Some(&b'\n') {
            end = end.saturating_add(1);
            if !blank {
                self.count(1)?;
            }
        }
        if blank {
            sink(SseMark::EventEnd(end));
        }
        Ok(end)
    }

    fn count(&mut self, bytes: usize) -> Result<(), WireError> {
        self.event_bytes = self.event_bytes.saturating_add(bytes);
        if self.event_bytes > self.event_bytes_max {
            return Err(WireError::TooLarge("event_bytes_max"));
        }
        Ok(())
    }
}
