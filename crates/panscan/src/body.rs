//! One whole body: decoded, scanned, masked, and encoded again as it came.
//!
//! The streaming path is [`crate::Stream`]; this is the same scanner for those who
//! have the body at hand (batch scans, requests that are held as a whole).
//!
//! Invariants
//! - A body without a masked finding comes back byte-identical, compressed or not.
//! - A masked body keeps its content encoding, and its text keeps its length.
//! - What could not be read to the end is [`Verdict::Undecodable`], never clean.

use crate::decode::{self, Decoder, Encoding};
use crate::finding::Finding;
use crate::undecodable::Undecodable;
use crate::{Carrier, Scanner, Stream};

pub use crate::caps::Caps;

/// What the headers say of a body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Content<'a> {
    /// `Content-Type`, with its parameters; empty: none was given.
    pub media_type: &'a str,
    /// `Content-Encoding`, as it came (`gzip, br`); empty: none.
    pub encoding: &'a str,
}

/// What became of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was masked. There may be findings that the mode leaves as they are,
    /// or that cannot be masked in place.
    Clean,
    /// Something was masked.
    Masked,
    /// It could not be read to the end.
    Undecodable(Undecodable),
}

/// A finding and where in the value it stands.
#[derive(Clone, Debug)]
pub struct Located {
    /// Offsets are in the body after its content encodings are taken off.
    pub finding: Finding,
    /// Path of the value in JSON; empty where there is none.
    pub path: String,
}

/// Answer of [`scan_body`].
#[derive(Clone, Debug)]
pub struct Body {
    /// What became of it.
    pub verdict: Verdict,
    /// What to send on: the input, byte-identical, or the masked body in the same
    /// content encoding. With [`Verdict::Undecodable`] this is the input: do not send it.
    pub bytes: Vec<u8>,
    /// In order of their place.
    pub findings: Vec<Located>,
}

/// Scans a whole body. `cuts` (ascending offsets into `raw`) is where to split it when
/// feeding: for tests and replays, it never changes the answer.
pub fn scan_body(
    scanner: &Scanner,
    content: &Content<'_>,
    raw: &[u8],
    cuts: &[usize],
    caps: &Caps,
) -> Body {
    match decoded(content, raw, cuts, caps) {
        Ok((encodings, text, cuts)) => {
            let (masked, findings) = scan(scanner, content, &text, &cuts);
            let bytes = match &masked {
                None => raw.to_vec(),
                Some(text) => encodings.iter().fold(text.clone(), |text, encoding| {
                    decode::encode(*encoding, &text)
                }),
            };
            let verdict = match masked {
                None => Verdict::Clean,
                Some(_) => Verdict::Masked,
            };
            Body {
                verdict,
                bytes,
                findings,
            }
        }
        Err(why) => Body {
            verdict: Verdict::Undecodable(why),
            bytes: raw.to_vec(),
            findings: Vec::new(),
        },
    }
}

/// The text, the encodings in the order they were put on, and the cuts in the text.
type Decoded = (Vec<Encoding>, Vec<u8>, Vec<usize>);

fn decoded(
    content: &Content<'_>,
    raw: &[u8],
    cuts: &[usize],
    caps: &Caps,
) -> Result<Decoded, Undecodable> {
    let mut encodings = decode::encodings(content.encoding, caps)?;
    let (mut text, mut cuts) = (raw.to_vec(), cuts.to_vec());
    for encoding in encodings.iter_mut().rev() {
        let mut decoder = Decoder::new(*encoding, caps);
        let mut out = Vec::new();
        let mut moved = Vec::with_capacity(cuts.len());
        for piece in pieces(&text, &cuts) {
            decoder.push(piece, &mut out)?;
            moved.push(out.len());
        }
        decoder.finish()?;
        *encoding = decoder.encoding();
        (text, cuts) = (out, moved);
    }
    Ok((encodings, text, cuts))
}

/// `text` cut at `cuts`; cuts that are out of order or range are left out.
fn pieces<'a>(text: &'a [u8], cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut from = 0;
    cuts.iter()
        .copied()
        .chain([text.len()])
        .filter_map(move |at| {
            let piece = text.get(from..at)?;
            from = at;
            Some(piece)
        })
}

fn scan(
    scanner: &Scanner,
    content: &Content<'_>,
    text: &[u8],
    cuts: &[usize],
) -> (Option<Vec<u8>>, Vec<Located>) {
    let mut st = Stream::new(carrier(content.media_type));
    let mut found = Vec::new();
    for piece in pieces(text, cuts) {
        scanner.scan(&mut st, piece, &mut |f| found.push(f));
    }
    scanner.finish(&mut st, &mut |f| found.push(f));
    let mut masked = None;
    for finding in found.iter().filter(|f| f.masked) {
        let out = masked.get_or_insert_with(|| text.to_vec());
        if let Some(span) = out.get_mut(finding.start as usize..finding.end as usize) {
            span.copy_from_slice(finding.replacement());
        }
    }
    let located = |finding: Finding| Located {
        finding,
        path: String::new(),
    };
    (masked, found.into_iter().map(located).collect())
}

/// How the text of a media type is read. Without one, as text.
fn carrier(media_type: &str) -> Carrier {
    let essence = media_type.split(';').next().unwrap_or("").trim();
    let essence = essence.to_ascii_lowercase();
    let json = matches!(
        essence.as_str(),
        "application/json" | "text/event-stream" | "application/x-ndjson" | "application/jsonl"
    ) || essence.ends_with("+json");
    if json { Carrier::Json } else { Carrier::Text }
}
