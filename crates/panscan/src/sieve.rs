//! The prefilter: passes over a buffer once and marks where the specification has to
//! look.
//!
//! 1. Per block of 64 bytes: digits, separators, and whatever else may join digits, as
//!    bit masks. A run is made of digits and separators behind digits; one of 12 bytes
//!    and more is looked at closer. Four blocks without a digit are passed at once.
//! 2. Group starts in such runs go to a list, and when it is full through
//!    [`candidate::may_be_card`]: layout, IIN, length and Luhn, without branches.
//! 3. Where a character in several bytes may join digits (an escape, an entity, a byte
//!    of 0x80 and above: the triggers) the digits around it are marked unchecked.
//! 4. Quotes are counted on the way, so that the state of JSON strings is known at
//!    each segment.
//!
//! It may mark too often, never too rarely: see the tier tests in `tests/`.

use crate::HOLD_BYTES_MAX;
use crate::arch::{Classes, Lanes};
use crate::candidate;
use crate::decode::{self, BACKSLASHES_MAX, UNIT_BYTES_MAX};
use crate::iin::Prefixes;
use crate::json::StringState;
use crate::layout::SPAN_BYTES;
use crate::token::{self, Unit};

/// Bytes that are passed over between two looks at the marks.
const SEGMENT: usize = 4096;
/// A trigger marks digits up to this many bytes before itself.
const REACH: usize = 256;
/// Bytes that one call of [`Sieve::scan`] can pass over beyond a segment.
const SLACK: usize = 256;
const WORDS: usize = (SEGMENT + REACH + SLACK) / 64 + 2;
const LIST: usize = 128;

const _: () = assert!(REACH >= SPAN_BYTES + UNIT_BYTES_MAX);

/// What the block before leaves behind.
#[derive(Clone, Copy, Default)]
struct Before {
    digits: u64,
    run: u64,
    /// Separators right behind a digit.
    joined: u64,
    /// Bytes of the run that reaches the end of the block.
    open: u32,
}

/// A pass over one buffer.
pub(crate) struct Sieve<'a> {
    buf: &'a [u8],
    prefixes: &'a Prefixes,
    /// Where it began.
    from: usize,
    /// First byte that was not passed over.
    base: usize,
    before: Before,
    /// Group starts to be checked, as offsets from `origin`.
    list: [u16; LIST],
    listed: usize,
    /// Bit i: look at `origin + i`.
    marks: [u64; WORDS],
    origin: usize,
    /// First byte that may still be given out.
    next: usize,
    /// All bits where double backslashes matter: in JSON.
    doubles: u64,
    strings: Quotes,
    /// Up to here the marks are complete.
    complete: usize,
    /// Digits up to here were marked for a trigger.
    swept: usize,
}

/// JSON strings: the parity of quotes.
#[derive(Clone, Copy)]
struct Quotes {
    at_from: StringState,
    /// Quotes after the first byte that no backslash stands before; bits of blocks.
    seen: u64,
    /// Parity of the quotes that two and more backslashes stand before.
    odd: bool,
}

