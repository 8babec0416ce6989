//! Finds base64 runs in a text, whatever the cuts, and opens those worth reading.
//!
//! A run is a row of base64 characters. In it may stand JSON escapes for such
//! characters (`\/`, `\u002B`, under any number of backslashes up to 8) and a line
//! break (raw or escaped) behind a line of 48 and more characters, a multiple of 4.
//! - Below [`SHORT`] characters it cannot hold a card number.
//! - Up to [`LONG`] it is kept until it ends, and decoded if it begins like something
//!   readable or has the signature of encoded digits in it: the first character of
//!   three groups of four in a row is one of `ILMNO` (digits, space, `-./`).
//! - A longer one is decoded as it comes, whatever it is.

use super::base64::{self, NOT, VALUE};
use super::nest::{Inside, Nest};
use super::pieces::{Pieces, Raw};
use super::sniff::{self, Content};
use super::{HOLD_ENCODED_MAX, Scanner};
use crate::Carrier;
use crate::finding::Finding;
use crate::undecodable::Undecodable;

/// 12 digits in base64.
const SHORT: usize = 16;
/// A SHA-512 in hex is no longer than this.
const LONG: usize = 128;
/// Raw bytes that end the wait for [`LONG`] characters, where they are escaped.
const LONG_RAW: u64 = 192;
const LINE: u32 = 48;
const BACKSLASHES: u8 = 8;

/// Between units, or inside one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lex {
    Between,
    /// Behind this many backslashes.
    Escape(u8),
    /// Inside the digits of `\u`: how many were read, and their value.
    Unicode(u8, u16),
}

/// The search, between chunks.
pub(crate) struct Runs {
    lex: Lex,
    /// Raw offset of the unit that is begun.
    unit_at: u64,
    /// Raw offset of the run's first unit.
    start: u64,
    count: usize,
    /// Characters since the last line break.
    line: u32,
    /// Line breaks in a row.
    breaks: u8,
    head: [u8; LONG],
    pieces: Pieces,
    /// Raw bytes before the chunk that may be needed again.
    tail: Vec<u8>,
    open: Option<Box<Nest>>,
}

/// What a byte did.
enum Turn {
    /// It is part of the run.
    Took,
    /// It completed a character of the run.
    Value(u8),
    /// It ends the run, as its last byte.
    Ends,
    /// The run ended before it.
    Ended,
}

/// Where to report.
pub(crate) struct Report<'a> {
    pub(crate) queue: &'a mut Vec<Finding>,
    pub(crate) undecodable: &'a mut Option<Undecodable>,
    /// Layers around the text that is searched.
    pub(crate) depth: u8,
}

impl Report<'_> {
    fn note(&mut self, why: Option<Undecodable>) {
        *self.undecodable = self.undecodable.or(why);
    }
}

impl Runs {
    pub(crate) fn new() -> Runs {
        Runs {
            lex: Lex::Between,
            unit_at: 0,
            start: 0,
            count: 0,
            line: 0,
            breaks: 0,
            head: [0; LONG],
            pieces: Pieces::default(),
            tail: Vec::new(),
            open: None,
        }
    }

    fn is_idle(&self) -> bool {
        self.count == 0 && self.lex == Lex::Between
    }

    /// Reads `chunk`, which begins at `base`. Returns the offset from where on bytes
    /// may still be altered.
    pub(crate) fn feed(
        &mut self,
        scanner: &Scanner,
        chunk: &[u8],
        base: u64,
        report: &mut Report<'_>,
    ) -> u64 {
        let tail = std::mem::take(&mut self.tail);
        let raw = Raw {
            tail: &tail,
            at: base,
            chunk,
        };
        let mut pos = 0;
        while let Some(rest) = chunk.get(pos..).filter(|r| !r.is_empty()) {
            let at = base + pos as u64;
            if self.is_idle() {
                match next_run(rest) {
                    Some(0) => {}
                    Some(skip) => {
                        pos += skip;
                        continue;
                    }
                    None => break,
                }
            }
            let taken = self.groups(scanner, rest, at, raw, report);
            if taken > 0 {
                pos += taken;
                continue;
            }
            match self.turn(rest[0], at) {
                Turn::Took => pos += 1,
                Turn::Value(value) => {
                    pos += 1;
                    self.character(scanner, value, at + 1, raw, report);
                }
                Turn::Ends => {
                    pos += 1;
                    self.end(scanner, raw, report);
                }
                Turn::Ended => self.end(scanner, raw, report),
            }
        }
        if let Some(nest) = &mut self.open {
            nest.flush(scanner, raw, report.queue);
            report.note(nest.undecodable());
        }
        let end = base + chunk.len() as u64;
        let mut release = self.release(end);
        if end - release > HOLD_ENCODED_MAX as u64 {
            report.note(Some(Undecodable::SizeCap));
            release = end - HOLD_ENCODED_MAX as u64;
        }
        self.keep(tail, chunk, (end - release) as usize);
        release
    }

