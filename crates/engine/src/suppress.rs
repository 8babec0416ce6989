//! Exceptions for numbers that only look like a card: which findings are left as
//! they are, for how long, and by whose word.
//!
//! Place in the data path: between scan and mask. It is here and not in the
//! scanner because a scope is a server, a tool and a path, of which the scanner
//! knows nothing, and because a suppressed finding is still recorded.
//!
//! Invariants: only card numbers are covered, never track data or codes; a number
//! of high confidence only where that was said; a finding in a head never; what
//! cannot be told for sure (no path, no bytes to compare, another mask format) is
//! not covered. Bounds: the list, by whoever makes it.

use aws_lc_rs::hmac;

use crate::path::fold_path;

/// Keyed hash of a number; useless without the key.
pub type Fingerprint = [u8; 32];

/// Key of fingerprints (HMAC-SHA256).
#[derive(Clone)]
pub struct FingerprintKey(hmac::Key);

impl FingerprintKey {
    /// From secret bytes.
    pub fn new(secret: &[u8]) -> FingerprintKey {
        FingerprintKey(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Of the ASCII digits in `number`; separators do not count.
    pub fn fingerprint(&self, number: &[u8]) -> Fingerprint {
        let digits: Vec<u8> = number.iter().copied().filter(u8::is_ascii_digit).collect();
        let tag = hmac::sign(&self.0, &digits);
        let mut out = [0; 32];
        for (slot, byte) in out.iter_mut().zip(tag.as_ref()) {
            *slot = *byte;
        }
        out
    }
}

impl std::fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FingerprintKey(***)")
    }
}

/// Which numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// All that begin with these six digits and show them.
    Iin(String),
    /// One number.
    One {
        /// Its keyed hash.
        fingerprint: Fingerprint,
        /// How it is shown.
        shown: String,
    },
}

/// One exception.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Name in records.
    pub id: String,
    /// Server of our configuration.
    pub server: String,
    /// Tool, resource or prompt.
    pub tool: String,
    /// Place in the message, indexes as `[*]`; `None` = anywhere in it.
    pub path: Option<String>,
    /// Which numbers.
    pub numbers: Numbers,
    /// Also those that are most likely cards.
    pub even_high: bool,
    /// End, in nanoseconds since 1970.
    pub until_ns: u64,
}

/// A finding as it is known when it is decided, and from its record.
#[derive(Clone, Copy, Debug)]
pub struct Sighting<'a> {
    /// Server of our configuration.
    pub server: &'a str,
    /// Tool, resource or prompt.
    pub tool: &'a str,
    /// Place in the message.
    pub path: Option<&'a str>,
    /// `pan`, `track1`, ...
    pub kind: &'a str,
    /// `low`, `medium`, `high`.
    pub confidence: &'a str,
    /// The masked number.
    pub shown: &'a str,
}

impl Suppression {
    /// Whether the finding is in scope, by all that a record tells of it. Of one
    /// number ([`Numbers::One`]) that is how it is shown: other numbers may be
    /// shown alike.
    pub fn fits(&self, seen: &Sighting<'_>) -> bool {
        let in_place = match &self.path {
            None => true,
            Some(wanted) => seen.path.is_some_and(|path| fold_path(path) == *wanted),
        };
        let number = match &self.numbers {
            Numbers::Iin(iin) => iin.len() == 6 && seen.shown.starts_with(iin.as_str()),
            Numbers::One { shown, .. } => seen.shown == shown,
        };
        seen.kind == "pan"
            && self.server == seen.server
            && self.tool == seen.tool
            && (self.even_high || seen.confidence != "high")
            && number
            && in_place
    }

    /// Whether its time is over.
    pub fn is_over(&self, now_ns: u64) -> bool {
        now_ns >= self.until_ns
    }
}

/// Every exception in force.
#[derive(Clone, Debug, Default)]
pub struct Suppressions {
    list: Vec<Suppression>,
    key: Option<FingerprintKey>,
}

impl Suppressions {
    /// Without a `key` single numbers are not covered.
    pub fn new(list: Vec<Suppression>, key: Option<FingerprintKey>) -> Suppressions {
        Suppressions { list, key }
    }

    /// All of them, those that are over included.
    pub fn list(&self) -> &[Suppression] {
        &self.list
    }

