//! Server-sent events: what stands on several `data:` lines of one event is one text.
//!
//! The line break and the `data:` between two such lines are left out of what is
//! scanned, so digits before and behind them join; findings get their places in the
//! raw bytes back. All else (names of fields, ids, comments) is scanned as it is. Each
//! event is a text of its own, JSON or not by its first character.
//!
//! What it does not do: join data lines that another field stands between, and digits
//! over events (`crate::events`).
//!
//! Bounds: a line break is left out only behind a data line that is not empty, so the
//! raw bytes of a number are at most nine times those of its text.

use std::collections::VecDeque;

use super::pieces::Pieces;
use super::{Scanner, Stream};
use crate::finding::{Finding, Layer};
use crate::undecodable::Undecodable;
use crate::{Carrier, HOLD_BYTES_MAX};

/// Text that is scanned at once.
const OUT_BYTES: usize = 8 * 1024;
const FIELD: &[u8; 5] = b"data:";
/// `\r\ndata: `
const JOINT_BYTES: usize = 8;

/// Where in a line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// So many bytes of [`FIELD`].
    Field(usize),
    /// Behind the colon; and behind the space after it.
    Colon,
    Space,
    /// In the value of a data line.
    Data,
    Other,
}

/// A line break and field name that were left out.
#[derive(Clone, Copy)]
struct Joint {
    raw: u64,
    bytes: [u8; JOINT_BYTES],
    len: usize,
}

/// One stream of events.
pub(crate) struct Events {
    line: Line,
    /// The byte before was a CR.
    cr: bool,
    /// Whether the event has shown what its data is.
    begun: bool,
    /// A line break, and what follows of [`FIELD`]; not scanned yet.
    joint: [u8; JOINT_BYTES],
    joint_len: usize,
    joints: VecDeque<Joint>,
    /// Raw offset of the next byte.
    raw: u64,
    pieces: Pieces,
    out: Vec<u8>,
    inner: Stream,
    /// Offset in the text from where on it may still be altered.
    open_from: u64,
}

/// What may still come of a line break behind data.
enum Match {
    /// It can be a joint.
    Part,
    Whole,
    /// It is one without its last byte, and with the `data:` before that.
    Before,
    No,
}

/// Is this a line break and [`FIELD`], and one space?
fn joint(bytes: &[u8]) -> Match {
    let rest = match bytes {
        [b'\r'] => return Match::Part,
        [b'\r', b'\n', rest @ ..] | [b'\r' | b'\n', rest @ ..] => rest,
        _ => return Match::No,
    };
    match rest.strip_prefix(FIELD) {
        Some(b"") => Match::Part,
        Some(b" ") => Match::Whole,
        Some(_) => Match::Before,
        None if FIELD.starts_with(rest) => Match::Part,
        None => Match::No,
    }
}

impl Events {
    pub(crate) fn new(depth: u8) -> Events {
        Events {
            line: Line::Field(0),
            cr: false,
            begun: false,
            joint: [0; JOINT_BYTES],
            joint_len: 0,
            joints: VecDeque::new(),
            raw: 0,
            pieces: Pieces::default(),
            out: Vec::new(),
            inner: Stream::inside(Carrier::Text, depth),
            open_from: 0,
        }
    }

    pub(crate) fn undecodable(&self) -> Option<Undecodable> {
        self.inner.undecodable()
    }

