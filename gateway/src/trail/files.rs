//! Segments and checkpoints as files.
//!
//! A segment appears under its name only when it is whole: header and zeros
//! written and synced under another name, then renamed. Zeros are written, not
//! only allocated: a sync then has no metadata to write. While one segment is in
//! use a spare one is being zeroed by a thread of its own, so that rotation does not
//! wait for it; a spare that is not ready or failed is made on the spot.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use audit::{Store, split_notes};

use super::directory::{CHECKPOINT, CHECKPOINTS, segment_name, sync_parent};

/// Name of a segment in the making.
const SPARE: &str = "segment.tmp";
/// Zeros written at a time.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// The files of one log; used by the writer thread only.
pub(super) struct FileStore {
    dir: PathBuf,
    segment: Option<Segment>,
    spare: Option<Spare>,
    checkpoints: File,
    /// Bytes of whole checkpoints; what stands behind is overwritten.
    checkpoints_bytes: u64,
}

struct Segment {
    file: File,
    used: u64,
}

/// A file of zeros in the making.
struct Spare {
    capacity: u64,
    thread: JoinHandle<io::Result<File>>,
}

impl FileStore {
    /// Opens the list of checkpoints, cutting off one that a crash left unfinished.
    pub(super) fn open(dir: &Path) -> io::Result<FileStore> {
        let path = dir.join(CHECKPOINTS);
        let mut options = OpenOptions::new();
        let checkpoints = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .open(&path)?;
        let text = fs::read_to_string(&path)?;
        let (_, torn) = split_notes(&text);
        let checkpoints_bytes = (text.len() - torn.len()) as u64;
        checkpoints.set_len(checkpoints_bytes)?;
        Ok(FileStore {
            dir: dir.to_owned(),
            segment: None,
            spare: None,
            checkpoints,
            checkpoints_bytes,
        })
    }
}

impl Store for FileStore {
    fn open(&mut self, index: u64, header: &[u8], capacity: u64) -> io::Result<()> {
        self.segment = None;
        let path = self.dir.join(segment_name(index));
        let temporary = self.dir.join(SPARE);
        let made = self
            .zeros(&temporary, capacity)
            .and_then(|file| begin_segment(file, &temporary, &path, header));
        if made.is_err() {
            // Best effort: an error here changes nothing, and a later open of the
            // log removes what is left.
            let _ = fs::remove_file(&temporary);
        }
        self.segment = Some(Segment {
            file: made?,
            used: header.len() as u64,
        });
        self.prepare(temporary, capacity);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let segment = self.segment.as_mut().ok_or(io::ErrorKind::NotFound)?;
        segment.file.write_all_at(bytes, segment.used)?;
        segment.used += bytes.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.segment
            .as_ref()
            .ok_or(io::ErrorKind::NotFound)?
            .file
            .sync_data()
    }

    fn seal(&mut self) -> io::Result<()> {
        let segment = self.segment.take().ok_or(io::ErrorKind::NotFound)?;
        segment.file.set_len(segment.used)?;
        segment.file.sync_all()
    }

    fn checkpoint(&mut self, note: &str) -> io::Result<()> {
        let entry = format!("{note}\n");
        self.checkpoints
            .write_all_at(entry.as_bytes(), self.checkpoints_bytes)?;
        self.checkpoints.sync_data()?;
        self.checkpoints_bytes += entry.len() as u64;
        let path = self.dir.join(CHECKPOINT);
        let temporary = path.with_extension("tmp");
        fs::write(&temporary, note)?;
        fs::rename(&temporary, &path)
    }
}

impl FileStore {
    /// The spare, once it is ready; without one, zeros written here and now.
    fn zeros(&mut self, path: &Path, capacity: u64) -> io::Result<File> {
        if let Some(spare) = self.spare.take() {
            let file = spare
                .thread
                .join()
                .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()));
            if let (Ok(file), true) = (file, spare.capacity == capacity) {
                return Ok(file);
            }
        }
        make_zeros(path, capacity)
    }

    /// Begins the next spare. Without a thread for it rotation is slower, no more.
    fn prepare(&mut self, path: PathBuf, capacity: u64) {
        let work = move || make_zeros(&path, capacity);
        let thread = thread::Builder::new()
            .name("panward-spare".to_owned())
            .spawn(work);
        self.spare = thread.ok().map(|thread| Spare { capacity, thread });
    }
}

impl Drop for FileStore {
    fn drop(&mut self) {
        if let Some(spare) = self.spare.take() {
            let _ = spare.thread.join();
            let _ = fs::remove_file(self.dir.join(SPARE));
        }
    }
}

fn make_zeros(path: &Path, capacity: u64) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .open(path)?;
    let mut at = 0;
    while at < capacity {
        let len = ZEROS.len().min((capacity - at) as usize);
        file.write_all_at(&ZEROS[..len], at)?;
        at += len as u64;
    }
    file.sync_all()?;
    Ok(file)
}

/// Puts the header into zeros and gives them their name.
fn begin_segment(file: File, temporary: &Path, path: &Path, header: &[u8]) -> io::Result<File> {
    // Never over an existing segment, whatever the index says.
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    file.write_all_at(header, 0)?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    if let Err(error) = sync_parent(path) {
        fs::remove_file(path)?;
        return Err(error);
    }
    Ok(file)
}
