//! The inside of one base64 run: decoded, scanned, findings written back to where
//! they came from.

use super::base64;
use super::charset::{Charset, Recoded};
use super::events::Events;
use super::pieces::{Pieces, Raw};
use super::sniff::Content;
use super::unpack::Packed;
use super::{Scanner, Stream, wide};
use crate::finding::{Finding, Layer};
use crate::undecodable::Undecodable;
use crate::{Carrier, HOLD_BYTES_MAX};

/// Decoded bytes that are scanned at once.
const OUT_BYTES: usize = 8 * 1024;

/// Pieces of the map that make it time to scan, so that the map stays small.
const PIECES_MAX: usize = 1024;

/// What decoded bytes go to.
pub(crate) enum Inside {
    Text(Box<Stream>),
    Recoded(Box<Recoded>),
    Events(Box<Events>),
    Packed(Box<Packed>),
    /// Not looked into.
    Closed,
}

impl Inside {
    /// The scanner for `content` that stands `depth` layers deep; an error where that
    /// is not to be passed over in silence.
    pub(crate) fn open(
        scanner: &Scanner,
        content: Content,
        carrier: Carrier,
        depth: u8,
    ) -> Result<Inside, Undecodable> {
        let packed = u8::from(matches!(content, Content::Packed(_)));
        if depth + packed > scanner.caps().layers {
            return match content {
                Content::Binary | Content::Image => Ok(Inside::Closed),
                _ => Err(Undecodable::TooDeep),
            };
        }
        Ok(match content {
            Content::Json => Inside::Text(Box::new(Stream::inside(Carrier::Json, depth))),
            Content::Text | Content::Binary => {
                Inside::Text(Box::new(Stream::inside(Carrier::Text, depth)))
            }
            Content::Utf16 { little } => {
                let charset = if little {
                    Charset::Utf16Le
                } else {
                    Charset::Utf16Be
                };
                Inside::Recoded(Box::new(Recoded::new(charset, carrier, depth)))
            }
            Content::Packed(pack) => Inside::Packed(Box::new(Packed::new(scanner, pack, depth))),
            Content::Image if scanner.denies_images() => return Err(Undecodable::Opaque),
            Content::Image => Inside::Closed,
        })
    }

    /// Scans `bytes`, which begin at offset `at`. Returns from where on bytes may be
    /// altered later.
    pub(crate) fn feed(
        &mut self,
        scanner: &Scanner,
        bytes: &[u8],
        at: u64,
        found: &mut Vec<Finding>,
    ) -> u64 {
        match self {
            Inside::Text(st) => scanner.scan(st, bytes, &mut |f| found.push(f)),
            Inside::Recoded(st) => st.feed(scanner, bytes, at, found),
            Inside::Events(st) => st.feed(scanner, bytes, at, found),
            Inside::Packed(st) => {
                st.feed(scanner, bytes, found);
                at + bytes.len() as u64
            }
            Inside::Closed => at + bytes.len() as u64,
        }
    }

    /// The end of it.
    pub(crate) fn finish(&mut self, scanner: &Scanner, found: &mut Vec<Finding>) {
        match self {
            Inside::Text(st) => {
                scanner.finish(st, &mut |f| found.push(f));
            }
            Inside::Recoded(st) => st.finish(scanner, found),
            Inside::Events(st) => st.finish(scanner, found),
            Inside::Packed(st) => st.finish(scanner, found),
            Inside::Closed => {}
        }
    }

    pub(crate) fn undecodable(&self) -> Option<Undecodable> {
        match self {
            Inside::Text(st) => st.undecodable(),
            Inside::Recoded(st) => st.undecodable(),
            Inside::Events(st) => st.undecodable(),
            Inside::Packed(st) => st.undecodable(),
            Inside::Closed => None,
        }
    }
}

/// One run that is being decoded.
pub(crate) struct Nest {
    /// Raw offset of its first character.
    start: u64,
    /// Characters before the first group.
    skip: u64,
    group: [u8; 4],
    fill: usize,
    /// Of every character, the skipped ones too.
    pieces: Pieces,
    /// `out[..len]` is decoded and not scanned.
    out: Box<[u8]>,
    len: usize,
    /// Decoded bytes that were scanned.
    scanned: u64,
    inside: Inside,
    /// Decoded offset from where on bytes may still be altered.
    open_from: u64,
    /// Decoded offset behind the last finding.
    found_to: u64,
}

