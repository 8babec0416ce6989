//! Streaming: chunks in, findings with absolute offsets out, bounded hold-back.
//!
//! A [`Stream`] keeps the last bytes that were fed: up to [`CONTEXT_BYTES`] that were
//! released (they can change the verdict on what comes) and up to [`HOLD_BYTES_MAX`]
//! that are held. The next chunk is first read joined to them in a buffer on the
//! stack, and from there on in place. `examine` in `scalar.rs` is local, so where the
//! joint lies makes no difference.

use crate::arch::{Plain, Tier};
use crate::finding::Finding;
use crate::iin::{Prefixes, Table};
use crate::json::StringState;
use crate::scalar::{self, Match, Step, View};
use crate::settings::{Mode, Settings};
use crate::sieve::{self, Sieve};
use crate::{CONTEXT_BYTES, Confidence, HOLD_BYTES_MAX, hold, mask, test_pans};

/// What the bytes are, which decides how numbers are masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// JSON text (one value, or several one after the other): numbers become
    /// numbers, strings are read through `\u` escapes.
    Json,
    /// Anything else: digits become `*`.
    Text,
}

/// Finds card numbers. Immutable: share one per deployment.
pub struct Scanner {
    settings: Settings,
    table: Table,
    prefixes: Box<Prefixes>,
    tier: Tier,
}

/// State of one stream between chunks. Fixed size ([`Stream::BYTES_MAX`]), no heap.
pub struct Stream {
    carrier: Carrier,
    offset: u64,
    /// Absolute end of the last finding, or start of the text.
    floor: u64,
    /// At the first held byte.
    strings: StringState,
    /// `saved[..context]` is released, `saved[context..len]` is held.
    saved: [u8; CONTEXT_BYTES + HOLD_BYTES_MAX],
    context: u16,
    len: u16,
}

const _: () = assert!(size_of::<Stream>() <= Stream::BYTES_MAX);

/// Saved bytes and the beginning of a chunk: enough behind the saved ones that every
/// group which begins up to [`CONTEXT_BYTES`] into the chunk can be decided.
const JOINT: usize = 2 * (CONTEXT_BYTES + HOLD_BYTES_MAX);

impl Stream {
    /// Upper bound of the size of a stream's state.
    pub const BYTES_MAX: usize = 384;

    /// A stream at offset 0.
    pub fn new(carrier: Carrier) -> Stream {
        Stream {
            carrier,
            offset: 0,
            floor: 0,
            strings: StringState::default(),
            saved: [0; CONTEXT_BYTES + HOLD_BYTES_MAX],
            context: 0,
            len: 0,
        }
    }

    /// Bytes fed so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes fed and not released; at most [`HOLD_BYTES_MAX`].
    pub fn held(&self) -> usize {
        usize::from(self.len - self.context)
    }

    /// Keeps the end of `buf`, which is held from `release` on.
    fn save(&mut self, buf: &[u8], release: usize) {
        let release = release
            .max(buf.len().saturating_sub(HOLD_BYTES_MAX))
            .min(buf.len());
        let from = release.saturating_sub(CONTEXT_BYTES);
        let kept = &buf[from..];
        self.saved[..kept.len()].copy_from_slice(kept);
        self.context = (release - from) as u16;
        self.len = (buf.len() - from) as u16;
    }
}

/// No bytes of the stream in it.
impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("carrier", &self.carrier)
            .field("offset", &self.offset)
            .field("held", &self.held())
            .finish()
    }
}

/// A walk over one buffer.
struct Walk<'a, 's> {
    view: View<'a>,
    strings: StringState,
    /// Where in the buffer `strings` is.
    strings_at: usize,
    /// The same where the last segment begins.
    strings_next: (usize, StringState),
    /// `None`: every digit is looked at.
    sieve: Option<&'s mut Sieve<'a>>,
}

impl Scanner {
    /// Builds the tables, picks the fastest tier.
    pub fn new(settings: Settings) -> Scanner {
        Scanner::with_tier(settings, Tier::best())
    }

