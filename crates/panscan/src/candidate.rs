//! Can the digits that begin here be a card number? The form of `scalar.rs` that tiers
//! run on every candidate: ASCII digits, one table look-up, one check digit.
//!
//! It sees 64 bytes, which the longest layout fits in (19 single digits with two
//! spaces between them are 55). It says yes too often, never too rarely: context is
//! left to the specification.

use crate::arch::{Lanes, Window};
use crate::iin::Prefixes;

/// Could a card number begin with the digit group at the first of `bytes`?
#[inline(always)]
pub(crate) fn may_be_card<L: Lanes>(prefixes: &Prefixes, bytes: &[u8; 64]) -> bool {
    let window = L::window(bytes);
    let first = window.digits.trailing_ones();
    if first >= 12 {
        return first <= 19 && passes::<L>(prefixes, bytes, u64::MAX, first);
    }
    let Some((len, longer)) = layout::<L>(&window, first) else {
        return false;
    };
    passes::<L>(prefixes, bytes, window.digits, len)
        || longer > 0 && passes::<L>(prefixes, bytes, window.digits, longer)
}

#[inline(always)]
fn passes<L: Lanes>(prefixes: &Prefixes, bytes: &[u8; 64], keep: u64, len: u32) -> bool {
    let (head, luhn) = L::check(bytes, keep, len);
    luhn & prefixes.issue(head, len)
}

/// How many digits the groups of a layout have; two answers for 4-4-4-4 and a short
/// fifth group. See `layouts` in `layout.rs`.
#[inline(always)]
fn layout<L: Lanes>(window: &Window, first: u32) -> Option<(u32, u32)> {
    // Of two spaces one is left out, so that a separator is one bit. A third is none.
    let second = window.spaces & window.spaces << 1;
    let third = second & second << 1;
    let keep = !second | third;
    let digits = L::squeeze(window.digits, keep);
    let seps = L::squeeze(window.seps & !third, keep);
    match first {
        4 => fours(digits, seps),
        6 => sixes(digits, seps),
        8 => {
            let fits = digits & 0x3_FFFF == 0x1_FEFF && seps >> 8 & 1 == 1;
            fits.then_some((16, 0))
        }
        2 => pairs(digits, seps),
        1 => singles(digits, seps),
        _ => None,
    }
}

/// 4-4-4 and 1-7 more (and 1-3 behind four fours), 4-6-4, 4-6-5.
#[inline(always)]
fn fours(digits: u64, seps: u64) -> Option<(u32, u32)> {
    if digits & 0x7FFF == 0x3DEF && seps & 0x4210 == 0x4210 {
        let last = (digits >> 15).trailing_ones();
        if !(1..=7).contains(&last) {
            return None;
        }
        let fifth = (digits >> 20).trailing_ones();
        let five = last == 4 && seps >> 19 & 1 == 1 && (1..=3).contains(&fifth);
        return Some((12 + last, if five { 16 + fifth } else { 0 }));
    }
    if digits & 0xFFF == 0x7EF && seps & 0x810 == 0x810 {
        let last = (digits >> 12).trailing_ones();
        return matches!(last, 4 | 5).then_some((10 + last, 0));
    }
    None
}

/// 6-10 and 6-13.
#[inline(always)]
fn sixes(digits: u64, seps: u64) -> Option<(u32, u32)> {
    if seps >> 6 & 1 == 0 {
        return None;
    }
    match (digits >> 7).trailing_ones() {
        10 => Some((16, 0)),
        13 => Some((19, 0)),
        _ => None,
    }
}

/// Twos, the last of which may be single.
#[inline(always)]
fn pairs(digits: u64, seps: u64) -> Option<(u32, u32)> {
    // Bits 0 and 1 of every three are digits, bit 2 is a separator.
    const DIGITS: u64 = 0x36DB_6DB6_DB6D_B6DB | 1 << 63;
    let good = digits & DIGITS | seps & !DIGITS;
    let end = good.trailing_ones();
    let len = match end % 3 {
        0 => end / 3 * 2,
        1 => (end - 1) / 3 * 2 + 1,
        // The third of these is no separator: if it is a digit the group is longer.
        _ if digits >> (end & 63) & 1 == 1 => (end - 2) / 3 * 2,
        _ => (end + 1) / 3 * 2,
    };
    (12..=19).contains(&len).then_some((len, 0))
}

/// Single digits.
#[inline(always)]
fn singles(digits: u64, seps: u64) -> Option<(u32, u32)> {
    const DIGITS: u64 = 0x5555_5555_5555_5555;
    let good = digits & DIGITS | seps & !DIGITS;
    let end = good.trailing_ones();
    let len = if end % 2 == 1 && digits >> (end & 63) & 1 == 1 {
        (end - 1) / 2
    } else {
        end.div_ceil(2)
    };
    (12..=19).contains(&len).then_some((len, 0))
}