    /// Whether any is about this tool: paths are needed then.
    pub(crate) fn concern(&self, server: &str, tool: &str) -> bool {
        self.list
            .iter()
            .any(|s| s.server == server && s.tool == tool)
    }

    /// The one that covers the finding now. `number` gives the bytes in which it
    /// stands; it is asked only where a single number may fit.
    pub fn covering(
        &self,
        seen: &Sighting<'_>,
        number: impl Fn() -> Option<Vec<u8>>,
        now_ns: u64,
    ) -> Option<&Suppression> {
        self.list
            .iter()
            .filter(|s| !s.is_over(now_ns) && s.fits(seen))
            .find(|s| match &s.numbers {
                Numbers::Iin(_) => true,
                Numbers::One { fingerprint, .. } => match (&self.key, number()) {
                    (Some(key), Some(bytes)) => key.fingerprint(&bytes) == *fingerprint,
                    _ => false,
                },
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: Sighting<'_> = Sighting {
        server: "crm",
        tool: "list_orders",
        path: Some("$.result.structuredContent.orders[17].order_id"),
        kind: "pan",
        confidence: "medium",
        shown: "305693****5904",
    };

    fn orders() -> Suppression {
        Suppression {
            id: "orders".into(),
            server: "crm".into(),
            tool: "list_orders".into(),
            path: Some("$.result.structuredContent.orders[*].order_id".into()),
            numbers: Numbers::Iin("305693".into()),
            even_high: false,
            until_ns: 100,
        }
    }

    fn covers(suppression: Suppression, seen: Sighting<'_>, now_ns: u64) -> bool {
        Suppressions::new(vec![suppression], None)
            .covering(&seen, || None, now_ns)
            .is_some()
    }

    #[test]
    fn each_part_of_the_scope_counts() {
        assert!(covers(orders(), SEEN, 99));
        assert!(!covers(orders(), SEEN, 100), "its time is over");
        for other in [
            Sighting {
                server: "shop",
                ..SEEN
            },
            Sighting {
                tool: "list",
                ..SEEN
            },
            Sighting { path: None, ..SEEN },
            Sighting {
                path: Some("$.result.orders[1].order_id"),
                ..SEEN
            },
            Sighting {
                kind: "track2",
                ..SEEN
            },
            Sighting {
                kind: "cvv",
                ..SEEN
            },
            Sighting {
                confidence: "high",
                ..SEEN
            },
            Sighting {
                shown: "305694****5904",
                ..SEEN
            },
            Sighting {
                shown: "**********5904",
                ..SEEN
            },
        ] {
            assert!(!covers(orders(), other, 1), "{other:?}");
        }
        let anywhere = Suppression {
            path: None,
            ..orders()
        };
        assert!(covers(anywhere, Sighting { path: None, ..SEEN }, 1));
    }

    #[test]
    fn a_likely_card_needs_its_own_word() {
        let high = Sighting {
            confidence: "high",
            ..SEEN
        };
        let even_high = Suppression {
            even_high: true,
            ..orders()
        };
        assert!(covers(even_high.clone(), high, 1));
        let track = Sighting {
            kind: "track1",
            ..high
        };
        assert!(!covers(even_high, track, 1), "track data never");
    }

    #[test]
    fn one_number_is_that_number() {
        let key = FingerprintKey::new(b"secret");
        let one = Suppression {
            numbers: Numbers::One {
                fingerprint: key.fingerprint(b"3056 9309 0259 04"),
                shown: "305693****5904".into(),
            },
            ..orders()
        };
        let with = |key| Suppressions::new(vec![one.clone()], key);
        let covers = |set: &Suppressions, bytes: Option<&[u8]>| {
            set.covering(&SEEN, || bytes.map(<[u8]>::to_vec), 1)
                .is_some()
        };
        let set = with(Some(key));
        assert!(covers(&set, Some(b"30569309025904")));
        assert!(!covers(&set, Some(b"30569300025904")), "shown alike");
        assert!(!covers(&set, None), "its bytes are not there");
        assert!(!covers(&with(None), Some(b"30569309025904")), "no key");
        let other = FingerprintKey::new(b"other");
        assert!(!covers(&with(Some(other)), Some(b"30569309025904")));
    }
}
