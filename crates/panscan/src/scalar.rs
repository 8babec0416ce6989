//! The specification: does a card number begin here?
//!
//! [`examine`] is asked for each digit group of a text, from left to right. Its
//! answer depends on at most [`CONTEXT_BYTES`] bytes before the group and
//! [`HOLD_BYTES_MAX`] from it on, never on how the text was cut: where those bytes
//! are not there yet it says [`Step::More`].
//!
//! 1. A token (maximal digit run) of 12-19 digits counts if IIN, length and Luhn
//!    hold, unless it is part of a hex token, a UUID, an IBAN, a decimal, or follows
//!    a `+` (`boundary.rs`).
//! 2. Groups joined by one separator each count in a card layout (`layout.rs`).
//! 3. A token followed by track data takes the track with it (`track.rs`).
//! 4. A JSON number counts by its integer value (`number.rs`), an array or object by what
//!    its elements make together (`array.rs`), a code by its name (`sad.rs`).
//!
//! A digit or separator may be written in any form of `decode.rs`. Where digits behind a
//! `%` (or a backslash and `u`) can be meant as they are, both readings are tried.

use crate::boundary::{self, Answer};
use crate::finding::{Kind, Via};
use crate::grade::{confidence, needs_word};
use crate::iin::{Brand, Issued, Table};
use crate::layout::{self, Run};
use crate::mask::Form;
use crate::token::{self, Around, Unit};
use crate::{CONTEXT_BYTES, decode, luhn, number, special, track, words};
use crate::{Confidence, HOLD_BYTES_MAX};

/// 19 digits in pairs, with a separator behind each.
const LITERAL_BYTES: usize = 40;

/// The bytes at hand.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) buf: &'a [u8],
    /// Nothing before this belongs to the text: its start, or the end of the last finding.
    pub(crate) floor: usize,
    /// The text ends with the buffer.
    pub(crate) end: bool,
    /// JSON: escapes are read.
    pub(crate) json: bool,
}

impl View<'_> {
    /// How far back a group at `start` looks.
    pub(crate) fn lo(&self, start: usize) -> usize {
        self.floor
            .max(start.saturating_sub(CONTEXT_BYTES))
            .min(start)
    }
}

/// A card number and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Match {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) kind: Kind,
    pub(crate) brand: Brand,
    pub(crate) confidence: Confidence,
    pub(crate) form: Form,
    pub(crate) via: Via,
    /// A card word stands close before it.
    pub(crate) card_word: bool,
    digits: [u8; 19],
    len: usize,
}

impl Match {
    pub(crate) fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }
}

/// Answer of [`examine`].
pub(crate) enum Step {
    /// A card number begins here.
    Found(Match),
    /// None does; the next group can begin from this position on.
    Next(usize),
    /// Cannot be said without more bytes.
    More,
    /// Not a digit, as it seems, but part of an escape that is not all there.
    Cut,
}

/// Where the next digit group may begin, at or after `from`: the plain form of the
/// prefilter in `skip.rs`, which may leave out groups that cannot become a card.
pub(crate) fn find(buf: &[u8], from: usize, json: bool) -> Option<usize> {
    (from..buf.len()).find(|&pos| is_digit_start(buf, pos, json))
}

/// Does a digit (in any form of `decode.rs`) begin at `pos`?
pub(crate) fn is_digit_start(buf: &[u8], pos: usize, _json: bool) -> bool {
    token::is_digit_start(buf, pos)
}

/// Does a card number begin with the group at `start` (a digit)? `in_string` is asked
/// only about numbers that passed Luhn: is that position inside a JSON string (always
/// yes where the carrier is text)?
pub(crate) fn examine(
    table: &Table,
    view: &View<'_>,
    start: usize,
    in_string: &mut dyn FnMut(usize) -> bool,
) -> Step {
    match token::around(view.buf, start, view.json) {
        Around::Free => match either(table, view, (start, false), in_string) {
            // Its digits may be meant as they are: `%3782...` is no `7` then.
            Step::Next(_) if view.buf.get(start) == Some(&b'%') => Step::Next(start + 1),
            step => step,
        },
        Around::Inside { end, literal } => {
            let step = if literal {
                either(table, view, (start, true), in_string)
            } else {
                Step::Next(end)
            };
            match step {
                // Digits that stand for themselves do not go on in another form.
                Step::Found(found) if !is_literal(view, &found) => Step::Next(end),
                Step::Next(_) => Step::Next(end),
                step => step,
            }
        }
        Around::Cut if view.end => Step::Next(view.buf.len()),
        Around::Cut => Step::Cut,
    }
}

