//! `panward scan --jsonl`: one message a line in, one answer a line out, in order.
//!
//! Bounds: one line at a time, [`LINE_BYTES_MAX`] long at most; a longer one is
//! answered with an error and skipped. Decoding as [`Caps`] allows.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use panscan::body::{Body, Caps, Content, Located, Verdict, scan_body};
use panscan::{Carrier, Scanner};
use serde::Deserialize;
use serde_json::{Value, json};

use super::report::Report;

/// Longest line: a body of 48 MiB.
const LINE_BYTES_MAX: usize = 64 << 20;

/// One line of the input.
#[derive(Deserialize)]
struct Message {
    id: Value,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    content_encoding: Option<String>,
    #[serde(default, rename = "direction")]
    _direction: Option<Direction>,
    body_base64: String,
    /// Where to cut the body when it is fed to the scanner.
    #[serde(default)]
    cuts: Option<Vec<usize>>,
}

/// The scanner does not ask for it.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Request,
    Response,
}

/// Answers every line of the only input.
pub(super) fn run(
    paths: &[PathBuf],
    stdin: &mut dyn Read,
    report: &mut Report<'_>,
) -> anyhow::Result<()> {
    let [path] = paths else {
        bail!("--jsonl takes one file or standard input");
    };
    if path == Path::new("-") {
        report.progress.begin(0);
        return lines(stdin, report);
    }
    let place = || path.display().to_string();
    let mut file = File::open(path).with_context(place)?;
    report
        .progress
        .begin(file.metadata().map_or(0, |data| data.len()));
    lines(&mut file, report).with_context(place)
}

fn lines(input: &mut dyn Read, report: &mut Report<'_>) -> anyhow::Result<()> {
    let mut input = BufReader::with_capacity(super::files::READ_BYTES, input);
    let mut line = Vec::new();
    for number in 1u64.. {
        let is_whole = match next_line(&mut input, &mut line)? {
            None => break,
            Some(is_whole) => is_whole,
        };
        report.progress.read(line.len() + 1);
        if is_whole && line.trim_ascii().is_empty() {
            continue;
        }
        report.totals.inputs += 1;
        let answer = match is_whole {
            true => answer(report, &line),
            false => Err(format!("longer than {LINE_BYTES_MAX} bytes")),
        };
        let answer = answer.unwrap_or_else(|error| {
            report.totals.errors += 1;
            json!({"line": number, "error": error})
        });
        writeln!(report.out, "{answer}").context("cannot write an answer")?;
        // One who sends a line and waits gets the answer.
        if input.buffer().is_empty() {
            report.out.flush().context("cannot write an answer")?;
        }
    }
    report.out.flush().context("cannot write an answer")
}

/// Reads a line without its end; false = it was too long, and only skipped.
fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut is_whole = true;
    let mut any = false;
    loop {
        let bytes = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            bytes => bytes?,
        };
        if bytes.is_empty() {
            return Ok(any.then_some(is_whole));
        }
        any = true;
        let end = memchr::memchr(b'\n', bytes);
        let part = &bytes[..end.unwrap_or(bytes.len())];
        is_whole &= line.len() + part.len() <= LINE_BYTES_MAX;
        if is_whole {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(Some(is_whole));
        }
    }
}

/// The answer to a message, or why there is none; never a byte of the message.
fn answer(report: &mut Report<'_>, line: &[u8]) -> Result<Value, String> {
    let message: Message = serde_json::from_slice(line).map_err(|error| {
        // serde_json's own text can quote a value.
        let what = match error.classify() {
            serde_json::error::Category::Data => "not a message",
            _ => "not JSON",
        };
        format!("{what}, column {}", error.column())
    })?;
    let raw = STANDARD
        .decode(&message.body_base64)
        .map_err(|_| "body_base64 is not base64".to_owned())?;
    let cuts = message.cuts.unwrap_or_default();
    let is_ascending = cuts.is_sorted() && cuts.last().is_none_or(|cut| *cut <= raw.len());
    if !is_ascending {
        return Err("cuts must be ascending offsets within the body".to_owned());
    }
    let content = Content {
        media_type: message.content_type.as_deref().unwrap_or_default(),
        encoding: message.content_encoding.as_deref().unwrap_or_default(),
    };
    let scanner = report.scanner;
    let body = scan_body(scanner, &content, &raw, &cuts, &Caps::default());
    report.totals.bytes += raw.len() as u64;
    // Not clean: what could not be read counts as well.
    let undecodable = matches!(body.verdict, Verdict::Undecodable(_));
    report.totals.findings += body.findings.len() as u64 + u64::from(undecodable);
    Ok(shown(scanner, message.id, &body))
}

fn shown(scanner: &Scanner, id: Value, body: &Body) -> Value {
    let findings: Vec<Value> = body.findings.iter().map(|l| located(scanner, l)).collect();
    let mut out = json!({
        "id": without_cards(scanner, id),
        "findings": findings,
        "verdict": match body.verdict {
            Verdict::Clean => "clean",
            Verdict::Masked => "masked",
            Verdict::Undecodable(_) => "undecodable",
        },
    });
    match body.verdict {
        // May hold a card that could not be seen.
        Verdict::Undecodable(why) => {
            out["body_base64"] = json!("");
            out["why"] = json!(why.name());
        }
        Verdict::Clean | Verdict::Masked => {
            out["body_base64"] = json!(STANDARD.encode(&body.bytes));
        }
    }
    out
}

fn located(scanner: &Scanner, located: &Located) -> Value {
    let f = &located.finding;
    json!({
        "kind": f.kind.name(),
        "brand": f.brand.name(),
        "masked": f.shown().as_str(),
        "confidence": f.confidence.name(),
        "path": super::report::hide(scanner, &located.path),
        "span": [f.start, f.end],
    })
}

/// An id is given back as it came, unless it is a card number itself.
fn without_cards(scanner: &Scanner, id: Value) -> Value {
    let mut text = id.to_string().into_bytes();
    let mut found = false;
    scanner.mask_in_place(Carrier::Json, &mut text, &mut |_| found = true);
    match found {
        true => serde_json::from_slice(&text).unwrap_or(Value::Null),
        false => id,
    }
}
