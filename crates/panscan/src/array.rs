//! A card number whose digits are the whole content of one array or object:
//! `["4111","1111","1111","1111"]`, `[4,1,1, ... ]`, `{"a":"4111","b":"1111", ...}`.
//!
//! Strings count in the layouts of `layout.rs`, single digits in any type. Numbers of
//! four digits are ordinary integers: they count only with a card word before them. At
//! the first thing that does not fit the answer is no.
//!
//! Bounds: [`SPAN_BYTES`] from the first digit on to the closing bracket, and what is
//! held meanwhile; names of up to [`KEY`] bytes.

use crate::scalar::View;
use crate::token::{self, Unit};

/// Bytes from the first digit to the closing bracket.
const SPAN_BYTES: usize = 232;
const KEY: usize = 48;
const ELEMENTS_MAX: usize = 19;
/// Longest element: 6-13 is the widest layout of two.
const ELEMENT_MAX: usize = 13;

/// Where each digit stands, and how it may be written over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    /// Offset from the first digit, and length.
    pub(crate) at: [(u8, u8); 19],
    /// Bit n: digit n is in a string.
    pub(crate) quoted: u32,
    /// Bit n: digit n begins a number of several digits, and must not become 0.
    pub(crate) leading: u32,
}

pub(crate) struct Content {
    pub(crate) digits: [u8; 19],
    pub(crate) len: usize,
    pub(crate) places: Places,
    /// Behind the last digit.
    pub(crate) end: usize,
    /// Numbers of several digits in it.
    pub(crate) numbers: bool,
}

pub(crate) enum Found {
    No,
    More,
    Yes(Content),
}

/// What ended a piece of the walk.
enum Stop {
    No,
    More,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Array,
    Object,
}

/// Is the digit at `start` the first of an array or object that is all digits?
pub(crate) fn examine(view: &View<'_>, start: usize) -> Found {
    let Some(shape) = opens(view, start) else {
        return Found::No;
    };
    let mut walk = Walk {
        view,
        start,
        pos: start,
        content: Content {
            digits: [0; 19],
            len: 0,
            places: Places {
                at: [(0, 0); 19],
                quoted: 0,
                leading: 0,
            },
            end: start,
            numbers: false,
        },
        lens: [0; ELEMENTS_MAX],
        count: 0,
    };
    match walk.elements(shape, quote_before(view, start)) {
        Ok(()) if in_layout(&walk.lens[..walk.count]) => Found::Yes(walk.content),
        Ok(()) | Err(Stop::No) => Found::No,
        Err(Stop::More) => Found::More,
    }
}

/// Backslashes before the quote that opens at `start`, or none if there is no quote.
fn quote_before(view: &View<'_>, start: usize) -> Option<usize> {
    let left = &view.buf[view.lo(start)..start];
    let left = left.strip_suffix(b"\"")?;
    Some(left.iter().rev().take_while(|b| **b == b'\\').count())
}

/// Does an array or object open before `start`?
fn opens(view: &View<'_>, start: usize) -> Option<Shape> {
    let left = &view.buf[view.lo(start)..start];
    let left = match left {
        [head @ .., b'"'] => trim_backslashes(head),
        _ => left,
    };
    match trim_space(left) {
        [.., b'['] => Some(Shape::Array),
        [head @ .., b':'] => {
            let head = trim_space(head).strip_suffix(b"\"")?;
            let key = head.iter().rev().take(KEY + 1);
            let len = key.take_while(|b| **b != b'"').count();
            let head = head.get(..head.len() - len)?.strip_suffix(b"\"")?;
            trim_space(trim_backslashes(head))
                .ends_with(b"{")
                .then_some(Shape::Object)
        }
        _ => None,
    }
}

fn trim_backslashes(text: &[u8]) -> &[u8] {
    let len = text.iter().rev().take_while(|b| **b == b'\\').count();
    &text[..text.len() - len]
}

/// Without the white space of JSON at the end, also as escapes of JSON in JSON.
fn trim_space(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [head @ .., b' ' | b'\n' | b'\r' | b'\t'] => head,
            [head @ .., b'\\', b'n' | b'r' | b't'] => trim_backslashes(head),
            _ => return text,
        };
    }
}

/// Lengths of elements that make a card.
fn in_layout(lens: &[usize]) -> bool {
    match lens {
        [4, 4, 4, 1..=7] | [4, 4, 4, 4, 1..=3] | [4, 6, 4 | 5] | [8, 8] | [6, 10 | 13] => true,
        // Single digits, or pairs (the last may be single).
        [head @ .., last] if lens.len() >= 6 => {
            let pairs = head.iter().all(|l| *l == 2) && *last <= 2;
            pairs || lens.len() >= 12 && lens.iter().all(|l| *l == 1)
        }
        _ => false,
    }
}

