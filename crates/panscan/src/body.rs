//! One whole body: decoded, scanned, masked, and encoded again as it came.
//!
//! The streaming path is [`crate::Stream`]; this is the same scanner for those who
//! have the body at hand (batch scans, requests that are held as a whole).
//!
//! Invariants
//! - A body without a masked finding comes back byte-identical, compressed or not.
//! - A masked body keeps its content encoding, and its text keeps its length.
//! - What could not be read to the end is [`Verdict::Undecodable`], never clean.

use std::borrow::Cow;

use crate::codec::{self, Decoder, Encoding};
use crate::finding::Finding;
use crate::media::Media;
use crate::multipart;
use crate::undecodable::Undecodable;
use crate::{Carrier, Scanner, Split, Stream, Tails, json_path};

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
    /// Nothing was masked; there may be findings that the mode leaves as they are.
    Clean,
    /// Something was masked.
    Masked,
    /// It could not be read to the end, or has a card number where none can be masked.
    Undecodable(Undecodable),
}

/// A finding and where in the value it stands.
#[derive(Clone, Debug)]
pub struct Located {
    /// Offsets are in the body after its content encodings are taken off. Of a number
    /// that is split over server-sent events they are those of its first and last digit.
    pub finding: Finding,
    /// Path of the value in JSON; empty where there is none, and behind the first
    /// [`PATHS_MAX`] findings.
    pub path: String,
}

/// Findings whose path is told: each costs a walk through the text before it.
pub const PATHS_MAX: usize = 256;

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
    let (encodings, text, cuts) = match decoded(content, raw, cuts, caps) {
        Ok(decoded) => decoded,
        Err(why) => {
            return Body {
                verdict: Verdict::Undecodable(why),
                bytes: raw.to_vec(),
                findings: Vec::new(),
            };
        }
    };
    let scanner = scanner.clone().with_caps(*caps);
    let mut scanned = Scanned::default();
    let media = Media::parse(content.media_type);
    scan(&scanner, &media, &text, 0, &cuts, 0, &mut scanned);
    let Scanned { found, why, splits } = scanned;
    let masked = !splits.is_empty() || found.iter().any(|f| f.masked);
    let why = why.or_else(|| {
        let stuck = found.iter().any(|f| !f.maskable());
        stuck.then_some(Undecodable::Unmaskable)
    });
    let (verdict, bytes) = match why {
        Some(why) => (Verdict::Undecodable(why), raw.to_vec()),
        None if masked => {
            let text = painted(&text, &found, &splits);
            let coded = encodings
                .iter()
                .fold(text, |text, encoding| codec::encode(*encoding, &text));
            (Verdict::Masked, coded)
        }
        None => (Verdict::Clean, raw.to_vec()),
    };
    let mut found = found;
    found.extend(splits.into_iter().map(|s| s.finding));
    found.sort_by_key(|f| f.start);
    let json = media.carrier() == Carrier::Json;
    let located = |(i, finding): (usize, Finding)| Located {
        path: if json && i < PATHS_MAX {
            path(&text, &finding)
        } else {
            String::new()
        },
        finding,
    };
    Body {
        verdict,
        bytes,
        findings: found.into_iter().enumerate().map(located).collect(),
    }
}

/// The text, the encodings in the order they were put on, and the cuts in the text.
type Decoded<'a> = (Vec<Encoding>, Cow<'a, [u8]>, Vec<usize>);

fn decoded<'a>(
    content: &Content<'_>,
    raw: &'a [u8],
    cuts: &[usize],
    caps: &Caps,
) -> Result<Decoded<'a>, Undecodable> {
    let mut encodings = codec::encodings(content.encoding, caps)?;
    let (mut text, mut cuts) = (Cow::Borrowed(raw), cuts.to_vec());
    for encoding in encodings.iter_mut().rev() {
        let mut decoder = Decoder::new(*encoding, caps);
        let mut out = Vec::new();
        let mut moved = Vec::with_capacity(cuts.len());
        for piece in pieces(&text, 0, &cuts) {
            decoder.push(piece, &mut out)?;
            moved.push(out.len());
        }
        decoder.finish()?;
        *encoding = decoder.encoding();
        (text, cuts) = (Cow::Owned(out), moved);
    }
    Ok((encodings, text, cuts))
}

/// `text`, which begins at offset `base`, cut at `cuts`; those that are out of order
/// or range are left out.
fn pieces<'a>(text: &'a [u8], base: usize, cuts: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut from = 0;
    cuts.iter()
        .map(move |at| at.wrapping_sub(base))
        .chain([text.len()])
        .filter_map(move |at| {
            let piece = text.get(from..at)?;
            from = at;
            Some(piece)
        })
}

/// What was found, with offsets in the whole text.
#[derive(Default)]
struct Scanned {
    found: Vec<Finding>,
    why: Option<Undecodable>,
    /// Numbers split over events.
    splits: Vec<Split>,
}

/// Multipart bodies in multipart bodies.
const NESTED_MAX: u8 = 3;

