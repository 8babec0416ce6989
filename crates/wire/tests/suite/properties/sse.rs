//! SSE: cuts change nothing, and a line-by-line reading finds the same data.

use wire::WireError;
use wire::sse::{EventScanner, SseMark};

/// The first byte says where to cut, the rest is the stream.
pub(crate) fn hold(data: &[u8]) {
    let Some((cut, input)) = data.split_first() else {
        return;
    };
    let step = usize::from(*cut % 16) + 1;
    for bound in [24, 1 << 20] {
        let whole = scan(input, input.len().max(1), bound);
        assert_eq!(
            whole,
            scan(input, step, bound),
            "pushes of {step}, bound {bound}"
        );
    }
    let whole = scan(input, input.len().max(1), usize::MAX);
    assert_eq!(whole.events, by_lines(input));
}

/// What a scanner reported, with offsets into the whole input.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// Data bytes of each complete event, and where it ends.
    pub(crate) events: Vec<(Vec<u8>, usize)>,
    /// Data bytes of the event that is not complete.
    pub(crate) open: Vec<u8>,
    pub(crate) error: Option<WireError>,
}

/// Scan in pushes of `step` bytes.
pub(crate) fn scan(input: &[u8], step: usize, bound: usize) -> Scanned {
    let mut scanner = EventScanner::new(bound);
    let mut scanned = Scanned::default();
    let mut base = 0;
    for chunk in input.chunks(step) {
        let pushed = scanner.push(chunk, &mut |mark| match mark {
            SseMark::Data(range) => {
                assert!(!range.is_empty());
                scanned.open.extend_from_slice(&chunk[range]);
            }
            SseMark::EventEnd(at) => {
                let mut end = base + at;
                // A CRLF that was cut ends at its CR; the LF follows.
                if input[end - 1] == b'\r' && input.get(end) == Some(&b'\n') {
                    assert_eq!(at, chunk.len());
                    end += 1;
                }
                scanned
                    .events
                    .push((std::mem::take(&mut scanned.open), end));
            }
        });
        if let Err(error) = pushed {
            scanned.error = Some(error);
            return scanned;
        }
        base += chunk.len();
    }
    scanned
}

/// The plain reading of the format: lines first, then fields.
fn by_lines(input: &[u8]) -> Vec<(Vec<u8>, usize)> {
    let mut events = Vec::new();
    let mut data = Vec::new();
    let mut at = if input.starts_with("\u{feff}".as_bytes()) {
        3
    } else {
        0
    };
    while let Some(len) = input[at..].iter().position(|b| matches!(b, b'\r' | b'\n')) {
        let line = &input[at..at + len];
        at += len + 1;
        if input[at - 1] == b'\r' && input.get(at) == Some(&b'\n') {
            at += 1;
        }
        if line.is_empty() {
            events.push((std::mem::take(&mut data), at));
        } else if let Some(value) = line.strip_prefix(b"data:") {
            data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        }
    }
    events
}
