//! Digits that a stream of server-sent events gives piece by piece.
//!
//! A model's answer comes as events that each carry some characters of one string
//! field. [`Tails`] keeps, for each string field, the digits at its end, and reads
//! the next event's string of the same path as their continuation. A card that only
//! both together show is reported with the places of all its bytes, in whichever
//! event they are ([`Split`]).
//!
//! What is a field: the path of a JSON string value, or the whole data where it is no
//! JSON. Numbers are values of their own and join nothing.
//!
//! Bounds: [`TAILS_MAX`] fields, the oldest is forgotten; [`TAIL_BYTES`] bytes of a
//! tail; a path deeper than [`DEPTH_MAX`] counts as its first levels.

use std::ops::Range;

use crate::finding::Finding;
use crate::stream::{Carrier, Scanner};

/// Fields that are followed at a time.
pub const TAILS_MAX: usize = 16;
/// Bytes kept of the end of a field: 19 digits, and a separator of two bytes between
/// any two of them.
pub const TAIL_BYTES: usize = 56;
/// Levels of nesting that tell paths apart.
pub const DEPTH_MAX: usize = 32;
/// Digits at the end of a text from which on an event has to be held: with six a
/// reader has no more than a mask shows.
pub const TAIL_DIGITS: usize = 7;
/// Bytes of a continuation that are read together with the tail.
const HEAD_BYTES: usize = 128;

/// Ends of string fields between events. Fixed size, no heap.
#[derive(Default)]
pub struct Tails {
    tails: [Tail; TAILS_MAX],
    used: usize,
}

#[derive(Clone, Copy)]
struct Tail {
    path: u64,
    len: usize,
    digits: usize,
    text: [u8; TAIL_BYTES],
    at: [u64; TAIL_BYTES],
}

impl Default for Tail {
    fn default() -> Tail {
        Tail {
            path: 0,
            len: 0,
            digits: 0,
            text: [0; TAIL_BYTES],
            at: [0; TAIL_BYTES],
        }
    }
}

/// A card whose digits came in more than one event.
#[derive(Debug)]
pub struct Split {
    /// What was found. Its offsets and replacement are of no stream: use `bytes`.
    pub finding: Finding,
    /// Offset in the stream and new value of each byte that a mask changes and that
    /// has not left. Where a digit that a mask would hide has left, all that follow
    /// are hidden.
    pub bytes: Vec<(u64, u8)>,
}

impl Tails {
    /// No field.
    pub fn new() -> Tails {
        Tails::default()
    }

    /// Whether the next event may complete something: then it must not leave in parts.
    pub fn is_waiting(&self) -> bool {
        self.used > 0
    }

    /// Takes one whole event as it leaves (masked where something was found in it):
    /// its lines with their names. `base` is the stream offset of its first byte,
    /// `left` the one before which bytes have left. Returns whether the event (and
    /// what is held before it) has to be held, since a text in it ends in
    /// [`TAIL_DIGITS`] and more digits; if not, all may leave.
    pub fn event(
        &mut self,
        scanner: &Scanner,
        event: &[u8],
        base: u64,
        left: u64,
        sink: &mut dyn FnMut(Split),
    ) -> bool {
        let mut ends = Tails::new();
        for_each_text(event, &mut |path, text| {
            let bytes = event.get(text.clone()).unwrap_or(&[]);
            let before = self.take(path);
            if bytes.is_empty() {
                return before.into_iter().for_each(|tail| ends.put(tail));
            }
            let from = base + text.start as u64;
            if let Some(tail) = &before
                && tail.complete(scanner, bytes, from, left, sink)
            {
                return;
            }
            if let Some(tail) = Tail::after(path, before, bytes, from) {
                ends.put(tail);
            }
        });
        // A field that this event does not have may go on in a later one.
        for tail in self.tails.iter().take(self.used).rev() {
            ends.keep(*tail);
        }
        *self = ends;
        self.tails
            .iter()
            .take(self.used)
            .any(|tail| tail.digits >= TAIL_DIGITS && tail.last() >= base)
    }