/// Scans `text`, which begins at offset `base` of the whole.
fn scan(
    scanner: &Scanner,
    media: &Media,
    text: &[u8],
    base: usize,
    cuts: &[usize],
    depth: u8,
    scanned: &mut Scanned,
) {
    if media.is_multipart() {
        if depth == NESTED_MAX {
            scanned.why = scanned.why.or(Some(Undecodable::TooDeep));
            return;
        }
        for part in multipart::parts(text, media) {
            let at = base + part.range.start;
            let media = Media::parse(&part.media_type);
            scan(
                scanner,
                &media,
                &text[part.range],
                at,
                cuts,
                depth + 1,
                scanned,
            );
        }
        return;
    }
    let charset = match media.charset() {
        Ok(charset) => charset,
        Err(why) => {
            scanned.why = scanned.why.or(Some(why));
            return;
        }
    };
    if charset.is_none() && media.is_events() {
        return events(scanner, text, base, cuts, scanned);
    }
    let mut st = match charset {
        Some(charset) => Stream::recoded(media.carrier(), charset),
        None => Stream::new(media.carrier()),
    };
    let from = scanned.found.len();
    let form = media.is_form().then(|| spaces(text));
    let seen = form.as_deref().unwrap_or(text);
    for piece in pieces(seen, base, cuts) {
        scanner.scan(&mut st, piece, &mut |f| scanned.found.push(f));
    }
    scanner.finish(&mut st, &mut |f| scanned.found.push(f));
    scanned.why = scanned.why.or(st.undecodable());
    for finding in scanned.found.iter_mut().skip(from) {
        if form.is_some() {
            let span = text.get(finding.start as usize..finding.end as usize);
            finding.keep_bytes(span.unwrap_or(&[]), b'+');
        }
        finding.start += base as u64;
        finding.end += base as u64;
    }
}

/// Server-sent events: each by itself, and string fields that go on over several.
fn events(scanner: &Scanner, text: &[u8], base: usize, cuts: &[usize], scanned: &mut Scanned) {
    let (mut st, mut tails) = (Stream::events(), Tails::new());
    let mut from = 0;
    while from < text.len() {
        let event = &text[from..from + event_len(&text[from..])];
        let at = base + from;
        let first = scanned.found.len();
        for piece in pieces(event, at, cuts) {
            scanner.scan(&mut st, piece, &mut |f| scanned.found.push(f));
        }
        scanner.finish(&mut st, &mut |f| scanned.found.push(f));
        let mut seen = event.to_vec();
        for finding in scanned.found.iter_mut().skip(first) {
            paint(&mut seen, finding, from);
            finding.start += base as u64;
            finding.end += base as u64;
        }
        // Nothing has left: a body is one text.
        let mut join = |split| scanned.splits.push(split);
        tails.event(scanner, &seen, at as u64, 0, &mut join);
        from += event.len();
    }
    scanned.why = scanned.why.or(st.undecodable());
}

/// Bytes up to and with the first blank line.
fn event_len(text: &[u8]) -> usize {
    let (mut pos, mut blank) = (0, true);
    while let Some(byte) = text.get(pos) {
        pos += 1;
        match byte {
            b'\r' if text.get(pos) == Some(&b'\n') => {}
            b'\r' | b'\n' if blank => return pos,
            b'\r' | b'\n' => blank = true,
            _ => blank = false,
        }
    }
    pos
}

/// Where in JSON the finding stands; of a stream of events or lines, in its own line.
fn path(text: &[u8], finding: &Finding) -> String {
    let at = usize::try_from(finding.start).unwrap_or(text.len());
    let line = text.get(..at).unwrap_or(text);
    let begin = line.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let own = || {
        let line = text.get(begin..)?;
        let skip = if line.starts_with(b"data:") { 5 } else { 0 };
        json_path(line.get(skip..)?, at.checked_sub(begin + skip)?)
    };
    json_path(text, at).or_else(own).unwrap_or_default()
}

/// In a form a plus is a space (WHATWG URL 5.1).
fn spaces(text: &[u8]) -> Vec<u8> {
    let space = |b: &u8| if *b == b'+' { b' ' } else { *b };
    text.iter().map(space).collect()
}

fn painted(text: &[u8], found: &[Finding], splits: &[Split]) -> Vec<u8> {
    let mut out = text.to_vec();
    for finding in found {
        paint(&mut out, finding, 0);
    }
    for (at, byte) in splits.iter().flat_map(|s| &s.bytes) {
        if let Some(slot) = out.get_mut(*at as usize) {
            *slot = *byte;
        }
    }
    out
}

/// Writes the mask of a finding into `text`, which begins at offset `from`.
fn paint(text: &mut [u8], finding: &Finding, from: usize) {
    let place = |at: u64| (at as usize).checked_sub(from);
    if finding.masked
        && let (Some(start), Some(end)) = (place(finding.start), place(finding.end))
        && let Some(span) = text.get_mut(start..end)
    {
        span.copy_from_slice(finding.replacement());
    }
}
