//! What is printed: the table or JSON lines, errors, the summary. Never a card
//! number: names and messages are masked as well, since one can hold a number.

use std::io::{self, Write};

use anyhow::Context as _;
use panscan::{Carrier, Finding, Scanner};

use super::progress::Progress;

/// Counts of a run.
#[derive(Debug, Default)]
pub(super) struct Totals {
    pub(super) inputs: u64,
    pub(super) bytes: u64,
    pub(super) findings: u64,
    pub(super) errors: u64,
}

/// Where results go.
pub(super) struct Report<'a> {
    pub(super) scanner: &'a Scanner,
    pub(super) totals: Totals,
    pub(super) progress: &'a Progress,
    pub(super) out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    json: bool,
    has_header: bool,
}

impl<'a> Report<'a> {
    pub(super) fn new(
        scanner: &'a Scanner,
        json: bool,
        out: &'a mut dyn Write,
        err: &'a mut dyn Write,
        progress: &'a Progress,
    ) -> Report<'a> {
        Report {
            scanner,
            totals: Totals::default(),
            progress,
            out,
            err,
            json,
            has_header: false,
        }
    }

    /// One finding of the input with this (masked) name.
    pub(super) fn finding(&mut self, name: &str, f: &Finding) -> io::Result<()> {
        self.totals.findings += 1;
        let header = !self.json && !std::mem::replace(&mut self.has_header, true);
        let (json, out) = (self.json, &mut *self.out);
        self.progress.aside(|| {
            if header {
                writeln!(
                    out,
                    "{}",
                    row(
                        "KIND",
                        "BRAND",
                        "NUMBER",
                        "CONFIDENCE",
                        "TEST",
                        "OFFSET",
                        "FILE"
                    )
                )?;
            }
            match json {
                true => writeln!(out, "{}", json_line(name, f)),
                false => writeln!(
                    out,
                    "{}",
                    row(
                        f.kind.name(),
                        f.brand.name(),
                        f.shown().as_str(),
                        f.confidence.name(),
                        if f.test_pan { "yes" } else { "" },
                        &f.start.to_string(),
                        name
                    )
                ),
            }
        })
    }

    /// One line about something that failed.
    pub(super) fn error(&mut self, error: &anyhow::Error) {
        self.totals.errors += 1;
        let line = hide(self.scanner, &format!("panward: {error:#}"));
        let err = &mut *self.err;
        // Nothing is left to tell a failing standard error to.
        let _ = self.progress.aside(|| writeln!(err, "{line}"));
    }

    /// The last line.
    pub(super) fn summary(&mut self) -> anyhow::Result<()> {
        let t = &self.totals;
        let (findings, inputs) = (t.findings, t.inputs);
        let line = match self.json {
            true => serde_json::json!({
                "findings": findings, "inputs": inputs, "bytes": t.bytes, "errors": t.errors,
            })
            .to_string(),
            false => {
                let plural =
                    |n: u64, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
                let (found, inputs) = (plural(findings, "finding"), plural(inputs, "input"));
                format!("{found} in {inputs}, {}", plural(t.bytes, "byte"))
            }
        };
        let out = &mut *self.out;
        self.progress
            .aside(|| writeln!(out, "{line}").and_then(|()| out.flush()))
            .context("cannot write the report")
    }
}

/// The file comes last: it has no bound.
fn row(
    kind: &str,
    brand: &str,
    number: &str,
    confidence: &str,
    test: &str,
    offset: &str,
    file: &str,
) -> String {
    format!("{kind:<7} {brand:<12} {number:<19} {confidence:<10} {test:<4} {offset:>12}  {file}")
}

fn json_line(name: &str, f: &Finding) -> serde_json::Value {
    serde_json::json!({
        "file": name, "offset": f.start, "length": f.end - f.start,
        "kind": f.kind.name(), "brand": f.brand.name(), "shown": f.shown().as_str(),
        "confidence": f.confidence.name(), "masked": f.masked, "test_pan": f.test_pan,
    })
}

/// A name or message with card numbers masked and control characters escaped.
pub(super) fn hide(scanner: &Scanner, text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    scanner.mask_in_place(Carrier::Text, &mut bytes, &mut |_| ());
    crate::trail::show::plain(&String::from_utf8_lossy(&bytes))
}