impl<'a> Sieve<'a> {
    /// Over `buf[from..]`.
    pub(crate) fn new(
        prefixes: &'a Prefixes,
        buf: &'a [u8],
        from: usize,
        json: bool,
        at_from: StringState,
    ) -> Sieve<'a> {
        let mut sieve = Sieve {
            buf,
            prefixes,
            from,
            base: from,
            before: Before::default(),
            list: [0; LIST],
            listed: 0,
            marks: [0; WORDS],
            origin: from,
            next: from,
            doubles: if json { u64::MAX } else { 0 },
            strings: Quotes {
                at_from,
                seen: 0,
                odd: false,
            },
            complete: from,
            swept: from,
        };
        // A character that began before may end here, and digits begin behind it.
        let left = &buf[from.saturating_sub(UNIT_BYTES_MAX).min(from)..from];
        if left.iter().any(|b| decode::is_lead(*b) || *b >= 0x80) {
            sieve.mark_all(from, from + UNIT_BYTES_MAX);
        }
        sieve
    }

    /// Marks every digit that begins in `from..to`.
    fn mark_all(&mut self, from: usize, to: usize) {
        for at in from..to.min(self.buf.len()) {
            if token::is_digit_start(self.buf, at) {
                self.mark(at);
            }
        }
    }

    /// The first mark at or after `pos` that is final, taken out. `None`: scan on, if
    /// not [`Self::is_done`].
    pub(crate) fn take(&mut self, pos: usize) -> Option<usize> {
        let from = pos.max(self.next);
        let mut word = (from - self.origin) / 64;
        let mut bits = self.marks.get(word).copied().unwrap_or(0);
        bits &= u64::MAX << ((from - self.origin) % 64);
        loop {
            if bits != 0 {
                let at = self.origin + word * 64 + bits.trailing_zeros() as usize;
                if at >= self.complete {
                    self.next = self.complete;
                    return None;
                }
                self.next = at + 1;
                return Some(at);
            }
            word += 1;
            if self.origin + word * 64 >= self.complete {
                self.next = self.complete.max(self.next);
                return None;
            }
            bits = self.marks.get(word).copied().unwrap_or(0);
        }
    }

    /// Is there more to pass over?
    pub(crate) fn is_done(&self) -> bool {
        self.base >= self.buf.len() && self.complete >= self.buf.len()
    }

    /// Marks whatever digit begins in the few bytes from `at` on: a finding ended
    /// there, and what is behind it is seen without what is before it.
    pub(crate) fn look_behind(&mut self, at: usize) {
        self.mark_all(at, at + 4);
    }

    /// JSON string state at `pos`, near the end of a buffer that is done.
    pub(crate) fn strings_before_end(&self, pos: usize) -> StringState {
        let escaped = self.backslashes_before(pos) % 2 == 1;
        let mut rest = StringState {
            in_string: false,
            escaped,
        };
        rest.advance_plain(self.buf.get(pos..).unwrap_or(&[]));
        StringState {
            in_string: self.strings_at_base().in_string ^ rest.in_string,
            escaped,
        }
    }

    /// JSON string state at `base`.
    pub(crate) fn strings(&self) -> (usize, StringState) {
        (self.base, self.strings_at_base())
    }

    #[inline(always)]
    fn mark(&mut self, pos: usize) {
        let Some(bit) = pos.checked_sub(self.origin) else {
            return;
        };
        if let Some(word) = self.marks.get_mut(bit / 64) {
            *word |= 1 << (bit % 64);
        }
    }

    /// Passes over a segment. Where a tier's features are enabled: see `arch`.
    #[inline(always)]
    pub(crate) fn scan<L: Lanes>(&mut self) {
        self.slide();
        let stop = self.base + SEGMENT;
        while self.base < stop {
            if let Some(bytes) = self
                .buf
                .get(self.base..)
                .and_then(|b| b.first_chunk::<257>())
                && self.before.open == 0
                && let Some(quotes) = L::quiet(bytes)
            {
                self.strings.seen ^= quotes;
                self.before = Before::default();
                self.base += 256;
                continue;
            }
            let end = (self.base + 256).min(stop);
            while self.base < end {
                let rest = self.buf.get(self.base..).unwrap_or(&[]);
                let Some(bytes) = rest.first_chunk::<65>() else {
                    self.last_block::<L>();
                    return;
                };
                self.block::<L>(bytes);
            }
        }
        self.check_list::<L>();
        self.complete = self.base.saturating_sub(REACH).max(self.complete);
    }

    /// The rest of the buffer, 64 bytes or less, zeros behind.
    #[inline(always)]
    fn last_block<L: Lanes>(&mut self) {
        let rest = self.buf.get(self.base..).unwrap_or(&[]);
        if !rest.is_empty() {
            let mut bytes = [0u8; 65];
            for (slot, byte) in bytes.iter_mut().zip(rest) {
                *slot = *byte;
            }
            self.block::<L>(&bytes);
        }
        self.check_list::<L>();
        self.base = self.buf.len();
        self.complete = self.buf.len();
    }

    /// Forgets the marks that were given out.
    fn slide(&mut self) {
        let keep = (self.complete - self.origin) / 64;
        if keep == 0 {
            return;
        }
        let keep = keep.min(WORDS);
        let kept = WORDS - keep;
        self.marks.copy_within(keep.., 0);
        if let Some(rest) = self.marks.get_mut(kept..) {
            rest.fill(0);
        }
        self.origin += keep * 64;
    }

    #[inline(always)]
    fn block<L: Lanes>(&mut self, bytes: &[u8; 65]) {
        let (Some(block), Some(next)) = (bytes.first_chunk(), bytes.last_chunk()) else {
            return;
        };
        let classes = L::classes(block, next);
        let Classes { digits, seps, .. } = classes;
        let before = self.before;
        let joined = seps & (digits << 1 | before.digits >> 63);
        let second = seps & (joined << 1 | before.joined >> 63);
        let run = digits | joined | second;
        self.strings.seen ^= classes.quotes;
        if (classes.leads | classes.high | classes.doubles & self.doubles) != 0 {
            self.triggers(&classes);
        }
        if self.listed + 96 > LIST {
            self.check_list::<L>();
        }
        let two = run & run >> 1;
        let four = two & two >> 2;
        let eight = four & four >> 4;
        let lead = run.trailing_ones();
        let inside = eight & four >> 8;
        if inside != 0 || lead > 0 && before.open + lead >= 12 {
            self.starts::<L>(digits, run);
        }
        self.before = Before {
            digits,
            run,
            joined,
            open: run.leading_ones(),
        };
        self.base += 64;
    }

    /// Lists the groups that begin where a run of 12 bytes ends in this block.
    #[inline(always)]
    fn starts<L: Lanes>(&mut self, digits: u64, run: u64) {
        let both = |high: u64, low: u64| u128::from(high) << 64 | u128::from(low);
        let runs = both(run, self.before.run);
        let two = runs & runs << 1;
        let four = two & two << 2;
        let eight = four & four << 4;
        let twelve = ((eight & four << 8) >> 64) as u64;
        let all = both(digits, self.before.digits);
        // Bit i is about `base - 11 + i`.
        let here = (all >> 53) as u64;
        let left = (all >> 52) as u64;
        let mut starts = twelve & here & !left;
        let base = self.base - self.origin;
        while starts != 0 {
            self.list_one((base + starts.trailing_zeros() as usize).wrapping_sub(11));
            starts &= starts - 1;
        }
    }

    /// At most 32 groups begin in a block, and 32 characters end before a digit.
    #[inline(always)]
    fn list_one(&mut self, at: usize) {
        if let Some(slot) = self.list.get_mut(self.listed) {
            *slot = at as u16;
            self.listed += 1;
        } else {
            debug_assert!(false, "the list is emptied before it can be full");
            self.mark(self.origin + at);
        }
    }

    /// Marks those listed that may be card numbers.
    #[inline(always)]
    fn check_list<L: Lanes>(&mut self) {
        let mut i = 0;
        while i < self.listed.min(LIST) {
            let at = usize::from(self.list[i]);
            let pos = self.origin + at;
            let rest = self.buf.get(pos..).unwrap_or(&[]);
            let may = match rest.first_chunk::<64>() {
                Some(bytes) => candidate::may_be_card::<L>(self.prefixes, bytes),
                None => {
                    let mut bytes = [0u8; 64];
                    for (slot, byte) in bytes.iter_mut().zip(rest) {
                        *slot = *byte;
                    }
                    candidate::may_be_card::<L>(self.prefixes, &bytes)
                }
            };
            if let Some(word) = self.marks.get_mut(at / 64) {
                *word |= u64::from(may) << (at % 64);
            }
            i += 1;
        }
        self.listed = 0;
    }

    /// What is not plain ASCII in this block: characters in several bytes that may be
    /// digits or join them, and quotes behind several backslashes.
    #[cold]
    #[inline(never)]
    fn triggers(&mut self, classes: &Classes) {
        let mut doubles = classes.doubles & self.doubles;
        while doubles != 0 {
            let at = self.base + doubles.trailing_zeros() as usize;
            self.strings.odd ^= self.is_even_quote(at + 2);
            doubles &= doubles - 1;
        }
        let mut leads = classes.leads | classes.high;
        while leads != 0 {
            let at = self.base + leads.trailing_zeros() as usize;
            self.trigger(at);
            leads &= leads - 1;
        }
    }

    /// A character in several bytes may begin at `at` (of an escape: its last backslash).
    fn trigger(&mut self, at: usize) {
        let mut start = at;
        match self.buf.get(at) {
            Some(b'\\') => {
                let before = self.buf.get(self.from..at).unwrap_or(&[]);
                let more = before.iter().rev().take_while(|b| **b == b'\\');
                start -= more.take(BACKSLASHES_MAX - 1).count();
            }
            Some(0x80..=0xC1) | None => return,
            Some(_) => {}
        }
        let (unit, len) = token::next(self.buf, start);
        let end = start + len;
        if let Unit::Other | Unit::Star = unit {
            // Digits that follow begin a group, though the byte before them may be a digit.
            if len > 1 && self.buf.get(end).is_some_and(u8::is_ascii_digit) {
                self.list_one(end - self.origin);
            }
            return;
        }
        self.sweep(start, end);
    }

    /// Marks every digit from where the run that the unit `start..end` may be part of
    /// begins, to where it ends.
    fn sweep(&mut self, start: usize, end: usize) {
        let lo = start.saturating_sub(SPAN_BYTES).max(self.from);
        let mut pos = start;
        loop {
            match token::prev(self.buf, pos, lo) {
                (Unit::Digit(_) | Unit::Sep(_) | Unit::Invisible, len) => pos -= len,
                // What seems to end an escape can be meant as it is: `100%4111`.
                _ if pos > lo && self.buf[pos - 1].is_ascii_digit() => pos -= 1,
                _ => break,
            }
        }
        self.mark_all(pos.max(self.swept), end + 1);
        self.swept = end;
    }

    /// Is there a quote at `at` that an even number of backslashes, two and more, stands
    /// before?
    fn is_even_quote(&self, at: usize) -> bool {
        if self.buf.get(at) != Some(&b'"') {
            return false;
        }
        let run = self.backslashes_before(at);
        run >= 2 && run.is_multiple_of(2)
    }

    /// Backslashes before `at` that count.
    fn backslashes_before(&self, at: usize) -> usize {
        let left = self.buf.get(self.from..at).unwrap_or(&[]);
        let run = left.iter().rev().take_while(|b| **b == b'\\').count();
        // The first byte may be escaped by what is before it.
        run - usize::from(run == left.len() && run > 0 && self.strings.at_from.escaped)
    }

    fn strings_at_base(&self) -> StringState {
        if self.base == self.from {
            return self.strings.at_from;
        }
        StringState {
            in_string: self.parity_to_base(),
            escaped: self.backslashes_before(self.base) % 2 == 1,
        }
    }

    /// Every quote before `base` that is not escaped turns the state over.
    fn parity_to_base(&self) -> bool {
        let Quotes { at_from, seen, odd } = self.strings;
        let byte = |at: usize| self.buf.get(at).copied();
        // At the first byte no block has looked, nor behind a backslash that stands
        // there and is itself escaped.
        let first = match byte(self.from) {
            Some(b'"') => !at_from.escaped,
            Some(b'\\') => at_from.escaped && byte(self.from + 1) == Some(b'"'),
            _ => false,
        };
        // Counted, though they are not before `base`.
        let at_base = byte(self.base) == Some(b'"') && self.backslashes_before(self.base) % 2 == 0;
        let behind = byte(self.base) == Some(b'\\') && self.is_even_quote(self.base + 1);
        let seen = seen.count_ones() % 2 == 1;
        at_from.in_string ^ first ^ seen ^ odd ^ at_base ^ behind
    }
}

/// Where digits begin that `hold` goes on from, taken as they stand there: what seems to
/// be the end of an escape can be meant as it is (`100%4111`).
pub(crate) fn unfinished_literal(buf: &[u8], from: usize, hold: usize) -> usize {
    let lo = from.max(buf.len().saturating_sub(HOLD_BYTES_MAX));
    let left = buf.get(lo..hold).unwrap_or(&[]);
    let run = left.iter().rev().take_while(|b| is_plain(**b)).count();
    let run = &left[left.len() - run..];
    match run.iter().position(u8::is_ascii_digit) {
        Some(first) => hold - run.len() + first,
        None => hold,
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b' ' | b'-' | b'.' | b'/' | b'+' | b'_')
}
