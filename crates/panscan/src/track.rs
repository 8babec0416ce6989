//! Magnetic stripe data behind a card number (ISO/IEC 7813).
//!
//! Track 2: `PAN=YYMMSSS...`, at most 40 characters (`D` for `=` in hex form).
//! Track 1: `PAN^NAME^YYMMSSS...`, at most 79 characters. Start and end sentinels
//! (`%B`, `;`, `?`) are left: they tell nothing, and one could be gone already.

use crate::finding::Kind;
use crate::scalar::View;

/// Characters behind the PAN: expiry, service code, discretionary data.
const TRACK2_REST: usize = 30;
const TRACK1_NAME: usize = 30;
const TRACK1_REST: usize = 50;

pub(crate) enum Track {
    No,
    More,
    Yes { kind: Kind, end: usize },
}

/// Does track data follow the token `start..end`?
pub(crate) fn follows(view: &View<'_>, start: usize, end: usize) -> Track {
    debug_assert!(start < end);
    match view.buf.get(end) {
        None if view.end => Track::No,
        None => Track::More,
        Some(b'=' | b'D') => data(view, end + 1, TRACK2_REST, u8::is_ascii_digit, Kind::Track2),
        Some(b'^') => match name(view, end + 1) {
            Some(Some(at)) => data(view, at, TRACK1_REST, is_track1, Kind::Track1),
            Some(None) => Track::No,
            None => Track::More,
        },
        Some(_) => Track::No,
    }
}

/// Where the cardholder name ends (behind its `^`); `None`: more bytes are needed.
fn name(view: &View<'_>, from: usize) -> Option<Option<usize>> {
    let rest = view.buf.get(from..).unwrap_or(&[]);
    for (i, &byte) in rest.iter().take(TRACK1_NAME).enumerate() {
        match byte {
            b'^' => return Some((i >= 2).then_some(from + i + 1)),
            b'"' | 0..=0x1F => return Some(None),
            _ => {}
        }
    }
    (view.end || rest.len() >= TRACK1_NAME).then_some(None)
}

/// Expiry with a real month, then a service code: at least seven digits.
fn data(view: &View<'_>, from: usize, max: usize, part: fn(&u8) -> bool, kind: Kind) -> Track {
    let rest = view.buf.get(from..).unwrap_or(&[]);
    let len = rest.iter().take(max).take_while(|b| part(b)).count();
    if len == rest.len() && len < max && !view.end {
        return Track::More;
    }
    let lead = rest
        .get(..7)
        .filter(|lead| len >= 7 && lead.iter().all(u8::is_ascii_digit));
    let month = lead.is_some_and(|l| matches!(&l[2..4], [b'0', b'1'..=b'9'] | [b'1', b'0'..=b'2']));
    if month {
        Track::Yes {
            kind,
            end: from + len,
        }
    } else {
        Track::No
    }
}

fn is_track1(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || *byte == b' '
}
