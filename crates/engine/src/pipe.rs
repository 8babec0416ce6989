//! A raw pipe with a patch list: bytes go through as they came, except where a
//! finding is painted over at equal length.
//!
//! The pipe carries one answer, head and framing included. Two coordinates are
//! in play: *raw* offsets count every byte of the answer, *body* offsets only
//! the payload bytes that the framing wraps (what the scanner sees). The pipe
//! keeps the spans that translate one into the other, but only for bytes that
//! have not left yet, so that its size is bounded by what is held.
//!
//! What may leave is the lowest of several gates, each a raw offset; the gates
//! are set by the session (audit receipts) and by the scanner (digit tails).

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// Payload bytes that lie together in the raw stream.
#[derive(Clone, Copy, Debug)]
struct Span {
    body: u64,
    raw: u64,
    len: u64,
}

/// Replacement bytes at a raw offset.
#[derive(Debug)]
struct Patch {
    raw: u64,
    bytes: Vec<u8>,
}

/// The answer on its way: queued bytes, spans and patches.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    queue: VecDeque<Bytes>,
    /// Raw offset of the first queued byte.
    head: u64,
    /// Raw offset after the last queued byte.
    tail: u64,
    spans: VecDeque<Span>,
    /// Payload bytes seen so far.
    body: u64,
    patches: VecDeque<Patch>,
}

impl Pipe {
    /// Queues raw bytes; `data` lists the payload ranges within them, in order.
    pub(crate) fn push(&mut self, bytes: Bytes, data: &[Range<usize>]) {
        for range in data {
            let len = range.len() as u64;
            let raw = self.tail + range.start as u64;
            match self.spans.back_mut() {
                Some(last) if last.raw + last.len == raw => last.len += len,
                _ => self.spans.push_back(Span {
                    body: self.body,
                    raw,
                    len,
                }),
            }
            self.body += len;
        }
        self.tail += bytes.len() as u64;
        if !bytes.is_empty() {
            self.queue.push_back(bytes);
        }
    }

    /// Raw offset after everything queued so far.
    pub(crate) fn end(&self) -> u64 {
        self.tail
    }

    /// Raw bytes that have not left yet.
    pub(crate) fn held(&self) -> u64 {
        self.tail - self.head
    }

    /// Payload bytes seen so far.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.body
    }

    /// Payload bytes that have left, or are as good as gone.
    pub(crate) fn body_left(&self) -> u64 {
        let held = self.spans.iter().find(|s| s.raw + s.len > self.head);
        held.map_or(self.body, |s| s.body + self.head.saturating_sub(s.raw))
    }

    /// Raw offset of payload byte `body`; the end of everything queued when
    /// that byte has not come yet.
    pub(crate) fn raw_of(&self, body: u64) -> u64 {
        for span in self.spans.iter().rev() {
            if body >= span.body + span.len {
                break;
            }
            if body >= span.body {
                return span.raw + (body - span.body);
            }
        }
        if body >= self.body {
            self.tail
        } else {
            self.head
        }
    }

    /// Paints `replacement` over the payload bytes from `body` on. The bytes
    /// must still be held: the scanner releases nothing before its verdict.
    pub(crate) fn patch(&mut self, body: u64, replacement: &[u8]) {
        let end = body + replacement.len() as u64;
        for span in &self.spans {
            let from = body.max(span.body);
            let to = end.min(span.body + span.len);
            if from >= to {
                continue;
            }
            let part = &replacement[(from - body) as usize..(to - body) as usize];
            let raw = span.raw + (from - span.body);
            debug_assert!(raw >= self.head, "a finding lies in bytes that have left");
            self.patches.push_back(Patch {
                raw,
                bytes: part.to_vec(),
            });
        }
    }

    /// Paints over raw bytes (the head of the answer).
    pub(crate) fn patch_raw(&mut self, raw: u64, replacement: &[u8]) {
        self.patches.push_back(Patch {
            raw,
            bytes: replacement.to_vec(),
        });
    }

    /// Takes the bytes before raw offset `limit`, patched, into `out`.
    pub(crate) fn release(&mut self, limit: u64, mut out: impl FnMut(Bytes)) {
        while self.head < limit {
            let Some(front) = self.queue.front_mut() else {
                break;
            };
            let room = (limit - self.head) as usize;
            let piece = if front.len() <= room {
                self.queue.pop_front().unwrap_or_default()
            } else {
                front.split_to(room)
            };
            let start = self.head;
            self.head += piece.len() as u64;
            out(self.painted(start, piece));
        }
        while let Some(span) = self.spans.front() {
            if span.raw + span.len > self.head || self.spans.len() == 1 {
                break;
            }
            self.spans.pop_front();
        }
    }

    fn painted(&mut self, start: u64, piece: Bytes) -> Bytes {
        let end = start + piece.len() as u64;
        if self.patches.iter().all(|p| p.raw >= end) {
            return piece;
        }
        let mut copy = BytesMut::from(&piece[..]);
        for patch in &self.patches {
            let from = patch.raw.max(start);
            let to = (patch.raw + patch.bytes.len() as u64).min(end);
            if from < to {
                let source = &patch.bytes[(from - patch.raw) as usize..(to - patch.raw) as usize];
                copy[(from - start) as usize..(to - start) as usize].copy_from_slice(source);
            }
        }
        self.patches.retain(|p| p.raw + p.bytes.len() as u64 > end);
        copy.freeze()
    }
}

#[cfg(test)]
#[allow(
    clippy::single_range_in_vec_init,
    reason = "a list of one range is meant"
)]
mod tests {
    use super::*;

    fn drain(pipe: &mut Pipe, limit: u64) -> Vec<u8> {
        let mut all = Vec::new();
        pipe.release(limit, |b| all.extend_from_slice(&b));
        all
    }

    #[test]
    fn clean_bytes_are_the_same_allocation() {
        let mut pipe = Pipe::default();
        let bytes = Bytes::from_static(b"hello world");
        pipe.push(bytes.clone(), &[0..11]);
        pipe.release(11, |b| assert_eq!(b.as_ptr(), bytes.as_ptr()));
        assert_eq!(pipe.held(), 0);
    }

    #[test]
    fn a_patch_crosses_framing_and_releases() {
        // Chunked: "3\r\nabc\r\n3\r\ndef\r\n"; body "abcdef", patch "CDE" at body 2.
        let mut pipe = Pipe::default();
        pipe.push(
            Bytes::from_static(b"3\r\nabc\r\n3\r\ndef\r\n"),
            &[3..6, 11..14],
        );
        pipe.patch(2, b"CDE");
        assert_eq!(pipe.raw_of(2), 5);
        assert_eq!(pipe.raw_of(3), 11);
        assert_eq!(pipe.raw_of(6), 16);
        let mut all = drain(&mut pipe, 12);
        all.extend(drain(&mut pipe, 16));
        assert_eq!(all, b"3\r\nabC\r\n3\r\nDEf\r\n");
    }

    #[test]
    fn every_release_order_gives_the_same_bytes() {
        for cut in 0..=16u64 {
            let mut pipe = Pipe::default();
            pipe.push(Bytes::from_static(b"HEAD"), &[]);
            pipe.push(Bytes::from_static(b"abc"), &[0..3]);
            pipe.push(Bytes::from_static(b"def|x"), &[0..3]);
            pipe.patch(1, b"BCDE");
            let mut all = drain(&mut pipe, cut);
            all.extend(drain(&mut pipe, 100));
            assert_eq!(all, b"HEADaBCDEf|x", "cut {cut}");
        }
    }
}
