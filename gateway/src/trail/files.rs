//! Segments and checkpoints as files.
//!
//! A segment appears under its name only when it is whole: header and zeros
//! written and synced under another name, then renamed. Zeros are written, not
//! only allocated: a sync then has no metadata to write.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use audit::{Store, split_notes};

use super::directory::{CHECKPOINT, CHECKPOINTS, segment_name, sync_parent};

/// Zeros written at a time.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// The files of one log; used by the writer thread only.
pub(super) struct FileStore {
    dir: PathBuf,
    segment: Option<Segment>,
    checkpoints: File,
    /// Bytes of whole checkpoints; what stands behind is overwritten.
    checkpoints_bytes: u64,
}

struct Segment {
    file: File,
    used: u64,
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
            checkpoints,
            checkpoints_bytes,
        })
    }
}

impl Store for FileStore {
    fn open(&mut self, index: u64, header: &[u8], capacity: u64) -> io::Result<()> {
        self.segment = None;
        let path = self.dir.join(segment_name(index));
        let temporary = path.with_extension("tmp");
        let made = make_segment(&temporary, &path, header, capacity);
        if made.is_err() {
            // Best effort: an error here changes nothing, and a later open of the
            // log removes what is left.
            let _ = fs::remove_file(&temporary);
        }
        self.segment = Some(Segment {
            file: made?,
            used: header.len() as u64,
        });
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

fn make_segment(temporary: &Path, path: &Path, header: &[u8], capacity: u64) -> io::Result<File> {
    // Never over an existing segment, whatever the index says.
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut options = OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o640)
        .open(temporary)?;
    file.write_all_at(header, 0)?;
    let mut at = header.len() as u64;
    while at < capacity {
        let len = ZEROS.len().min((capacity - at) as usize);
        file.write_all_at(&ZEROS[..len], at)?;
        at += len as u64;
    }
    file.sync_all()?;
    fs::rename(temporary, path)?;
    if let Err(error) = sync_parent(path) {
        fs::remove_file(path)?;
        return Err(error);
    }
    Ok(file)
}
