//! Magnetic stripe data behind a card number (ISO/IEC 7813).
//!
//! Track 2: `PAN=YYMMSSS...`, at most 40 characters (`D` for `=` in hex form).
//! Track 1: `PAN^NAME^YYMMSSS...`, at most 79 characters. Start and end sentinels
//! (`%B`, `;`, `?`) are left: they tell nothing, and one could be gone already. Every
//! character may be written in any form of `decode.rs`.

use crate::decode::{self, Code};
use crate::finding::Kind;
use crate::scalar::View;

/// Characters behind the PAN: expiry, service code, discretionary data.
const TRACK2_REST: usize = 30;
const TRACK1_NAME: usize = 30;
const TRACK1_REST: usize = 50;
/// Bytes from the first digit of the PAN that are read. What of a track is written in
/// longer forms than fit in them is cut there.
const TRACK_BYTES: usize = 228;

pub(crate) enum Track {
    No,
    More,
    Yes { kind: Kind, end: usize },
}

/// Does track data follow the token `start..end`?
pub(crate) fn follows(view: &View<'_>, start: usize, end: usize) -> Track {
    let limit = start + TRACK_BYTES;
    let (code, len) = match char_at(view, end) {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    match char::from_u32(code) {
        Some('=') => data(view, end + len, limit, Kind::Track2),
        Some('D') if len == 1 => data(view, end + len, limit, Kind::Track2),
        Some('^') => match name(view, end + len, limit) {
            Ok(at) => data(view, at, limit, Kind::Track1),
            Err(answer) => answer,
        },
        _ => Track::No,
    }
}

/// The character at `pos`; an answer where there is none.
fn char_at(view: &View<'_>, pos: usize) -> Result<(u32, usize), Track> {
    match decode::char_at(view.buf, pos) {
        (Code::Char(code), len) => Ok((code, len)),
        (Code::Short, _) if !view.end => Err(Track::More),
        _ => Err(Track::No),
    }
}

/// Where the cardholder name ends (behind its `^`).
fn name(view: &View<'_>, mut pos: usize, limit: usize) -> Result<usize, Track> {
    for i in 0..TRACK1_NAME {
        let (code, len) = char_at(view, pos)?;
        pos += len;
        match code {
            0x5E if i >= 2 => return Ok(pos),
            0x5E | 0x22 | 0..=0x1F => return Err(Track::No),
            _ if pos >= limit => return Err(Track::No),
            _ => {}
        }
    }
    Err(Track::No)
}

/// Expiry with a real month, then a service code: at least seven digits.
fn data(view: &View<'_>, mut pos: usize, limit: usize, kind: Kind) -> Track {
    let (max, letters) = match kind {
        Kind::Track1 => (TRACK1_REST, true),
        _ => (TRACK2_REST, false),
    };
    let mut lead = [0u32; 7];
    let mut count = 0;
    while count < max && pos < limit {
        let (code, len) = match char_at(view, pos) {
            Ok(found) => found,
            Err(Track::More) => return Track::More,
            Err(_) => break,
        };
        let part = match char::from_u32(code) {
            Some('0'..='9') => true,
            Some('a'..='z' | 'A'..='Z' | ' ') => letters && count >= 7,
            _ => false,
        };
        if !part {
            break;
        }
        if let Some(slot) = lead.get_mut(count) {
            *slot = code - 0x30;
        }
        count += 1;
        pos += len;
    }
    let month = matches!(lead[2..4], [0, 1..=9] | [1, 0..=2]);
    if count >= 7 && month {
        Track::Yes { kind, end: pos }
    } else {
        Track::No
    }
}
