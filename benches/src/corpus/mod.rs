//! Texts to scan, made from fixed seeds: the same bytes on every machine.
//!
//! Three kinds carry the goals of their own (prose, MCP JSON, digit-dense CSV); the
//! others are there to find the worst case: whatever makes a scanner leave its fast
//! path, in more of it than any real traffic has.

mod cards;
mod encoded;
mod json;
mod random;
mod text;

use std::fmt;

use panscan::Carrier;
use random::Random;

/// A kind of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corpus {
    /// English-like sentences, a number now and then (digits 0.1 %).
    Prose,
    /// JSON-RPC of MCP: tool calls and results, nested JSON, logs, schemas (digits 22 %),
    /// with so many card numbers per MiB.
    Mcp(u32),
    /// Rows of ids, time stamps and amounts (digits 86 %), with so many card numbers per
    /// MiB. One id in 25 is a card number by chance: that is what such tables are like.
    Dense(u32),
    /// Numbers that start like a card and fail Luhn, contiguous and grouped (digits 84 %).
    Adversarial,
    /// Digits joined by separators without end, in groups of 1 to 5.
    Groups,
    /// JSON whose text is `\uXXXX`, `\/` and JSON nested three deep.
    Escapes,
    /// CJK, Cyrillic, Arabic, full-width digits, Unicode spaces and dashes beside digits.
    Unicode,
    /// Base64 of noise and of text, tokens, hashes.
    Base64,
    /// Query strings and HTML: `%XX`, `&#NN;`, `&nbsp;`.
    Percent,
    /// Arrays of integers, floats, digit groups; matrices.
    Arrays,
    /// UUIDs, digests, trace ids.
    Hex,
    /// Random bytes.
    Noise,
    /// SSE events with JSON-RPC in them, fed event by event.
    Sse,
    /// Everything above that sets off a slow path, in every line.
    AllTriggers,
}

impl Corpus {
    /// All of them, in the order of the table.
    pub const ALL: [Corpus; 17] = [
        Corpus::Prose,
        Corpus::Mcp(0),
        Corpus::Mcp(1),
        Corpus::Mcp(100),
        Corpus::Dense(0),
        Corpus::Dense(100),
        Corpus::Adversarial,
        Corpus::Groups,
        Corpus::Escapes,
        Corpus::Unicode,
        Corpus::Base64,
        Corpus::Percent,
        Corpus::Arrays,
        Corpus::Hex,
        Corpus::Noise,
        Corpus::Sse,
        Corpus::AllTriggers,
    ];

    /// What the bytes are to the scanner.
    pub fn carrier(self) -> Carrier {
        match self {
            Corpus::Prose
            | Corpus::Dense(_)
            | Corpus::Adversarial
            | Corpus::Groups
            | Corpus::Percent
            | Corpus::Noise => Carrier::Text,
            _ => Carrier::Json,
        }
    }

    /// Card numbers put in per MiB.
    fn cards_per_mib(self) -> u32 {
        match self {
            Corpus::Mcp(n) | Corpus::Dense(n) => n,
            Corpus::Escapes | Corpus::Unicode | Corpus::Sse => 1,
            Corpus::Base64 | Corpus::Percent | Corpus::Arrays => 1,
            _ => 0,
        }
    }
}

impl fmt::Display for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Corpus::Prose => "prose",
            Corpus::Mcp(n) => return f.pad(&format!("mcp_p{n}")),
            Corpus::Dense(n) => return f.pad(&format!("dense_p{n}")),
            Corpus::Adversarial => "adversarial",
            Corpus::Groups => "groups",
            Corpus::Escapes => "escapes",
            Corpus::Unicode => "unicode",
            Corpus::Base64 => "base64",
            Corpus::Percent => "percent",
            Corpus::Arrays => "arrays",
            Corpus::Hex => "hex",
            Corpus::Noise => "noise",
            Corpus::Sse => "sse",
            Corpus::AllTriggers => "all_triggers",
        };
        f.pad(name)
    }
}

/// A text, and what is known of it.
pub struct Text {
    /// At least as many bytes as asked for, a whole number of records.
    pub bytes: Vec<u8>,
    /// Card numbers in it that stand there as they are.
    pub plain: u64,
    /// Card numbers in it that have to be decoded first.
    pub encoded: u64,
    /// What the bytes are to the scanner.
    pub carrier: Carrier,
    /// Where to cut it when it is fed event by event; empty: anywhere.
    pub events: Vec<usize>,
}

impl Text {
    /// Share of ASCII digits.
    pub fn digits(&self) -> f64 {
        let digits = self.bytes.iter().filter(|b| b.is_ascii_digit()).count();
        digits as f64 / self.bytes.len().max(1) as f64
    }
}

