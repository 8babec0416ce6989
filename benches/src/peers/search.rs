//! Ceilings: keyword search, search for a byte that is not there, a copy.

use std::hint::black_box;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

use super::{Engine, Role};
use crate::corpus::Text;

/// Words beside card numbers, by packed search (Teddy).
pub(super) struct Keywords(AhoCorasick);

impl Keywords {
    pub(super) fn new() -> Keywords {
        let words = [
            "card", "visa", "amex", "cvv", "expiry", "maestro", "discover",
        ];
        let words = AhoCorasickBuilder::new()
            .match_kind(MatchKind::LeftmostFirst)
            .build(words);
        Keywords(words.expect("few words"))
    }
}

impl Engine for Keywords {
    fn name(&self) -> &'static str {
        "aho_corasick_7_words"
    }

    fn role(&self) -> Role {
        Role::Ceiling
    }

    fn count(&mut self, text: &Text) -> u64 {
        self.0.find_iter(&text.bytes).count() as u64
    }
}

/// Reads all of it. In the noise, where the byte does occur, it counts.
pub(super) struct AbsentByte;

impl Engine for AbsentByte {
    fn name(&self) -> &'static str {
        "memchr_absent"
    }

    fn role(&self) -> Role {
        Role::Ceiling
    }

    fn count(&mut self, text: &Text) -> u64 {
        memchr::memchr_iter(0, &text.bytes).count() as u64
    }
}

/// memcpy into memory that was written before.
pub(super) struct Copy(Vec<u8>);

impl Copy {
    pub(super) fn new(longest: usize) -> Copy {
        Copy(vec![1; longest])
    }
}

impl Engine for Copy {
    fn name(&self) -> &'static str {
        "memcpy"
    }

    fn role(&self) -> Role {
        Role::Ceiling
    }

    fn count(&mut self, text: &Text) -> u64 {
        if self.0.len() < text.bytes.len() {
            self.0.resize(text.bytes.len(), 1);
        }
        let (to, _) = self.0.split_at_mut(text.bytes.len());
        to.copy_from_slice(&text.bytes);
        black_box(to);
        text.bytes.len() as u64
    }
}
