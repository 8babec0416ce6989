//! Offline check of a whole log with nothing but its public key.
//!
//! Feed it the checkpoints, then every segment in order, then [`Verifier::finish`].
//! One segment is held in memory at a time. What is checked: frame checksums,
//! gapless sequence, leaf to root at each commit frame, how segments join, every
//! signed checkpoint, clock order. It stops at the first sign of tampering.

use std::collections::BTreeMap;

use crate::frame::{HEADER_BYTES, HeaderError, Opened, Salt, SegmentHeader};
use crate::group::{Group, Step, Tail, read_group, read_tail};
use crate::note::{NoteError, VerifierKey, split_notes};
use crate::record::{Kind, Record};
use crate::tree::{Hash, Tree, leaf_hash, sha256};

/// Judgement of a log; the order is that of the exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// Everything holds.
    Ok,
    /// Something was changed after it was written.
    Tampered,
    /// The log ends in an unfinished write that was never acknowledged.
    Torn,
    /// Whole segments, or the end, are missing.
    Gap,
    /// No signature by the key given.
    UntrustedKey,
}

impl Status {
    /// Exit code of `panward verify`.
    pub const fn exit_code(self) -> u8 {
        match self {
            Status::Ok => 0,
            Status::Tampered => 1,
            Status::Torn => 2,
            Status::Gap => 3,
            Status::UntrustedKey => 4,
        }
    }

    /// Stable name.
    pub const fn label(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Tampered => "tampered",
            Status::Torn => "torn",
            Status::Gap => "gap",
            Status::UntrustedKey => "untrusted_key",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad.
    pub status: Status,
    /// Sequence expected where the damage stands. What is proved ends at the last
    /// good commit frame before ([`Report::size`]).
    pub seq: u64,
    /// File: a segment's name or `checkpoints`.
    pub file: String,
    /// Offset in the file.
    pub offset: u64,
    /// What, in words.
    pub what: &'static str,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The worst of the problems: tampered, gap, untrusted key, torn.
    pub status: Status,
    /// In order of discovery.
    pub problems: Vec<Problem>,
    /// Segments read.
    pub segments: u64,
    /// Records proved: up to the last good commit frame.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
    /// Records under the last valid signed checkpoint; those after it rest on
    /// commit frames only.
    pub signed_size: u64,
    /// Signed checkpoints that hold.
    pub checkpoints: u64,
    /// Times that the wall clock went back between two commits.
    pub clock_steps_back: u64,
    /// Bytes of unfinished writes, all segments.
    pub torn_bytes: u64,
    /// Records written twice because the first disk failed before acknowledging.
    pub superseded_bytes: u64,
}

/// Checks a log. See the module's documentation.
pub struct Verifier {
    key: VerifierKey,
    tree: Tree,
    /// Signed roots by size, not yet reached.
    signed: BTreeMap<u64, Hash>,
    last: Option<SegmentHeader>,
    clock: Option<Clock>,
    report: Report,
}

#[derive(Clone, Copy)]
struct Clock {
    /// Start of the writer: clocks of two containers on one host may differ.
    epoch: u64,
    wall_ns: u64,
    mono_ns: u64,
}

/// A problem's place is filled in by the caller that knows the file.
struct Flaw {
    status: Status,
    seq: u64,
    offset: usize,
    what: &'static str,
}

impl Flaw {
    fn tampered(seq: u64, offset: usize, what: &'static str) -> Flaw {
        Flaw {
            status: Status::Tampered,
            seq,
            offset,
            what,
        }
    }
}

impl Verifier {
    /// Checks against this key.
    pub fn new(key: VerifierKey) -> Verifier {
        let tree = Tree::new();
        let report = Report {
            status: Status::Ok,
            problems: Vec::new(),
            segments: 0,
            size: 0,
            root: tree.root(),
            signed_size: 0,
            checkpoints: 0,
            clock_steps_back: 0,
            torn_bytes: 0,
            superseded_bytes: 0,
        };
        Verifier {
            key,
            tree,
            signed: BTreeMap::new(),
            last: None,
            clock: None,
            report,
        }
    }

