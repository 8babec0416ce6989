//! How an answer ended, seen while it streams by.
//!
//! A sniffer, not a checker: it reads keys of the outer two levels and counts
//! brackets; text in strings is passed over with memchr. State is about a
//! hundred bytes whatever the answer's size. For text that is not JSON the
//! outcome means nothing.

use crate::json::unescape;

/// How a call ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// No answer seen (a notification, a request, not JSON).
    #[default]
    Unknown,
    /// A `result`.
    Result,
    /// A `result` whose `isError` is true.
    ToolError,
    /// An `error` and its `code`; 0 if the code is missing or no integer.
    Error(i64),
}

/// Watches one JSON text: a body, or the data of one SSE event.
#[derive(Clone, Debug)]
pub struct OutcomeScanner {
    mode: Mode,
    depth: u32,
    /// 1 within a batch, 0 otherwise.
    base: u32,
    /// What the message's current member is.
    section: Section,
    /// Whether the member's value is the object that is open.
    section_open: bool,
    /// At a watched level: the next string is a key.
    at_key: bool,
    /// At a watched level: a colon has come, its value has not.
    awaits_value: bool,
    key: [u8; KEY_BYTES_MAX],
    key_len: usize,
    code: Option<Code>,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Start,
    Structure,
    /// In a string; whether it is a key to be kept.
    String(bool),
    /// After a backslash in such a string.
    Escape(bool),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Section {
    Other,
    Result,
    Error,
}

/// A number being read.
#[derive(Clone, Copy, Debug)]
struct Code {
    negative: bool,
    /// `None` once it is not an integer that fits.
    value: Option<i64>,
}

/// `isError` with every letter escaped is 42 bytes; longer keys are others.
const KEY_BYTES_MAX: usize = 42;

impl Default for OutcomeScanner {
    fn default() -> OutcomeScanner {
        OutcomeScanner::new()
    }
}

impl OutcomeScanner {
    /// A scanner at the start of a text.
    pub fn new() -> OutcomeScanner {
        OutcomeScanner {
            mode: Mode::Start,
            depth: 0,
            base: 0,
            section: Section::Other,
            section_open: false,
            at_key: false,
            awaits_value: false,
            key: [0; KEY_BYTES_MAX],
            key_len: 0,
            code: None,
            outcome: Outcome::Unknown,
        }
    }

    /// What has been seen so far; of a batch the most severe.
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// Take the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut at = 0_usize;
        while let Some(&byte) = bytes.get(at) {
            match self.mode {
                Mode::String(is_key) => {
                    let rest = bytes.get(at..).unwrap_or_default();
                    let len = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                    if is_key {
                        self.keep(rest.get(..len).unwrap_or_default());
                    }
                    match rest.get(len) {
                        Some(b'"') => self.mode = Mode::Structure,
                        Some(_) => {
                            self.mode = Mode::Escape(is_key);
                            if is_key {
                                self.keep(b"\\");
                            }
                        }
                        None => {}
                    }
                    at = at.saturating_add(len);
                }
                Mode::Escape(is_key) => {
                    if is_key {
                        self.keep(&[byte]);
                    }
                    self.mode = Mode::String(is_key);
                }
                Mode::Start => self.start(byte),
                Mode::Structure if self.level() >= 2 && !self.is_watched() => {
                    at = self.skim(bytes, at);
                    continue;
                }
                Mode::Structure => self.structure(byte),
            }
            at = at.saturating_add(1);
        }
    }

