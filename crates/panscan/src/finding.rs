//! What the scanner reports. Holds the masked form only: the digits that were
//! hidden are not in here, so neither `Debug` nor a record can leak them.

use std::fmt;

use crate::HOLD_BYTES_MAX;
use crate::iin::Brand;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A card number.
    Pan,
    /// Track 1 of a magnetic stripe, replaced whole (PCI DSS 3.3.1.1).
    Track1,
    /// Track 2 of a magnetic stripe, replaced whole (PCI DSS 3.3.1.1).
    Track2,
    /// A card verification code beside a card number.
    Cvv,
}

impl Kind {
    /// Stable lower-case name for records: `pan`, `track1`, `track2`, `cvv`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Pan => "pan",
            Kind::Track1 => "track1",
            Kind::Track2 => "track2",
            Kind::Cvv => "cvv",
        }
    }
}

/// How sure the scanner is. Ordered: `Low < Medium < High`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// A regional brand, or a number beside a word such as `imei` or `trace_id`.
    Low,
    /// A rarer length: 13, 14 or 19 digits, JCB of 15, Maestro and UnionPay at odd lengths.
    Medium,
    /// A card grouping, track data, or 16 digits (Amex 15) of a major brand.
    High,
}

impl Confidence {
    /// Stable lower-case name for records: `low`, `medium`, `high`.
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// One place where a card number (or a track) stands.
#[derive(Clone)]
pub struct Finding {
    /// Absolute offset of the first byte in the stream.
    pub start: u64,
    /// Absolute offset behind the last byte. `end - start <= HOLD_BYTES_MAX`.
    pub end: u64,
    /// What it is.
    pub kind: Kind,
    /// Whose number range it is in.
    pub brand: Brand,
    /// How sure.
    pub confidence: Confidence,
    /// Whether the mode asks for the bytes to be replaced.
    pub masked: bool,
    /// A number that card schemes and payment providers publish for tests.
    pub test_pan: bool,
    pub(crate) maskable: bool,
    pub(crate) replacement: [u8; HOLD_BYTES_MAX],
    pub(crate) shown: Shown,
}

impl Finding {
    /// What to write over `start..end`: exactly as long.
    pub fn replacement(&self) -> &[u8] {
        let len = (self.end - self.start) as usize;
        &self.replacement[..len.min(HOLD_BYTES_MAX)]
    }

    /// Whether the bytes can be replaced at the same length. False inside compressed
    /// data and documents: `masked` is false too, and the caller denies or holds.
    pub fn maskable(&self) -> bool {
        self.maskable
    }

    /// The masked number without separators, for records: `411111******1111`.
    /// Of a track this is the masked number in it.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finding")
            .field("start", &self.start)
            .field("end", &self.end)
            .field("kind", &self.kind)
            .field("brand", &self.brand)
            .field("confidence", &self.confidence)
            .field("masked", &self.masked)
            .field("test_pan", &self.test_pan)
            .field("shown", &self.shown)
            .finish()
    }
}

/// A masked number, at most 19 ASCII characters, digits and `*`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shown {
    pub(crate) text: [u8; 19],
    pub(crate) len: u8,
}

impl Shown {
    /// The masked number as text.
    pub fn as_str(&self) -> &str {
        let len = usize::from(self.len).min(self.text.len());
        std::str::from_utf8(&self.text[..len]).unwrap_or("")
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
