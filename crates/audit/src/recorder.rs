//! The hand-over from the engine's threads to the writer.
//!
//! A record is encoded, checksummed and leaf-hashed on the caller's thread; the
//! queue between is bounded in records and bytes and refuses when full.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::record::Record;
use crate::tree::{Hash, leaf_hash};

/// Bounds of the queue between recorders and writer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Records waiting for the writer.
    pub queue_records_max: usize,
    /// Encoded bytes waiting for the writer.
    pub queue_bytes_max: usize,
    /// Bytes of one encoded record.
    pub record_bytes_max: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            queue_records_max: 16_384,
            queue_bytes_max: 32 << 20,
            record_bytes_max: 4 << 20,
        }
    }
}

/// When [`Recorder::receipt`] answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Mode {
    /// When the record is on disk. A crash loses nothing that had a receipt.
    #[default]
    Durable,
    /// At hand-over, while no more than `unsynced_records_max` records of this
    /// log are not on disk yet; above that as `Durable`. A crash loses at most
    /// that many records that had a receipt.
    Batched {
        /// Records with a receipt that may be lost in a crash.
        unsynced_records_max: u64,
    },
    /// At once. A record that finds the queue full or the disk failed is dropped,
    /// counted, and the count is recorded (`audit.gap`) as soon as it can be.
    BestEffort,
}

/// Why a record was not taken. The caller denies or holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// The queue is full: hold or refuse, try again later.
    #[error("audit queue is full")]
    Full,
    /// The record is larger than `record_bytes_max`.
    #[error("audit record is over its size limit")]
    TooLarge,
    /// The writer has stopped.
    #[error("audit writer has stopped")]
    Closed,
    /// The log cannot be written now; the writer keeps trying.
    #[error("audit log cannot be written")]
    Failed,
}

/// A record was handed over; exchange it for a [`Receipt`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Ticket {
    position: u64,
    dropped: bool,
}

impl Ticket {
    /// Place in the order of hand-over, from 1; compare with the durable mark.
    /// 0 = dropped (mode `BestEffort`).
    pub fn position(&self) -> u64 {
        if self.dropped { 0 } else { self.position }
    }
}

/// Shows that a record is on disk (or that the mode asks for no more).
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub struct Receipt {
    durable: bool,
}

impl Receipt {
    /// False when the mode gave it before the record was on disk.
    pub fn is_durable(&self) -> bool {
        self.durable
    }
}

/// Takes records; cheap to clone, shared by all workers.
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
    mode: Mode,
}

type Waker = Arc<dyn Fn(u64) + Send + Sync>;

pub(crate) struct Shared {
    bounds: Bounds,
    queue: Mutex<Queue>,
    work: Condvar,
    /// Hand-over position up to which records are on disk.
    durable: AtomicU64,
    dropped: AtomicU64,
    waker: Mutex<Option<Waker>>,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    handed: u64,
    closed: bool,
    failed: bool,
    nudged: bool,
}

/// An encoded record on its way to the writer.
pub(crate) struct Item {
    pub(crate) bytes: Vec<u8>,
    pub(crate) crc: u32,
    pub(crate) leaf: Hash,
}

impl Item {
    pub(crate) fn new(record: &Record) -> Item {
        let bytes = record.encode();
        Item {
            crc: crc32c::crc32c(&bytes),
            leaf: leaf_hash(&bytes),
            bytes,
        }
    }
}

impl Recorder {
    /// The same recorder with another mode (default: `Durable`).
    pub fn with_mode(&self, mode: Mode) -> Recorder {
        Recorder {
            shared: Arc::clone(&self.shared),
            mode,
        }
    }

    /// Mode of this recorder.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Encodes and hands over.
    pub fn record(&self, record: &Record) -> Result<Ticket, AuditError> {
        let item = Item::new(record);
        if item.bytes.len() > self.shared.bounds.record_bytes_max {
            return Err(AuditError::TooLarge);
        }
        match self.shared.push(item) {
            Ok(position) => Ok(Ticket {
                position,
                dropped: false,
            }),
            Err(AuditError::Full | AuditError::Failed) if self.mode == Mode::BestEffort => {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                Ok(Ticket {
                    position: 0,
                    dropped: true,
                })
            }
            Err(error) => Err(error),
        }
    }

    /// The receipt, once the mode allows it. Does not block.
    pub fn receipt(&self, ticket: &Ticket) -> Option<Receipt> {
        let durable = self.durable();
        if !ticket.dropped && durable >= ticket.position {
            return Some(Receipt { durable: true });
        }
        let early = match self.mode {
            Mode::Durable => false,
            Mode::Batched {
                unsynced_records_max,
            } => ticket.position.saturating_sub(durable) <= unsynced_records_max,
            Mode::BestEffort => true,
        };
        early.then_some(Receipt { durable: false })
    }