    /// The file of all checkpoints and the latest one. Before the segments.
    pub fn checkpoints(&mut self, all: &[u8], latest: Option<&[u8]>) {
        let (text, broken) = match std::str::from_utf8(all) {
            Ok(text) => (text, None),
            Err(error) => {
                let end = error.valid_up_to();
                (
                    std::str::from_utf8(&all[..end]).unwrap_or_default(),
                    Some(end),
                )
            }
        };
        let (notes, rest) = split_notes(text);
        let mut previous = 0;
        for note in notes {
            let offset = note.as_ptr() as usize - text.as_ptr() as usize;
            if let Err(flaw) = self.take_note(note, offset, &mut previous) {
                return self.add("checkpoints", flaw);
            }
        }
        if let Some(offset) = broken {
            self.add(
                "checkpoints",
                Flaw::tampered(previous, offset, "checkpoint is not text"),
            );
        } else if !rest.is_empty() {
            let offset = text.len() - rest.len();
            let what = "unfinished checkpoint";
            self.add(
                "checkpoints",
                Flaw {
                    status: Status::Torn,
                    seq: previous,
                    offset,
                    what,
                },
            );
        }
        if let Some(latest) = latest {
            let note = std::str::from_utf8(latest).unwrap_or_default();
            // A crash between the two files leaves the latest one unlisted.
            if let Err(flaw) = self.take_note(note, 0, &mut previous) {
                self.add("checkpoint", flaw);
            }
        }
    }

    fn take_note(&mut self, note: &str, offset: usize, previous: &mut u64) -> Result<(), Flaw> {
        let flaw = |status, what| Flaw {
            status,
            seq: *previous,
            offset,
            what,
        };
        let checkpoint = self.key.open(note).map_err(|error| match error {
            NoteError::UnknownKey => flaw(
                Status::UntrustedKey,
                "checkpoint is not signed by the key given",
            ),
            NoteError::Form => flaw(Status::Tampered, "not a signed checkpoint"),
            NoteError::Signature => flaw(Status::Tampered, "signature does not verify"),
            NoteError::Origin => flaw(Status::Tampered, "checkpoint of another log"),
        })?;
        if checkpoint.size < *previous {
            return Err(flaw(
                Status::Tampered,
                "checkpoint is smaller than the one before",
            ));
        }
        if checkpoint.size == 0 {
            return match checkpoint.root == Tree::new().root() {
                true => Ok(()),
                false => Err(flaw(Status::Tampered, "root of the empty log is wrong")),
            };
        }
        match self.signed.insert(checkpoint.size, checkpoint.root) {
            Some(root) if root != checkpoint.root => Err(flaw(
                Status::Tampered,
                "two signed roots for one size: the log was forked",
            )),
            _ => {
                *previous = checkpoint.size;
                Ok(())
            }
        }
    }

    /// One segment; `next` is the header of the one after it, if there is one.
    ///
    /// Segments go in order of their index. After tampering nothing more is read.
    pub fn segment(&mut self, name: &str, bytes: &[u8], next: Option<&SegmentHeader>) {
        if self.is_tampered() {
            return;
        }
        self.report.segments += 1;
        let header = match SegmentHeader::decode(bytes) {
            Ok(header) => header,
            Err(error) => {
                let what = match error {
                    HeaderError::Short => "segment is shorter than its header",
                    HeaderError::Magic => "not a segment",
                    HeaderError::Version(_) => "segment version is not known",
                    HeaderError::Damaged => "segment header is damaged",
                };
                return self.add(name, Flaw::tampered(self.tree.size(), 0, what));
            }
        };
        if let Err(flaw) = self.join(&header) {
            let stop = flaw.status == Status::Tampered;
            self.add(name, flaw);
            if stop {
                return;
            }
            if let Err(flaw) = self.skip_to(&header.tree) {
                return self.add(name, flaw);
            }
        }
        let walked = self.walk(&header, bytes, next);
        self.last = Some(header);
        if let Err(flaw) = walked {
            self.add(name, flaw);
        }
    }

