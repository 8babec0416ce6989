//! Where bytes go. The gateway implements it with files; tests with memory.

use std::io;

/// Segments and checkpoints on some medium.
///
/// The committer calls it from one thread, in this order: `open`, then `write`
/// and `sync` in turn, then `seal`. After an error from `write`, `sync` or `seal`
/// the segment is never used again: the next call is `open`.
pub trait Store {
    /// Makes a segment: `capacity` bytes, zero-filled, `header` at its start,
    /// synced together with the directory. An error leaves no segment behind.
    fn open(&mut self, index: u64, header: &[u8], capacity: u64) -> io::Result<()>;

    /// Writes all of `bytes` after what was written before in this segment.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes durable what was written.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the segment after what was written, makes it durable, closes it.
    fn seal(&mut self) -> io::Result<()>;

    /// Replaces the latest checkpoint and appends it to the list of all.
    fn checkpoint(&mut self, note: &str) -> io::Result<()>;
}

/// A store in memory: for tests of the code that records.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    /// Segments with their index; the last one is current.
    pub segments: Vec<(u64, Vec<u8>)>,
    /// Every checkpoint, in order.
    pub checkpoints: Vec<String>,
    /// How much of the current segment was synced.
    pub synced: usize,
}

impl Store for MemoryStore {
    fn open(&mut self, index: u64, header: &[u8], _capacity: u64) -> io::Result<()> {
        self.segments.push((index, header.to_vec()));
        self.synced = header.len();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.segments.last_mut() {
            Some((_, segment)) => segment.extend_from_slice(bytes),
            None => return Err(io::ErrorKind::NotFound.into()),
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.synced = self.segments.last().map_or(0, |(_, segment)| segment.len());
        Ok(())
    }

    fn seal(&mut self) -> io::Result<()> {
        self.sync()
    }

    fn checkpoint(&mut self, note: &str) -> io::Result<()> {
        self.checkpoints.push(note.to_owned());
        Ok(())
    }
}
