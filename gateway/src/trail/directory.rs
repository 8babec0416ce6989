//! Names and permissions of the files of a log, its lock and its key.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use audit::{Signer, VerifierKey};
use rustix::fs::{FlockOperation, flock};

use super::{TrailError, at};

/// All checkpoints, each followed by an empty line.
pub const CHECKPOINTS: &str = "checkpoints";
/// The latest checkpoint.
pub const CHECKPOINT: &str = "checkpoint";
/// The public key in C2SP form.
pub const VERIFIER_KEY: &str = "log.vkey";
const PRIVATE_KEY: &str = "checkpoint.key";
const LOCK: &str = "lock";

/// Name of segment `index`.
pub fn segment_name(index: u64) -> String {
    format!("segment-{index:012}.pwseg")
}

/// Index of a segment's name.
fn segment_index(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("segment-")?.strip_suffix(".pwseg")?;
    let index = digits.parse().ok()?;
    (segment_name(index) == name).then_some(index)
}

/// Segments of a log, in order of their index.
pub fn segments(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if let Some(index) = entry.file_name().to_str().and_then(segment_index) {
            found.push((index, entry.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// A file's content; empty when there is none.
pub fn read_optional(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the directory (0750) and takes the lock that only one writer can have.
/// It is held as long as the file is open.
pub(super) fn lock(dir: &Path) -> Result<File, TrailError> {
    if !dir.is_dir() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o750)
            .create(dir)
            .map_err(at(dir))?;
    }
    let path = dir.join(LOCK);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .open(&path)
        .map_err(at(&path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(TrailError::Locked(dir.to_owned())),
        Err(error) => Err(at(&path)(error.into())),
    }
}

/// Removes what a crash left half made. Under the lock.
pub(super) fn sweep(dir: &Path) -> Result<(), TrailError> {
    for entry in fs::read_dir(dir).map_err(at(dir))? {
        let path = entry.map_err(at(dir))?.path();
        if path.extension().is_some_and(|extension| extension == "tmp") {
            fs::remove_file(&path).map_err(at(&path))?;
        }
    }
    Ok(())
}

/// The log's key: read, or made when the log is new.
pub(super) fn signer(
    dir: &Path,
    key_file: Option<&Path>,
    origin: &str,
    is_new: bool,
) -> Result<Signer, TrailError> {
    let path = key_file.map_or_else(|| dir.join(PRIVATE_KEY), Path::to_owned);
    let key_error = |error| TrailError::Key {
        path: path.clone(),
        error,
    };
    let signer = match read_optional(&path).map_err(at(&path))? {
        Some(bytes) => {
            let text = String::from_utf8(bytes).map_err(|_| key_error(audit::KeyError::Form))?;
            Signer::parse(&text).map_err(key_error)?
        }
        None if !is_new => return Err(TrailError::KeyMissing(path)),
        None => {
            let signer = Signer::generate(origin).map_err(key_error)?;
            let text = signer.encode().map_err(key_error)? + "\n";
            create(&path, text.as_bytes(), 0o600).map_err(at(&path))?;
            signer
        }
    };
    if signer.verifier().name() != origin {
        return Err(TrailError::Mismatch {
            path,
            what: "origin",
        });
    }
    publish(dir, signer.verifier())?;
    Ok(signer)
}

/// Puts the public key beside the log.
fn publish(dir: &Path, key: &VerifierKey) -> Result<(), TrailError> {
    let path = dir.join(VERIFIER_KEY);
    match read_optional(&path).map_err(at(&path))? {
        Some(bytes) => {
            let same = std::str::from_utf8(&bytes)
                .ok()
                .and_then(|t| VerifierKey::parse(t).ok());
            match same.as_ref() == Some(key) {
                true => Ok(()),
                false => Err(TrailError::Mismatch { path, what: "key" }),
            }
        }
        None => create(&path, (key.encode() + "\n").as_bytes(), 0o644).map_err(at(&path)),
    }
}

/// A new file, whole or not at all, and durable.
fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_parent(path)
}

/// Makes a new or renamed name durable.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