    /// Goes on behind missing records: what was signed among them cannot be checked.
    fn skip_to(&mut self, tree: &Tree) -> Result<(), Flaw> {
        let seq = self.tree.size();
        self.tree = tree.clone();
        self.signed = self.signed.split_off(&tree.size());
        match self.signed.remove(&tree.size()) {
            Some(root) if root != tree.root() => Err(Flaw::tampered(
                seq,
                0,
                "root of the header is not the signed one",
            )),
            Some(_) => {
                self.report.signed_size = tree.size();
                self.report.checkpoints += 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// How the segment continues the one before.
    fn join(&mut self, header: &SegmentHeader) -> Result<(), Flaw> {
        let seq = self.tree.size();
        let bad = |what| Err(Flaw::tampered(seq, 0, what));
        let gap = |what| {
            Err(Flaw {
                status: Status::Gap,
                seq,
                offset: 0,
                what,
            })
        };
        if header.origin != self.key.name() || header.key_id != self.key.key_id() {
            let what = "segment names another log or key";
            self.add(
                "",
                Flaw {
                    status: Status::UntrustedKey,
                    seq,
                    offset: 0,
                    what,
                },
            );
        }
        let Some(last) = &self.last else {
            return match (header.index, header.tree.size()) {
                (1, 0) if header.opened == Opened::Fresh => Ok(()),
                (1, _) => bad("first segment does not begin the log"),
                _ => gap("first segment is missing"),
            };
        };
        if header.log_id != last.log_id {
            return bad("segment of another log");
        }
        if header.index <= last.index || header.epoch < last.epoch {
            return bad("segments are out of order");
        }
        if header.index > last.index + 1 {
            return gap("segment is missing");
        }
        if header.opened == Opened::Fresh {
            return bad("a log begins twice");
        }
        if header.tree != self.tree {
            return match header.tree.size() > seq {
                true => gap("records before this segment are missing"),
                false => bad("segment does not continue the one before"),
            };
        }
        Ok(())
    }

    fn walk(
        &mut self,
        header: &SegmentHeader,
        bytes: &[u8],
        next: Option<&SegmentHeader>,
    ) -> Result<(), Flaw> {
        let first = self.tree.size();
        let salt = Salt::of(bytes).ok_or(Flaw::tampered(first, 0, "segment has no header"))?;
        let next = next.map(|next| (next.opened, next.tree.size()));
        let mut at = HEADER_BYTES;
        loop {
            let seq = self.tree.size();
            if next == Some((Opened::IoError, seq)) && !self.seal_follows(bytes, at, salt) {
                // What this disk may hold beyond was written again to the next one.
                self.report.superseded_bytes += rest_bytes(bytes, at);
                return Ok(());
            }
            let rest = bytes.get(at..).unwrap_or_default();
            match read_group(rest, salt, seq) {
                Step::Group(group) => {
                    if seq == first {
                        self.check_open(bytes, &group, at)?;
                    }
                    self.take_group(header, &group, at)?;
                    at += group.span;
                }
                Step::Seal { commit, span } => {
                    if commit.root != self.tree.root() {
                        return Err(Flaw::tampered(seq, at, "root of the seal is wrong"));
                    }
                    if bytes.len() != at + span {
                        return Err(Flaw::tampered(seq, at + span, "bytes behind the seal"));
                    }
                    return Ok(());
                }
                _ => return self.take_tail(bytes, at, salt, next),
            }
        }
    }

    fn seal_follows(&self, bytes: &[u8], at: usize, salt: Salt) -> bool {
        let rest = bytes.get(at..).unwrap_or_default();
        matches!(read_group(rest, salt, self.tree.size()), Step::Seal { .. })
    }

    /// The first record of a segment binds its header into the tree.
    fn check_open(&self, bytes: &[u8], group: &Group<'_>, at: usize) -> Result<(), Flaw> {
        let digest = sha256(bytes.get(..HEADER_BYTES).unwrap_or_default());
        let record = group
            .records
            .first()
            .and_then(|bytes| Record::decode(bytes).ok());
        let bound = record.is_some_and(|record| {
            record.kind == Kind::AuditOpen
                && record
                    .payload
                    .is_some_and(|payload| payload.as_bytes() == digest)
        });
        match bound {
            true => Ok(()),
            false => Err(Flaw::tampered(
                group.first_seq,
                at,
                "header is not the recorded one",
            )),
        }
    }

    fn take_group(
        &mut self,
        header: &SegmentHeader,
        group: &Group<'_>,
        at: usize,
    ) -> Result<(), Flaw> {
        let proved = self.tree.clone();
        let signed_size = self.report.signed_size;
        for record in &group.records {
            self.tree.push(leaf_hash(record));
            let Some((&size, &root)) = self.signed.first_key_value() else {
                continue;
            };
            if size == self.tree.size() {
                if root != self.tree.root() {
                    self.tree = proved;
                    return Err(Flaw::tampered(
                        signed_size,
                        at,
                        "root is not the signed one",
                    ));
                }
                self.signed.pop_first();
                self.report.signed_size = size;
                self.report.checkpoints += 1;
            }
        }
        if self.tree.root() != group.commit.root {
            self.tree = proved;
            return Err(Flaw::tampered(
                group.first_seq,
                at,
                "root of the group is wrong",
            ));
        }
        let Group { commit, .. } = group;
        let now = Clock {
            epoch: header.epoch,
            wall_ns: commit.wall_ns,
            mono_ns: commit.mono_ns,
        };
        if let Some(before) = self.clock.replace(now) {
            if before.epoch == now.epoch && now.mono_ns < before.mono_ns {
                let what = "monotonic clock went back";
                return Err(Flaw::tampered(group.first_seq, at, what));
            }
            self.report.clock_steps_back += u64::from(now.wall_ns < before.wall_ns);
        }
        Ok(())
    }

    /// The end of a segment without a seal.
    fn take_tail(
        &mut self,
        bytes: &[u8],
        at: usize,
        salt: Salt,
        next: Option<(Opened, u64)>,
    ) -> Result<(), Flaw> {
        let seq = self.tree.size();
        // Where the damaged frame stands: behind the valid ones of its group.
        let rest = bytes.get(at..).unwrap_or_default();
        let (bad, bad_seq) = match read_group(rest, salt, seq) {
            Step::Damaged { at: off, seq } | Step::Misplaced { at: off, seq } => (at + off, seq),
            _ => (at, seq),
        };
        let torn = match read_tail(bytes, at, salt, seq) {
            Tail::Tampered { at: off, seq } => {
                let what = "damaged frame with valid ones behind it";
                return Err(Flaw::tampered(seq, at + off, what));
            }
            Tail::Torn(torn) => torn,
            Tail::Blank => 0,
        };
        match next {
            Some((Opened::Rotate | Opened::Fresh, _)) => Err(Flaw::tampered(
                bad_seq,
                bad,
                "segment was full and has no seal",
            )),
            Some((_, size)) if torn > 0 && size > seq => Err(Flaw::tampered(
                bad_seq,
                bad,
                "damaged, and the next segment goes on behind it",
            )),
            None if torn > 0 && self.signed.keys().any(|size| *size > seq) => Err(Flaw::tampered(
                bad_seq,
                bad,
                "damaged under a signed checkpoint",
            )),
            None if torn > 0 => {
                self.report.torn_bytes += torn;
                let what = "unfinished write at the end";
                Err(Flaw {
                    status: Status::Torn,
                    seq,
                    offset: at,
                    what,
                })
            }
            // A later writer has seen this tear, and recorded it.
            _ => {
                self.report.torn_bytes += torn;
                Ok(())
            }
        }
    }

    /// The judgement.
    pub fn finish(mut self) -> Report {
        let seq = self.tree.size();
        if !self.is_tampered() {
            if let Some((&size, &root)) = self.signed.first_key_value() {
                // The empty log may be signed too.
                if size > seq {
                    let what = "records under a signed checkpoint are missing";
                    self.add(
                        "",
                        Flaw {
                            status: Status::Gap,
                            seq,
                            offset: 0,
                            what,
                        },
                    );
                } else if size != 0 || root != Tree::new().root() {
                    self.add(
                        "",
                        Flaw::tampered(seq, 0, "checkpoint of a size never reached"),
                    );
                }
            }
            if seq > 0 && self.report.checkpoints == 0 && self.report.problems.is_empty() {
                let what = "no checkpoint is signed by the key given";
                self.add(
                    "",
                    Flaw {
                        status: Status::UntrustedKey,
                        seq: 0,
                        offset: 0,
                        what,
                    },
                );
            }
        }
        self.report.size = seq;
        self.report.root = self.tree.root();
        let worst = [
            Status::Tampered,
            Status::Gap,
            Status::UntrustedKey,
            Status::Torn,
        ];
        let found = |status: &Status| self.report.problems.iter().any(|p| p.status == *status);
        self.report.status = worst.into_iter().find(found).unwrap_or(Status::Ok);
        self.report
    }

    fn is_tampered(&self) -> bool {
        self.report
            .problems
            .iter()
            .any(|problem| problem.status == Status::Tampered)
    }

    fn add(&mut self, file: &str, flaw: Flaw) {
        let Flaw {
            status,
            seq,
            offset,
            what,
        } = flaw;
        // Every segment of a log with another key would say the same.
        let same = |p: &Problem| status == Status::UntrustedKey && p.what == what;
        if !self.report.problems.iter().any(same) {
            let file = file.to_owned();
            self.report.problems.push(Problem {
                status,
                seq,
                file,
                offset: offset as u64,
                what,
            });
        }
    }
}

/// Bytes from `at` to the last that is not zero.
fn rest_bytes(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last as u64 + 1)
}
