//! A case: the body as it is on the wire, and what is to be found in it.

use std::io::Write;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::{Rng, negatives, positives};

/// How a case counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Recall and precision >= 0.999.
    Core,
    /// Decoders, joined fragments, regional brands: recall >= 0.95.
    Heuristic,
    /// Nothing may be found and nothing altered.
    Negative,
    /// Cannot be read in full; the verdict must say so.
    Undecodable,
    /// Reported, not scored: looks like a card in every respect.
    Apart,
}

impl Class {
    /// Name in the truth file.
    pub fn name(self) -> &'static str {
        match self {
            Class::Core => "core",
            Class::Heuristic => "heuristic",
            Class::Negative => "negative",
            Class::Undecodable => "undecodable",
            Class::Apart => "apart",
        }
    }
}

/// One thing to be found.
#[derive(Clone, Debug)]
pub struct Expect {
    /// `pan`, `track1`, `track2`, `cvv`, `pin`.
    pub kind: &'static str,
    /// Brands that would be right; empty for codes.
    pub brands: Vec<&'static str>,
    /// The digits that must be gone. For a code, the code.
    pub digits: String,
    /// Where it stands in the raw body, if it stands there as it is.
    pub span: Option<(usize, usize)>,
    /// Other text that must be gone (name and discretionary data of a track).
    pub secret: Option<String>,
    /// Whether the body can be altered (not inside a document or a compressed blob).
    pub maskable: bool,
}

/// One message.
#[derive(Clone, Debug)]
pub struct Case {
    /// Position in the corpus, as text.
    pub id: String,
    /// `core/json/string`, ...
    pub category: String,
    /// How it counts.
    pub class: Class,
    /// Content-Type.
    pub content_type: String,
    /// Content-Encoding, `identity` if none.
    pub content_encoding: String,
    /// `request` or `response`.
    pub direction: &'static str,
    /// Bytes on the wire.
    pub body: Vec<u8>,
    /// Where to split it.
    pub cuts: Vec<usize>,
    /// What is in it.
    pub expect: Vec<Expect>,
}

impl Case {
    /// The line a scanner reads.
    pub fn line(&self) -> Value {
        json!({
            "id": self.id, "content_type": self.content_type,
            "content_encoding": self.content_encoding, "direction": self.direction,
            "body_base64": STANDARD.encode(&self.body), "cuts": self.cuts,
        })
    }

    /// The line of the truth file.
    pub fn truth(&self) -> Value {
        let expect: Vec<Value> = self
            .expect
            .iter()
            .map(|e| {
                json!({
                    "kind": e.kind, "brands": e.brands, "digits": e.digits,
                    "span": e.span.map(|(a, b)| vec![a, b]), "maskable": e.maskable,
                })
            })
            .collect();
        json!({
            "id": self.id, "category": self.category, "class": self.class.name(),
            "verdict": self.verdict(), "count": self.expect.len(), "findings": expect,
        })
    }

    /// The verdict it should get (of documents that cannot be altered: any but clean).
    pub fn verdict(&self) -> &'static str {
        match self.class {
            Class::Undecodable => "undecodable",
            _ if self.expect.is_empty() => "clean",
            _ => "masked",
        }
    }

    /// Whether everything in it can be masked.
    pub fn maskable(&self) -> bool {
        self.expect.iter().all(|e| e.maskable)
    }
}

/// Collects cases.
pub(crate) struct Corpus {
    pub(crate) rng: Rng,
    pub(crate) cases: Vec<Case>,
}

impl Corpus {
    /// Adds a case; spans of what is found literally are filled in, in order.
    pub(crate) fn add(
        &mut self,
        category: &str,
        class: Class,
        (content_type, content_encoding): (&str, &str),
        body: impl Into<Vec<u8>>,
        expect: Vec<Expect>,
    ) {
        let body = body.into();
        let mut cuts: Vec<usize> = (0..self.rng.below(4))
            .map(|_| self.rng.below(body.len().max(1)))
            .filter(|c| *c > 0)
            .collect();
        cuts.sort_unstable();
        cuts.dedup();
        let direction = if self.rng.below(3) == 0 {
            "request"
        } else {
            "response"
        };
        self.cases.push(Case {
            id: format!("{:05}", self.cases.len()),
            category: category.to_owned(),
            class,
            content_type: content_type.to_owned(),
            content_encoding: content_encoding.to_owned(),
            direction,
            body,
            cuts,
            expect,
        });
    }
}

/// The whole corpus.
pub fn generate(seed: u64) -> Vec<Case> {
    let mut corpus = Corpus {
        rng: Rng::new(seed),
        cases: Vec::new(),
    };
    positives::add(&mut corpus);
    negatives::add(&mut corpus);
    corpus.cases
}

/// Writes `corpus.jsonl` and `truth.jsonl`.
pub fn write(cases: &[Case], dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let open = |name: &str| std::fs::File::create(dir.join(name)).map(std::io::BufWriter::new);
    let (mut lines, mut truth) = (open("corpus.jsonl")?, open("truth.jsonl")?);
    for case in cases {
        writeln!(lines, "{}", case.line())?;
        writeln!(truth, "{}", case.truth())?;
    }
    lines.flush()?;
    truth.flush()
}
