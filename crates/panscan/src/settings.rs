//! What the operator chooses: how eager to be, how to mask, what to leave alone.

use std::collections::BTreeSet;
use std::fmt;

/// How findings below high confidence are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Every finding is masked. Tables full of 16-digit ids will see some of them
    /// masked (about 4 % of random 16-digit ids look like a card): allow-list them.
    #[default]
    Strict,
    /// High is masked; medium only with a card word within 64 bytes before it;
    /// low is reported and left as it is.
    Balanced,
}

/// Which digits stay visible. One format per deployment: two different truncations
/// of one PAN let a reader rebuild it (PCI SSC FAQ 1091, 1117).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MaskFormat {
    /// First six and last four; only the last four of numbers of 12-13 digits.
    #[default]
    First6Last4,
    /// Last four only.
    Last4,
    /// First eight and last four of 16-digit numbers, otherwise as `First6Last4`.
    Bin8Last4,
}

/// Settings of a [`crate::Scanner`]. `Default` is strict, first six and last four.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// How eager to be.
    pub mode: Mode,
    /// Which digits stay visible.
    pub mask: MaskFormat,
    allow: BTreeSet<Box<[u8]>>,
}

/// The text is not a number that could be a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowError;

impl fmt::Display for AllowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an allow-listed number must be 12 to 19 digits and nothing else")
    }
}

impl std::error::Error for AllowError {}

impl Settings {
    /// Never report this number: an id of yours that only looks like a card.
    /// Give it as digits without separators (12 to 19 of them).
    pub fn allow(&mut self, number: &str) -> Result<(), AllowError> {
        let digits = number.as_bytes();
        if !(12..=19).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
            return Err(AllowError);
        }
        self.allow.insert(digits.iter().map(|d| d - b'0').collect());
        Ok(())
    }

    /// Is this number (digit values, not ASCII) on the allow-list?
    pub(crate) fn is_allowed(&self, digits: &[u8]) -> bool {
        !self.allow.is_empty() && self.allow.contains(digits)
    }
}

/// Prints the size of the allow-list, not its numbers.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("mode", &self.mode)
            .field("mask", &self.mask)
            .field("allowed", &self.allow.len())
            .finish()
    }
}