    /// With a tier of one's own choice, for tests and benches. One that this
    /// processor does not have becomes [`Tier::Plain`].
    pub fn with_tier(settings: Settings, tier: Tier) -> Scanner {
        let tier = match Tier::all_available().contains(&tier) {
            // The prefilter drops what fails the check digit.
            _ if settings.unionpay_without_luhn => Tier::Scalar,
            true => tier,
            false => Tier::Plain,
        };
        Scanner {
            table: Table::new().unionpay_without_luhn(settings.unionpay_without_luhn),
            settings,
            prefixes: Prefixes::new(),
            tier,
        }
    }

    /// The settings it was built with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Feeds the next chunk. Findings come in order, with absolute offsets, and may
    /// start in an earlier chunk that is not released yet. Returns the absolute
    /// offset up to which bytes may leave: everything before it is final.
    pub fn scan(&self, st: &mut Stream, chunk: &[u8], sink: &mut dyn FnMut(Finding)) -> u64 {
        self.feed(st, chunk, false, sink)
    }

    /// End of a body or of an SSE event: decides what is held. Afterwards all that
    /// was fed is released, and the stream may be fed on as a new text (offsets go on).
    pub fn finish(&self, st: &mut Stream, sink: &mut dyn FnMut(Finding)) -> u64 {
        self.feed(st, &[], true, sink);
        *st = Stream {
            offset: st.offset,
            floor: st.offset,
            ..Stream::new(st.carrier)
        };
        st.offset
    }

    /// One whole text, masked in place. Returns how many findings were reported.
    pub fn mask_in_place(
        &self,
        carrier: Carrier,
        buf: &mut [u8],
        sink: &mut dyn FnMut(Finding),
    ) -> usize {
        let mut st = Stream::new(carrier);
        // Patched at the end: what is masked must not change what is seen to its right.
        let mut found = Vec::new();
        let mut sieve = self.sieve(&st, &[], buf, 0);
        let range = (0, buf.len());
        self.walk(&mut st, buf, 0, range, true, &mut sieve, &mut |f| {
            found.push(f)
        });
        for finding in found.iter().filter(|f| f.masked) {
            if let Some(span) = buf.get_mut(finding.start as usize..finding.end as usize) {
                span.copy_from_slice(finding.replacement());
            }
        }
        let count = found.len();
        found.into_iter().for_each(sink);
        count
    }

    fn feed(&self, st: &mut Stream, chunk: &[u8], end: bool, sink: &mut dyn FnMut(Finding)) -> u64 {
        let saved = usize::from(st.len);
        st.offset += chunk.len() as u64;
        let mut from = 0;
        if saved > 0 && !self.feed_apart(st, chunk, end, sink) {
            let mut joint = [0u8; JOINT];
            joint[..saved].copy_from_slice(&st.saved[..saved]);
            let more = chunk.len().min(JOINT - saved);
            joint[saved..saved + more].copy_from_slice(&chunk[..more]);
            let joint = &joint[..saved + more];
            let whole = more == chunk.len();
            let stop = if whole {
                joint.len()
            } else {
                saved + CONTEXT_BYTES
            };
            let context = usize::from(st.context);
            let base = st.offset - (chunk.len() + saved) as u64;
            let mut sieve = self.sieve(st, &joint[..context], joint, context);
            let range = (context, stop);
            let pos = self.walk(st, joint, base, range, end && whole, &mut sieve, sink);
            if whole {
                st.save(joint, pos);
                return st.offset - st.held() as u64;
            }
            from = pos - saved; // `stop` or beyond
        } else if saved > 0 {
            return st.offset - st.held() as u64;
        }
        let base = st.offset - chunk.len() as u64;
        let mut sieve = self.sieve(st, &chunk[..from], chunk, from);
        let range = (from, chunk.len());
        let pos = self.walk(st, chunk, base, range, end, &mut sieve, sink);
        st.save(chunk, pos);
        st.offset - st.held() as u64
    }

