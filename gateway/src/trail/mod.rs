//! The audit log on disk: one writer thread, segment files, checkpoints.
//!
//! Place in the data path: `record`. Workers hand records to an
//! [`audit::Recorder`]; the thread started here drains them group by group, writes,
//! syncs and signs ([`audit::Committer`] has the logic, [`files::FileStore`] the
//! files). While the disk answers with errors the recorder refuses, and the thread
//! tries again by itself.
//!
//! Bounds: the queue ([`audit::Bounds`]) and one group in flight. One writer per
//! directory, by a lock on it. Reading ([`read`]) takes no lock.

pub mod directory;
mod files;
pub mod found;
pub mod read;
pub mod show;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audit::{Bounds, Recorder};

pub use writer::TrailHandle;

/// Where and how to write the log.
#[derive(Clone, Debug)]
pub struct TrailSettings {
    /// Directory of the log; made with mode 0750 when it is not there.
    pub dir: PathBuf,
    /// Name of the log in its checkpoints: 1-255 bytes, no space, no `+`.
    pub origin: String,
    /// Private checkpoint key; `checkpoint.key` in the directory when `None`. Made
    /// with mode 0600 together with a new log.
    pub key_file: Option<PathBuf>,
    /// Bytes of a segment file.
    pub segment_bytes: u64,
    /// Bounds of the queue.
    pub bounds: Bounds,
    /// Least time between two signed checkpoints.
    pub checkpoint_interval: Duration,
}

impl TrailSettings {
    /// Defaults: 64 MiB segments, a checkpoint each second at most.
    pub fn new(dir: impl Into<PathBuf>, origin: impl Into<String>) -> TrailSettings {
        TrailSettings {
            dir: dir.into(),
            origin: origin.into(),
            key_file: None,
            segment_bytes: 64 << 20,
            bounds: Bounds::default(),
            checkpoint_interval: Duration::from_secs(1),
        }
    }
}

/// Why a log cannot be opened or closed.
#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    /// A file or directory.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system answered.
        error: io::Error,
    },
    /// Another process writes this log.
    #[error("{}: another process is writing this audit log", .0.display())]
    Locked(PathBuf),
    /// The key file cannot be used.
    #[error("{}: {error}", path.display())]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        error: audit::KeyError,
    },
    /// There are segments and no key: going on with a new key would break the proof.
    #[error("{}: the log has segments and its checkpoint key is missing", .0.display())]
    KeyMissing(PathBuf),
    /// The key or the origin is not the log's.
    #[error("{}: log was written under another {what}", path.display())]
    Mismatch {
        /// The file that says so.
        path: PathBuf,
        /// `key` or `origin`.
        what: &'static str,
    },
    /// The last segment cannot be continued.
    #[error("{}: {error}; run `panward verify`", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// Why.
        error: audit::RecoverError,
    },
    /// The log is shorter than what was signed.
    #[error("{}: checkpoint covers {signed} records and the log has {found}; run `panward verify`", dir.display())]
    RolledBack {
        /// The log.
        dir: PathBuf,
        /// Size under the last checkpoint.
        signed: u64,
        /// Records found.
        found: u64,
    },
    /// The log could not be written to its end.
    #[error("{}: audit log could not be closed: {error}", dir.display())]
    Unfinished {
        /// The log.
        dir: PathBuf,
        /// What the system answered last.
        error: io::Error,
    },
}

/// Opens logs.
pub struct Trail;

impl Trail {
    /// Opens or continues the log and starts its writer thread.
    pub fn open(settings: TrailSettings) -> Result<(Recorder, TrailHandle), TrailError> {
        writer::open(settings)
    }
}

/// Turns an I/O error into one that names the file.
fn at(path: &Path) -> impl FnOnce(io::Error) -> TrailError + '_ {
    move |error| TrailError::Io {
        path: path.to_owned(),
        error,
    }
}
