//! Drives `panscan` itself.

use panscan::body::{Caps, Content, Verdict, scan_body};
use panscan::{Scanner, Settings};

use crate::score::{Answer, Ask, Found, Target};

/// The scanner with default (strict) settings.
pub struct Library(Scanner);

impl Library {
    /// Strict, first six and last four.
    pub fn new() -> Library {
        Library(Scanner::new(Settings::default()))
    }

    /// One message, cut as asked.
    pub fn scan(&self, ask: &Ask) -> Answer {
        let content = Content {
            media_type: &ask.content_type,
            encoding: &ask.content_encoding,
        };
        let body = scan_body(&self.0, &content, &ask.body, &ask.cuts, &Caps::default());
        let verdict = match body.verdict {
            Verdict::Clean => "clean",
            Verdict::Masked => "masked",
            Verdict::Undecodable(_) => "undecodable",
        };
        let findings = body
            .findings
            .iter()
            .map(|located| &located.finding)
            .map(|f| Found {
                kind: f.kind.name().to_owned(),
                brand: f.brand.name().to_owned(),
                masked: f.shown().as_str().to_owned(),
                confidence: f.confidence.name().to_owned(),
                span: Some((f.start, f.end)),
            })
            .collect();
        Answer {
            findings,
            body: body.bytes,
            verdict: verdict.to_owned(),
        }
    }
}

impl Default for Library {
    fn default() -> Library {
        Library::new()
    }
}

impl Target for Library {
    fn answer(&mut self, asks: &[Ask]) -> anyhow::Result<Vec<Answer>> {
        Ok(asks.iter().map(|ask| self.scan(ask)).collect())
    }
}
