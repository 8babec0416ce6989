//! Drives `panscan` itself.

use panscan::{Carrier, Scanner, Settings, Stream};

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
        let carrier = if ask.content_type.contains("json") {
            Carrier::Json
        } else {
            Carrier::Text
        };
        let mut stream = Stream::new(carrier);
        let (mut found, mut body) = (Vec::new(), ask.body.clone());
        let mut from = 0;
        for to in ask.cuts.iter().copied().chain([ask.body.len()]) {
            self.0.scan(
                &mut stream,
                ask.body.get(from..to).unwrap_or(&[]),
                &mut |f| found.push(f),
            );
            from = to;
        }
        self.0.finish(&mut stream, &mut |f| found.push(f));
        for finding in found.iter().filter(|f| f.masked) {
            if let Some(span) = body.get_mut(finding.start as usize..finding.end as usize) {
                span.copy_from_slice(finding.replacement());
            }
        }
        let verdict = if found.is_empty() { "clean" } else { "masked" };
        let findings = found
            .iter()
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
            body,
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
