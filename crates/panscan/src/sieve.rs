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

use crate::arch::{self, BLOCK_BYTES, Classes, Lanes, PlainClasses, Wide};
use crate::candidate::{self, Around, GROUP, Starts};
use crate::decode::{self, BACKSLASHES_MAX, UNIT_BYTES_MAX};
use crate::iin::Prefixes;
use crate::json::StringState;
use crate::layout::SPAN_BYTES;
use crate::scalar::View;
use crate::token::{self, Unit};
use crate::trigger;
use crate::{CONTEXT_BYTES, HOLD_BYTES_MAX};

/// Bytes that are passed over between two looks at the marks.
const SEGMENT: usize = 4096;
/// A trigger marks digits up to this many bytes before itself.
const REACH: usize = 256;
/// Bytes that one call of [`Sieve::scan`] can pass over beyond a segment.
const SLACK: usize = 256;
const WORDS: usize = (SEGMENT + REACH + SLACK) / 64 + 2;
/// Candidates that are checked at once; in one block at most 32 begin.
const LIST: usize = 192;
/// Bytes from the beginning of a name to the digits that it makes a code.
const NAME_REACH: usize = CONTEXT_BYTES + 2;
/// Blocks of a segment, and the two before it.
const BLOCKS: usize = SEGMENT / 64 + 2;

const _: () = assert!(REACH >= SPAN_BYTES + UNIT_BYTES_MAX);

/// Puts the groups that begin at `base - 1 + i`, for every bit i, on the list; how many
/// are on it then.
#[inline(always)]
fn push(list: &mut [u16; LIST], listed: usize, base: usize, mut starts: u64) -> usize {
    let Some(slots) = list.get_mut(listed..listed + 64) else {
        debug_assert!(false, "the list is emptied before it can be full");
        return listed;
    };
    let count = starts.count_ones() as usize;
    for slot in slots {
        *slot = (base.wrapping_add(starts.trailing_zeros() as usize)).wrapping_sub(1) as u16;
        starts &= starts.wrapping_sub(1);
        if starts == 0 {
            break;
        }
    }
    listed + count
}

/// A pass over one buffer.
pub(crate) struct Sieve<'a> {
    buf: &'a [u8],
    /// What is before `from`.
    before: &'a [u8],
    prefixes: &'a Prefixes,
    /// Where it began.
    from: usize,
    /// First byte that was not passed over.
    base: usize,
    /// Masks of the blocks of a segment, from the two before it on: digits.
    digits: [u64; BLOCKS],
    /// Separators.
    seps: [u64; BLOCKS],
    /// See [`Classes::extras`].
    extras: [u64; BLOCKS],
    /// Group starts to be checked, as offsets from `origin`.
    list: [u16; LIST],
    listed: usize,
    /// Bit i: look at `origin + i`.
    marks: [u64; WORDS],
    origin: usize,
    /// First byte that may still be given out.
    next: usize,
    /// Quotes have to be counted.
    json: bool,
    /// Pairs of bytes that triggers are among: see `arch`.
    watch: u8,
    /// JSON strings: the state at `from`.
    at_from: StringState,
    /// Was the number of quotes that count odd?
    odd: bool,
    /// Up to here the marks are complete.
    complete: usize,
    /// Digits up to here were marked for a trigger.
    swept: usize,
    /// Digits up to here were marked for a name.
    named: usize,
}

