//! Digit groups and the ways in which card numbers are grouped.

use crate::iin::{Issued, Table};
use crate::scalar::{View, valid};
use crate::token::{self, Sep, Unit};

/// Bytes from the first digit that are read as one run of groups. What does not end
/// within them is no grouped card. With the 40 bytes that a boundary check may want
/// behind it this stays below [`crate::HOLD_BYTES_MAX`].
pub(crate) const SPAN_BYTES: usize = 208;
const DIGITS_MAX: usize = 48;
const GROUPS_MAX: usize = 24;

/// A series of this many groups is a series of ordinary numbers.
const SERIES: usize = 7;

/// One maximal digit run, and what joins it to the next.
#[derive(Clone, Copy)]
pub(crate) struct Group {
    first: usize,
    pub(crate) len: usize,
    pub(crate) end: usize,
    sep: Sep,
}

/// The groups from `start` on that single separators join.
pub(crate) struct Run {
    pub(crate) start: usize,
    digits: [u8; DIGITS_MAX],
    groups: [Group; GROUPS_MAX],
    count: usize,
    /// The buffer ended, and the text did not: what was read may go on.
    pub(crate) cut: bool,
    /// A separator was read behind the last group.
    pub(crate) separated: bool,
    /// A bound ended it, not a byte.
    clipped: bool,
}

impl Run {
    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups[..self.count]
    }

    pub(crate) fn first_is_long(&self) -> bool {
        self.groups().first().is_some_and(|g| g.len > 19)
    }

    /// Digits of `count` groups from group `from` on.
    pub(crate) fn digits_of(&self, from: usize, count: usize) -> &[u8] {
        let groups = self.groups().get(from..from + count).unwrap_or(&[]);
        let (Some(first), Some(last)) = (groups.first(), groups.last()) else {
            return &[];
        };
        &self.digits[first.first..last.first + last.len]
    }

    /// Offset behind group `index`.
    pub(crate) fn end_of(&self, index: usize) -> usize {
        self.groups().get(index).map_or(self.start, |g| g.end)
    }

    /// Digits of group `index`.
    pub(crate) fn len_of(&self, index: usize) -> usize {
        self.groups().get(index).map_or(0, |g| g.len)
    }

    fn lens(&self, from: usize) -> impl Iterator<Item = usize> {
        self.groups().iter().skip(from).map(|g| g.len)
    }
}

/// Are the first two groups of a run joined by `_`?
pub(crate) fn is_name(run: &Run) -> bool {
    run.groups()
        .first()
        .is_some_and(|g| g.sep == Sep::Underscore)
}

/// Can a group of this length be the first of a layout?
pub(crate) fn can_begin(len: usize) -> bool {
    matches!(len, 1 | 2 | 4 | 6 | 8)
}

/// Reads groups until something does not join, or a bound.
pub(crate) fn parse(view: &View<'_>, start: usize) -> Run {
    let none = Group {
        first: 0,
        len: 0,
        end: start,
        sep: Sep::Space,
    };
    let mut run = Run {
        start,
        digits: [0; DIGITS_MAX],
        groups: [none; GROUPS_MAX],
        count: 0,
        cut: false,
        separated: false,
        clipped: false,
    };
    let (mut pos, mut n) = (start, 0);
    let mut pending: Option<Sep> = None;
    loop {
        if pos - start >= SPAN_BYTES {
            run.clipped = true;
            break;
        }
        let (unit, len) = token::next(view.buf, pos);
        match (unit, pending) {
            (Unit::Digit(digit), _) => {
                if run.count == 0 || pending.is_some() {
                    if run.count == GROUPS_MAX {
                        run.clipped = true;
                        break;
                    }
                    if let (Some(sep), Some(i)) = (pending.take(), run.count.checked_sub(1)) {
                        run.groups[i].sep = sep;
                    }
                    run.groups[run.count] = Group {
                        first: n,
                        len: 0,
                        ..none
                    };
                    run.count += 1;
                }
                let group = &mut run.groups[run.count - 1];
                group.len += 1;
                group.end = pos + len;
                if n == DIGITS_MAX || group.len > 19 {
                    group.len = 20; // a long run, or as good as one: no card takes it in
                    run.clipped = true;
                    break;
                }
                run.digits[n] = digit;
                n += 1;
            }
            (Unit::Invisible, _) => {}
            (Unit::Sep(sep), None) => pending = Some(sep),
            (Unit::Sep(Sep::Space), Some(Sep::Space)) => pending = Some(Sep::DoubleSpace),
            (Unit::Short, _) => {
                run.cut = !view.end;
                break;
            }
            _ => break,
        }
        pos += len;
    }
    run.separated = pending.is_some();
    if run.groups().last().is_some_and(|g| g.first + g.len > n) {
        // The digits of a clipped last group are not all there: it only counts as a group.
        let last = &mut run.groups[run.count - 1];
        last.first = n.min(last.first);
        if run.count > 1 {
            last.len = 0;
        }
    }
    run
}