    /// The held ends of texts: offset and new value of each byte that hides the
    /// digits behind the first six. For a deployment that would rather hide a number
    /// than let it pass when its stream pauses. What follows joins nothing.
    pub fn hide(&mut self, left: u64) -> Vec<(u64, u8)> {
        let mut bytes = Vec::new();
        let mut rest = Tails::new();
        for tail in &self.tails[..self.used] {
            if tail.digits < TAIL_DIGITS || tail.last() < left {
                rest.put(*tail);
                continue;
            }
            let digits = (tail.text.iter().zip(tail.at).take(tail.len))
                .filter(|(byte, _)| byte.is_ascii_digit())
                .skip(TAIL_DIGITS - 1);
            bytes.extend(
                digits
                    .filter(|(_, at)| *at >= left)
                    .map(|(_, at)| (at, b'*')),
            );
        }
        *self = rest;
        bytes
    }

    fn take(&mut self, path: u64) -> Option<Tail> {
        let at = self.tails[..self.used]
            .iter()
            .position(|t| t.path == path)?;
        let tail = self.tails[at];
        self.tails.copy_within(at + 1..self.used, at);
        self.used -= 1;
        Some(tail)
    }

    /// The newest last; the oldest goes.
    fn put(&mut self, tail: Tail) {
        self.take(tail.path);
        if self.used == TAILS_MAX {
            self.tails.copy_within(1.., 0);
            self.used -= 1;
        }
        self.tails[self.used] = tail;
        self.used += 1;
    }

    /// An older one: only where there is room.
    fn keep(&mut self, tail: Tail) {
        if self.used < TAILS_MAX {
            self.tails.copy_within(..self.used, 1);
            self.tails[0] = tail;
            self.used += 1;
        }
    }
}

impl Tail {
    fn last(&self) -> u64 {
        self.at[..self.len].last().copied().unwrap_or(0)
    }

    /// Reads tail and continuation as one text: is there a card over the joint?
    fn complete(
        &self,
        scanner: &Scanner,
        more: &[u8],
        from: u64,
        left: u64,
        sink: &mut dyn FnMut(Split),
    ) -> bool {
        let mut joint = [0u8; TAIL_BYTES + HEAD_BYTES];
        let head = more.len().min(HEAD_BYTES);
        let len = self.len + head;
        joint[..self.len].copy_from_slice(&self.text[..self.len]);
        joint[self.len..len].copy_from_slice(&more[..head]);
        let mut found = None;
        scanner.mask_in_place(Carrier::Text, &mut joint[..len], &mut |finding| {
            let (start, end) = (finding.start as usize, finding.end as usize);
            if start < self.len && end > self.len && finding.masked {
                found.get_or_insert(finding);
            }
        });
        let Some(finding) = found else { return false };
        let place = |i: usize| match self.at.get(i).filter(|_| i < self.len) {
            Some(at) => *at,
            None => from + (i - self.len) as u64,
        };
        let old = |i: usize| match i < self.len {
            true => self.text[i],
            false => more[i - self.len],
        };
        let start = finding.start as usize;
        let mut late = false;
        let mut bytes = Vec::new();
        for (i, new) in (start..).zip(finding.replacement()) {
            let (at, old) = (place(i), old(i));
            late |= old != *new && at < left;
            let new = if late && old.is_ascii_digit() {
                b'*'
            } else {
                *new
            };
            if new != old && at >= left {
                bytes.push((at, new));
            }
        }
        sink(Split { finding, bytes });
        true
    }

    /// The digits at the end of a text, and those before where it is nothing else.
    fn after(path: u64, before: Option<Tail>, bytes: &[u8], from: u64) -> Option<Tail> {
        let run = bytes
            .iter()
            .rev()
            .take(TAIL_BYTES + 1)
            .take_while(|b| b.is_ascii_digit() || matches!(b, b' ' | b'-' | b'.' | b'/'))
            .count();
        let mut tail = Tail {
            path,
            ..Tail::default()
        };
        if run == bytes.len() {
            tail = before.unwrap_or(tail);
        }
        if tail.len + run > TAIL_BYTES {
            return None;
        }
        let begin = bytes.len() - run;
        for (i, byte) in bytes.iter().enumerate().skip(begin) {
            // A tail begins with a digit.
            if tail.len > 0 || byte.is_ascii_digit() {
                tail.text[tail.len] = *byte;
                tail.at[tail.len] = from + i as u64;
                tail.len += 1;
                tail.digits += usize::from(byte.is_ascii_digit());
            }
        }
        (1..=19).contains(&tail.digits).then_some(tail)
    }
}