impl<'a> Sieve<'a> {
    /// Over `buf[from..]`, which `before` is before.
    pub(crate) fn new(
        prefixes: &'a Prefixes,
        (before, buf): (&'a [u8], &'a [u8]),
        from: usize,
        json: bool,
        at_from: StringState,
    ) -> Sieve<'a> {
        Sieve {
            buf,
            before,
            prefixes,
            from,
            base: from,
            digits: [0; BLOCKS],
            seps: [0; BLOCKS],
            extras: [0; BLOCKS],
            list: [0; LIST],
            listed: 0,
            marks: [0; WORDS],
            origin: from,
            next: from,
            json,
            watch: arch::watch(json),
            at_from,
            odd: false,
            complete: from,
            swept: from,
            named: from,
        }
    }

    /// Marks what digits behind `from` can be because of what is before it.
    #[inline(always)]
    fn look_before<L: Lanes>(&mut self) {
        let (before, from) = (self.before, self.from);
        // A character that began before may end here, and digits begin behind it.
        let near = before.iter().rev().take(UNIT_BYTES_MAX);
        if near.fold(false, |any, b| any | decode::is_lead(*b) | (*b >= 0x80)) {
            self.mark_all(from, from + UNIT_BYTES_MAX);
        }
        if trigger::is_named::<L>(before, self.buf.get(from..).unwrap_or(&[])) {
            self.mark_codes(from, from + NAME_REACH);
        }
        // A bracket, and the first value behind it; the name of that may hold digits.
        let last = before.iter().rev().take(CONTEXT_BYTES);
        if last.fold(false, |any, b| any | matches!(b, b'[' | b'{')) {
            self.mark_all(from, from + CONTEXT_BYTES);
        }
    }

    /// Is there a mark before `pos`, in the first segment?
    pub(crate) fn is_marked_before(&self, pos: usize) -> bool {
        let bits = pos.saturating_sub(self.origin);
        let (words, rest) = (bits / 64, bits % 64);
        let whole = self.marks.iter().take(words).any(|w| *w != 0);
        let last = self.marks.get(words).copied().unwrap_or(0);
        whole || last & !(u64::MAX << rest) != 0
    }

    /// Marks what in `from..to` can be a code behind a name.
    fn mark_codes(&mut self, from: usize, to: usize) {
        for at in from..to.min(self.buf.len()) {
            // Inside a plain group nothing begins, but behind a longer character: that is
            // marked on its own.
            let before = at.checked_sub(1).and_then(|at| self.buf.get(at));
            let inside = before.is_some_and(u8::is_ascii_digit);
            if !inside && token::is_digit_start(self.buf, at) && trigger::may_be_code(self.buf, at)
            {
                self.mark(at);
            }
        }
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
        self.mark_codes(at, at + NAME_REACH);
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
        let end = self.buf.len();
        let begin = self.base;
        let stop = (begin + SEGMENT).min(end);
        let mut quotes = L::no_quotes();
        // Blocks 0 and 1 are what the segment before left.
        let mut blocks = 2;
        if self.base == self.from {
            self.look_before::<L>();
            self.edge::<L>(&mut blocks);
        }
        while self.base < stop {
            self.plain::<L>(stop, &mut blocks, &mut quotes);
            if self.base < stop {
                self.edge::<L>(&mut blocks);
            }
        }
        self.odd ^= L::is_odd(quotes);
        self.base = self.base.min(end);
        self.brackets::<L>(begin.wrapping_sub(64), blocks);
        self.decide::<L>(begin.wrapping_sub(64), blocks);
        self.complete = self.complete.max(self.base.saturating_sub(REACH));
        if self.base == end {
            // Of the last block nothing is behind.
            for masks in self.masks() {
                masks[2..].fill(0);
            }
            let at = begin + (blocks - 2) * 64;
            self.decide::<L>(at.wrapping_sub(64), 2);
            self.complete = end;
        }
    }

    /// Classes of the blocks up to `stop` as long as there is nothing but ASCII.
    #[inline(always)]
    fn plain<L: Lanes>(&mut self, stop: usize, blocks: &mut usize, quotes: &mut L::Quotes) {
        if self.json {
            self.round::<L>(stop, blocks, quotes);
            return;
        }
        let mut digits = 1;
        while self.base < stop {
            if digits == 0 {
                self.skip_quiet::<L>(stop, blocks);
            }
            let end = (self.base + 256).min(stop);
            digits = self.round::<L>(end, blocks, quotes);
            if self.base < end {
                return; // at a block that is not plain
            }
        }
    }

    /// The same up to `end`; all the digits that were there.
    #[inline(always)]
    fn round<L: Lanes>(&mut self, end: usize, blocks: &mut usize, quotes: &mut L::Quotes) -> u64 {
        // A block begins a byte before its own ones.
        let mut rest = self.buf.get(self.base - 1..).unwrap_or(&[]);
        let watch = self.watch;
        let most = end.saturating_sub(self.base).div_ceil(64);
        let slots = self
            .digits
            .iter_mut()
            .zip(&mut self.seps)
            .zip(&mut self.extras);
        let (mut any, mut count) = (0, 0);
        for ((digits, seps), extras) in slots.skip(*blocks).take(most) {
            let Some(classes) = rest.first_chunk().and_then(|b| L::plain(b, watch, quotes)) else {
                break;
            };
            (*digits, *seps, *extras) = (classes.digits, classes.seps, classes.extras);
            any |= classes.digits;
            rest = rest.get(64..).unwrap_or(&[]);
            count += 1;
        }
        *blocks += count;
        self.base += count * 64;
        any
    }

    /// Jumps over blocks without a digit, where quotes do not count either.
    #[inline(always)]
    fn skip_quiet<L: Lanes>(&mut self, stop: usize, blocks: &mut usize) {
        let first = *blocks;
        let mut rest = self.buf.get(self.base - 1..).unwrap_or(&[]);
        let most = stop.saturating_sub(self.base) / 256;
        let mut count = 0;
        while count < most && rest.first_chunk().is_some_and(L::is_quiet) {
            rest = rest.get(256..).unwrap_or(&[]);
            count += 1;
        }
        // Names of codes in the last two may stand before digits.
        let skipped = (count * 4).saturating_sub(2);
        *blocks += skipped;
        self.base += skipped * 64;
        for masks in self.masks() {
            if let Some(masks) = masks.get_mut(first..first + skipped) {
                masks.fill(0);
            }
        }
    }

    #[inline(always)]
    fn store(&mut self, blocks: &mut usize, classes: &PlainClasses) {
        let slots = (
            self.digits.get_mut(*blocks),
            self.seps.get_mut(*blocks),
            self.extras.get_mut(*blocks),
        );
        if let (Some(digits), Some(seps), Some(extras)) = slots {
            (*digits, *seps, *extras) = (classes.digits, classes.seps, classes.extras);
            *blocks += 1;
        } else {
            debug_assert!(false, "a segment has no more blocks than there is room for");
        }
    }

    /// A block with a trigger in it, the first one, which has no byte before it, or one
    /// that is not all there.
    #[inline(always)]
    fn edge<L: Lanes>(&mut self, blocks: &mut usize) {
        let rest = self.buf.get(self.base.wrapping_sub(1)..).unwrap_or(&[]);
        let classes = match rest.first_chunk() {
            Some(bytes) if self.base > self.from => L::classes(bytes),
            _ => L::classes(&self.padded()),
        };
        self.odd ^= classes.quotes.count_ones() % 2 == 1;
        self.triggers(&classes);
        let plain = PlainClasses {
            digits: classes.digits,
            seps: classes.seps,
            extras: classes.extras,
        };
        self.store(blocks, &plain);
        self.base += 64;
    }

    /// The block at `base` with the byte before it, zeros where nothing is.
    #[cold]
    #[inline(never)]
    fn padded(&self) -> [u8; BLOCK_BYTES] {
        let mut bytes = [0u8; BLOCK_BYTES];
        let [before, block @ ..] = &mut bytes;
        *before = match self.buf.get(self.base.wrapping_sub(1)) {
            // What is known of it is whether it escapes the first.
            _ if self.base == self.from && self.at_from.escaped => b'\\',
            _ if self.base == self.from => 0,
            Some(byte) => *byte,
            None => 0,
        };
        let rest = self.buf.get(self.base..).unwrap_or(&[]);
        for (slot, byte) in block.iter_mut().zip(rest) {
            *slot = *byte;
        }
        bytes
    }

    fn masks(&mut self) -> [&mut [u64; BLOCKS]; 3] {
        [&mut self.digits, &mut self.seps, &mut self.extras]
    }

    /// Marks the first digit of each array or object that may be a card number. Block 1
    /// is at `base`, and was looked at before.
    #[inline(always)]
    fn brackets<L: Lanes>(&mut self, base: usize, blocks: usize) {
        for block in 2..blocks {
            let mut opens = self.extras[block] & !self.digits[block];
            while opens != 0 {
                let at = base.wrapping_add((block - 1) * 64 + opens.trailing_zeros() as usize) - 1;
                if trigger::may_begin_with_digits::<L>(self.buf, at)
                    && let Some(first) = trigger::first_element(self.buf, at)
                {
                    self.mark(first);
                }
                opens &= opens - 1;
            }
        }
    }

    /// Finds candidates in all but the last of so many blocks, and moves on. Block 1 is
    /// at `base`.
    #[inline(always)]
    fn decide<L: Lanes>(&mut self, base: usize, blocks: usize) {
        let mut first = 0;
        while first + 2 < blocks.max(3) {
            let (Some(digits), Some(seps)) = (
                Around::of(&self.digits, first),
                Around::of(&self.seps, first),
            ) else {
                break;
            };
            let digits: Around<L::Wide> = digits;
            if !digits.here.is_zero() {
                let starts = candidate::starts(&digits, &seps);
                self.numbers::<L>(base, first, blocks.max(3), (&digits, &seps));
                if !starts.likely.or(starts.rare).is_zero() {
                    self.note::<L>(base, first, blocks.max(3), &starts);
                }
            }
            first += GROUP;
        }
        self.check_list::<L>();
        let last = blocks - 1;
        for masks in self.masks() {
            (masks[0], masks[1]) = (masks[last - 1], masks[last]);
        }
    }

    /// Marks JSON numbers with an exponent in one group of blocks.
    #[inline(always)]
    fn numbers<L: Lanes>(
        &mut self,
        base: usize,
        first: usize,
        blocks: usize,
        (digits, seps): (&Around<L::Wide>, &Around<L::Wide>),
    ) {
        let Some(extras) = self.extras.get(first + 1..).and_then(|e| e.first_chunk()) else {
            return;
        };
        let extras = L::Wide::load(extras).and(digits.here);
        if extras.is_zero() {
            return;
        }
        let ends = candidate::long_mantissas(digits, seps, extras);
        if ends.is_zero() {
            return;
        }
        let ends = ends.store();
        for (i, mut ends) in ends.into_iter().enumerate() {
            let block = first + 1 + i;
            while ends != 0 && block + 1 < blocks {
                let at = base.wrapping_add((block - 1) * 64 + ends.trailing_zeros() as usize);
                if let Some(start) = trigger::mantissa(self.buf, self.from, at) {
                    self.mark_all(start, at);
                }
                ends &= ends - 1;
            }
        }
    }

    /// Lists the candidates of one group.
    #[inline(always)]
    fn note<L: Lanes>(
        &mut self,
        base: usize,
        first: usize,
        blocks: usize,
        starts: &Starts<L::Wide>,
    ) {
        let (likely, rare) = (starts.likely.store(), starts.rare.store());
        for (i, (likely, rare)) in likely.iter().zip(&rare).enumerate() {
            let block = first + i + 1;
            if block + 1 >= blocks {
                break;
            }
            let at = base.wrapping_add((block - 1) * 64);
            let mut likely = *likely;
            if *rare != 0 {
                let three = |m: &[u64]| [m[block - 1], m[block], m[block + 1]];
                let byte = |i: usize| self.buf.get((at + i).wrapping_sub(1)).copied().unwrap_or(0);
                likely |= candidate::unlikely(three(&self.digits), three(&self.seps), &byte);
            }
            if likely != 0 {
                if self.listed + 64 > LIST {
                    self.check_list::<L>();
                }
                let at = at.wrapping_sub(self.origin);
                self.listed = push(&mut self.list, self.listed, at, likely);
            }
        }
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

    /// Marks those listed that may be card numbers.
    #[inline(always)]
    fn check_list<L: Lanes>(&mut self) {
        let mut i = 0;
        while i < self.listed.min(LIST) {
            let at = usize::from(self.list[i]);
            let pos = self.origin + at;
            let rest = self.buf.get(pos..).unwrap_or(&[]);
            let zero = rest.first() == Some(&b'0') && trigger::is_float(rest);
            let may = zero
                | match rest.first_chunk::<64>() {
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
        let base = self.base;
        let mut doubles = classes.doubles;
        while doubles != 0 {
            // Bit 0 is the byte before `base`.
            let quote = base + 1 + doubles.trailing_zeros() as usize;
            self.odd ^= self.is_even_quote(quote);
            doubles &= doubles - 1;
        }
        let mut names = classes.names;
        while names != 0 {
            let at = (base + names.trailing_zeros() as usize).wrapping_sub(1);
            if trigger::is_name(self.buf, at) {
                self.mark_codes(at.max(self.named), at + NAME_REACH);
                self.named = at + NAME_REACH;
            }
            names &= names - 1;
        }
        let mut leads = classes.leads | classes.high;
        while leads != 0 {
            let at = base + leads.trailing_zeros() as usize;
            if let Some(at) = at.checked_sub(1).filter(|at| *at >= self.from) {
                self.trigger(at);
            }
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
                self.mark(end);
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

    /// Is there a quote at `at` right behind a backslash that does not escape it?
    fn is_even_quote(&self, at: usize) -> bool {
        self.buf.get(at) == Some(&b'"')
            && self.buf.get(at.wrapping_sub(1)) == Some(&b'\\')
            && self.backslashes_before(at).is_multiple_of(2)
    }

    /// Backslashes before `at` that count.
    fn backslashes_before(&self, at: usize) -> usize {
        let left = self.buf.get(self.from..at).unwrap_or(&[]);
        let run = left.iter().rev().take_while(|b| **b == b'\\').count();
        // The first byte may be escaped by what is before it.
        let first_escaped = run > 0 && run == left.len() && self.at_from.escaped;
        run - usize::from(first_escaped)
    }

    fn strings_at_base(&self) -> StringState {
        // A quote at `base` behind backslashes was counted with those.
        let early = self.base < self.buf.len() && self.is_even_quote(self.base);
        StringState {
            in_string: self.at_from.in_string ^ self.odd ^ early,
            escaped: match self.base == self.from {
                true => self.at_from.escaped,
                false => self.backslashes_before(self.base) % 2 == 1,
            },
        }
    }
}

/// Where digits begin that `hold` goes on from, taken as they stand there: what seems to
/// be the end of an escape can be meant as it is (`100%4111`).
pub(crate) fn unfinished_literal(view: &View<'_>, from: usize, hold: usize) -> usize {
    let buf = view.buf;
    let lo = from.max(buf.len().saturating_sub(HOLD_BYTES_MAX));
    let left = buf.get(lo..hold).unwrap_or(&[]);
    let run = left.iter().rev().take_while(|b| is_plain(**b)).count();
    let run = &left[left.len() - run..];
    let Some(first) = run.iter().position(u8::is_ascii_digit) else {
        return hold;
    };
    let first = hold - run.len() + first;
    match token::around(buf, first, view.json) {
        token::Around::Free => hold,
        _ => first,
    }
}

/// A quick look: do neither digits stand at the end, nor part of a character?
pub(crate) fn is_finished(buf: &[u8]) -> bool {
    let wide = |any, b: &u8| any | decode::is_lead(*b) | (*b >= 0x80);
    buf.last().is_some_and(|b| !is_plain(*b))
        && !buf.iter().rev().take(UNIT_BYTES_MAX).fold(false, wide)
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b' ' | b'-' | b'.' | b'/' | b'+' | b'_')
}
