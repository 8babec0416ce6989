//! The bridge between the scanner and the audit crate's type wall: text of
//! peers enters a record only through here.

use audit::{Masked, Raw, Scrub};
use panscan::{Carrier, Scanner};

/// Masks what the scanner finds; the only [`Scrub`] of the gateway.
pub struct CardScrub<'a>(pub &'a Scanner);

impl Scrub for CardScrub<'_> {
    fn scrub(&self, bytes: &mut [u8]) -> usize {
        self.0.mask_in_place(Carrier::Text, bytes, &mut |_| {})
    }
}

/// Longest text of a peer that a record keeps, in bytes.
const TEXT_BYTES_MAX: usize = 1024;

impl CardScrub<'_> {
    /// Masked text, cut at a bound. Masked first and cut then: a cut must not
    /// hide half of a card number from the scanner.
    pub(crate) fn text(&self, text: &str) -> Masked<String> {
        let mut end = text.len().min(TEXT_BYTES_MAX);
        if end == text.len() {
            return Raw::new(text.to_string()).mask(self);
        }
        let mut bytes = text.as_bytes().to_vec();
        self.scrub(&mut bytes);
        while end > 0 && !text.is_char_boundary(end) {
            end -= 1;
        }
        bytes.truncate(end);
        Raw::new(String::from_utf8_lossy(&bytes).into_owned()).mask(self)
    }

    /// Masked text from bytes that may not be UTF-8.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Masked<String> {
        self.text(&String::from_utf8_lossy(bytes))
    }
}
