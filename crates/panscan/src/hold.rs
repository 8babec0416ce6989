//! What must not leave yet at the end of a buffer: digits that may go on.

use crate::HOLD_BYTES_MAX;
use crate::decode::UNIT_BYTES_MAX;
use crate::scalar::View;
use crate::token::{self, Unit};

/// From where on the end of the buffer belongs to digits that may go on: what was
/// read is no candidate yet, and more digits could make it one.
pub(crate) fn unfinished(view: &View<'_>, from: usize) -> usize {
    let buf = view.buf;
    let lo = from.max(buf.len().saturating_sub(HOLD_BYTES_MAX));
    let mut pos = cut_unit(buf, lo);
    let mut hold = pos;
    loop {
        match token::prev(buf, pos, lo) {
            (Unit::Digit(_), len) => {
                pos -= len;
                hold = pos;
            }
            (Unit::Sep(_) | Unit::Invisible, len) => pos -= len,
            _ => return hold,
        }
    }
}

/// Where a unit begins that the end of the buffer cuts in two, or that end.
fn cut_unit(buf: &[u8], lo: usize) -> usize {
    let from = lo.max(buf.len().saturating_sub(UNIT_BYTES_MAX));
    (from..buf.len())
        .find(|at| {
            let (unit, len) = token::next(buf, *at);
            unit == Unit::Short && at + len == buf.len()
        })
        .unwrap_or(buf.len())
}
