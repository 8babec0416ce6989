//! Where in a JSON message an offset lies: `$.result.content[0].text`.
//!
//! Place in the data path: record. The walk is begun by the first finding of a
//! message and goes on from there, so that a message is walked once at most,
//! however many findings it has; a message without one is not walked at all.
//!
//! Bounds: [`DEPTH_MAX`] levels, [`KEY_BYTES_MAX`] a key, [`PATH_BYTES_MAX`] a
//! path; beyond, there is no path. Text that is not JSON has none either: the walk
//! checks only as much as it needs, and doubt gives `None`.

use std::collections::VecDeque;

use bytes::Bytes;

/// Deepest nesting with a path.
const DEPTH_MAX: usize = 64;
/// Longest key in a path.
const KEY_BYTES_MAX: usize = 128;
/// Longest path.
const PATH_BYTES_MAX: usize = 512;
/// Pieces kept as they are, each of which pins the whole read that it is part of;
/// of further ones short ones are copied.
const PIECES_PINNED_MAX: usize = 16;
/// What is short.
const SHORT_BYTES: usize = 4096;

/// How the JSON stands in the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carriage {
    /// The bytes are the JSON text.
    Plain,
    /// Behind `data:` of a server-sent event.
    Event,
}

#[derive(Debug)]
enum Frame {
    /// The key is that of the value in work.
    Object {
        key: Vec<u8>,
        key_is_next: bool,
    },
    Array {
        index: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Outside,
    Key,
    Value,
}

/// Field of a server-sent event that the walk is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    /// Bytes of the name so far that are those of `data:`.
    Name(usize),
    Other,
    Data,
}

/// A walk through one message, forward only.
#[derive(Debug)]
pub(crate) struct Walk {
    at: u64,
    frames: Vec<Frame>,
    text: Text,
    escaped: bool,
    field: Field,
    carriage: Carriage,
    /// Something that is no JSON, or over a bound: no path from here on.
    lost: bool,
}

impl Walk {
    pub(crate) fn new(carriage: Carriage) -> Walk {
        Walk {
            at: 0,
            frames: Vec::new(),
            text: Text::Outside,
            escaped: false,
            field: match carriage {
                Carriage::Plain => Field::Data,
                Carriage::Event => Field::Name(0),
            },
            carriage,
            lost: false,
        }
    }

    /// Goes on over the bytes that follow.
    fn take(&mut self, bytes: &[u8]) {
        self.at += bytes.len() as u64;
        for byte in bytes {
            if self.lost {
                return;
            }
            self.step(*byte);
        }
    }

    /// Goes on to `offset` of a message that is there whole, and says where it is.
    pub(crate) fn path_in(&mut self, message: &[u8], offset: u64) -> Option<String> {
        let (from, to) = (usize::try_from(self.at), usize::try_from(offset));
        let bytes = message.get(from.ok()?..to.ok()?)?;
        self.take(bytes);
        self.path()
    }

    fn step(&mut self, byte: u8) {
        if self.carriage == Carriage::Event {
            match (self.field, byte) {
                (_, b'\n' | b'\r') => {
                    self.field = Field::Name(0);
                    return;
                }
                (Field::Name(n), _) => {
                    self.field = match b"data:".get(n) {
                        Some(wanted) if *wanted == byte && n == 4 => Field::Data,
                        Some(wanted) if *wanted == byte => Field::Name(n + 1),
                        _ => Field::Other,
                    };
                    return;
                }
                (Field::Other, _) => return,
                (Field::Data, _) => {}
            }
        }
        match (self.text, byte) {
            (Text::Outside, _) => self.outside(byte),
            (_, _) if self.escaped => {
                self.escaped = false;
                self.key_byte(byte);
            }
            (_, b'\\') => {
                self.escaped = true;
                self.key_byte(byte);
            }
            (_, b'"') => self.text = Text::Outside,
            _ => self.key_byte(byte),
        }
    }

    fn key_byte(&mut self, byte: u8) {
        if self.text != Text::Key {
            return;
        }
        match self.frames.last_mut() {
            Some(Frame::Object { key, .. }) if key.len() < KEY_BYTES_MAX => key.push(byte),
            _ => self.lost = true,
        }
    }