/// At least `bytes` of text.
pub fn corpus(kind: Corpus, bytes: usize) -> Text {
    let mut maker = Maker {
        random: Random::new(seed(kind)),
        out: Vec::with_capacity(bytes + (128 << 10)),
        every: match kind.cards_per_mib() {
            0 => usize::MAX,
            n => (1 << 20) / n as usize,
        },
        cards: 0,
        plain: 0,
        encoded: 0,
        events: Vec::new(),
    };
    while maker.out.len() < bytes {
        match kind {
            Corpus::Prose => text::prose(&mut maker),
            Corpus::Mcp(_) => json::message(&mut maker),
            Corpus::Dense(_) => text::row(&mut maker),
            Corpus::Adversarial => text::lookalike(&mut maker),
            Corpus::Groups => text::groups(&mut maker),
            Corpus::Escapes => encoded::escapes(&mut maker),
            Corpus::Unicode => encoded::unicode(&mut maker),
            Corpus::Base64 => encoded::base64(&mut maker),
            Corpus::Percent => encoded::percent(&mut maker),
            Corpus::Arrays => json::arrays(&mut maker),
            Corpus::Hex => json::hex(&mut maker),
            Corpus::Noise => text::noise(&mut maker),
            Corpus::Sse => json::event(&mut maker),
            Corpus::AllTriggers => encoded::all(&mut maker),
        }
    }
    Text {
        bytes: maker.out,
        carrier: kind.carrier(),
        plain: maker.plain,
        encoded: maker.encoded,
        events: maker.events,
    }
}

/// The same for all densities of one kind.
fn seed(kind: Corpus) -> u64 {
    let same = |other: &Corpus| std::mem::discriminant(other) == std::mem::discriminant(&kind);
    Corpus::ALL.iter().position(same).unwrap_or_default() as u64 + 1
}

/// A text being made.
struct Maker {
    random: Random,
    out: Vec<u8>,
    /// Bytes from one card number to the next.
    every: usize,
    cards: u64,
    plain: u64,
    encoded: u64,
    events: Vec<usize>,
}

impl Maker {
    fn push(&mut self, text: impl AsRef<[u8]>) {
        self.out.extend_from_slice(text.as_ref());
    }

    /// Where a card number is due: its number in the order of cards.
    fn due(&mut self) -> Option<u64> {
        let due = self.every != usize::MAX && self.out.len() / self.every >= self.cards as usize;
        due.then(|| {
            self.cards += 1;
            self.cards - 1
        })
    }

    /// A card number that stands there as it is, where one is due.
    fn card(&mut self, separator: &str) -> Option<String> {
        let n = self.due()?;
        self.plain += 1;
        Some(cards::published(n, separator))
    }

    /// The digits of a card number, to be encoded, where one is due.
    fn hidden_card(&mut self) -> Option<String> {
        let n = self.due()?;
        self.encoded += 1;
        Some(cards::published(n, ""))
    }

    /// A few words.
    fn words(&mut self, n: usize) -> String {
        let words: Vec<&str> = (0..n).map(|_| self.random.pick(text::WORDS)).collect();
        words.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: usize = 1 << 20;

    #[test]
    fn the_same_bytes_every_time_and_as_many_cards_as_said() {
        for kind in Corpus::ALL {
            let (once, again) = (corpus(kind, BYTES), corpus(kind, BYTES));
            assert!(once.bytes == again.bytes, "{kind}");
            assert!(once.bytes.len() >= BYTES, "{kind}");
            assert!(once.bytes.len() < BYTES + (128 << 10), "{kind}");
            let cards = once.plain + once.encoded;
            let wanted = u64::from(kind.cards_per_mib());
            let most = wanted + wanted / 8 + 1;
            assert!((wanted..=most).contains(&cards), "{kind}: {cards}");
        }
    }

    #[test]
    fn digit_shares_are_those_of_the_goals() {
        for (kind, low, high) in [
            (Corpus::Prose, 0.0008, 0.0012),
            (Corpus::Mcp(0), 0.21, 0.23),
            (Corpus::Dense(0), 0.85, 0.87),
            (Corpus::Adversarial, 0.83, 0.85),
        ] {
            let digits = corpus(kind, BYTES).digits();
            assert!((low..high).contains(&digits), "{kind}: {digits}");
        }
    }

    #[test]
    fn json_is_json() {
        for kind in Corpus::ALL {
            if kind.carrier() != Carrier::Json || kind == Corpus::Sse {
                continue;
            }
            let text = corpus(kind, BYTES / 4).bytes;
            for line in text.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
                let parsed: Result<serde_json::Value, _> = serde_json::from_slice(line);
                assert!(parsed.is_ok(), "{kind}: {}", String::from_utf8_lossy(line));
            }
        }
    }

    #[test]
    fn events_end_where_they_say() {
        let text = corpus(Corpus::Sse, BYTES / 4);
        assert!(text.events.len() > 100);
        assert_eq!(text.events.last(), Some(&text.bytes.len()));
        assert!(
            text.events
                .iter()
                .all(|end| text.bytes[..*end].ends_with(b"\n\n"))
        );
    }
}