struct Walk<'v, 'a> {
    view: &'v View<'a>,
    start: usize,
    pos: usize,
    content: Content,
    lens: [usize; ELEMENTS_MAX],
    count: usize,
}

impl Walk<'_, '_> {
    fn elements(&mut self, shape: Shape, mut quote: Option<usize>) -> Result<(), Stop> {
        loop {
            self.digits(quote.is_some())?;
            if let Some(backslashes) = quote {
                self.quote(backslashes)?;
            }
            self.space()?;
            match (self.byte()?, shape) {
                (b',', _) => self.pos += 1,
                (b']', Shape::Array) | (b'}', Shape::Object) => return Ok(()),
                _ => return Err(Stop::No),
            }
            self.space()?;
            if shape == Shape::Object {
                self.key()?;
            }
            quote = self.opening_quote()?;
        }
    }

    fn byte(&self) -> Result<u8, Stop> {
        if self.pos - self.start >= SPAN_BYTES {
            return Err(Stop::No);
        }
        let end = if self.view.end { Stop::No } else { Stop::More };
        self.view.buf.get(self.pos).copied().ok_or(end)
    }

    /// The digits of one element.
    fn digits(&mut self, quoted: bool) -> Result<(), Stop> {
        let mut len = 0;
        loop {
            self.byte()?;
            let (unit, n) = token::next(self.view.buf, self.pos);
            match unit {
                Unit::Digit(digit) => {
                    let i = self.content.len;
                    let leading = !quoted && len == 0;
                    if i == 19 || len == ELEMENT_MAX || !quoted && n > 1 {
                        return Err(Stop::No);
                    }
                    let at = (self.pos - self.start) as u8;
                    self.content.digits[i] = digit;
                    self.content.places.at[i] = (at, n as u8);
                    self.content.places.quoted |= u32::from(quoted) << i;
                    self.content.places.leading |= u32::from(leading) << i;
                    self.content.len += 1;
                    len += 1;
                }
                Unit::Short if !self.view.end => return Err(Stop::More),
                _ => break,
            }
            self.pos += n;
            self.content.end = self.pos;
        }
        let first = self.content.len - len;
        if !quoted && len > 1 {
            self.content.numbers = true;
        } else {
            // A number of one digit may become 0.
            self.content.places.leading &= !(1 << first);
        }
        match self.lens.get_mut(self.count) {
            Some(slot) if len > 0 => *slot = len,
            _ => return Err(Stop::No),
        }
        self.count += 1;
        Ok(())
    }

    fn quote(&mut self, backslashes: usize) -> Result<(), Stop> {
        for _ in 0..backslashes {
            self.expect(b'\\')?;
        }
        self.expect(b'"')
    }

    fn expect(&mut self, byte: u8) -> Result<(), Stop> {
        if self.byte()? != byte {
            return Err(Stop::No);
        }
        self.pos += 1;
        Ok(())
    }

    /// A quote with the backslashes before it, or nothing (a number).
    fn opening_quote(&mut self) -> Result<Option<usize>, Stop> {
        let from = self.pos;
        while self.byte()? == b'\\' {
            self.pos += 1;
        }
        let backslashes = self.pos - from;
        match self.byte()? {
            b'"' => {
                self.pos += 1;
                Ok(Some(backslashes))
            }
            b'0'..=b'9' if backslashes == 0 => Ok(None),
            // A digit written as an escape is no JSON outside a string.
            _ => Err(Stop::No),
        }
    }

    /// `"name":` and the space around.
    fn key(&mut self) -> Result<(), Stop> {
        self.opening_quote()?.ok_or(Stop::No)?;
        for _ in 0..=KEY {
            if self.byte()? == b'"' {
                self.pos += 1;
                self.space()?;
                self.expect(b':')?;
                return self.space();
            }
            self.pos += 1;
        }
        Err(Stop::No)
    }

    fn space(&mut self) -> Result<(), Stop> {
        loop {
            match self.byte()? {
                b' ' | b'\n' | b'\r' | b'\t' => self.pos += 1,
                b'\\' => {
                    let from = self.pos;
                    while self.byte()? == b'\\' {
                        self.pos += 1;
                    }
                    if !matches!(self.byte()?, b'n' | b'r' | b't') {
                        self.pos = from;
                        return Ok(());
                    }
                    self.pos += 1;
                }
                _ => return Ok(()),
            }
        }
    }
}