    fn outside(&mut self, byte: u8) {
        let is_full = self.frames.len() >= DEPTH_MAX;
        match (byte, self.frames.last_mut()) {
            (b'{' | b'[', _) if is_full => self.lost = true,
            (b'{', _) => self.frames.push(Frame::Object {
                key: Vec::new(),
                key_is_next: true,
            }),
            (b'[', _) => self.frames.push(Frame::Array { index: 0 }),
            (b'}', Some(Frame::Object { .. })) | (b']', Some(Frame::Array { .. })) => {
                self.frames.pop();
            }
            (b',', Some(Frame::Array { index })) => *index += 1,
            (b',', Some(Frame::Object { key_is_next, .. })) => *key_is_next = true,
            (b'"', Some(Frame::Object { key, key_is_next })) if *key_is_next => {
                key.clear();
                *key_is_next = false;
                self.text = Text::Key;
            }
            (b'"', Some(_)) => self.text = Text::Value,
            (b' ' | b'\t' | b'\n' | b'\r', _) => {}
            // Of numbers and words nothing needs to be known, but that there are some.
            (b'}' | b']' | b',' | b'"', _) | (_, None) => self.lost = true,
            _ => {}
        }
    }

    /// The place of the byte that comes next; of a key, that of its object.
    fn path(&self) -> Option<String> {
        if self.lost || self.frames.is_empty() {
            return None;
        }
        let mut path = String::from("$");
        let last = self.frames.len() - 1;
        for (n, frame) in self.frames.iter().enumerate() {
            match frame {
                Frame::Array { index } => path += &format!("[{index}]"),
                Frame::Object { .. } if n == last && self.text == Text::Key => {}
                Frame::Object { key, .. } => key_into(&mut path, key),
            }
        }
        (path.len() <= PATH_BYTES_MAX).then_some(path)
    }
}

/// `.name`, or `["any text"]` as the message spells it.
fn key_into(path: &mut String, key: &[u8]) {
    let is_name = key.first().is_some_and(|b| !b.is_ascii_digit())
        && key
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let key = String::from_utf8_lossy(key);
    match is_name {
        true => *path += &format!(".{key}"),
        false => *path += &format!("[\"{key}\"]"),
    }
}

/// The path with every index as `[*]`: one name for all rows of a table.
pub fn fold_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(open) = rest.find('[') {
        let (before, from) = rest.split_at(open);
        out += before;
        let end = if from.starts_with("[\"") {
            quoted_end(from)
        } else {
            from.find(']').map(|at| at + 1)
        };
        let (part, after) = from.split_at(end.unwrap_or(from.len()));
        let digits = part.trim_start_matches('[').trim_end_matches(']');
        match !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            true => out += "[*]",
            false => out += part,
        }
        rest = after;
    }
    out + rest
}

/// Behind `["…"]` at the start of `text`.
fn quoted_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(2) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return text[at..].find(']').map(|more| at + more + 1),
            _ => {}
        }
    }
    None
}

/// The beginning of a message on its way through, kept for its paths.
///
/// Bounds: `bytes_max` of a message; what stands behind has no path. Pieces that
/// the walk has passed are let go.
#[derive(Debug)]
pub(crate) struct Kept {
    walk: Walk,
    pieces: VecDeque<Bytes>,
    /// Offset in the stream at which the message begins.
    base: u64,
    /// Offset in the message of the first and behind the last piece.
    from: u64,
    to: u64,
    bytes_max: usize,
}

impl Kept {
    pub(crate) fn new(carriage: Carriage, base: u64, bytes_max: usize) -> Kept {
        Kept {
            walk: Walk::new(carriage),
            pieces: VecDeque::new(),
            base,
            from: 0,
            to: 0,
            bytes_max,
        }
    }

    /// The next message begins at `base` of the stream.
    pub(crate) fn begin(&mut self, base: u64) {
        *self = Kept::new(self.walk.carriage, base, self.bytes_max);
    }

    /// Keeps what follows, while there is room.
    pub(crate) fn push(&mut self, bytes: &Bytes) {
        let room = (self.bytes_max as u64).saturating_sub(self.to);
        let take = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        if take == 0 {
            return;
        }
        let copies = take < SHORT_BYTES && self.pieces.len() >= PIECES_PINNED_MAX;
        self.pieces.push_back(match copies {
            true => Bytes::copy_from_slice(&bytes[..take]),
            false => bytes.slice(..take),
        });
        self.to += take as u64;
    }

    /// Path of what stands at `offset` of the stream; offsets must not go back.
    pub(crate) fn path_at(&mut self, offset: u64) -> Option<String> {
        let target = offset.checked_sub(self.base)?;
        if target < self.walk.at || target >= self.to {
            return None;
        }
        while self.walk.at < target {
            let piece = self.pieces.front()?;
            let skip = (self.walk.at - self.from) as usize;
            let want = ((target - self.from) as usize).min(piece.len());
            self.walk.take(piece.get(skip..want)?);
            if want == piece.len() {
                self.from += piece.len() as u64;
                self.pieces.pop_front();
            }
        }
        self.walk.path()
    }

