//! Field masks: values of JSON that the operator names by key or path, whatever is in
//! them. Cardholder name, expiry and service code are cardholder data beside a PAN
//! (PCI DSS 3.3, table 2), and nothing in their form gives them away.
//!
//! Run it over the bytes before the [`crate::Scanner`]: the output has the same length,
//! strings become `*`, digits of numbers a 1 and zeros; `true`, `false` and `null` stay.
//! An array or object that a rule names is masked leaf by leaf. What is masked already
//! is not reported again. JSON inside strings is read too, [`NESTED_MAX`] levels in all.
//!
//! Bounds: [`DEPTH_MAX`] brackets per level; where there are more, or the text is not
//! JSON, [`FieldStream::lost`] says so and nothing more is masked. Held back is at most
//! one escape, [`crate::HOLD_BYTES_MAX`] bytes.

use crate::finding::{Confidence, Finding, Kind, Shown, Via};
use crate::{Brand, HOLD_BYTES_MAX};

/// Levels of JSON in JSON, the outermost among them.
const NESTED_MAX: usize = 3;
const DEPTH_MAX: usize = 64;

/// Names a value of JSON. Names are compared without case, `_`, `-` and space:
/// `cardholder_name` is `cardholderName`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldRule {
    name: String,
    which: Which,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Which {
    /// Any of these names, at any depth.
    Keys(Vec<u64>),
    /// The last steps of the path; from the top of the outermost level with `anchored`.
    Path { steps: Vec<Part>, anchored: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Name(u64),
    Index(u32),
    AnyIndex,
}

/// The text is no path that a rule can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldError;

impl std::fmt::Display for FieldError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a field path is names and indexes: $.a.b[0].c, or the last of them: b[*].c")
    }
}

impl std::error::Error for FieldError {}

impl FieldRule {
    /// Every value under this name, at any depth.
    pub fn key(name: &str) -> FieldRule {
        FieldRule::keys(name, &[name])
    }

    /// Values whose path ends in `path`: `card.holder`, `items[*].name`; with `$.` in
    /// front the whole path. An index is a number or `*`.
    pub fn path(path: &str) -> Result<FieldRule, FieldError> {
        let (anchored, mut rest) = match path.strip_prefix('$') {
            Some(rest) => (true, rest.strip_prefix('.').unwrap_or(rest)),
            None => (false, path),
        };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(tail) = rest.strip_prefix('[') {
                let (index, tail) = tail.split_once(']').ok_or(FieldError)?;
                steps.push(match index {
                    "*" => Part::AnyIndex,
                    number => Part::Index(number.parse().map_err(|_| FieldError)?),
                });
                rest = tail.strip_prefix('.').unwrap_or(tail);
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (name, tail) = rest.split_at(end);
                if name.is_empty() {
                    return Err(FieldError);
                }
                steps.push(Part::Name(hash(name)));
                rest = tail.strip_prefix('.').unwrap_or(tail);
            }
        }
        if steps.is_empty() || steps.len() > DEPTH_MAX {
            return Err(FieldError);
        }
        let which = Which::Path { steps, anchored };
        Ok(FieldRule {
            name: path.to_owned(),
            which,
        })
    }

    /// The cardholder's name under the names that payment interfaces use.
    pub fn cardholder_name() -> FieldRule {
        let names = [
            "cardholder",
            "cardholderName",
            "nameOnCard",
            "cardName",
            "holderName",
            "cardHolderFirstName",
            "cardHolderLastName",
            "ccName",
        ];
        FieldRule::keys("cardholder-name", &names)
    }

    /// The expiry of a card, as one value or as month and year.
    pub fn expiry() -> FieldRule {
        let names = [
            "expiry",
            "expiryDate",
            "expiryMonth",
            "expiryYear",
            "expDate",
            "expMonth",
            "expYear",
            "expiration",
            "expirationDate",
            "expirationMonth",
            "expirationYear",
            "cardExpiry",
            "validThru",
        ];
        FieldRule::keys("expiry", &names)
    }

    /// The service code of a magnetic stripe.
    pub fn service_code() -> FieldRule {
        FieldRule::keys("service-code", &["serviceCode"])
    }

    /// What it was made of, for records.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn keys(name: &str, names: &[&str]) -> FieldRule {
        FieldRule {
            name: name.to_owned(),
            which: Which::Keys(names.iter().map(|name| hash(name)).collect()),
        }
    }

    fn fits(&self, level: &Level, outermost: bool) -> bool {
        let frames = level.frames();
        match &self.which {
            Which::Keys(names) => frames
                .last()
                .is_some_and(|f| f.object && names.contains(&f.hash)),
            Which::Path { steps, anchored } => {
                let from = frames.len().checked_sub(steps.len());
                let whole = from == Some(0) && outermost;
                from.is_some_and(|from| {
                    (whole || !anchored) && frames[from..].iter().zip(steps).all(|(f, s)| f.is(*s))
                })
            }
        }
    }
}

