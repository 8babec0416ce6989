//! The regex crate: `\b[0-9](?:[ -]?[0-9]){11,18}\b`, then range and Luhn.

use regex::bytes::Regex;

use super::{Engine, Role, cards, names};
use crate::corpus::Text;

pub(super) struct Validated(Regex);

impl Validated {
    pub(super) fn new() -> Validated {
        let pattern = r"(?-u)\b[0-9](?:[ -]?[0-9]){11,18}\b";
        Validated(Regex::new(pattern).expect("a valid pattern"))
    }
}

impl Engine for Validated {
    fn name(&self) -> &'static str {
        names::VALIDATED
    }

    fn role(&self) -> Role {
        Role::Detector
    }

    fn count(&mut self, text: &Text) -> u64 {
        let candidates = self.0.find_iter(&text.bytes);
        candidates.filter(|m| cards::is_card(m.as_bytes())).count() as u64
    }
}