/// Tells the path (as a hash) and the place of each string value of an event.
fn for_each_text(event: &[u8], tell: &mut dyn FnMut(u64, Range<usize>)) {
    let mut walk = Walk::default();
    let mut at = 0;
    for line in event.split_inclusive(|b| *b == b'\n' || *b == b'\r') {
        let start = at;
        at += line.len();
        let Some(data) = line.strip_prefix(b"data:") else {
            continue;
        };
        let begin = start + 5 + usize::from(data.first() == Some(&b' '));
        let end = start + line.trim_ascii_end().len();
        let Some(text) = event.get(begin..end) else {
            continue;
        };
        if !walk.inside && !matches!(text.first(), Some(b'{' | b'[' | b'"')) {
            tell(PLAIN, begin..end);
            continue;
        }
        walk.line(text, begin, tell);
    }
}

const PLAIN: u64 = 0;
const SEED: u64 = 0xCBF2_9CE4_8422_2325;

/// Where in a JSON text it is; what is no JSON gives some places, never a panic.
#[derive(Default)]
struct Walk {
    inside: bool,
    depth: usize,
    levels: [Level; DEPTH_MAX],
}

#[derive(Clone, Copy, Default)]
struct Level {
    hash: u64,
    object: bool,
    key: u64,
    index: u64,
    value: bool,
}

impl Walk {
    fn line(&mut self, text: &[u8], base: usize, tell: &mut dyn FnMut(u64, Range<usize>)) {
        self.inside = true;
        let mut pos = 0;
        while let Some(&byte) = text.get(pos) {
            pos += 1;
            match byte {
                b'{' | b'[' => self.open(byte == b'{'),
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b':' => self.level(|l| l.value = true),
                b',' => self.level(|l| {
                    l.value = false;
                    l.index += 1;
                }),
                b'"' => {
                    let end = string_end(text, pos);
                    self.string(&text[pos..end], base + pos..base + end, tell);
                    pos = end + 1;
                }
                _ => {}
            }
        }
        self.inside = self.depth > 0;
    }

    fn level(&mut self, change: impl FnOnce(&mut Level)) {
        let at = self.depth.wrapping_sub(1);
        if let Some(level) = self.levels.get_mut(at) {
            change(level);
        }
    }

    fn path(&self) -> u64 {
        let level = self.depth.min(DEPTH_MAX).checked_sub(1);
        match level.and_then(|at| self.levels.get(at)) {
            None => SEED,
            Some(l) if l.object => mix(l.hash, l.key),
            Some(l) => mix(l.hash, !l.index),
        }
    }

    fn open(&mut self, object: bool) {
        let hash = self.path();
        if let Some(level) = self.levels.get_mut(self.depth) {
            *level = Level {
                hash,
                object,
                ..Level::default()
            };
        }
        self.depth += 1;
    }

    fn string(
        &mut self,
        text: &[u8],
        place: Range<usize>,
        tell: &mut dyn FnMut(u64, Range<usize>),
    ) {
        let at = self.depth.wrapping_sub(1);
        match self.levels.get_mut(at) {
            Some(level) if level.object && !level.value => {
                level.key = text.iter().fold(SEED, |h, b| mix(h, u64::from(*b)));
            }
            _ => tell(self.path(), place),
        }
    }
}

fn mix(hash: u64, value: u64) -> u64 {
    (hash ^ value)
        .wrapping_mul(0x0000_0100_0000_01B3)
        .rotate_left(23)
}