/// Both readings of a `%` behind digits: `4111...%31` goes on, or ends before it.
fn either(
    table: &Table,
    view: &View<'_>,
    (start, literal): (usize, bool),
    in_string: &mut dyn FnMut(usize) -> bool,
) -> Step {
    let step = at_unit(table, view, (start, literal), in_string);
    if let Step::Next(_) = step
        && let Some(end) = literal_end(view.buf, start)
    {
        let cut = View {
            buf: &view.buf[..end],
            end: true,
            ..*view
        };
        if let Step::Found(found) = at_unit(table, &cut, (start, true), in_string) {
            return Step::Found(found);
        }
    }
    step
}

/// Where a `%` that can be a digit stands behind the plain groups at `start`.
fn literal_end(buf: &[u8], start: usize) -> Option<usize> {
    let rest = buf.get(start..)?;
    let len = rest
        .iter()
        .take(LITERAL_BYTES)
        .take_while(|b| b.is_ascii_digit() || matches!(b, b' ' | b'-' | b'.' | b'/'))
        .count();
    let end = start + len;
    (len >= 12 && buf.get(end) == Some(&b'%') && token::is_digit_start(buf, end)).then_some(end)
}

fn is_literal(view: &View<'_>, found: &Match) -> bool {
    let span = view.buf.get(found.start..found.end).unwrap_or(&[]);
    !span.iter().any(|b| decode::is_lead(*b))
}

/// The same at a position that is not inside a unit.
fn at_unit(
    table: &Table,
    view: &View<'_>,
    (start, literal): (usize, bool),
    in_string: &mut dyn FnMut(usize) -> bool,
) -> Step {
    if !begins_group(view, start) {
        return Step::Next(end_of_digits(view.buf, start));
    }
    // Too much can be meant by the three digits of `%310`: a code is read as encoded.
    if !literal && let Some(step) = special::examine(table, view, start, in_string) {
        return step;
    }
    if let Some(step) = quick_no(table, view, start) {
        return step;
    }
    let run = layout::parse(view, start);
    let Some(first) = run.groups().first() else {
        return Step::Next(start + 1);
    };
    let next = Step::Next(first.end.max(start + 1));
    if run.first_is_long() {
        return Step::Next(end_of_digits(view.buf, first.end));
    }
    if run.cut && run.groups().len() == 1 && !run.separated {
        return Step::More;
    }
    if first.len >= 12
        && let Some(issued) = valid(table, run.digits_of(0, 1))
    {
        match bare(view, &run, issued, in_string) {
            Step::Next(_) => {}
            step => return step,
        }
    }
    if !layout::can_begin(first.len) {
        return next;
    }
    if run.cut {
        return Step::More;
    }
    match grouped(table, view, &run, in_string) {
        Step::Next(_) => next,
        step => step,
    }
}

/// Brand if IIN, length and Luhn hold and the digits are not all the same.
pub(crate) fn valid(table: &Table, digits: &[u8]) -> Option<Issued> {
    let issued = table.issued(digits)?;
    let varied = digits.iter().any(|d| Some(d) != digits.first());
    (varied && (luhn::passes(digits) || !table.needs_luhn(issued.brand))).then_some(issued)
}

/// Is the unit before `start` something else than a digit?
fn begins_group(view: &View<'_>, start: usize) -> bool {
    let (lo, mut pos) = (view.lo(start), start);
    loop {
        match token::prev(view.buf, pos, lo) {
            (Unit::Invisible, len) => pos -= len,
            (Unit::Digit(_), _) => return false,
            _ => return true,
        }
    }
}

fn end_of_digits(buf: &[u8], start: usize) -> usize {
    let rest = buf.get(start..).unwrap_or(&[]);
    start
        + rest
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
            .max(1)
}

/// Most groups are turned down on their length or first three digits alone.
fn quick_no(table: &Table, view: &View<'_>, start: usize) -> Option<Step> {
    let rest = view.buf.get(start..)?;
    let len = rest
        .iter()
        .take(20)
        .take_while(|b| b.is_ascii_digit())
        .count();
    let after = *rest.get(len)?;
    if len == 0 || after >= 0x80 || decode::is_lead(after) {
        return None; // units of several bytes: the long way
    }
    let no = Some(Step::Next(start + len.max(1)));
    if len >= 20 {
        return Some(Step::Next(end_of_digits(view.buf, start)));
    }
    if len < 12 && !layout::can_begin(len) {
        return no;
    }
    if len >= 3 {
        let lengths = table.lengths(rest[0] - b'0', rest[1] - b'0', rest[2] - b'0');
        if lengths == 0 || (len >= 12 && lengths >> len & 1 == 0) {
            return no;
        }
        if len >= 12 {
            let mut digits = [0u8; 19];
            for (digit, byte) in digits.iter_mut().zip(&rest[..len]) {
                *digit = byte - b'0';
            }
            return valid(table, &digits[..len])
                .is_none()
                .then_some(Step::Next(start + len));
        }
    }
    // A single group, with nothing joined to it, is no layout.
    let joins = matches!(after, b' ' | b'-' | b'.' | b'/' | b'+' | b'_');
    if joins { None } else { no }
}