impl Nest {
    pub(crate) fn new(start: u64, skip: u64, pieces: Pieces, inside: Inside) -> Nest {
        Nest {
            start,
            skip,
            group: [0; 4],
            fill: 0,
            pieces,
            out: vec![0; OUT_BYTES].into_boxed_slice(),
            len: 0,
            scanned: 0,
            inside,
            open_from: 0,
            found_to: 0,
        }
    }

    /// There is room: see [`Nest::is_full`].
    fn append(&mut self, bytes: &[u8]) {
        if let Some(room) = self.out.get_mut(self.len..self.len + bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    /// One character that is in the map already.
    pub(crate) fn push_value(&mut self, value: u8) {
        self.group[self.fill] = value;
        self.fill += 1;
        if self.fill == 4 {
            self.fill = 0;
            self.append(&base64::join(self.group));
        }
    }

    /// One character of `raw_width` bytes at `raw`.
    pub(crate) fn push(&mut self, value: u8, raw: u64, raw_width: u8) {
        self.pieces.push(raw, 1, 1, raw_width);
        self.push_value(value);
    }

    /// Takes whole groups off the front of `text`, which is at `raw`; how many bytes.
    /// Nothing while a group is begun, or the buffer is full.
    pub(crate) fn push_groups(&mut self, text: &[u8], raw: u64) -> usize {
        if self.fill != 0 {
            return 0;
        }
        let room = self.out.get_mut(self.len..).unwrap_or(&mut []);
        let groups = wide::decode(text, room);
        self.len += groups * 3;
        if groups > 0 {
            self.pieces.push(raw, groups as u64 * 4, 1, 1);
        }
        groups * 4
    }

    /// Is it time to scan what was decoded?
    pub(crate) fn is_full(&self) -> bool {
        self.len + 64 > OUT_BYTES || self.pieces.len() > PIECES_MAX
    }

    /// Scans what was decoded; findings go to `queue` with their raw places.
    pub(crate) fn flush(&mut self, scanner: &Scanner, raw: Raw<'_>, queue: &mut Vec<Finding>) {
        if self.len == 0 {
            return;
        }
        let mut found = Vec::new();
        let out = self.out.get(..self.len).unwrap_or(&[]);
        self.open_from = self.inside.feed(scanner, out, self.scanned, &mut found);
        self.scanned += self.len as u64;
        self.len = 0;
        self.place(found, raw, queue);
        let (sextet, _) = base64::sextets_of(self.open_from, self.open_from);
        self.pieces.forget_before(self.skip + sextet);
    }

    /// The end of the run: a begun group gives one or two bytes.
    pub(crate) fn finish(
        &mut self,
        scanner: &Scanner,
        raw: Raw<'_>,
        queue: &mut Vec<Finding>,
    ) -> Option<Undecodable> {
        if self.fill >= 2 {
            self.group[self.fill..].fill(0);
            let bytes = base64::join(self.group);
            self.append(&bytes[..self.fill - 1]);
        }
        self.flush(scanner, raw, queue);
        let mut found = Vec::new();
        self.inside.finish(scanner, &mut found);
        self.place(found, raw, queue);
        self.inside.undecodable()
    }

    pub(crate) fn undecodable(&self) -> Option<Undecodable> {
        self.inside.undecodable()
    }

    /// Raw offset from where on bytes may still be altered; `end` is where the run
    /// stands.
    pub(crate) fn release(&self, end: u64) -> u64 {
        let (sextet, _) = base64::sextets_of(self.open_from, self.open_from);
        self.pieces.start_of(self.skip + sextet, end)
    }

    fn place(&mut self, found: Vec<Finding>, raw: Raw<'_>, queue: &mut Vec<Finding>) {
        for finding in found {
            let mut placed = finding.clone();
            // Two findings with nothing between them may share a character.
            let before = (finding.start == self.found_to)
                .then(|| self.sharing(&finding, queue))
                .flatten();
            self.found_to = finding.end;
            placed.via = finding.via.under(Layer::Base64);
            if !finding.maskable() || self.rewrite(&finding, raw, before, &mut placed).is_none() {
                placed.start = self.start;
                placed.end = self.start + 1;
                placed.rewritable = false;
                placed.masked = false;
            }
            queue.push(placed);
        }
    }

    /// The finding right before `finding`, where a character holds bits of both.
    fn sharing<'q>(&self, finding: &Finding, queue: &'q mut [Finding]) -> Option<&'q mut Finding> {
        let (first, _) = base64::sextets_of(finding.start, finding.end);
        let (start, width) = self.pieces.unit(self.skip + first)?;
        let end = start + width as u64;
        queue
            .iter_mut()
            .rev()
            .find(|f| f.maskable() && f.start < start && f.end == end)
    }