    /// The end of the text.
    pub(crate) fn finish(&mut self, scanner: &Scanner, end: u64, report: &mut Report<'_>) {
        let tail = std::mem::take(&mut self.tail);
        let raw = Raw {
            tail: &tail,
            at: end,
            chunk: &[],
        };
        self.end(scanner, raw, report);
        self.tail = tail;
        self.tail.clear();
    }

    /// What is before here is final.
    fn release(&self, end: u64) -> u64 {
        let end = if self.lex == Lex::Between {
            end
        } else {
            self.unit_at
        };
        match &self.open {
            Some(nest) => nest.release(end),
            None if self.count > 0 => self.start,
            None => end,
        }
    }

    /// Keeps the last `held` bytes.
    fn keep(&mut self, mut tail: Vec<u8>, chunk: &[u8], held: usize) {
        match chunk.len().checked_sub(held) {
            Some(from) => {
                tail.clear();
                tail.extend_from_slice(&chunk[from..]);
            }
            None => {
                let gone = (tail.len() + chunk.len()).saturating_sub(held);
                tail.drain(..gone.min(tail.len()));
                tail.extend_from_slice(chunk);
            }
        }
        self.tail = tail;
    }

    /// The fast way through a run that is being decoded.
    fn groups(
        &mut self,
        scanner: &Scanner,
        rest: &[u8],
        at: u64,
        raw: Raw<'_>,
        report: &mut Report<'_>,
    ) -> usize {
        let Some(nest) = &mut self.open else {
            return 0;
        };
        if self.lex != Lex::Between {
            return 0;
        }
        let taken = nest.push_groups(rest, at);
        if nest.is_full() {
            nest.flush(scanner, raw, report.queue);
            report.note(nest.undecodable());
        }
        if taken > 0 {
            self.line = self.line.saturating_add(taken as u32);
            self.breaks = 0;
        }
        taken
    }

    /// One byte through the grammar.
    fn turn(&mut self, byte: u8, at: u64) -> Turn {
        match self.lex {
            Lex::Between => {
                self.unit_at = at;
                match byte {
                    b'\\' => {
                        self.lex = Lex::Escape(1);
                        Turn::Took
                    }
                    b'\n' | b'\r' => self.line_break(),
                    b'=' => Turn::Ends,
                    _ => match VALUE[usize::from(byte)] {
                        NOT => Turn::Ended,
                        value => Turn::Value(value),
                    },
                }
            }
            Lex::Escape(count) => self.escape(byte, count),
            Lex::Unicode(count, value) => {
                let Some(digit) = char::from(byte).to_digit(16) else {
                    self.lex = Lex::Between;
                    return Turn::Ended;
                };
                let value = value << 4 | digit as u16;
                if count < 3 {
                    self.lex = Lex::Unicode(count + 1, value);
                    return Turn::Took;
                }
                self.lex = Lex::Between;
                match u8::try_from(value) {
                    Ok(b'\n' | b'\r') => self.line_break(),
                    Ok(byte) if VALUE[usize::from(byte)] != NOT => {
                        Turn::Value(VALUE[usize::from(byte)])
                    }
                    _ => Turn::Ends,
                }
            }
        }
    }

    fn escape(&mut self, byte: u8, count: u8) -> Turn {
        self.lex = Lex::Between;
        match byte {
            b'\\' if count < BACKSLASHES => {
                self.lex = Lex::Escape(count + 1);
                Turn::Took
            }
            b'/' => Turn::Value(63),
            b'u' => {
                self.lex = Lex::Unicode(0, 0);
                Turn::Took
            }
            b'n' | b'r' => self.line_break(),
            // The letter of another escape is no character of a run.
            _ => Turn::Ends,
        }
    }

    fn line_break(&mut self) -> Turn {
        let full = self.line >= LINE && self.line.is_multiple_of(4);
        if !(full && self.breaks == 0 || self.line == 0 && self.breaks == 1) {
            return Turn::Ends;
        }
        self.line = 0;
        self.breaks += 1;
        Turn::Took
    }

    /// One more character, which ends at `end`.
    fn character(
        &mut self,
        scanner: &Scanner,
        value: u8,
        end: u64,
        raw: Raw<'_>,
        report: &mut Report<'_>,
    ) {
        if self.count == 0 {
            self.start = self.unit_at;
        }
        self.count += 1;
        self.line += 1;
        self.breaks = 0;
        let width = (end - self.unit_at) as u8;
        if let Some(nest) = &mut self.open {
            nest.push(value, self.unit_at, width);
            if nest.is_full() {
                nest.flush(scanner, raw, report.queue);
                report.note(nest.undecodable());
            }
            return;
        }
        self.pieces.push(self.unit_at, 1, 1, width);
        if let Some(slot) = self.head.get_mut(self.count - 1) {
            *slot = value;
        }
        if self.count == LONG || end - self.start >= LONG_RAW {
            self.open(scanner, true, report);
        }
    }

