//! Group commit: the writer's half of the log.
//!
//! One group: drain what arrived, frames, one commit frame, one write, one sync;
//! then the durable mark moves. After an error of the medium the group is kept
//! and written again to a new segment; the old one is never touched again, and
//! recorders answer `Failed` until that worked.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::frame::{
    COMMIT_BYTES, Commit, FRAME_BYTES, FrameKind, Opened, Salt, SegmentHeader, put_commit,
    put_record,
};
use crate::masked::Masked;
use crate::note::{Checkpoint, Signer};
use crate::record::{Kind, Record};
use crate::recorder::{AuditError, Bounds, Item, Recorder, Shared};
use crate::store::Store;
use crate::tree::{Hash, Tree, sha256};

/// Makes the two ends of an empty, unsigned log; [`Committer::with_log`] continues another.
pub fn channel(bounds: Bounds) -> (Recorder, Committer) {
    let (recorder, shared) = Shared::new(bounds);
    let committer = Committer {
        shared,
        log: Log::default(),
        tree: Tree::new(),
        group: Vec::new(),
        segment: None,
        buffer: Vec::new(),
        failed: false,
        signed: None,
        failure: None,
    };
    (recorder, committer)
}

/// Time given to a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// Nanoseconds since 1970.
    pub wall_ns: u64,
    /// Nanoseconds of a monotonic clock.
    pub mono_ns: u64,
}

/// What a commit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Records that became durable (ours included).
    pub records: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Tree size = next sequence.
    pub size: u64,
    /// Root at that size.
    pub root: Hash,
    /// Hand-over position up to which records are on disk.
    pub durable: u64,
    /// A checkpoint was signed and stored.
    pub signed: bool,
}

/// Identity, limits and starting point of a log.
pub struct Log {
    /// Name of the log in its checkpoints; 1-255 bytes, no space, no `+`.
    pub origin: String,
    /// Random id of the log.
    pub log_id: [u8; 16],
    /// Kernel's boot id.
    pub boot_id: [u8; 16],
    /// Starts of the writer, this one included.
    pub epoch: u64,
    /// Bytes of a segment; a larger group makes a larger segment.
    pub segment_bytes: u64,
    /// Record bytes in one group.
    pub group_bytes_max: usize,
    /// Signs checkpoints.
    pub signer: Option<Signer>,
    /// Least time between two signed checkpoints.
    pub checkpoint_interval_ns: u64,
    /// The tree so far.
    pub tree: Tree,
    /// Index of the next segment.
    pub next_segment: u64,
    /// What the next segment's header says about its beginning.
    pub opened: Opened,
}

impl Default for Log {
    fn default() -> Log {
        Log {
            origin: "panward".to_owned(),
            log_id: [0; 16],
            boot_id: [0; 16],
            epoch: 1,
            segment_bytes: 64 << 20,
            group_bytes_max: 1 << 20,
            signer: None,
            checkpoint_interval_ns: 1_000_000_000,
            tree: Tree::new(),
            next_segment: 1,
            opened: Opened::Fresh,
        }
    }
}

/// The writer's half: one thread owns it.
pub struct Committer {
    shared: Arc<Shared>,
    log: Log,
    tree: Tree,
    /// Taken from the queue, not yet durable.
    group: Vec<Item>,
    segment: Option<Segment>,
    buffer: Vec<u8>,
    failed: bool,
    /// Size and monotonic time of the last checkpoint.
    signed: Option<(u64, u64)>,
    failure: Option<io::Error>,
}

struct Segment {
    used: u64,
    salt: Salt,
    /// Digest of the header, until the first group has recorded it.
    header: Option<Hash>,
}

impl Committer {
    /// Continues `log`; before the first commit.
    pub fn with_log(mut self, log: Log) -> Committer {
        self.tree = log.tree.clone();
        self.log = log;
        self
    }

    /// Commits one group, if there is anything to commit, and signs when due.
    ///
    /// On [`AuditError::Failed`] nothing is lost: call again after a pause; what
    /// the medium said is in [`Committer::take_failure`].
    pub fn commit(&mut self, store: &mut dyn Store, now: Time) -> Result<Committed, AuditError> {
        self.shared.drain(&mut self.group, self.log.group_bytes_max);
        let outcome = self.step(store, now);
        self.settle(outcome)
    }

