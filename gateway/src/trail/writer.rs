//! The writer thread and the start of a log.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use audit::frame::Opened;
use audit::{Committer, Log, Record, Recorder, Recovered, Signer, Time, Tree, channel, recover};

use super::directory::{self, CHECKPOINTS};
use super::files::FileStore;
use super::{TrailError, TrailSettings, at};

/// Pause between two tries while the disk fails.
const RETRY: Duration = Duration::from_millis(250);
/// Tries at the end before the log is left without a seal.
const FINISH_TRIES: u32 = 4;
/// Longest sleep of an idle writer.
const IDLE: Duration = Duration::from_secs(60);

/// Takes records and bytes of a commit, and how long it took.
type Report = Box<dyn Fn(u64, u64, Duration) + Send + Sync>;

/// The running writer. Dropping it stops it too, without telling of errors.
pub struct TrailHandle {
    dir: PathBuf,
    stopping: Arc<AtomicBool>,
    nudge: Box<dyn Fn() + Send + Sync>,
    thread: Option<JoinHandle<Result<(), io::Error>>>,
    verifier: audit::VerifierKey,
    recovered: Option<u64>,
    report: Arc<OnceLock<Report>>,
}

impl TrailHandle {
    /// Tells `report` of each commit: records, bytes and time, on the writer's thread. It
    /// must not block. What was committed before is told with the next one. The first
    /// report stays.
    pub fn report_to(&self, report: impl Fn(u64, u64, Duration) + Send + Sync + 'static) {
        let _ = self.report.set(Box::new(report));
    }

    /// Commits what was handed over, signs the last checkpoint, seals the segment.
    /// Blocks until done; recorders answer `Closed` from now on.
    pub fn stop(mut self) -> Result<(), TrailError> {
        self.join()
    }

    /// Public key of the log.
    pub fn verifier(&self) -> &audit::VerifierKey {
        &self.verifier
    }

    /// Bytes of an unfinished write found at the start; `None` = the log was new or
    /// had been closed in good order.
    pub fn recovered_torn_bytes(&self) -> Option<u64> {
        self.recovered
    }

    fn join(&mut self) -> Result<(), TrailError> {
        let Some(thread) = self.thread.take() else {
            return Ok(());
        };
        self.stopping.store(true, Ordering::Release);
        (self.nudge)();
        thread.thread().unpark();
        let outcome = thread
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("writer panicked")));
        outcome.map_err(|error| TrailError::Unfinished {
            dir: self.dir.clone(),
            error,
        })
    }
}

impl Drop for TrailHandle {
    fn drop(&mut self) {
        if let Err(error) = self.join() {
            tracing::error!(%error, "audit log was not closed");
        }
    }
}

pub(super) fn open(settings: TrailSettings) -> Result<(Recorder, TrailHandle), TrailError> {
    let dir = settings.dir.clone();
    let lock = directory::lock(&dir)?;
    directory::sweep(&dir)?;
    let segments = directory::segments(&dir).map_err(at(&dir))?;
    let signer = directory::signer(
        &dir,
        settings.key_file.as_deref(),
        &settings.origin,
        segments.is_empty(),
    )?;
    let state = match segments.last() {
        Some((_, path)) => Some(continue_after(path, &settings, &signer)?),
        None => None,
    };
    let store = FileStore::open(&dir).map_err(at(&dir.join(CHECKPOINTS)))?;
    check_signed_size(&dir, &signer, state.as_ref().map_or(0, |s| s.tree.size()))?;

    let verifier = signer.verifier().clone();
    let torn = state
        .as_ref()
        .filter(|s| !s.sealed)
        .map(|s| (s.torn_bytes, s.tree.size()));
    let log = log(settings, signer, state).map_err(at(&dir))?;
    let (recorder, committer) = channel(log.0);
    let committer = committer.with_log(log.1);
    if let Some((bytes, size)) = torn {
        // The queue is empty and open: nothing can refuse this record.
        let record = Record::recovered(now().wall_ns, bytes, size.saturating_sub(1));
        let _ticket = recorder.record(&record);
    }
    let stopping = Arc::new(AtomicBool::new(false));
    let nudge = Box::new(committer.nudger());
    let stop = Arc::clone(&stopping);
    let report = Arc::new(OnceLock::new());
    let writer = Writer {
        report: Arc::clone(&report),
        untold: (0, 0),
        committer,
        store,
        dir: dir.clone(),
        _lock: lock,
    };
    let thread = thread::Builder::new()
        .name("panward-audit".to_owned())
        .spawn(move || writer.run(&stop))
        .map_err(at(&dir))?;
    let recovered = torn.map(|(bytes, _)| bytes);
    Ok((
        recorder,
        TrailHandle {
            dir,
            stopping,
            nudge,
            thread: Some(thread),
            verifier,
            recovered,
            report,
        },
    ))
}