    /// Reads a chunk on its own, if nothing is held and nothing at its beginning depends
    /// on what is before.
    fn feed_apart(
        &self,
        st: &mut Stream,
        chunk: &[u8],
        end: bool,
        sink: &mut dyn FnMut(Finding),
    ) -> bool {
        if self.tier == Tier::Scalar || st.held() > 0 || chunk.len() < JOINT {
            return false;
        }
        let saved = st.saved;
        let before = &saved[..usize::from(st.context)];
        let mut sieve = self.sieve(st, before, chunk, 0);
        self.scan_on(&mut sieve);
        if sieve.is_marked_before(CONTEXT_BYTES) {
            return false;
        }
        let base = st.offset - chunk.len() as u64;
        let range = (0, chunk.len());
        let pos = self.walk(st, chunk, base, range, end, &mut sieve, sink);
        st.save(chunk, pos);
        true
    }

    fn sieve<'a>(&'a self, st: &Stream, before: &'a [u8], buf: &'a [u8], from: usize) -> Sieve<'a> {
        let json = st.carrier == Carrier::Json;
        Sieve::new(&self.prefixes, (before, buf), from, json, st.strings)
    }

    /// Decides the groups that begin in `from..stop`. Returns from where on nothing is
    /// decided: `stop` or beyond where the buffer goes on behind it, and otherwise the
    /// first byte to hold.
    #[allow(clippy::too_many_arguments)]
    fn walk<'a>(
        &self,
        st: &mut Stream,
        buf: &'a [u8],
        base: u64,
        (from, stop): (usize, usize),
        end: bool,
        sieve: &mut Sieve<'a>,
        sink: &mut dyn FnMut(Finding),
    ) -> usize {
        let json = st.carrier == Carrier::Json;
        let floor = usize::try_from(st.floor.saturating_sub(base)).unwrap_or(buf.len());
        let view = View {
            buf,
            floor,
            end,
            json,
        };
        let mut walk = Walk {
            view,
            strings: st.strings,
            strings_at: from,
            strings_next: (from, st.strings),
            sieve: (self.tier != Tier::Scalar).then_some(sieve),
        };
        let mut pos = from;
        let pos = loop {
            match self.next(&mut walk, pos, stop) {
                Ok(found) => {
                    pos = found.end;
                    walk.view.floor = pos;
                    if let Some(sieve) = &mut walk.sieve {
                        sieve.look_behind(pos);
                    }
                    st.floor = base + pos as u64;
                    if let Some(finding) = self.finding(&found, buf, base) {
                        sink(finding);
                    }
                }
                Err(at) if stop < buf.len() => break at.max(stop),
                Err(at) => break at,
            }
        };
        self.strings_to(&mut walk, pos);
        st.strings = walk.strings;
        pos
    }

    /// The next match that begins in `pos..stop`, or where to go on (see [`Self::walk`]).
    fn next(&self, walk: &mut Walk<'_, '_>, mut pos: usize, stop: usize) -> Result<Match, usize> {
        let View { buf, json, end, .. } = walk.view;
        // Groups that the prefilter passed over may go on behind the buffer, also where
        // one behind them was looked at and turned down.
        let begin = pos;
        while pos < stop {
            let Some(start) = self.find(walk, pos) else {
                break;
            };
            if start >= stop {
                break;
            }
            let view = walk.view;
            let mut inside = |at: usize| {
                self.strings_to(walk, at);
                !json || walk.strings.in_string
            };
            match scalar::examine(&self.table, &view, start, &mut inside) {
                Step::Found(found) => return Ok(found),
                Step::Next(next) => pos = next.max(start + 1),
                Step::More if stop == buf.len() && buf.len() - start <= HOLD_BYTES_MAX => {
                    let hold = hold::unfinished(&walk.view, begin).min(start);
                    return Err(sieve::unfinished_literal(&walk.view, begin, hold));
                }
                Step::Cut => break,
                Step::More => {
                    debug_assert!(false, "undecided with {HOLD_BYTES_MAX} bytes at hand");
                    pos = start + 1;
                }
            }
        }
        if end || stop < buf.len() {
            return Err(pos.max(stop));
        }
        // A long run at the end, which the prefilter passes over: no need to hold it.
        let digits = buf.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let start = buf.len() - digits;
        if digits > 19
            && start >= pos
            && let Step::Next(next) =
                scalar::examine(&self.table, &walk.view, start, &mut |_| false)
        {
            pos = next;
        }
        let begin = if pos > start { pos } else { begin }.min(buf.len());
        if sieve::is_finished(buf) {
            return Err(buf.len());
        }
        let hold = hold::unfinished(&walk.view, begin);
        Err(sieve::unfinished_literal(&walk.view, begin, hold))
    }

    /// Where the next digit group begins that could be the first of a card number.
    fn find(&self, walk: &mut Walk<'_, '_>, pos: usize) -> Option<usize> {
        let View { buf, json, .. } = walk.view;
        let Some(sieve) = &mut walk.sieve else {
            return scalar::find(buf, pos, json);
        };
        loop {
            if let Some(at) = sieve.take(pos) {
                return Some(at);
            }
            if sieve.is_done() {
                return None;
            }
            let (at, strings) = sieve.strings();
            // What is given out next may begin before the segment does.
            if walk.strings_next.0 > walk.strings_at {
                (walk.strings_at, walk.strings) = walk.strings_next;
            }
            walk.strings_next = (at, strings);
            self.scan_on(sieve);
        }
    }

    /// The next segment.
    fn scan_on(&self, sieve: &mut Sieve<'_>) {
        match self.tier {
            #[cfg(target_arch = "x86_64")]
            Tier::Sse2 => sieve.scan::<crate::arch::x86::Sse2>(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `with_tier` lets `Avx2` through only where it was detected.
            Tier::Avx2 => unsafe { crate::arch::x86::scan(sieve) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `with_tier` lets `Avx512` through only where it was detected.
            Tier::Avx512 => unsafe { crate::arch::avx512::scan(sieve) },
            _ => sieve.scan::<Plain>(),
        }
    }

    /// Brings the JSON string state up to `to`.
    fn strings_to(&self, walk: &mut Walk<'_, '_>, to: usize) {
        if !walk.view.json {
            return;
        }
        if walk.strings_at < walk.strings_next.0 && walk.strings_next.0 <= to {
            (walk.strings_at, walk.strings) = walk.strings_next;
        }
        let Some(bytes) = walk.view.buf.get(walk.strings_at..to) else {
            return;
        };
        if let Some(sieve) = &walk.sieve
            && sieve.is_done()
            && walk.view.buf.len() - to < bytes.len()
        {
            walk.strings = sieve.strings_before_end(to);
        } else {
            self.advance(&mut walk.strings, bytes);
        }
        walk.strings_at = to;
    }

    fn advance(&self, strings: &mut StringState, bytes: &[u8]) {
        match self.tier {
            Tier::Scalar => strings.advance_plain(bytes),
            #[cfg(target_arch = "x86_64")]
            Tier::Sse2 => strings.advance::<crate::arch::x86::Sse2>(bytes),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `with_tier` lets `Avx2` through only where it was detected.
            Tier::Avx2 => unsafe { crate::arch::x86::advance(strings, bytes) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `with_tier` lets `Avx512` through only where it was detected.
            Tier::Avx512 => unsafe { crate::arch::avx512::advance(strings, bytes) },
            _ => strings.advance::<Plain>(bytes),
        }
    }

    /// What is told of a match; nothing of an allow-listed one.
    fn finding(&self, found: &Match, buf: &[u8], base: u64) -> Option<Finding> {
        let digits = found.digits();
        if self.settings.allow.contains(digits) {
            return None;
        }
        let masked = match (self.settings.mode, found.confidence) {
            (Mode::Strict, _) | (_, Confidence::High) => true,
            (_, Confidence::Medium) => found.card_word,
            (_, Confidence::Low) => false,
        };
        let span = buf.get(found.start..found.end)?;
        let format = self.settings.mask;
        Some(Finding {
            start: base + found.start as u64,
            end: base + found.end as u64,
            kind: found.kind,
            brand: found.brand,
            confidence: found.confidence,
            masked,
            test_pan: test_pans::is_published(digits),
            via: found.via,
            replacement: mask::replacement(span, digits, format, found.form),
            shown: mask::shown(digits, self.settings.record_mask()),
            rewritable: true,
        })
    }
}