/// Where the string ends that begins at `pos`: its quote, or the end of the line.
fn string_end(text: &[u8], mut pos: usize) -> usize {
    while let Some(byte) = text.get(pos) {
        match byte {
            b'"' => return pos,
            b'\\' => pos += 2,
            _ => pos += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    /// What a client sees of events that are each held as asked, and how many splits.
    fn through(events: &[&str], patient: bool) -> (String, usize) {
        let scanner = Scanner::new(Settings::default());
        let mut tails = Tails::new();
        let mut stream: Vec<u8> = Vec::new();
        let (mut left, mut splits) = (0, 0);
        for event in events {
            let base = stream.len() as u64;
            stream.extend_from_slice(event.as_bytes());
            let mut patches = Vec::new();
            let hold = tails.event(&scanner, event.as_bytes(), base, left, &mut |split| {
                splits += 1;
                patches.extend(split.bytes);
            });
            for (at, byte) in patches {
                assert!(at >= left, "a byte that has left");
                stream[at as usize] = byte;
            }
            if !hold || !patient {
                left = stream.len() as u64;
            }
        }
        (String::from_utf8(stream).unwrap(), splits)
    }

    fn delta(text: &str) -> String {
        format!(
            "event: message\ndata: {{\"method\":\"n\",\"params\":{{\"delta\":{{\"text\":\"{text}\"}}}}}}\n\n"
        )
    }

    fn texts(stream: &str) -> String {
        let parts = stream.split("\"text\":\"").skip(1);
        parts.filter_map(|p| p.split('"').next()).collect()
    }

    fn deltas(parts: &[&str], patient: bool) -> (String, usize) {
        let events: Vec<_> = parts.iter().map(|p| delta(p)).collect();
        let events: Vec<_> = events.iter().map(String::as_str).collect();
        let (stream, splits) = through(&events, patient);
        (texts(&stream), splits)
    }

    #[test]
    fn a_card_over_two_events_is_masked_in_both() {
        let (text, splits) = deltas(&["card 41111111", "11111111 ok"], true);
        assert_eq!((text.as_str(), splits), ("card 411111******1111 ok", 1));
    }

    #[test]
    fn a_card_digit_by_digit_is_masked_however_it_is_cut() {
        let card = "4111 1111 1111 1111";
        for size in 1..card.len() {
            let parts: Vec<_> = card
                .as_bytes()
                .chunks(size)
                .map(|c| std::str::from_utf8(c).unwrap())
                .collect();
            let (text, splits) = deltas(&parts, true);
            assert_eq!(
                (text.as_str(), splits),
                ("4111 11** **** 1111", 1),
                "{size}"
            );
        }
    }

    #[test]
    fn what_completes_a_card_after_its_beginning_left_is_hidden_whole() {
        let (text, splits) = deltas(&["411111111111", "1111"], false);
        assert_eq!((text.as_str(), splits), ("411111111111****", 1));
    }

    #[test]
    fn other_fields_between_do_not_end_a_text() {
        let ping = "data: {\"params\":{\"progress\":\"5\"}}\n\n";
        let (a, b) = (delta("41111111"), delta("11111111"));
        let (stream, splits) = through(&[&a, ping, &b], true);
        // The event between let the first one go: what follows is hidden whole.
        assert_eq!((texts(&stream).as_str(), splits), ("41111111********", 1));
        assert!(stream.contains(ping));
    }

    #[test]
    fn different_fields_and_numbers_do_not_join() {
        let other = "data: {\"params\":{\"other\":\"11111111\"}}\n\n";
        let (stream, splits) = through(&[&delta("41111111"), other], true);
        assert!(splits == 0 && stream.contains(other));
        let (_, splits) = through(
            &["data: {\"n\":41111111}\n\n", "data: {\"n\":11111111}\n\n"],
            true,
        );
        assert_eq!(splits, 0);
        let (text, splits) = deltas(&["41111111", "x", "11111111"], true);
        assert_eq!((text.as_str(), splits), ("41111111x11111111", 0));
    }

    #[test]
    fn plain_text_events_join_too() {
        let (stream, splits) = through(&["data: 41111111\n\n", "data: 11111111\n\n"], true);
        assert_eq!(
            (stream.as_str(), splits),
            ("data: 411111**\n\ndata: ****1111\n\n", 1)
        );
    }

    #[test]
    fn a_held_tail_can_be_hidden() {
        let scanner = Scanner::new(Settings::default());
        let mut tails = Tails::new();
        let event = delta("4111111111");
        assert!(tails.event(&scanner, event.as_bytes(), 0, 0, &mut |_| panic!()));
        let mut bytes = event.into_bytes();
        for (at, byte) in tails.hide(0) {
            bytes[at as usize] = byte;
        }
        assert_eq!(texts(std::str::from_utf8(&bytes).unwrap()), "411111****");
        let more = delta("111111");
        assert!(
            !tails.event(&scanner, more.as_bytes(), 1000, 1000, &mut |s| panic!(
                "{s:?}"
            ))
        );
    }

    #[test]
    fn no_event_panics() {
        let scanner = Scanner::new(Settings::default());
        let deep = format!("data: {}\"1", "[{\"a\":".repeat(100));
        for event in [
            "",
            "data:",
            "data: \"",
            "data: {\"a\":\"\\",
            "data: ]]]}",
            &deep,
            "data: {\ndata: \"a\":\ndata: \"1\"}\n",
        ] {
            let mut tails = Tails::new();
            for _ in 0..3 {
                tails.event(&scanner, event.as_bytes(), 0, 0, &mut |_| {});
            }
        }
    }
}