/// The card that begins with the first group: how many groups it has.
pub(crate) fn card(table: &Table, view: &View<'_>, run: &Run) -> Option<(usize, Issued)> {
    let left_any = joined_left(view, run.start, None);
    let alone = |groups: usize| left_any == 0 && groups == run.count && !run.clipped;
    let (groups, issued) = card_at(table, run, 0, &alone)?;
    let sep = run.groups[0].sep;
    let left = joined_left(view, run.start, Some(sep));
    let right = joined_right(table, run, groups, sep);
    let fits = match run.groups[0].len {
        1 | 2 => left == 0 && right == 0,
        6 | 8 => left == 0 && right <= 2,
        // The end of a longer number in fours, a parcel's, looks like 14 digits.
        _ if left > 0 && run.len_of(groups - 1) < 4 => false,
        _ => left + groups + right < SERIES && !goes_on(run, groups, right),
    };
    fits.then_some((groups, issued))
}

/// Does the rhythm of four go on behind the card and end in a rest: a parcel number of
/// 21 or 22 digits? A year and a month are an expiry.
fn goes_on(run: &Run, groups: usize, right: usize) -> bool {
    let rhythm = (0..=groups).all(|i| run.len_of(i) == 4);
    if !rhythm || right != 2 || !(1..=2).contains(&run.len_of(groups + 1)) {
        return false;
    }
    let tail = run.digits_of(groups, 2);
    !matches!(tail, [2, 0, _, _, 0, 1..=9] | [2, 0, _, _, 1, 0..=2])
}

/// A layout with a valid number in it, from group `from` on.
fn card_at(
    table: &Table,
    run: &Run,
    from: usize,
    alone: &dyn Fn(usize) -> bool,
) -> Option<(usize, Issued)> {
    layouts(run, from).into_iter().flatten().find_map(|groups| {
        let seps = run.groups().get(from..from + groups - 1)?;
        let sep = seps.first()?.sep;
        let same = seps.iter().all(|g| g.sep == sep);
        // Two groups around one of these are a decimal, a fraction, a sum, a name.
        let loose = matches!(sep, Sep::Dot | Sep::Slash | Sep::Plus | Sep::Underscore);
        let apart = groups > 2 || !loose;
        // Pairs and single digits of a card are joined alike; a hex dump's are not.
        let small = run.groups().get(from).is_some_and(|g| g.len <= 2);
        if !apart || !(same || !small && alone(groups)) {
            return None;
        }
        valid(table, run.digits_of(from, groups)).map(|issued| (groups, issued))
    })
}

/// Group counts that make a layout from group `from` on, the longer first.
fn layouts(run: &Run, from: usize) -> [Option<usize>; 2] {
    let mut lens = run.lens(from);
    let mut next = || lens.next().unwrap_or(0);
    match (next(), next(), next(), next(), next()) {
        (4, 4, 4, 4, 1..=3) => [Some(5), Some(4)],
        (4, 4, 4, 1..=7, _) => [Some(4), None],
        (4, 6, 4 | 5, _, _) => [Some(3), None],
        (8, 8, ..) | (6, 10 | 13, ..) => [Some(2), None],
        (len @ (1 | 2), second, ..) if second == len => [even(run, from, len), None],
        _ => [None, None],
    }
}

/// Pairs (the last may be single) or single digits, 12 to 19 in all.
fn even(run: &Run, from: usize, len: usize) -> Option<usize> {
    let same = run.lens(from).take_while(|l| *l == len).count();
    let odd = len == 2 && run.lens(from + same).next() == Some(1);
    let groups = same + usize::from(odd);
    let digits = same * len + usize::from(odd);
    (12..=19).contains(&digits).then_some(groups)
}

/// Groups behind the card in the same series, up to where another card begins.
fn joined_right(table: &Table, run: &Run, from: usize, sep: Sep) -> usize {
    let mut count = 0;
    for k in from..run.count {
        let joined = run
            .groups()
            .get(k.wrapping_sub(1))
            .is_some_and(|g| g.sep == sep);
        let ordinary = run.groups()[k].len < 12;
        if !joined || !ordinary || card_at(table, run, k, &|_| false).is_some() {
            break;
        }
        count += 1;
    }
    count
}

/// Groups before `start` in the same series (with `None`: whatever joins them).
fn joined_left(view: &View<'_>, start: usize, sep: Option<Sep>) -> usize {
    let lo = view.lo(start);
    let mut pos = start;
    let mut count = 0;
    while count < SERIES {
        let Some((found, digits_end)) = separator_before(view, pos, lo) else {
            break;
        };
        if sep.is_some_and(|s| s != found) {
            break;
        }
        let mut digits = 0;
        pos = digits_end;
        loop {
            match token::prev(view.buf, pos, lo) {
                (Unit::Digit(_), len) => {
                    digits += 1;
                    pos -= len;
                }
                (Unit::Invisible, len) => pos -= len,
                _ => break,
            }
        }
        if digits == 0 || digits >= 12 {
            break;
        }
        count += 1;
    }
    count
}

/// The one separator that ends at `pos`, and where it begins.
fn separator_before(view: &View<'_>, mut pos: usize, lo: usize) -> Option<(Sep, usize)> {
    let mut sep = None;
    loop {
        match token::prev(view.buf, pos, lo) {
            (Unit::Invisible, len) => pos -= len,
            (Unit::Sep(found), len) => {
                sep = match (sep, found) {
                    (None, found) => Some(found),
                    (Some(Sep::Space), Sep::Space) => Some(Sep::DoubleSpace),
                    _ => return None,
                };
                pos -= len;
            }
            _ => return sep.map(|s| (s, pos)),
        }
    }
}