/// Reads the last segment, and cuts the zeros behind it off.
fn continue_after(
    path: &Path,
    settings: &TrailSettings,
    signer: &Signer,
) -> Result<Recovered, TrailError> {
    let bytes = fs::read(path).map_err(at(path))?;
    let state = recover(&bytes).map_err(|error| TrailError::Damaged {
        path: path.to_owned(),
        error,
    })?;
    let mismatch = |what| TrailError::Mismatch {
        path: path.to_owned(),
        what,
    };
    if state.header.origin != settings.origin {
        return Err(mismatch("origin"));
    }
    if state.header.key_id != signer.verifier().key_id() {
        return Err(mismatch("key"));
    }
    if !state.sealed {
        let used = state.committed_bytes + state.torn_bytes;
        let file = OpenOptions::new()
            .write(true)
            .open(path)
            .map_err(at(path))?;
        // What a killed writer left in the page cache counts from here on, so it
        // has to be on disk before a new segment builds on it.
        file.set_len(used)
            .and_then(|()| file.sync_all())
            .map_err(at(path))?;
    }
    Ok(state)
}

/// A log that is shorter than its last checkpoint was cut: never go on with it.
fn check_signed_size(dir: &Path, signer: &Signer, found: u64) -> Result<(), TrailError> {
    let path = dir.join(CHECKPOINTS);
    let text = fs::read_to_string(&path).map_err(at(&path))?;
    let (notes, _) = audit::split_notes(&text);
    let last = notes
        .last()
        .and_then(|note| signer.verifier().open(note).ok());
    match last {
        Some(checkpoint) if checkpoint.size > found => Err(TrailError::RolledBack {
            dir: dir.to_owned(),
            signed: checkpoint.size,
            found,
        }),
        _ => Ok(()),
    }
}

fn log(
    settings: TrailSettings,
    signer: Signer,
    state: Option<Recovered>,
) -> io::Result<(audit::Bounds, Log)> {
    let mut log = Log {
        origin: settings.origin,
        boot_id: boot_id(),
        segment_bytes: settings.segment_bytes,
        signer: Some(signer),
        checkpoint_interval_ns: settings.checkpoint_interval.as_nanos() as u64,
        ..Log::default()
    };
    match state {
        Some(Recovered {
            header,
            tree,
            sealed,
            ..
        }) => {
            log.log_id = header.log_id;
            log.epoch = header.epoch + 1;
            log.next_segment = header.index + 1;
            log.opened = if sealed {
                Opened::Rotate
            } else {
                Opened::Restart
            };
            log.tree = tree;
        }
        None => {
            aws_lc_rs::rand::fill(&mut log.log_id)
                .map_err(|_| io::Error::other("no randomness"))?;
            log.tree = Tree::new();
        }
    }
    Ok((settings.bounds, log))
}

/// The kernel's boot id; zeros where there is none to read.
fn boot_id() -> [u8; 16] {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let hex: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&hex, 16).map_or([0; 16], u128::to_be_bytes)
}

fn now() -> Time {
    let ns = |clock| {
        let time = rustix::time::clock_gettime(clock);
        (time.tv_sec as u64)
            .saturating_mul(1_000_000_000)
            .saturating_add(time.tv_nsec as u64)
    };
    Time {
        wall_ns: ns(rustix::time::ClockId::Realtime),
        mono_ns: ns(rustix::time::ClockId::Monotonic),
    }
}

struct Writer {
    report: Arc<OnceLock<Report>>,
    /// Records and bytes committed before there was a report.
    untold: (u64, u64),
    committer: Committer,
    store: FileStore,
    dir: PathBuf,
    /// Held as long as the writer lives.
    _lock: File,
}

impl Writer {
    fn run(mut self, stopping: &AtomicBool) -> io::Result<()> {
        let mut failing = false;
        while !stopping.load(Ordering::Acquire) {
            let started = Instant::now();
            match self.committer.commit(&mut self.store, now()) {
                Ok(committed) => {
                    self.tell(committed.records, committed.bytes, started.elapsed());
                    if failing {
                        tracing::warn!(dir = %self.dir.display(), "audit log is written again");
                    }
                    failing = false;
                    let idle = if self.committer.is_unsigned() {
                        RETRY
                    } else {
                        IDLE
                    };
                    self.committer.wait_for_work(idle);
                }
                Err(_) => {
                    let error = self.failure();
                    if !failing {
                        tracing::error!(dir = %self.dir.display(), %error, "audit log cannot be written");
                    }
                    failing = true;
                    thread::park_timeout(RETRY);
                }
            }
        }
        self.finish()
    }

    fn tell(&mut self, records: u64, bytes: u64, took: Duration) {
        self.untold = (self.untold.0 + records, self.untold.1 + bytes);
        if let (Some(report), 1..) = (self.report.get(), self.untold.0) {
            report(self.untold.0, self.untold.1, took);
            self.untold = (0, 0);
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        let mut tries = 1;
        while self.committer.finish(&mut self.store, now()).is_err() {
            let error = self.failure();
            if tries == FINISH_TRIES {
                return Err(error);
            }
            tries += 1;
            thread::sleep(RETRY);
        }
        Ok(())
    }

    fn failure(&mut self) -> io::Error {
        self.committer
            .take_failure()
            .unwrap_or_else(|| io::Error::other("unknown"))
    }
}
