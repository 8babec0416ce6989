//! Reading a segment group by group, and judging what stands after the last one.
//!
//! Used by the reader of `tail`, by recovery and by `verify`. A group counts only
//! with its commit frame. Nothing here looks at roots.

use std::ops::Range;

use crate::frame::{Commit, FRAME_BYTES, Frame, FrameKind, Salt};

/// Sector of the medium: the smallest piece that is written whole or not at all.
const SECTOR_BYTES: usize = 512;

/// One committed group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// Sequence of its first record.
    pub first_seq: u64,
    /// Its records, in order.
    pub records: Vec<&'a [u8]>,
    /// Its commit frame.
    pub commit: Commit,
    /// Bytes of the group with its commit frame.
    pub span: usize,
}

/// What stands at a place in a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// A committed group.
    Group(Group<'a>),
    /// The segment's end.
    Seal {
        /// Size, root and time of the seal.
        commit: Commit,
        /// Bytes of the frame.
        span: usize,
    },
    /// Nothing yet: the end of the bytes, or zeros.
    End,
    /// Frames that are valid as far as they go, without a commit frame.
    Open {
        /// Where the frames end.
        at: usize,
        /// The next sequence.
        seq: u64,
    },
    /// Bytes that are not a valid frame.
    Damaged {
        /// Where.
        at: usize,
        /// Sequence expected there.
        seq: u64,
    },
    /// A valid frame that the writer would not have written there.
    Misplaced {
        /// Where.
        at: usize,
        /// Sequence expected there.
        seq: u64,
    },
}

/// Reads the group at the start of `bytes`, whose first record should be `first_seq`.
pub fn read_group(bytes: &[u8], salt: Salt, first_seq: u64) -> Step<'_> {
    let mut records = Vec::new();
    let (mut at, mut seq) = (0, first_seq);
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(frame) = Frame::parse(rest, salt) else {
            let blank = rest.iter().take(FRAME_BYTES).all(|byte| *byte == 0);
            return match (blank, at) {
                (true, 0) => Step::End,
                (true, _) => Step::Open { at, seq },
                (false, _) => Step::Damaged { at, seq },
            };
        };
        let misplaced = Step::Misplaced { at, seq };
        if frame.seq != seq {
            return misplaced;
        }
        if frame.kind == FrameKind::Record {
            records.push(frame.body);
            seq = seq.saturating_add(1);
            at += frame.span();
            continue;
        }
        let Some(commit) = Commit::decode(frame.body).filter(|c| c.size == seq) else {
            return misplaced;
        };
        let span = at + frame.span();
        let counts = (commit.count as usize, commit.bytes as usize);
        return match frame.kind {
            FrameKind::Seal if at == 0 && counts == (0, 0) => Step::Seal { commit, span },
            FrameKind::Commit if at > 0 && counts == (records.len(), at) => Step::Group(Group {
                first_seq,
                records,
                commit,
                span,
            }),
            _ => misplaced,
        };
    }
}

/// What the bytes after the last committed group are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Zeros, or nothing.
    Blank,
    /// An unfinished write, of this many bytes up to the last one that is not zero.
    Torn(u64),
    /// Not what a crash leaves: a valid frame stands behind a damaged one.
    Tampered {
        /// Offset of the damaged frame, from the start of the tail.
        at: usize,
        /// Sequence expected there.
        seq: u64,
    },
}

/// Judges what stands in `segment` from `start` on: the end of its last committed
/// group, whose next record would be `first_seq`. For segments without a seal.
///
/// Only one write is ever under way, so a crash leaves a beginning of it, or (power
/// loss, sectors written out of order) all of it but for some sectors that read as
/// zeros. Any other damage before a valid frame is not a tear.
pub fn read_tail(segment: &[u8], start: usize, salt: Salt, first_seq: u64) -> Tail {
    let tail = segment.get(start..).unwrap_or_default();
    let end = tail
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let (at, seq) = match read_group(tail, salt, first_seq) {
        Step::End if end == 0 => return Tail::Blank,
        Step::End => (0, first_seq),
        Step::Damaged { at, seq } | Step::Open { at, seq } => (at, seq),
        // A caller reads groups until there is no more, so these two are misplaced.
        Step::Group(_) | Step::Seal { .. } => {
            return Tail::Tampered {
                at: 0,
                seq: first_seq,
            };
        }
        Step::Misplaced { at, seq } => return Tail::Tampered { at, seq },
    };
    match next_frame(tail, salt, at + 1..end, seq) {
        None => Tail::Torn(end as u64),
        Some(found)
            if has_lost_sector(segment, start, start + at, start + found)
                && is_one_write(tail, salt, found..end) =>
        {
            Tail::Torn(end as u64)
        }
        Some(_) => Tail::Tampered { at, seq },
    }
}

/// Offset of the first valid frame that begins in `range`, of a sequence not below
/// `seq`. It may end behind the range: the last frame of a write can end in zeros.
fn next_frame(bytes: &[u8], salt: Salt, mut range: Range<usize>, seq: u64) -> Option<usize> {
    range.find(|at| {
        let rest = bytes.get(*at..).unwrap_or_default();
        // Kind and reserved bytes first: the checksum is dear.
        matches!(rest.get(16..FRAME_BYTES), Some([1..=3, 0, 0, 0]))
            && Frame::parse(rest, salt).is_some_and(|frame| frame.seq >= seq)
    })
}

/// True when a sector that overlaps `bad..found` has only zeros from `start` on.
fn has_lost_sector(segment: &[u8], start: usize, bad: usize, found: usize) -> bool {
    (bad / SECTOR_BYTES..found.div_ceil(SECTOR_BYTES)).any(|sector| {
        let from = (sector * SECTOR_BYTES).max(start);
        let zeros = segment.get(from..(sector + 1) * SECTOR_BYTES);
        zeros.is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0))
    })
}

/// True when nothing stands behind the first commit frame that begins in `range`.
fn is_one_write(tail: &[u8], salt: Salt, mut range: Range<usize>) -> bool {
    while let Some(at) = next_frame(tail, salt, range.clone(), 0) {
        let Some(frame) = Frame::parse(tail.get(at..).unwrap_or_default(), salt) else {
            return false;
        };
        range.start = at + frame.span();
        if frame.kind != FrameKind::Record {
            return range.is_empty();
        }
    }
    true
}
