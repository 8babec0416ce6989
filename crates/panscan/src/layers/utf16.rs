//! UTF-16 text: read as UTF-8, findings written back in place.

use std::char;

use super::pieces::Pieces;
use super::{Scanner, Stream};
use crate::finding::{Finding, Layer};
use crate::undecodable::Undecodable;
use crate::{Carrier, HOLD_BYTES_MAX};

/// Text that is scanned at once, in UTF-8 bytes.
const OUT_BYTES: usize = 8 * 1024;

/// One UTF-16 text.
pub(crate) struct Utf16 {
    little: bool,
    /// The first byte of a unit.
    half: Option<u8>,
    /// The first unit of a pair.
    high: Option<u16>,
    /// Raw offset of the next byte.
    raw: u64,
    pieces: Pieces,
    out: String,
    inner: Stream,
    /// UTF-8 offset from where on text may still be altered.
    open_from: u64,
}

impl Utf16 {
    pub(crate) fn new(little: bool, carrier: Carrier, depth: u8) -> Utf16 {
        Utf16 {
            little,
            half: None,
            high: None,
            raw: 0,
            pieces: Pieces::default(),
            out: String::new(),
            inner: Stream::inside(carrier, depth),
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
        for &byte in bytes {
            self.raw += 1;
            let Some(first) = self.half.take() else {
                self.half = Some(byte);
                continue;
            };
            let pair = [first, byte];
            self.unit(if self.little {
                u16::from_le_bytes(pair)
            } else {
                u16::from_be_bytes(pair)
            });
            if self.out.len() > OUT_BYTES {
                self.flush(scanner, found);
            }
        }
        self.flush(scanner, found);
        self.release()
    }

    /// The end of the text: half a unit or half a pair counts as some character.
    pub(crate) fn finish(&mut self, scanner: &Scanner, found: &mut Vec<Finding>) {
        let pair = u64::from(self.half.is_some());
        if self.high.take().is_some() {
            self.add(char::REPLACEMENT_CHARACTER, self.raw - 2 - pair, 2);
        }
        self.flush(scanner, found);
        let mut inside = Vec::new();
        scanner.finish(&mut self.inner, &mut |f| inside.push(f));
        self.place(inside, found);
    }

    /// What begins before here is final.
    fn release(&self) -> u64 {
        let waiting = u64::from(self.half.is_some()) + if self.high.is_some() { 2 } else { 0 };
        self.pieces.start_of(self.open_from, self.raw - waiting)
    }

    /// A unit that ends at `self.raw`.
    fn unit(&mut self, unit: u16) {
        let at = self.raw - 2;
        if let Some(high) = self.high.take() {
            let mut pair = char::decode_utf16([high, unit]);
            if let Some(Ok(character)) = pair.next() {
                self.add(character, at - 2, 4);
                return;
            }
            self.add(char::REPLACEMENT_CHARACTER, at - 2, 2);
        }
        match char::from_u32(u32::from(unit)) {
            Some(character) => self.add(character, at, 2),
            None if unit < 0xDC00 => self.high = Some(unit),
            None => self.add(char::REPLACEMENT_CHARACTER, at, 2),
        }
    }

    fn add(&mut self, character: char, raw: u64, raw_width: u8) {
        self.out.push(character);
        let width = character.len_utf8() as u8;
        self.pieces.push(raw, 1, width, raw_width);
    }

    fn flush(&mut self, scanner: &Scanner, found: &mut Vec<Finding>) {
        let mut inside = Vec::new();
        self.open_from = scanner.scan(&mut self.inner, self.out.as_bytes(), &mut |f| {
            inside.push(f)
        });
        self.out.clear();
        self.place(inside, found);
        self.pieces.forget_before(self.open_from);
    }

    fn place(&self, inside: Vec<Finding>, found: &mut Vec<Finding>) {
        for finding in inside {
            let mut placed = finding.clone();
            placed.via = finding.via.under(Layer::Utf16);
            if !finding.maskable() || self.rewrite(&finding, &mut placed).is_none() {
                let start = self.pieces.unit(finding.start).map_or(0, |(raw, _)| raw);
                placed.start = if finding.maskable() { start } else { 0 };
                placed.end = placed.start + 1;
                placed.rewritable = false;
                placed.masked = false;
            }
            found.push(placed);
        }
    }

    fn rewrite(&self, finding: &Finding, placed: &mut Finding) -> Option<()> {
        let (start, _) = self.pieces.unit(finding.start)?;
        let (at, width) = self.pieces.unit(finding.end.checked_sub(1)?)?;
        let end = at + width as u64;
        let len = usize::try_from(end - start).ok()?;
        let mut raw = [0u8; HOLD_BYTES_MAX];
        let slots = raw.get_mut(..len)?;
        let text = std::str::from_utf8(finding.replacement()).ok()?;
        let units = text.encode_utf16();
        if text.encode_utf16().count() * 2 != len {
            return None;
        }
        for (slot, unit) in slots.as_chunks_mut::<2>().0.iter_mut().zip(units) {
            *slot = if self.little {
                unit.to_le_bytes()
            } else {
                unit.to_be_bytes()
            };
        }
        placed.start = start;
        placed.end = end;
        placed.replacement = raw;
        Some(())
    }
}