    /// Commits everything handed over so far, signs and seals. Recorders answer
    /// `Closed` from now on.
    pub fn finish(&mut self, store: &mut dyn Store, now: Time) -> Result<Committed, AuditError> {
        self.shared.close();
        loop {
            self.commit(store, now)?;
            if self.group.is_empty() && self.shared.is_idle() {
                break;
            }
        }
        let outcome = self.last(store, now);
        self.settle(outcome)
    }

    /// Waits until there is something to commit; false = the time passed.
    pub fn wait_for_work(&self, timeout: Duration) -> bool {
        self.shared.wait(timeout)
    }

    /// A handle that ends a [`Committer::wait_for_work`] early.
    pub fn nudger(&self) -> impl Fn() + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || shared.nudge()
    }

    /// What the medium answered when the last commit failed.
    pub fn take_failure(&mut self) -> Option<io::Error> {
        self.failure.take()
    }

    /// The tree over everything durable.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// True when a checkpoint would cover records the last one does not.
    pub fn is_unsigned(&self) -> bool {
        self.log.signer.is_some() && self.signed.is_none_or(|(size, _)| size < self.tree.size())
    }

    fn settle(&mut self, outcome: io::Result<Committed>) -> Result<Committed, AuditError> {
        match outcome {
            Ok(committed) => {
                self.failed = false;
                self.shared.set_failed(false);
                Ok(committed)
            }
            Err(error) => {
                self.failed = true;
                self.failure = Some(error);
                self.shared.set_failed(true);
                Err(AuditError::Failed)
            }
        }
    }

    fn step(&mut self, store: &mut dyn Store, now: Time) -> io::Result<Committed> {
        let lost = self.failed && self.segment.is_none();
        let (mut records, mut bytes) = (0, 0);
        if lost || !self.group.is_empty() || self.shared.dropped().load(Ordering::Relaxed) > 0 {
            match self.write_group(store, now) {
                Ok(written) => (records, bytes) = written,
                Err(error) => {
                    // A segment that could not be made leaves nothing to be void.
                    if self.segment.take().is_some() {
                        self.log.opened = Opened::IoError;
                    }
                    return Err(error);
                }
            }
        }
        let due = match self.signed {
            None => true,
            Some((_, at)) => now.mono_ns.saturating_sub(at) >= self.log.checkpoint_interval_ns,
        };
        let signed = due && self.is_unsigned() && self.tree.size() > 0;
        if signed {
            self.sign(store, now)?;
        }
        Ok(self.report(records, bytes, signed))
    }

    fn last(&mut self, store: &mut dyn Store, now: Time) -> io::Result<Committed> {
        let signed = self.is_unsigned() && self.tree.size() > 0;
        if signed {
            self.sign(store, now)?;
        }
        if self.segment.is_some() {
            self.seal(store, now)?;
        }
        Ok(self.report(0, 0, signed))
    }

    fn report(&self, records: u64, bytes: u64, signed: bool) -> Committed {
        Committed {
            records,
            bytes,
            size: self.tree.size(),
            root: self.tree.root(),
            durable: self.shared.durable(),
            signed,
        }
    }

    /// Writes and syncs one group; on success everything in it is durable.
    fn write_group(&mut self, store: &mut dyn Store, now: Time) -> io::Result<(u64, u64)> {
        self.make_room(store, now)?;
        let dropped = self.shared.dropped().load(Ordering::Relaxed);
        let ours = self.own_records(now, dropped);
        let salt = self.salt()?;
        let mut tree = self.tree.clone();
        self.buffer.clear();
        for item in ours.iter().chain(&self.group) {
            put_record(&mut self.buffer, salt, tree.size(), &item.bytes, item.crc);
            tree.push(item.leaf);
        }
        let commit = Commit {
            size: tree.size(),
            root: tree.root(),
            wall_ns: now.wall_ns,
            mono_ns: now.mono_ns,
            count: (tree.size() - self.tree.size()) as u32,
            bytes: self.buffer.len() as u32,
        };
        put_commit(&mut self.buffer, salt, FrameKind::Commit, &commit);
        store.write(&self.buffer)?;
        store.sync()?;

        let records = tree.size() - self.tree.size();
        let bytes = self.buffer.len() as u64;
        self.tree = tree;
        if let Some(segment) = &mut self.segment {
            segment.used += bytes;
            segment.header = None;
        }
        self.shared.dropped().fetch_sub(dropped, Ordering::Relaxed);
        let handed = self.group.len() as u64;
        self.group.clear();
        self.shared.advance(handed);
        self.shared.wake();
        Ok((records, bytes))
    }

    /// Records of the log about itself that go before the group.
    fn own_records(&self, now: Time, dropped: u64) -> Vec<Item> {
        let mut ours = Vec::new();
        if let Some(digest) = self.segment.as_ref().and_then(|s| s.header) {
            let mut record = Record::new(Kind::AuditOpen, now.wall_ns);
            record.payload = Some(Masked::trusted(digest.to_vec()));
            ours.push(Item::new(&record));
            if self.failed {
                ours.push(Item::new(&Record::new(Kind::AuditResumed, now.wall_ns)));
            }
        }
        if dropped > 0 {
            let mut record = Record::new(Kind::AuditGap, now.wall_ns);
            record.note = Some(Masked::trusted(format!("dropped {dropped}")));
            ours.push(Item::new(&record));
        }
        ours
    }

    /// Makes sure that a segment is open with room for the group and a seal.
    fn make_room(&mut self, store: &mut dyn Store, now: Time) -> io::Result<()> {
        if let Some(segment) = &self.segment {
            let frames: usize = self.group.iter().map(|i| FRAME_BYTES + i.bytes.len()).sum();
            let need = segment.used + (frames + 2 * (FRAME_BYTES + COMMIT_BYTES)) as u64;
            // A group larger than a whole segment goes into a segment of its own.
            if need + OWN_BYTES <= self.log.segment_bytes || segment.header.is_some() {
                return Ok(());
            }
            if self.is_unsigned() {
                self.sign(store, now)?;
            }
            self.seal(store, now)?;
            self.log.opened = Opened::Rotate;
        }
        let header = self.header(now);
        let bytes = header.encode();
        store.open(header.index, &bytes, self.log.segment_bytes)?;
        self.log.next_segment += 1;
        self.segment = Salt::of(&bytes).map(|salt| Segment {
            used: bytes.len() as u64,
            salt,
            header: Some(sha256(&bytes)),
        });
        Ok(())
    }

    fn salt(&self) -> io::Result<Salt> {
        self.segment
            .as_ref()
            .map(|s| s.salt)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn header(&self, now: Time) -> SegmentHeader {
        SegmentHeader {
            origin: self.log.origin.clone(),
            log_id: self.log.log_id,
            boot_id: self.log.boot_id,
            epoch: self.log.epoch,
            index: self.log.next_segment,
            opened: self.log.opened,
            key_id: self
                .log
                .signer
                .as_ref()
                .map_or([0; 4], |s| s.verifier().key_id()),
            wall_ns: now.wall_ns,
            capacity: self.log.segment_bytes,
            tree: self.tree.clone(),
        }
    }

    fn seal(&mut self, store: &mut dyn Store, now: Time) -> io::Result<()> {
        let salt = self.salt()?;
        self.buffer.clear();
        let seal = Commit {
            size: self.tree.size(),
            root: self.tree.root(),
            wall_ns: now.wall_ns,
            mono_ns: now.mono_ns,
            count: 0,
            bytes: 0,
        };
        put_commit(&mut self.buffer, salt, FrameKind::Seal, &seal);
        store.write(&self.buffer)?;
        store.seal()?;
        self.segment = None;
        Ok(())
    }

    fn sign(&mut self, store: &mut dyn Store, now: Time) -> io::Result<()> {
        let Some(signer) = &self.log.signer else {
            return Ok(());
        };
        let checkpoint = Checkpoint {
            origin: self.log.origin.clone(),
            size: self.tree.size(),
            root: self.tree.root(),
        };
        store.checkpoint(&signer.sign(&checkpoint))?;
        self.signed = Some((self.tree.size(), now.mono_ns));
        Ok(())
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// Room for the log's own records in a group.
const OWN_BYTES: u64 = 512;
