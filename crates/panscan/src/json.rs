//! Inside a JSON string or not: the parity of quotes that no backslash escapes. No
//! parsing: on text that is not JSON the answer is some answer, the same for every cut.

use crate::arch::Lanes;

/// State at a byte position of a JSON text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StringState {
    pub(crate) in_string: bool,
    /// The byte before was a backslash that escapes what comes.
    pub(crate) escaped: bool,
}

impl StringState {
    /// Moves over `bytes`.
    #[inline(always)]
    pub(crate) fn advance<L: Lanes>(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks::<64>();
        for block in blocks {
            let (quotes, backslashes) = L::quoting(block);
            self.flip(quotes, backslashes);
        }
        self.advance_plain(rest);
    }

    /// The same byte by byte.
    pub(crate) fn advance_plain(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else if byte == b'"' {
                self.in_string = !self.in_string;
            }
        }
    }

    #[inline(always)]
    fn flip(&mut self, quotes: u64, mut backslashes: u64) {
        let mut escaped = u64::from(self.escaped);
        self.escaped = false;
        backslashes &= !escaped;
        if backslashes & backslashes << 1 == 0 {
            // The usual case, `\"` and the like: each escapes what is behind it.
            escaped |= backslashes << 1;
            self.escaped = backslashes >> 63 != 0;
            backslashes = 0;
        }
        while backslashes != 0 {
            let at = backslashes.trailing_zeros();
            if at == 63 {
                self.escaped = true;
                break;
            }
            let next = 2u64 << at;
            escaped |= next;
            backslashes &= !(next | 1 << at);
        }
        self.in_string ^= (quotes & !escaped).count_ones() % 2 == 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arch::Plain;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn blocks_and_bytes_agree(text in r#"[a"\\]{0,300}"#, cut in 0usize..300) {
            let (a, b) = text.as_bytes().split_at(cut.min(text.len()));
            let mut plain = StringState::default();
            plain.advance_plain(text.as_bytes());
            let mut blocks = StringState::default();
            blocks.advance::<Plain>(a);
            blocks.advance::<Plain>(b);
            prop_assert_eq!(plain, blocks);
        }
    }
}