    /// Hand-over position up to which every record is on disk.
    pub fn durable(&self) -> u64 {
        self.shared.durable.load(Ordering::Acquire)
    }

    /// Records dropped so far in mode `BestEffort` and not yet in an `audit.gap`.
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Records that wait for the writer.
    pub fn waiting(&self) -> usize {
        lock(&self.shared.queue).items.len()
    }

    /// Called on the writer's thread with the new mark each time it moves, and
    /// with the unchanged mark when the log fails or closes, so that waiters look
    /// again. Must not block. Replaces the one before.
    pub fn set_waker(&self, waker: Box<dyn Fn(u64) + Send + Sync>) {
        *lock(&self.shared.waker) = Some(Arc::from(waker));
    }

    /// Why a record would not be taken now; `None` = it would (but for room).
    pub fn trouble(&self) -> Option<AuditError> {
        let queue = lock(&self.shared.queue);
        match (queue.closed, queue.failed) {
            (true, _) => Some(AuditError::Closed),
            (_, true) => Some(AuditError::Failed),
            _ => None,
        }
    }
}

impl Shared {
    pub(crate) fn new(bounds: Bounds) -> (Recorder, Arc<Shared>) {
        let shared = Arc::new(Shared {
            bounds,
            queue: Mutex::default(),
            work: Condvar::new(),
            durable: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            waker: Mutex::default(),
        });
        (
            Recorder {
                shared: Arc::clone(&shared),
                mode: Mode::Durable,
            },
            shared,
        )
    }

    fn push(&self, item: Item) -> Result<u64, AuditError> {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return Err(AuditError::Closed);
        }
        if queue.failed {
            return Err(AuditError::Failed);
        }
        let bytes = queue.bytes.saturating_add(item.bytes.len());
        if queue.items.len() >= self.bounds.queue_records_max || bytes > self.bounds.queue_bytes_max
        {
            return Err(AuditError::Full);
        }
        queue.bytes = bytes;
        queue.handed += 1;
        queue.items.push_back(item);
        let position = queue.handed;
        drop(queue);
        self.work.notify_one();
        Ok(position)
    }

    /// Moves items to `group` until it has `bytes_max` bytes.
    pub(crate) fn drain(&self, group: &mut Vec<Item>, bytes_max: usize) {
        let mut queue = lock(&self.queue);
        let mut bytes: usize = group.iter().map(|item| item.bytes.len()).sum();
        while let Some(item) = queue.items.front() {
            bytes += item.bytes.len();
            if bytes > bytes_max && !group.is_empty() {
                break;
            }
            if let Some(item) = queue.items.pop_front() {
                queue.bytes -= item.bytes.len();
                group.push(item);
            }
        }
    }

    /// Waits for an item, a nudge or the end; true = there may be work.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        let queue = lock(&self.queue);
        let idle = |q: &mut Queue| q.items.is_empty() && !q.closed && !q.nudged;
        let (mut queue, wait) = self
            .work
            .wait_timeout_while(queue, timeout, idle)
            .unwrap_or_else(PoisonError::into_inner);
        queue.nudged = false;
        !wait.timed_out()
    }

    pub(crate) fn nudge(&self) {
        lock(&self.queue).nudged = true;
        self.work.notify_all();
    }

    pub(crate) fn is_idle(&self) -> bool {
        lock(&self.queue).items.is_empty()
    }

    pub(crate) fn advance(&self, records: u64) -> u64 {
        self.durable.fetch_add(records, Ordering::AcqRel) + records
    }

    pub(crate) fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    pub(crate) fn dropped(&self) -> &AtomicU64 {
        &self.dropped
    }

    pub(crate) fn set_failed(&self, failed: bool) {
        let changed = {
            let mut queue = lock(&self.queue);
            std::mem::replace(&mut queue.failed, failed) != failed
        };
        if changed {
            self.wake();
        }
    }

    pub(crate) fn close(&self) {
        lock(&self.queue).closed = true;
        self.work.notify_all();
        self.wake();
    }

    /// Tells the waker the mark; the lock is not held while it runs.
    pub(crate) fn wake(&self) {
        let waker = lock(&self.waker).clone();
        if let Some(waker) = waker {
            waker(self.durable());
        }
    }
}

/// A panic of another thread leaves counters and queue whole: each change is
/// complete before the lock is given back.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