    /// Scans `bytes`, which begin at raw offset `at`; findings have raw offsets.
    /// Returns the raw offset from where on bytes may still be altered.
    pub(crate) fn feed(
        &mut self,
        scanner: &Scanner,
        bytes: &[u8],
        at: u64,
        found: &mut Vec<Finding>,
    ) -> u64 {
        self.raw = at;
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            if self.joint_len > 0 {
                if self.join(scanner, byte, found) {
                    rest = behind;
                }
                continue;
            }
            let plain = match self.line {
                Line::Data | Line::Other => rest.iter().position(|b| matches!(b, b'\n' | b'\r')),
                _ => Some(0),
            };
            let len = plain.unwrap_or(rest.len()).min(OUT_BYTES);
            if len > 0 {
                self.take(&rest[..len]);
                self.cr = false;
                rest = &rest[len..];
            } else {
                self.byte(scanner, byte, found);
                rest = behind;
            }
            if self.out.len() >= OUT_BYTES {
                self.flush(scanner, found);
            }
        }
        self.flush(scanner, found);
        let waiting = self.raw - self.joint_len as u64;
        self.pieces.start_of(self.open_from, waiting)
    }

    /// The end of the stream.
    pub(crate) fn finish(&mut self, scanner: &Scanner, found: &mut Vec<Finding>) {
        self.no_joint(scanner, found);
        self.end(scanner, Carrier::Text, found);
    }

    /// Bytes of the text, as they stand in the raw bytes.
    fn take(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
        self.pieces.push(self.raw, bytes.len() as u64, 1, 1);
        self.raw += bytes.len() as u64;
    }

    /// One byte of a line's beginning or end.
    fn byte(&mut self, scanner: &Scanner, byte: u8, found: &mut Vec<Finding>) {
        let behind_cr = std::mem::replace(&mut self.cr, byte == b'\r');
        if matches!(byte, b'\n' | b'\r') {
            if self.line == Line::Data {
                self.joint[0] = byte;
                self.joint_len = 1;
                self.raw += 1;
                return;
            }
            let blank = self.line == Line::Field(0) && !(behind_cr && byte == b'\n');
            self.take(&[byte]);
            self.line = Line::Field(0);
            if blank {
                self.end(scanner, Carrier::Text, found);
            }
            return;
        }
        self.line = match self.line {
            Line::Field(n) if FIELD.get(n) != Some(&byte) => Line::Other,
            Line::Field(n) if n + 1 == FIELD.len() => Line::Colon,
            Line::Field(n) => Line::Field(n + 1),
            Line::Colon | Line::Space if matches!(byte, b' ' | b'\t') => Line::Space,
            Line::Colon | Line::Space | Line::Data => Line::Data,
            Line::Other => Line::Other,
        };
        match self.line {
            Line::Data if !self.begun => {
                if matches!(byte, b'{' | b'[' | b'"') {
                    self.end(scanner, Carrier::Json, found);
                }
                self.begun = true;
            }
            Line::Other if self.begun => self.end(scanner, Carrier::Text, found),
            _ => {}
        }
        self.take(&[byte]);
    }

    /// One byte behind a line break. Whether it was used up.
    fn join(&mut self, scanner: &Scanner, byte: u8, found: &mut Vec<Finding>) -> bool {
        let mut bytes = self.joint;
        if let Some(slot) = bytes.get_mut(self.joint_len) {
            *slot = byte;
        }
        let read = joint(&bytes[..(self.joint_len + 1).min(JOINT_BYTES)]);
        let used = match read {
            Match::No => {
                self.no_joint(scanner, found);
                return false;
            }
            Match::Before => false,
            Match::Part | Match::Whole => {
                self.joint = bytes;
                self.joint_len += 1;
                self.raw += 1;
                if matches!(read, Match::Part) {
                    return true;
                }
                true
            }
        };
        self.joints.push_back(Joint {
            raw: self.raw - self.joint_len as u64,
            bytes: self.joint,
            len: self.joint_len,
        });
        self.joint_len = 0;
        self.cr = false;
        // The one space is gone; what follows is the value.
        self.line = Line::Space;
        used
    }

    /// What was held for a joint is text.
    fn no_joint(&mut self, scanner: &Scanner, found: &mut Vec<Finding>) {
        let (bytes, len) = (self.joint, self.joint_len);
        self.raw -= len as u64;
        self.joint_len = 0;
        if len > 0 {
            self.line = Line::Other;
            self.cr = false;
        }
        for byte in &bytes[..len] {
            self.byte(scanner, *byte, found);
        }
    }

    /// Ends a text; the next is read as `carrier`.
    fn end(&mut self, scanner: &Scanner, carrier: Carrier, found: &mut Vec<Finding>) {
        self.flush(scanner, found);
        let mut inside = Vec::new();
        self.begun = false;
        self.inner.carrier = carrier;
        self.open_from = scanner.finish(&mut self.inner, &mut |f| inside.push(f));
        self.settle(inside, found);
    }

    fn flush(&mut self, scanner: &Scanner, found: &mut Vec<Finding>) {
        if self.out.is_empty() {
            return;
        }
        let mut inside = Vec::new();
        self.open_from = scanner.scan(&mut self.inner, &self.out, &mut |f| inside.push(f));
        self.out.clear();
        self.settle(inside, found);
    }

    /// Places what was found, and forgets what is final.
    fn settle(&mut self, inside: Vec<Finding>, found: &mut Vec<Finding>) {
        self.place(inside, found);
        self.pieces.forget_before(self.open_from);
        let open = self.pieces.start_of(self.open_from, self.raw);
        let gone = self.joints.iter().take_while(|j| j.raw < open).count();
        self.joints.drain(..gone);
    }

    fn place(&self, inside: Vec<Finding>, found: &mut Vec<Finding>) {
        for finding in inside {
            let mut placed = finding.clone();
            if !finding.maskable() || self.rewrite(&finding, &mut placed).is_none() {
                placed.start = self.pieces.start_of(finding.start, self.raw);
                placed.end = placed.start + 1;
                placed.rewritable = false;
                placed.masked = false;
            }
            found.push(placed);
        }
    }

    /// The finding in the raw bytes; what was left out stands in it as it was. `None`
    /// where it is too long for one.
    fn rewrite(&self, finding: &Finding, placed: &mut Finding) -> Option<()> {
        let (start, _) = self.pieces.unit(finding.start)?;
        let (last, _) = self.pieces.unit(finding.end.checked_sub(1)?)?;
        let len = usize::try_from(last + 1 - start).ok()?;
        let mut raw = [0u8; HOLD_BYTES_MAX];
        let slots = raw.get_mut(..len)?;
        for (at, byte) in (finding.start..).zip(finding.replacement()) {
            let (at, _) = self.pieces.unit(at)?;
            *slots.get_mut(usize::try_from(at - start).ok()?)? = *byte;
        }
        for joint in self.joints.iter().filter(|j| j.raw > start && j.raw < last) {
            let from = usize::try_from(joint.raw - start).ok()?;
            let bytes = joint.bytes.get(..joint.len)?;
            slots
                .get_mut(from..from + joint.len)?
                .copy_from_slice(bytes);
            placed.via = finding.via.under(Layer::Split);
        }
        placed.start = start;
        placed.end = last + 1;
        placed.replacement = raw;
        Some(())
    }
}