    /// The finding in the raw text: the characters that hold it, changed where the
    /// decoded bytes change. `None` where that cannot be done at the same length.
    /// The character shared with the finding before goes over to this one.
    fn rewrite(
        &self,
        finding: &Finding,
        raw: Raw<'_>,
        before: Option<&mut Finding>,
        placed: &mut Finding,
    ) -> Option<()> {
        let (first, last) = base64::sextets_of(finding.start, finding.end);
        let unit = |sextet: u64| self.pieces.unit(self.skip + sextet);
        let (start, _) = unit(first)?;
        let (at, width) = unit(last.checked_sub(1)?)?;
        let end = at + width as u64;
        let len = usize::try_from(end - start).ok()?;
        let mut text = [0u8; HOLD_BYTES_MAX];
        for (i, slot) in text.get_mut(..len)?.iter_mut().enumerate() {
            *slot = raw.byte(start + i as u64)?;
        }
        if let Some(before) = &before
            && before.masked
        {
            let shared = (before.end - start) as usize;
            let tail = before.replacement();
            let tail = &tail[tail.len().checked_sub(shared)?..];
            text.get_mut(..shared)?.copy_from_slice(tail);
        }
        let mut values = [0u8; HOLD_BYTES_MAX];
        let values = values.get_mut(..(last - first) as usize)?;
        for (sextet, value) in (first..last).zip(values.iter_mut()) {
            let (at, width) = unit(sextet)?;
            let from = (at - start) as usize;
            *value = value_of(text.get(from..from + width)?)?;
        }
        if finding.masked {
            let mut new = [0u8; HOLD_BYTES_MAX];
            let new = new.get_mut(..values.len())?;
            new.copy_from_slice(values);
            base64::overlay(new, first, finding.start, finding.replacement());
            let url = text[..len].iter().any(|b| matches!(b, b'-' | b'_'));
            for (i, (old, new)) in values.iter().zip(new.iter()).enumerate() {
                if old != new {
                    let (at, width) = unit(first + i as u64)?;
                    let from = (at - start) as usize;
                    write(text.get_mut(from..from + width)?, *new, url)?;
                }
            }
        }
        placed.start = start;
        placed.end = end;
        placed.replacement = text;
        match before {
            Some(before) if placed.masked || !before.masked => before.end = start,
            Some(before) => placed.start = before.end,
            None => {}
        }
        Some(())
    }
}

/// The value of a character as it stands in the raw text, escaped or not.
fn value_of(unit: &[u8]) -> Option<u8> {
    let byte = match unit {
        [byte] => *byte,
        [.., b'\\', b'/'] => b'/',
        [b'%', high, low] | [.., b'u', b'0', b'0', high, low] => {
            let hex = |b: u8| char::from(b).to_digit(16);
            (hex(*high)? * 16 + hex(*low)?) as u8
        }
        _ => return None,
    };
    Some(base64::VALUE[usize::from(byte)]).filter(|v| *v != base64::NOT)
}

/// Writes another character over `unit`. An escaped slash has no room for one.
fn write(unit: &mut [u8], value: u8, url: bool) -> Option<()> {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let character = base64::character(value, url);
    match unit {
        [byte] => *byte = character,
        [b'%', high, low] | [.., b'u', b'0', b'0', high, low] => {
            *high = HEX[usize::from(character >> 4)];
            *low = HEX[usize::from(character & 15)];
        }
        _ => return None,
    }
    Some(())
}
