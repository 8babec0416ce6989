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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How eager to be.
    pub mode: Mode,
    /// Which digits stay visible.
    pub mask: MaskFormat,
    /// Report UnionPay numbers (62, 81) that fail Luhn, as some old cards do, in a card
    /// layout or behind a card word. Not as JSON numbers: a masked one looks alike.
    /// Slow: the prefilters drop what fails the check digit, so none is used.
    pub unionpay_without_luhn: bool,
    /// A record keeps a keyed token of the number beside the masked form:
    /// [`crate::Finding::shown`] is the last four only then, while the wire gets `mask`
    /// (a token with ten digits in the clear says more than either, PCI DSS 3.5.1.1).
    pub record_last4: bool,
    /// Numbers that are never reported.
    pub allow: AllowList,
}

impl Settings {
    /// The format of [`crate::Finding::shown`].
    pub(crate) fn record_mask(&self) -> MaskFormat {
        if self.record_last4 {
            MaskFormat::Last4
        } else {
            self.mask
        }
    }
}

/// Numbers of yours that only look like a card: ids, accounts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AllowList(BTreeSet<Box<[u8]>>);

/// The text is not a number that could be a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowError;

impl fmt::Display for AllowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an allow-listed number must be 12 to 19 digits and nothing else")
    }
}

impl std::error::Error for AllowError {}

impl AllowList {
    /// Never report this number. Give it as digits without separators (12 to 19).
    pub fn insert(&mut self, number: &str) -> Result<(), AllowError> {
        let digits = number.as_bytes();
        if !(12..=19).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
            return Err(AllowError);
        }
        self.0.insert(digits.iter().map(|d| d - b'0').collect());
        Ok(())
    }

    /// Is this number (digit values, not ASCII) in it?
    pub(crate) fn contains(&self, digits: &[u8]) -> bool {
        !self.0.is_empty() && self.0.contains(digits)
    }
}

/// Prints how many numbers, not which.
impl fmt::Debug for AllowList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} numbers", self.0.len())
    }
}