    /// The bytes at `span` of the stream, if they are kept. Ask before the path of
    /// anything behind them.
    pub(crate) fn bytes(&self, span: std::ops::Range<u64>) -> Option<Vec<u8>> {
        let start = span.start.checked_sub(self.base)?.checked_sub(self.from)? as usize;
        let len = (span.end - span.start) as usize;
        let mut out = Vec::with_capacity(len);
        let mut at = 0;
        for piece in &self.pieces {
            let from = (start + out.len()).saturating_sub(at).min(piece.len());
            let to = (start + len).saturating_sub(at).min(piece.len());
            out.extend_from_slice(piece.get(from..to)?);
            at += piece.len();
            if out.len() == len {
                return Some(out);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MESSAGE: &str = r#"{"id":1,"result":{"content":[{"type":"text","text":"a,\"]} @0"}],"rows":[{"id":@1},{"id":"@2","a key":[[],["@3"]]}],"@4":0,"":"@5"}}"#;
    const PATHS: [&str; 6] = [
        "$.result.content[0].text",
        "$.result.rows[0].id",
        "$.result.rows[1].id",
        "$.result.rows[1][\"a key\"][1][0]",
        "$.result",
        "$.result[\"\"]",
    ];

    fn offset(text: &str, mark: usize) -> u64 {
        text.find(&format!("@{mark}")).expect("a mark") as u64
    }

    #[test]
    fn places_in_a_message() {
        let mut walk = Walk::new(Carriage::Plain);
        for (mark, path) in PATHS.iter().enumerate() {
            let got = walk.path_in(MESSAGE.as_bytes(), offset(MESSAGE, mark));
            assert_eq!(got.as_deref(), Some(*path));
        }
        assert_eq!(walk.path_in(MESSAGE.as_bytes(), 3), None, "never back");
    }

    #[test]
    fn doubt_gives_none() {
        for text in ["plain @0", "] @0", "{\"a\":1]@0", "\"@0\"", "}{\"a\":@0"] {
            let mut walk = Walk::new(Carriage::Plain);
            assert_eq!(
                walk.path_in(text.as_bytes(), offset(text, 0)),
                None,
                "{text}"
            );
        }
        let deep = "[".repeat(DEPTH_MAX + 1) + "@0";
        let mut walk = Walk::new(Carriage::Plain);
        assert_eq!(walk.path_in(deep.as_bytes(), offset(&deep, 0)), None);
        let long = format!("{{\"{}\":@0", "k".repeat(KEY_BYTES_MAX + 1));
        let mut walk = Walk::new(Carriage::Plain);
        assert_eq!(walk.path_in(long.as_bytes(), offset(&long, 0)), None);
    }

    #[test]
    fn indexes_fold_and_keys_do_not() {
        for (path, folded) in [
            ("$.a[12].b[0][3]", "$.a[*].b[*][*]"),
            ("$[\"a[0]\"][1]", "$[\"a[0]\"][*]"),
            ("$[\"a\\\"][2]\"].x", "$[\"a\\\"][2]\"].x"),
            ("$.a[*]", "$.a[*]"),
            ("$.a[", "$.a["),
        ] {
            assert_eq!(fold_path(path), folded);
        }
    }

    #[test]
    fn beyond_the_bound_there_is_no_path() {
        let text = Bytes::from(MESSAGE);
        let mut kept = Kept::new(Carriage::Plain, 0, offset(MESSAGE, 2) as usize);
        kept.push(&text);
        assert_eq!(kept.path_at(offset(MESSAGE, 1)).as_deref(), Some(PATHS[1]));
        assert_eq!(kept.path_at(offset(MESSAGE, 2)), None);
    }

    proptest! {
        /// However the message comes in, its places are the same.
        #[test]
        fn cuts_do_not_matter(cuts in proptest::collection::vec(0..MESSAGE.len() + 40, 0..6), event: bool) {
            let (carriage, before) = match event {
                true => (Carriage::Event, "event: message\nid: 7\ndata: "),
                false => (Carriage::Plain, ""),
            };
            let text = format!("{before}{MESSAGE}\n\n");
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let base = 1000;
            let mut kept = Kept::new(carriage, base, 1 << 20);
            for pair in cuts.windows(2) {
                kept.push(&Bytes::copy_from_slice(&text.as_bytes()[pair[0]..pair[1]]));
            }
            for (mark, path) in PATHS.iter().enumerate() {
                let at = base + offset(&text, mark);
                prop_assert_eq!(kept.bytes(at..at + 2), Some(format!("@{mark}").into_bytes()));
                let got = kept.path_at(at);
                prop_assert_eq!(got.as_deref(), Some(*path));
            }
        }
    }
}
