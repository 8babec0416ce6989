//! The prefilter: jumps over blocks in which no digit stands in any form.
//!
//! Every form of a digit has an ASCII digit in it or a byte of 0x80 and above; it may
//! begin up to a unit's length before that. It may stop too often, never too rarely.

use crate::arch::Lanes;
use crate::decode::UNIT_BYTES_MAX;
use crate::scalar;

/// First position at or after `from` where a digit may begin.
#[inline(always)]
pub(crate) fn find<L: Lanes>(buf: &[u8], from: usize, json: bool) -> Option<usize> {
    let mut base = from;
    let (blocks, rest) = buf.get(from..)?.as_chunks::<64>();
    for block in blocks {
        if let Some(at) = first_trigger::<L>(block) {
            return from_there(buf, from, base + at, json);
        }
        base += 64;
    }
    let mut block = [0u8; 64];
    block[..rest.len()].copy_from_slice(rest);
    let at = first_trigger::<L>(&block)?;
    from_there(buf, from, base + at, json)
}

/// Offset of the first byte that every form of a digit has one of.
#[inline(always)]
fn first_trigger<L: Lanes>(block: &[u8; 64]) -> Option<usize> {
    let lanes = L::load(block);
    let bits = lanes.digits() | lanes.high();
    (bits != 0).then(|| bits.trailing_zeros() as usize)
}

/// The specification's own search, from where a digit around `at` may begin.
fn from_there(buf: &[u8], from: usize, at: usize, json: bool) -> Option<usize> {
    scalar::find(buf, at.saturating_sub(UNIT_BYTES_MAX).max(from), json)
}