/// Rule 1 and 3: a token of its own.
fn bare(
    view: &View<'_>,
    run: &Run,
    issued: Issued,
    in_string: &mut dyn FnMut(usize) -> bool,
) -> Step {
    let (start, end) = (run.start, run.end_of(0));
    let digits = run.digits_of(0, 1);
    let inside = in_string(start);
    let plain = end - start == digits.len();
    if (!inside && !plain) || boundary::forbids_before(view, start, end) {
        return Step::Next(end);
    }
    // The shown end of a masked number, which encoded digits seem to carry on.
    if !plain && boundary::masked_before(view, start) {
        return Step::Next(end);
    }
    match boundary::uuid(view, start) {
        Answer::No => {}
        Answer::Yes => return Step::Next(end),
        Answer::More => return Step::More,
    }
    if inside {
        match track::follows(view, start, end) {
            track::Track::No => {}
            track::Track::More => return Step::More,
            track::Track::Yes { kind, end } => {
                let mut found = found(view, start, end, digits, issued.brand);
                found.kind = kind;
                found.confidence = Confidence::High;
                found.form = Form::Whole;
                return Step::Found(found);
            }
        }
    }
    match boundary::forbids_token(view, start, end, inside) {
        Answer::No => {}
        Answer::Yes => return Step::Next(end),
        Answer::More => return Step::More,
    }
    let mut found = found(view, start, end, digits, issued.brand);
    let left = &view.buf[start.saturating_sub(CONTEXT_BYTES)..start];
    let checked = luhn::passes(digits);
    let word = needs_word(issued, digits.len()) || !checked;
    if word && (!found.card_word || words::other(left)) {
        return Step::Next(end);
    }
    if !inside && plain && has_other_value(view, start, end) {
        return Step::Next(end);
    }
    found.confidence = confidence(view, start, issued, digits.len());
    match boundary::is_json_value(view, start, end) {
        _ if !plain => {}
        // Digits where no number can begin are no JSON: stars do no harm there.
        _ if !inside && !number::begins(view, start) => {}
        _ if !inside => found.form = Form::Number,
        Answer::Yes => found.form = Form::Number,
        Answer::More => return Step::More,
        Answer::No => {}
    }
    if found.form == Form::Number && !checked {
        return Step::Next(end);
    }
    Step::Found(found)
}

/// A JSON number whose exponent makes it another number (see `number.rs`).
fn has_other_value(view: &View<'_>, start: usize, end: usize) -> bool {
    matches!(view.buf.get(end), Some(b'e' | b'E')) && number::begins(view, start)
}

/// Rule 2: groups in a card layout.
fn grouped(
    table: &Table,
    view: &View<'_>,
    run: &Run,
    in_string: &mut dyn FnMut(usize) -> bool,
) -> Step {
    let no = Step::Next(run.end_of(0));
    let Some((groups, issued)) = layout::card(table, view, run) else {
        return no;
    };
    if !in_string(run.start) {
        return no;
    }
    let end = run.end_of(groups - 1);
    let forbidden = match boundary::forbids_groups(view, run.start, end) {
        Answer::No if layout::is_name(run) => boundary::part_of_name(view, run.start, end),
        answer => answer,
    };
    match forbidden {
        Answer::No => {}
        Answer::Yes => return no,
        Answer::More => return Step::More,
    }
    Step::Found(found(
        view,
        run.start,
        end,
        run.digits_of(0, groups),
        issued.brand,
    ))
}

pub(crate) fn found(
    view: &View<'_>,
    start: usize,
    end: usize,
    digits: &[u8],
    brand: Brand,
) -> Match {
    let mut copy = [0u8; 19];
    for (slot, digit) in copy.iter_mut().zip(digits) {
        *slot = *digit;
    }
    debug_assert!(end - start <= HOLD_BYTES_MAX);
    Match {
        start,
        end,
        kind: Kind::Pan,
        brand,
        confidence: Confidence::High,
        form: Form::Stars,
        via: via(&view.buf[start..end]),
        card_word: words::card(&view.buf[start.saturating_sub(CONTEXT_BYTES)..start]),
        digits: copy,
        len: digits.len().min(19),
    }
}

/// What the digits in `span` are wrapped in.
fn via(span: &[u8]) -> Via {
    let (mut via, mut pos) = (Via::default(), 0);
    while pos < span.len() {
        let (unit, len) = token::next(span, pos);
        let bytes = span.get(pos..pos + len).unwrap_or(&[]);
        if let (Unit::Digit(_), Some(layer)) = (unit, token::layer(bytes)) {
            via = via.inside(layer);
        }
        pos += len.max(1);
    }
    via
}
