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

use crate::boundary::{self, Answer};
use crate::finding::{Kind, Via};
use crate::iin::{Brand, Issued, Table};
use crate::layout::{self, Run};
use crate::mask::Form;
use crate::token::{self, Unit};
use crate::{CONTEXT_BYTES, luhn, track, words};
use crate::{Confidence, HOLD_BYTES_MAX};

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

/// Does a digit (plain, fullwidth or escaped) begin at `pos`?
pub(crate) fn is_digit_start(buf: &[u8], pos: usize, json: bool) -> bool {
    match buf.get(pos) {
        Some(b'0'..=b'9') => true,
        Some(b'\\') if json => {
            matches!(token::next(buf, pos, true), (Unit::Digit(_), 6))
                && token::is_escape_start(buf, pos)
        }
        Some(0xEF) => matches!(token::next(buf, pos, false).0, Unit::Digit(_)),
        _ => false,
    }
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
    if view.json
        && let Some(end) = token::escape_around(view.buf, start)
    {
        let cut = end == view.buf.len() && !view.end;
        return if cut { Step::Cut } else { Step::Next(end) };
    }
    if !begins_group(view, start) {
        return Step::Next(end_of_digits(view.buf, start));
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
    (varied && luhn::passes(digits)).then_some(issued)
}

/// Is the unit before `start` something else than a digit?
fn begins_group(view: &View<'_>, start: usize) -> bool {
    let (lo, mut pos) = (view.lo(start), start);
    loop {
        match token::prev(view.buf, pos, lo, view.json) {
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
    if len == 0 || after >= 0x80 || after == b'\\' {
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
    let joins = matches!(after, b' ' | b'-' | b'.' | b'/');
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
    match boundary::uuid(view, start) {
        Answer::No => {}
        Answer::Yes => return Step::Next(end),
        Answer::More => return Step::More,
    }
    if inside && plain {
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
    if needs_word(issued, digits.len()) && !found.card_word {
        return Step::Next(end);
    }
    found.confidence = match (issued.brand, digits.len()) {
        _ if !issued.major => Confidence::Low,
        _ if words::other(&view.buf[start.saturating_sub(CONTEXT_BYTES)..start]) => Confidence::Low,
        (_, 16) | (Brand::Amex, _) => Confidence::High,
        _ => Confidence::Medium,
    };
    match boundary::is_json_value(view, start, end) {
        _ if !plain => {}
        _ if !inside => found.form = Form::Number,
        Answer::Yes => found.form = Form::Number,
        Answer::More => return Step::More,
        Answer::No => {}
    }
    Step::Found(found)
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
    match boundary::forbids_groups(view, run.start, end) {
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

fn found(view: &View<'_>, start: usize, end: usize, digits: &[u8], brand: Brand) -> Match {
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
        via: Via::default(),
        card_word: words::card(&view.buf[start.saturating_sub(CONTEXT_BYTES)..start]),
        digits: copy,
        len: digits.len().min(19),
    }
}

/// Bare numbers of lengths that ordinary ids have (EAN-13, Maestro at odd lengths)
/// count only with a card word before them.
fn needs_word(issued: Issued, len: usize) -> bool {
    match len {
        14 => issued.brand != Brand::Diners,
        15 => !matches!(issued.brand, Brand::Amex | Brand::Jcb | Brand::Uatp),
        16 => false,
        19 => matches!(issued.brand, Brand::Maestro | Brand::Diners),
        _ => true,
    }
}
