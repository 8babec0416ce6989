//! Who is measured: the scanner, detectors of others, and what memory and search can do.
//!
//! They do not do the same work. Hyperscan reports where 12 digits end and validates
//! nothing; the regex is validated by range and Luhn; only the scanner reads through
//! encodings, knows boundaries and takes the text in pieces. Nobody masks here.

mod cards;
#[cfg(feature = "hyperscan")]
mod hyperscan;
mod search;
mod validated;

use std::hint::black_box;

use panscan::{Scanner, Settings, Stream, Tier};

use crate::corpus::Text;

/// What the gateway reads from a socket at once.
pub const CHUNK: usize = 16 << 10;

/// What a row of the table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Ours.
    Scanner,
    /// Finds candidates, or cards, with more or less of the rules.
    Detector,
    /// Finds no cards: shows what memory and search allow.
    Ceiling,
}

/// Something that goes over a text and counts.
pub trait Engine {
    /// Stable name: a column of the record.
    fn name(&self) -> &'static str;
    /// What it is.
    fn role(&self) -> Role;
    /// Goes over the whole text. What is counted is the engine's own; it is the same for
    /// the same text.
    fn count(&mut self, text: &Text) -> u64;
}

/// Names of engines that goals refer to.
pub mod names {
    /// The scanner, fed in pieces of 16 KiB, or event by event.
    pub const STREAM: &str = "panscan";
    /// The scanner, fed all at once.
    pub const WHOLE: &str = "panscan_whole";
    /// Hyperscan, `[0-9]{12}`.
    pub const BARE: &str = "hyperscan_bare12";
    /// Hyperscan, `[0-9](?:[ -]?[0-9]){11,18}`.
    pub const SEPARATED: &str = "hyperscan_sep12";
    /// The regex crate, validated by range and Luhn.
    pub const VALIDATED: &str = "regex_iin_luhn";
}

/// All that are there on this machine, and the version of Hyperscan or why it is missing.
pub fn all(longest: usize) -> (Vec<Box<dyn Engine>>, String) {
    let mut engines: Vec<Box<dyn Engine>> = vec![
        Box::new(Panscan::new(Tier::best(), Feed::Pieces)),
        Box::new(Panscan::new(Tier::best(), Feed::Whole)),
    ];
    let hyperscan = add_hyperscan(&mut engines).unwrap_or_else(|missing| missing);
    engines.push(Box::new(validated::Validated::new()));
    engines.push(Box::new(search::Keywords::new()));
    engines.push(Box::new(search::AbsentByte));
    engines.push(Box::new(search::Copy::new(longest)));
    (engines, hyperscan)
}

#[cfg(feature = "hyperscan")]
fn add_hyperscan(engines: &mut Vec<Box<dyn Engine>>) -> Result<String, String> {
    let library = hyperscan::Library::open()?;
    for (name, pattern) in [
        (names::BARE, c"[0-9]{12}"),
        (names::SEPARATED, c"[0-9](?:[ -]?[0-9]){11,18}"),
    ] {
        engines.push(Box::new(hyperscan::Hyperscan::new(
            name, &library, pattern,
        )?));
    }
    Ok(library.version().to_owned())
}

#[cfg(not(feature = "hyperscan"))]
fn add_hyperscan(_: &mut Vec<Box<dyn Engine>>) -> Result<String, String> {
    Err("built without the feature `hyperscan`".to_owned())
}

/// How the scanner gets a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// As the gateway does: 16 KiB at a time, or each event to its end.
    Pieces,
    /// At once.
    Whole,
}

/// The scanner with its default settings.
pub struct Panscan {
    scanner: Scanner,
    feed: Feed,
}

impl Panscan {
    /// On a tier of one's own choice.
    pub fn new(tier: Tier, feed: Feed) -> Panscan {
        Panscan {
            scanner: Scanner::with_tier(Settings::default(), tier),
            feed,
        }
    }
}

impl Engine for Panscan {
    fn name(&self) -> &'static str {
        match self.feed {
            Feed::Pieces => names::STREAM,
            Feed::Whole => names::WHOLE,
        }
    }

    fn role(&self) -> Role {
        Role::Scanner
    }

    fn count(&mut self, text: &Text) -> u64 {
        let mut stream = Stream::new(text.carrier);
        let (mut found, mut released) = (0, 0);
        // What is found and what may leave are used, so that nothing of it is left out.
        let mut sink = |finding: panscan::Finding| {
            found += 1;
            black_box(finding);
        };
        if self.feed == Feed::Whole {
            released += self.scanner.scan(&mut stream, &text.bytes, &mut sink);
        } else if text.events.is_empty() {
            for piece in text.bytes.chunks(CHUNK) {
                released += self.scanner.scan(&mut stream, piece, &mut sink);
            }
        } else {
            let mut start = 0;
            for end in &text.events {
                let event = text.bytes.get(start..*end).unwrap_or(&[]);
                released += self.scanner.scan(&mut stream, event, &mut sink);
                released += self.scanner.finish(&mut stream, &mut sink);
                start = *end;
            }
        }
        released += self.scanner.finish(&mut stream, &mut sink);
        black_box(released);
        found
    }
}