    /// Pass over what lies too deep to matter, up to the bracket that closes it
    /// or the end of the push; returns where it stopped.
    fn skim(&mut self, bytes: &[u8], from: usize) -> usize {
        let mut at = from;
        let mut inner = 0_u32;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'"' => match string_end(bytes, at.saturating_add(1)) {
                    Ok(end) => at = end,
                    Err(mode) => {
                        self.depth = self.depth.saturating_add(inner);
                        self.mode = mode;
                        return bytes.len();
                    }
                },
                b'{' | b'[' => inner = inner.saturating_add(1),
                b'}' | b']' if inner == 0 => {
                    self.structure(byte);
                    return at.saturating_add(1);
                }
                b'}' | b']' => inner = inner.saturating_sub(1),
                _ => {}
            }
            at = at.saturating_add(1);
        }
        self.depth = self.depth.saturating_add(inner);
        bytes.len()
    }

    fn start(&mut self, byte: u8) {
        if byte.is_ascii_whitespace() {
            return;
        }
        self.mode = Mode::Structure;
        self.base = u32::from(byte == b'[');
        self.structure(byte);
    }

    fn structure(&mut self, byte: u8) {
        let watched = self.is_watched();
        if watched && self.code.is_some() {
            self.code_byte(byte);
        }
        if watched && self.awaits_value && !byte.is_ascii_whitespace() {
            self.awaits_value = false;
            self.value(byte);
        }
        match byte {
            b'"' => {
                let is_key = watched && self.at_key;
                if is_key {
                    self.key_len = 0;
                }
                self.mode = Mode::String(is_key);
            }
            b'{' | b'[' => self.open(byte == b'{'),
            b'}' | b']' => self.close(),
            b':' if watched && self.at_key => {
                self.at_key = false;
                self.awaits_value = true;
            }
            b',' if watched => self.at_key = true,
            _ => {}
        }
    }

    /// Level 1 is the message's object, level 2 its result or error object.
    fn level(&self) -> u32 {
        self.depth.saturating_sub(self.base)
    }

    fn is_watched(&self) -> bool {
        match self.level() {
            1 => true,
            2 => self.section_open,
            _ => false,
        }
    }

    fn open(&mut self, is_object: bool) {
        self.depth = self.depth.saturating_add(1);
        match self.level() {
            1 => self.at_key = is_object,
            2 => {
                self.section_open = is_object && self.section != Section::Other;
                self.at_key = self.section_open;
            }
            _ => {}
        }
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.at_key = false;
        self.awaits_value = false;
        if self.level() <= 1 {
            self.section_open = false;
            self.section = Section::Other;
        }
    }

    /// The first byte of a member's value.
    fn value(&mut self, byte: u8) {
        let key = self.key.get(..self.key_len).unwrap_or_default();
        let key = unescape(key);
        if self.level() == 1 {
            self.section = match key.as_ref() {
                b"result" => Section::Result,
                b"error" if byte == b'{' => Section::Error,
                _ => Section::Other,
            };
            match self.section {
                Section::Result => self.found(Outcome::Result),
                Section::Error => self.found(Outcome::Error(0)),
                Section::Other => {}
            }
            return;
        }
        match (self.section, key.as_ref(), byte) {
            (Section::Result, b"isError", b't') => self.found(Outcome::ToolError),
            (Section::Error, b"code", b'-' | b'0'..=b'9') => {
                self.code = Some(Code {
                    negative: byte == b'-',
                    value: Some(0),
                });
                if byte != b'-' {
                    self.code_byte(byte);
                }
            }
            _ => {}
        }
    }

    fn code_byte(&mut self, byte: u8) {
        let Some(code) = &mut self.code else { return };
        match byte {
            b'0'..=b'9' => {
                let digit = i64::from(byte - b'0');
                let digit = if code.negative { -digit } else { digit };
                code.value = code
                    .value
                    .and_then(|v| v.checked_mul(10))
                    .and_then(|v| v.checked_add(digit));
            }
            b'.' | b'e' | b'E' | b'+' | b'-' => code.value = None,
            _ => {
                let value = code.value.unwrap_or(0);
                self.code = None;
                self.found(Outcome::Error(value));
            }
        }
    }

    /// Keep the most severe; of two error codes the one that is known.
    fn found(&mut self, outcome: Outcome) {
        self.outcome = match (self.outcome, outcome) {
            (Outcome::Error(0), Outcome::Error(code)) => Outcome::Error(code),
            (Outcome::Error(code), _) => Outcome::Error(code),
            (old, new) => old.max(new),
        };
    }

    /// Keep bytes of a key; one that is too long can be none of ours.
    fn keep(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match self.key.get_mut(self.key_len) {
                Some(place) => *place = *byte,
                None => {
                    self.key_len = usize::MAX;
                    return;
                }
            }
            self.key_len = self.key_len.saturating_add(1);
        }
    }
}

/// Offset of the quote that ends a string whose text starts at `at`, or the
/// mode in which the push leaves it. Most strings in dense JSON are short, so
/// the first bytes are looked at without a call to memchr.
fn string_end(bytes: &[u8], mut at: usize) -> Result<usize, Mode> {
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let special = |b: &u8| matches!(b, b'"' | b'\\');
        let len = match rest.iter().take(16).position(special) {
            Some(len) => len,
            None => memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len()),
        };
        at = at.saturating_add(len);
        match (bytes.get(at), bytes.get(at.saturating_add(1))) {
            (Some(b'"'), _) => return Ok(at),
            (Some(_), Some(_)) => at = at.saturating_add(2),
            (Some(_), None) => return Err(Mode::Escape(false)),
            (None, _) => return Err(Mode::String(false)),
        }
    }
}
