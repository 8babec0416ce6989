//! The wall between bytes as they came and bytes that may be kept.
//!
//! [`Raw`] can be made from anything and shows nothing; [`Masked`] can be shown,
//! compared and recorded, and is made from `Raw` by a [`Scrub`] only. A record
//! takes `Masked`, so that forgetting to mask does not compile.

use std::fmt;

/// Masks what must not be kept: card numbers first of all.
pub trait Scrub {
    /// Masks every finding in place, at equal length; returns how many there were.
    fn scrub(&self, bytes: &mut [u8]) -> usize;
}

/// Bytes or text as a peer sent them. No `Debug`, `Display`, `Deref` or access.
pub struct Raw<T>(T);

impl<T> Raw<T> {
    /// Takes what a peer sent.
    pub fn new(value: T) -> Raw<T> {
        Raw(value)
    }
}

impl Raw<Vec<u8>> {
    /// Masks in place.
    pub fn mask(mut self, scrub: &dyn Scrub) -> Masked<Vec<u8>> {
        scrub.scrub(&mut self.0);
        Masked(self.0)
    }
}

impl Raw<String> {
    /// Masks in place. Should the scrubber leave bytes that are not UTF-8, they
    /// are replaced by U+FFFD.
    pub fn mask(self, scrub: &dyn Scrub) -> Masked<String> {
        let mut bytes = self.0.into_bytes();
        scrub.scrub(&mut bytes);
        Masked(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }
}

/// Bytes or text that went through a [`Scrub`], or a literal of our own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Masked<T>(T);

impl Masked<String> {
    /// A literal of this program.
    pub fn constant(text: &'static str) -> Masked<String> {
        Masked(text.to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Masked<Vec<u8>> {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl<T> Masked<T> {
    /// What the log already holds, or numbers and digests made here: never
    /// anything a peer sent.
    pub(crate) fn trusted(value: T) -> Masked<T> {
        Masked(value)
    }
}

impl fmt::Display for Masked<String> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Stars;
    impl Scrub for Stars {
        fn scrub(&self, bytes: &mut [u8]) -> usize {
            bytes
                .iter_mut()
                .filter(|b| b.is_ascii_digit())
                .map(|b| *b = b'*')
                .count()
        }
    }

    struct Breaks;
    impl Scrub for Breaks {
        fn scrub(&self, bytes: &mut [u8]) -> usize {
            bytes.fill(0xff);
            1
        }
    }

    #[test]
    fn masking_is_the_only_way_from_raw_to_masked() {
        assert_eq!(
            Raw::new("card 4111".to_owned()).mask(&Stars).as_str(),
            "card ****"
        );
        assert_eq!(
            Raw::new(b"4111 x".to_vec()).mask(&Stars).as_bytes(),
            b"**** x"
        );
        assert_eq!(
            Raw::new("ab".to_owned()).mask(&Breaks).as_str(),
            "\u{fffd}\u{fffd}"
        );
    }
}
