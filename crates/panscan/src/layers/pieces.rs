//! Where decoded units stood in the raw bytes, so that a finding in what was decoded
//! can be written back to where it came from.

use std::collections::VecDeque;

/// Units of the same shape, one behind the other in both texts.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Decoded offset of the first.
    from: u64,
    /// Raw offset of the first.
    raw: u64,
    /// Decoded bytes of one unit.
    width: u8,
    /// Raw bytes of one unit.
    raw_width: u8,
}

impl Piece {
    /// Raw offset of the unit that holds decoded offset `at`.
    fn start(&self, at: u64) -> u64 {
        self.raw + (at - self.from) / u64::from(self.width) * u64::from(self.raw_width)
    }
}

/// The map of what is not released yet.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    list: VecDeque<Piece>,
    total: u64,
}

impl Pieces {
    /// `count` units of `width` decoded and `raw_width` raw bytes begin at `raw`.
    #[inline]
    pub(crate) fn push(&mut self, raw: u64, count: u64, width: u8, raw_width: u8) {
        let goes_on = self.list.back().is_some_and(|p| {
            p.width == width && p.raw_width == raw_width && p.start(self.total) == raw
        });
        if !goes_on {
            self.list.push_back(Piece {
                from: self.total,
                raw,
                width,
                raw_width,
            });
        }
        self.total += count * u64::from(width);
    }

    /// How many pieces are kept.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Raw offset and length of the unit that holds decoded offset `at`; `None` where
    /// that is not decoded yet, or forgotten.
    pub(crate) fn unit(&self, at: u64) -> Option<(u64, usize)> {
        if at >= self.total {
            return None;
        }
        let index = self.list.partition_point(|p| p.from <= at);
        let piece = self.list.get(index.checked_sub(1)?)?;
        Some((piece.start(at), usize::from(piece.raw_width)))
    }

    /// Raw offset of decoded offset `at`, or `end` where that is not decoded yet.
    pub(crate) fn start_of(&self, at: u64, end: u64) -> u64 {
        self.unit(at).map_or(end, |(raw, _)| raw)
    }

    /// Forgets what only maps offsets before `at`.
    pub(crate) fn forget_before(&mut self, at: u64) {
        while self.list.get(1).is_some_and(|p| p.from <= at) {
            self.list.pop_front();
        }
    }
}

/// Raw bytes at hand: those kept from before, and the chunk.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    pub(crate) tail: &'a [u8],
    /// Absolute offset of the chunk; the tail ends there.
    pub(crate) at: u64,
    pub(crate) chunk: &'a [u8],
}

impl Raw<'_> {
    pub(crate) fn byte(&self, offset: u64) -> Option<u8> {
        match offset.checked_sub(self.at) {
            Some(i) => self.chunk.get(usize::try_from(i).ok()?).copied(),
            None => {
                let back = usize::try_from(self.at - offset).ok()?;
                self.tail.get(self.tail.len().checked_sub(back)?).copied()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_there_and_forgets() {
        let mut pieces = Pieces::default();
        pieces.push(10, 4, 1, 1);
        pieces.push(14, 2, 1, 1);
        assert_eq!(pieces.len(), 1);
        pieces.push(18, 1, 1, 6);
        pieces.push(24, 2, 3, 2);
        assert_eq!(pieces.unit(5), Some((15, 1)));
        assert_eq!(pieces.unit(6), Some((18, 6)));
        assert_eq!(pieces.unit(9), Some((24, 2)));
        assert_eq!(pieces.unit(10), Some((26, 2)));
        assert_eq!(pieces.start_of(13, 28), 28);
        pieces.forget_before(6);
        assert_eq!(pieces.unit(5), None);
        assert_eq!(pieces.unit(6), Some((18, 6)));
    }
}
