//! Can the digits that begin here be a card number? The form of `scalar.rs` that tiers
//! run on every candidate: ASCII digits, one table look-up, one check digit.
//!
//! It sees 64 bytes, which the longest layout fits in (19 single digits with two
//! spaces between them are 55). It says yes too often, never too rarely: context is
//! left to the specification.

use crate::arch::{Lanes, Wide, Window};
use crate::iin::Prefixes;

/// Blocks that are looked at together, so that the compiler can use one vector.
pub(crate) const GROUP: usize = 8;

/// Where in [`GROUP`] blocks digits begin that could be a card number.
pub(crate) struct Starts<W> {
    /// Twelve digits, or groups as in a layout of fours, sixes or eights.
    pub(crate) likely: W,
    /// Where to ask [`unlikely`] as well.
    pub(crate) rare: W,
}

/// A mask for each of [`GROUP`] blocks and, so that shifts can reach into it, of the block
/// behind each.
#[derive(Clone, Copy)]
struct Masks<W> {
    here: W,
    behind: W,
}

impl<W: Wide> Masks<W> {
    /// Bit i is bit `i + by` of `self`.
    #[inline(always)]
    fn down(self, by: u32) -> Masks<W> {
        Masks {
            here: self.here.down(self.behind, by),
            // Nothing is known of what is behind that.
            behind: self.behind.down(self.behind, by),
        }
    }

    #[inline(always)]
    fn and(self, other: Masks<W>) -> Masks<W> {
        Masks {
            here: self.here.and(other.here),
            behind: self.behind.and(other.behind),
        }
    }

    #[inline(always)]
    fn or(self, other: Masks<W>) -> Masks<W> {
        Masks {
            here: self.here.or(other.here),
            behind: self.behind.or(other.behind),
        }
    }
}

/// Masks of [`GROUP`] blocks, of those one before and of those one behind them.
#[derive(Clone, Copy)]
pub(crate) struct Around<W> {
    pub(crate) before: W,
    pub(crate) here: W,
    pub(crate) behind: W,
}

impl<W: Wide> Around<W> {
    /// The blocks from `first + 1` on.
    #[inline(always)]
    pub(crate) fn of(masks: &[u64], first: usize) -> Option<Around<W>> {
        Some(Around {
            before: W::load(masks.get(first..)?.first_chunk()?),
            here: W::load(masks.get(first + 1..)?.first_chunk()?),
            behind: W::load(masks.get(first + 2..)?.first_chunk()?),
        })
    }
}

/// Of the digits before an exponent those that end at least nine digits and separators.
#[inline(always)]
pub(crate) fn long_mantissas<W: Wide>(digits: &Around<W>, seps: &Around<W>, extras: W) -> W {
    let mut before = digits.before.or(seps.before);
    let mut run = digits.here.or(seps.here);
    for by in [1, 2, 4, 1] {
        // Of what is before only the last bytes count, and those are right.
        (run, before) = (
            run.and(run.up(before, by)),
            before.and(before.up(before, by)),
        );
    }
    extras.and(digits.here).and(run)
}

/// No shift looks at more than 16 bytes from a start on.
#[inline(always)]
pub(crate) fn starts<W: Wide>(digits: &Around<W>, seps: &Around<W>) -> Starts<W> {
    let before = Masks {
        here: digits.here.up(digits.before, 1),
        behind: digits.behind.up(digits.here, 1),
    };
    let (digits, seps) = (
        Masks {
            here: digits.here,
            behind: digits.behind,
        },
        Masks {
            here: seps.here,
            behind: seps.behind,
        },
    );
    let after = digits.down(1);
    let two = digits.and(after);
    let four = two.and(two.down(2));
    let eight = four.and(four.down(4));
    let twelve = eight.and(four.down(8));
    // A separator between two digits.
    let joint = seps.and(before).and(after);
    // Behind 4-4 at 9, behind 4-6 at 11.
    let third = joint.down(9).or(joint.down(11));
    let fours = four.and(joint.down(4)).and(four.down(5)).and(third);
    // Eight digits and more behind a separator: 8-8, 6-10, 6-13.
    let long = joint.and(eight.down(1));
    let others = four.and(long.down(6).or(long.down(8)));
    let likely = twelve.or(fours).or(others);
    // Single digits and pairs, and groups with two separators between.
    let near = joint.and(joint.down(2).or(joint.down(3)));
    let even = near.and(near.down(4).or(near.down(6)));
    // The first group of a series ends one or two before its first separator.
    let even = even.down(1).or(even.down(2));
    let spread = seps.and(seps.down(1)).and(before).and(digits.down(2));
    Starts {
        likely: likely.here.and(digits.here).without(before.here),
        rare: even.here.or(spread.here).or(spread.behind),
    }
}

/// Starts in the second of three blocks that are rare in other texts than those made of
/// them. `buf` from `base` on is the first byte of the block.
#[inline(never)]
pub(crate) fn unlikely(digits: [u64; 3], seps: [u64; 3], byte: &dyn Fn(usize) -> u8) -> u64 {
    let wide = |m: [u64; 3]| u128::from(m[2]) << 64 | u128::from(m[1]);
    let (d, s) = (wide(digits), wide(seps));
    let before = d << 1 | u128::from(digits[0] >> 63);
    let begins = d & !before;
    // Any groups, with two separators between them at most.
    let joined = s & before;
    let run = d | joined | s & (joined << 1 | u128::from(seps[0] >> 63));
    let two = run & run >> 1;
    let four = two & two >> 2;
    let spread = s & s >> 1 & before & d >> 2;
    let groups = if spread != 0 {
        begins & four & four >> 4 & four >> 8
    } else {
        0
    };
    // Five single digits or pairs with one separator between them.
    let joint = s & before & d >> 1;
    let (second, third) = (joint >> 1, joint >> 2);
    let ones = second & second >> 2;
    let twos = third & third >> 3;
    let mut even = (begins & (ones & ones >> 4 | twos & twos >> 6)) as u64;
    let mut likely = groups as u64;
    while even != 0 {
        let at = even.trailing_zeros();
        let len = (d >> at).trailing_ones();
        // The same separator before it and behind it, and before that a group as
        // short: a series that began before, and only its first group can begin a card.
        let left = |back: u32| at >= back && d >> (at - back) & 1 == 1;
        let begins = |byte: u8| !byte.is_ascii_alphanumeric() && byte != b'%';
        let series = at >= 2 + len
            && begins(byte((at - 2 - len) as usize))
            && left(2)
            && !left(2 + len)
            && byte(at as usize - 1) == byte((at + len) as usize);
        likely |= u64::from(!series) << at;
        even &= even - 1;
    }
    likely
}

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
