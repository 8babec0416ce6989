//! The prefilter: jumps over bytes in which no card number can begin.
//!
//! It looks for runs of digits with at most one separator (or two spaces) between
//! them that hold 12 digits or more. Where something else might join digits (a byte
//! of 0x80 and above beside a digit, a fullwidth digit, an escape) it stops and lets
//! the specification look. It may stop too often, never too rarely.

use crate::arch::Lanes;
use crate::scalar;

/// Shortest card number.
const DIGITS_MIN: u32 = 12;

/// A run that reaches the end of the block before.
#[derive(Clone, Copy, Default)]
struct Open {
    start: usize,
    len: u32,
    digits: u32,
}

/// First position at or after `from` where a digit group begins that could be the
/// first of a card number, given the bytes that are there.
#[inline(always)]
pub(crate) fn find<L: Lanes>(buf: &[u8], from: usize, json: bool) -> Option<usize> {
    let mut open = Open::default();
    let mut before = Edges::default();
    let mut base = from;
    let (blocks, rest) = buf.get(from..)?.as_chunks::<64>();
    for block in blocks {
        if let Some(hit) = step::<L>(buf, from, base, block, json, &mut open, &mut before) {
            return hit;
        }
        base += 64;
    }
    if rest.is_empty() {
        return None;
    }
    let mut block = [0u8; 64];
    block[..rest.len()].copy_from_slice(rest);
    step::<L>(buf, from, base, &block, json, &mut open, &mut before).flatten()
}

/// What the last byte of the block before was.
#[derive(Clone, Copy, Default)]
struct Edges {
    digit: u64,
    high: u64,
    space: u64,
    run: u64,
    backslash: u64,
}

#[inline(always)]
fn step<L: Lanes>(
    buf: &[u8],
    from: usize,
    base: usize,
    block: &[u8; 64],
    json: bool,
    open: &mut Open,
    before: &mut Edges,
) -> Option<Option<usize>> {
    let lanes = L::load(block);
    let digits = lanes.digits();
    let high = lanes.high();
    let backslashes = if json { lanes.equal(b'\\') } else { 0 };
    if digits == 0 && (high | backslashes | before.backslash) == 0 {
        *open = Open::default();
        *before = Edges::default();
        return None;
    }
    let spaces = lanes.equal(b' ');
    // A separator behind a digit joins; of spaces a second one too.
    let after_digit = digits << 1 | before.digit;
    let joined = lanes.marks() & after_digit;
    let space = spaces & after_digit;
    let second = spaces & (space << 1 | before.space);
    let run = digits | joined | space | second;

    let odd = if (high | before.high | backslashes | before.backslash) == 0 {
        None
    } else {
        unusual(
            buf,
            base,
            &lanes,
            (digits, run),
            (high, backslashes),
            before,
        )
    };
    let hit = candidate(base, digits, run, open);
    *before = Edges {
        digit: digits >> 63,
        high: high >> 63,
        space: space >> 63,
        run: run >> 63,
        backslash: backslashes >> 63,
    };
    match (hit, odd) {
        (None, None) => None,
        (Some(hit), None) => Some(Some(hit)),
        (hit, Some(odd)) => {
            // Digits that what is at `odd` may join to, from where their run begins.
            let start = run_start(buf, from, odd);
            let start = hit.map_or(start, |hit| hit.min(start));
            Some(scalar::find(buf, start, json))
        }
    }
}

/// A run of 12 and more digits in this block, or begun before it.
#[inline(always)]
fn candidate(base: usize, digits: u64, run: u64, open: &mut Open) -> Option<usize> {
    let mut rest = run;
    let mut hit = None;
    if open.len > 0 {
        let len = run.trailing_ones();
        let head = low(len);
        open.len += len;
        open.digits += (digits & head).count_ones();
        if open.digits >= DIGITS_MIN {
            hit = Some(open.start);
        }
        if len == 64 {
            return hit;
        }
        rest &= !head;
        if hit.is_some() {
            return hit;
        }
    }
    let two = rest & rest >> 1;
    let four = two & two >> 2;
    let eight = four & four >> 4;
    let mut long = eight & four >> 8;
    while long != 0 {
        let at = long.trailing_zeros();
        let len = (rest >> at).trailing_ones();
        let span = low(len) << at;
        if (digits & span).count_ones() >= DIGITS_MIN {
            return Some(base + at as usize);
        }
        long &= !span;
    }
    let len = rest.leading_ones();
    *open = Open {
        start: base + 64 - len as usize,
        len,
        digits: if len == 0 {
            0
        } else {
            (digits >> (64 - len)).count_ones()
        },
    };
    hit
}

#[inline(always)]
fn low(len: u32) -> u64 {
    if len >= 64 { u64::MAX } else { (1 << len) - 1 }
}

/// First position where something that is not ASCII may join digits or be one.
#[inline(always)]
fn unusual<L: Lanes>(
    buf: &[u8],
    base: usize,
    lanes: &L,
    (digits, run): (u64, u64),
    (high, backslashes): (u64, u64),
    before: &Edges,
) -> Option<usize> {
    let behind = run << 1 | before.run;
    // Of escapes only `\uXXXX` and `\/` join; what follows the last byte is not known here.
    let unicode = backslashes & (lanes.equal(b'u') >> 1 | 1 << 63);
    let slash = backslashes & (lanes.equal(b'/') >> 1 | 1 << 63);
    let mut odd = high & (behind | digits >> 1) | (unicode | slash) & behind;
    if digits & 1 != 0 && before.high != 0 {
        odd |= 1;
    }
    let mut maybe = lanes.equal(0xEF) | unicode;
    maybe &= !odd;
    let first = odd.trailing_zeros();
    while maybe != 0 {
        let at = maybe.trailing_zeros();
        if at >= first {
            break;
        }
        if scalar::is_digit_start(buf, base + at as usize, true) {
            return Some(base + at as usize);
        }
        maybe &= maybe - 1;
    }
    (odd != 0).then(|| base + first as usize)
}

/// Walks back from `at` over digits and separators, not past `from`.
fn run_start(buf: &[u8], from: usize, at: usize) -> usize {
    let run = buf[from..at].iter().rev();
    let len = run
        .take_while(|b| matches!(b, b'0'..=b'9' | b' ' | b'-' | b'.' | b'/'))
        .count();
    at - len
}