    /// The run is over.
    fn end(&mut self, scanner: &Scanner, raw: Raw<'_>, report: &mut Report<'_>) {
        if self.open.is_none() && self.count >= SHORT {
            self.open(scanner, false, report);
        }
        if let Some(mut nest) = self.open.take() {
            let why = nest.finish(scanner, raw, report.queue);
            report.note(why);
        }
        if self.count > 0 {
            self.pieces = Pieces::default();
        }
        self.lex = Lex::Between;
        self.count = 0;
        self.line = 0;
        self.breaks = 0;
    }

    /// Opens the run if what is there of it is worth reading.
    fn open(&mut self, scanner: &Scanner, long: bool, report: &mut Report<'_>) {
        let head = &self.head[..self.count.min(LONG)];
        let Some((skip, content, carrier)) = readable(head, long) else {
            return;
        };
        let inside = match Inside::open(scanner, content, carrier, report.depth + 1) {
            Ok(inside) => inside,
            Err(why) => {
                report.note(Some(why));
                Inside::Closed
            }
        };
        let pieces = std::mem::take(&mut self.pieces);
        let mut nest = Nest::new(self.start, skip as u64, pieces, inside);
        for value in &head[skip..] {
            nest.push_value(*value);
        }
        self.open = Some(Box::new(nest));
    }
}

/// Is a run that begins with these characters worth reading: from which of them on,
/// and as what? A long one always is.
fn readable(values: &[u8], long: bool) -> Option<(usize, Content, Carrier)> {
    let (content, carrier) = content(values);
    if content != Content::Binary {
        return Some((0, content, carrier));
    }
    let signature = signature(values);
    if let Some(at) = signature {
        let skip = at % 4;
        let (content, carrier) = self::content(values.get(skip..)?);
        if skip == 0 || !long || content != Content::Binary {
            return Some((skip, content, carrier));
        }
    }
    long.then_some((0, Content::Binary, Carrier::Text))
}

/// Where encoded digits begin: three groups in a row with one of `ILMNO` in front.
fn signature(values: &[u8]) -> Option<usize> {
    let is = |at: usize| values.get(at).is_some_and(|v| matches!(v, 8 | 11..=14));
    (0..values.len().saturating_sub(8)).find(|&at| is(at) && is(at + 4) && is(at + 8))
}

/// What these characters decode to, and how the text in it is read.
fn content(values: &[u8]) -> (Content, Carrier) {
    let mut bytes = [0u8; LONG / 4 * 3];
    let mut len = 0;
    for group in values.as_chunks::<4>().0 {
        if let Some(out) = bytes.get_mut(len..len + 3) {
            out.copy_from_slice(&base64::join(*group));
        }
        len += 3;
        if len == 12 && sniff::content(&bytes[..12]) == Content::Binary {
            return (Content::Binary, Carrier::Text);
        }
    }
    let bytes = &bytes[..len];
    let content = sniff::content(bytes);
    let mut visible = bytes.iter().filter(|b| !matches!(b, 0 | 0xFE | 0xFF));
    let carrier = match visible.find(|b| !b.is_ascii_whitespace()) {
        Some(b'{' | b'[' | b'"') => Carrier::Json,
        _ => Carrier::Text,
    };
    (content, carrier)
}

/// Where in `text` a run of [`SHORT`] bytes or more, or up to its end, begins that
/// could be characters of a run. `Some(0)`: right here.
fn next_run(text: &[u8]) -> Option<usize> {
    let part = |b: &u8| VALUE[usize::from(*b)] != NOT || *b == b'\\';
    let mut from = 0;
    loop {
        let window = text.get(from..)?;
        let window = &window[..window.len().min(SHORT)];
        match window.iter().rposition(|b| !part(b)) {
            Some(at) => from += at + 1,
            None if window.is_empty() => return None,
            None => return Some(from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_begin_where_sixteen_bytes_fit() {
        for (text, want) in [
            (&b"a b c d e f g h i "[..], None),
            (b"x NDExMTExMTExMTExMTEx", Some(2)),
            (b"short word", Some(6)),
            (b"word, aaaaaaaaaaaaaaa bbbbbbbbbbbbbbbb", Some(22)),
            (b"", None),
            (b"\"\\/9j\\/4AAQSkZJRgAB", Some(1)),
        ] {
            assert_eq!(next_run(text), want, "{}", String::from_utf8_lossy(text));
        }
    }
}