/// FNV-1a over the letters and digits of a name.
const SEED: u64 = 0xCBF2_9CE4_8422_2325;

fn hash(name: &str) -> u64 {
    name.bytes().fold(SEED, hashed)
}

fn hashed(hash: u64, byte: u8) -> u64 {
    if matches!(byte, b'_' | b'-' | b' ') {
        return hash;
    }
    (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01B3)
}

/// The rules of a deployment.
#[derive(Clone, Debug, Default)]
pub struct Fields(Vec<FieldRule>);

/// State of one stream of JSON between chunks. Fixed size, no heap.
pub struct FieldStream {
    levels: [Level; NESTED_MAX],
    offset: u64,
    lost: bool,
}

/// An open array or object.
#[derive(Clone, Copy)]
struct Frame {
    object: bool,
    /// Everything in it is masked.
    masked: bool,
    index: u32,
    hash: u64,
}

impl Frame {
    fn is(&self, part: Part) -> bool {
        match part {
            Part::Name(hash) => self.object && self.hash == hash,
            Part::Index(index) => !self.object && self.index == index,
            Part::AnyIndex => !self.object,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// A value begins here.
    Value,
    /// A name or the end of an object.
    Name,
    Colon,
    /// A comma or a closing bracket.
    After,
    Text {
        name: bool,
        masked: bool,
    },
    Number {
        masked: bool,
        begun: bool,
    },
    Word,
    /// Not JSON.
    Dead,
}

/// An escape that has begun.
#[derive(Clone, Copy)]
struct Escape {
    start: u64,
    /// Hex digits read behind a `u`.
    hex: Option<u8>,
    code: u32,
}

struct Level {
    state: State,
    frames: [Frame; DEPTH_MAX],
    depth: usize,
    hash: u64,
    escape: Option<Escape>,
}

impl Level {
    const NEW: Level = Level {
        state: State::Value,
        frames: [Frame {
            object: false,
            masked: false,
            index: 0,
            hash: 0,
        }; DEPTH_MAX],
        depth: 0,
        hash: SEED,
        escape: None,
    };

    fn reset(&mut self) {
        self.state = State::Value;
        self.depth = 0;
        self.escape = None;
    }

    fn frames(&self) -> &[Frame] {
        &self.frames[..self.depth]
    }

    fn open(&mut self, object: bool, masked: bool) {
        match self.frames.get_mut(self.depth) {
            Some(frame) => {
                *frame = Frame {
                    object,
                    masked,
                    index: 0,
                    hash: 0,
                };
                self.depth += 1;
                self.state = if object { State::Name } else { State::Value };
            }
            None => self.state = State::Dead,
        }
    }

    fn close(&mut self, object: bool) {
        match self.frames().last() {
            Some(frame) if frame.object == object => {
                self.depth -= 1;
                self.state = State::After;
            }
            _ => self.state = State::Dead,
        }
    }
}

/// One character of a level, and the bytes that it stands for.
#[derive(Clone, Copy)]
struct Unit {
    byte: u8,
    start: u64,
    end: u64,
}

impl Fields {
    /// Compiles nothing yet: rules are few, and are asked once for each value.
    pub fn new(rules: &[FieldRule]) -> Fields {
        Fields(rules.to_vec())
    }

    /// No rule at all: nothing to run.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Feeds the next chunk. Pieces of masked values come in order; write their
    /// replacement over the bytes. Returns the absolute offset up to which bytes may go on.
    pub fn scan(&self, st: &mut FieldStream, chunk: &[u8], sink: &mut dyn FnMut(Finding)) -> u64 {
        let mut paint = Paint {
            base: st.offset,
            chunk,
            from: 0,
            bytes: [0; HOLD_BYTES_MAX],
            len: 0,
            sink,
        };
        for (i, &byte) in chunk.iter().enumerate() {
            let start = st.offset + i as u64;
            let unit = Unit {
                byte,
                start,
                end: start + 1,
            };
            self.push(&mut st.levels, true, unit, &mut paint);
        }
        paint.flush();
        st.offset += chunk.len() as u64;
        st.lost |= st.levels[0].state == State::Dead;
        let pending = st.levels.iter().filter_map(|l| l.escape.map(|e| e.start));
        pending.min().unwrap_or(st.offset)
    }

    /// End of a text: what is held may go on, and the stream can be fed a new text.
    pub fn finish(&self, st: &mut FieldStream) -> u64 {
        st.levels.iter_mut().for_each(Level::reset);
        st.offset
    }

    /// One whole text, masked in place. Returns whether it could be read as JSON.
    pub fn mask_in_place(&self, buf: &mut [u8], sink: &mut dyn FnMut(Finding)) -> bool {
        let mut st = FieldStream::new();
        let mut found = Vec::new();
        self.scan(&mut st, buf, &mut |f| found.push(f));
        for piece in found {
            if let Some(span) = buf.get_mut(piece.start as usize..piece.end as usize) {
                span.copy_from_slice(piece.replacement());
            }
            sink(piece);
        }
        !st.lost()
    }

    /// Is the value that begins at this place masked?
    fn masks(&self, level: &Level, outermost: bool) -> bool {
        level.frames().last().is_some_and(|f| f.masked)
            || self.0.iter().any(|rule| rule.fits(level, outermost))
    }

    fn push(&self, levels: &mut [Level], outermost: bool, unit: Unit, paint: &mut Paint<'_>) {
        let Some((level, inner)) = levels.split_first_mut() else {
            return;
        };
        if let State::Text { name, masked } = level.state {
            let Some(unit) = text_unit(level, unit) else {
                return;
            };
            match unit {
                TextUnit::End if name => level.state = State::Colon,
                TextUnit::End => {
                    level.state = State::After;
                    inner.iter_mut().for_each(Level::reset);
                }
                TextUnit::Char(unit) if name => level.hash = hashed(level.hash, unit.byte),
                TextUnit::Char(unit) if masked => paint.stars(unit),
                TextUnit::Char(unit) => self.push(inner, false, unit, paint),
            }
            return;
        }
        if let State::Number { masked, begun } = level.state {
            if unit.byte.is_ascii_digit() {
                if masked {
                    paint.digit(unit, if begun { b'0' } else { b'1' });
                    level.state = State::Number {
                        masked,
                        begun: true,
                    };
                }
                return;
            }
            if matches!(unit.byte, b'.' | b'e' | b'E' | b'+' | b'-') {
                return;
            }
            level.state = State::After;
        }
        self.structure(level, outermost, unit, paint);
    }

    /// Outside strings and numbers.
    fn structure(&self, level: &mut Level, outermost: bool, unit: Unit, paint: &mut Paint<'_>) {
        let byte = unit.byte;
        if level.state == State::Word && byte.is_ascii_lowercase()
            || matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
        {
            return;
        }
        if level.state == State::Word {
            level.state = State::After;
        }
        // Values one after the other: JSON lines.
        if level.state == State::After && level.depth == 0 && outermost {
            level.state = State::Value;
        }
        match (level.state, byte) {
            (State::Value, b'[' | b'{') => {
                let masked = self.masks(level, outermost);
                level.open(byte == b'{', masked);
            }
            (State::Value, _) if level.depth == 0 && !outermost => level.state = State::Dead,
            (State::Value, b'"') => {
                let masked = self.masks(level, outermost);
                level.state = State::Text {
                    name: false,
                    masked,
                };
            }
            (State::Value, b'-' | b'0'..=b'9') => {
                let masked = self.masks(level, outermost);
                let begun = byte != b'-';
                if masked && begun {
                    paint.digit(unit, b'1');
                }
                level.state = State::Number { masked, begun };
            }
            (State::Value, b't' | b'f' | b'n') => level.state = State::Word,
            (State::Value | State::After, b']') => level.close(false),
            (State::Name | State::After, b'}') => level.close(true),
            (State::Name, b'"') => {
                level.hash = SEED;
                level.state = State::Text {
                    name: true,
                    masked: false,
                };
            }
            (State::Colon, b':') => {
                let hash = level.hash;
                if let Some(frame) = level.frames[..level.depth].last_mut() {
                    frame.hash = hash;
                }
                level.state = State::Value;
            }
            (State::After, b',') => match level.frames[..level.depth].last_mut() {
                Some(frame) if frame.object => level.state = State::Name,
                Some(frame) => {
                    frame.index = frame.index.saturating_add(1);
                    level.state = State::Value;
                }
                None => level.state = State::Dead,
            },
            _ => level.state = State::Dead,
        }
    }
}

enum TextUnit {
    Char(Unit),
    End,
}

/// A character of a string, once it is all there.
fn text_unit(level: &mut Level, unit: Unit) -> Option<TextUnit> {
    let Some(mut escape) = level.escape.take() else {
        return match unit.byte {
            b'"' => Some(TextUnit::End),
            b'\\' => {
                level.escape = Some(Escape {
                    start: unit.start,
                    hex: None,
                    code: 0,
                });
                None
            }
            _ => Some(TextUnit::Char(unit)),
        };
    };
    let byte = match (escape.hex, unit.byte) {
        (None, b'u') => {
            escape.hex = Some(0);
            level.escape = Some(escape);
            return None;
        }
        (None, b'n' | b'r' | b't') => b' ',
        (None, byte) => byte,
        (Some(read), byte) => {
            escape.code = escape.code * 16 + char::from(byte).to_digit(16).unwrap_or(0);
            if read < 3 {
                escape.hex = Some(read + 1);
                level.escape = Some(escape);
                return None;
            }
            u8::try_from(escape.code).unwrap_or(0xFF)
        }
    };
    Some(TextUnit::Char(Unit {
        byte,
        start: escape.start,
        end: unit.end,
    }))
}

impl FieldStream {
    /// A stream at offset 0.
    pub fn new() -> FieldStream {
        FieldStream {
            levels: [Level::NEW; NESTED_MAX],
            offset: 0,
            lost: false,
        }
    }

    /// Whether the text was not JSON, or nested too deep, and rules no longer applied.
    pub fn lost(&self) -> bool {
        self.lost
    }
}

impl Default for FieldStream {
    fn default() -> FieldStream {
        FieldStream::new()
    }
}

/// Collects neighbouring bytes to write over into pieces.
struct Paint<'a> {
    base: u64,
    chunk: &'a [u8],
    from: u64,
    bytes: [u8; HOLD_BYTES_MAX],
    len: usize,
    sink: &'a mut dyn FnMut(Finding),
}

impl Paint<'_> {
    fn stars(&mut self, unit: Unit) {
        for at in unit.start..unit.end {
            self.write(at, b'*');
        }
    }

    /// Of an escaped digit the last byte is the digit.
    fn digit(&mut self, unit: Unit, digit: u8) {
        self.write(unit.end - 1, digit);
    }

    fn write(&mut self, at: u64, byte: u8) {
        let there = at
            .checked_sub(self.base)
            .and_then(|i| self.chunk.get(usize::try_from(i).ok()?));
        if there == Some(&byte) {
            return; // masked already
        }
        if self.len == HOLD_BYTES_MAX || self.len > 0 && self.from + self.len as u64 != at {
            self.flush();
        }
        if self.len == 0 {
            self.from = at;
        }
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
    }

    fn flush(&mut self) {
        if self.len == 0 {
            return;
        }
        let mut text = [0; 19];
        text[..3].fill(b'*');
        (self.sink)(Finding {
            start: self.from,
            end: self.from + self.len as u64,
            kind: Kind::Field,
            brand: Brand::Unknown,
            confidence: Confidence::High,
            masked: true,
            test_pan: false,
            via: Via::default(),
            replacement: self.bytes,
            shown: Shown { text, len: 3 },
        });
        self.len = 0;
    }
}
