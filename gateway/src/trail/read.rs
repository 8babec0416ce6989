//! Reads a log while it is written, across segments. Takes no lock and shows
//! committed groups only.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use audit::frame::{HEADER_BYTES, Salt, SegmentHeader};
use audit::{Record, Step, read_group};

use super::directory::{segment_name, segments};

/// First look into a segment; doubled while a group does not fit.
const WINDOW_BYTES: usize = 128 << 10;

/// One record with its sequence; `None` = of a later format, not readable here.
pub type Entry = (u64, Option<Record>);

/// A place in a log.
pub struct LogReader {
    dir: PathBuf,
    segment: Option<Open>,
    /// Index of the segment to be read next.
    next_index: u64,
    window: Vec<u8>,
}

struct Open {
    file: File,
    salt: Salt,
    at: u64,
    seq: u64,
}

impl LogReader {
    /// Begins at the segment that leaves at least `last` records to the end, or at
    /// the first one (`None`).
    pub fn open(dir: &Path, last: Option<u64>) -> io::Result<LogReader> {
        let found = segments(dir)?;
        let first = found.first().map_or(1, |(index, _)| *index);
        let mut reader = LogReader {
            dir: dir.to_owned(),
            segment: None,
            next_index: first,
            window: Vec::new(),
        };
        let Some(last) = last else { return Ok(reader) };
        let Some(size) = reader.size(&found)? else {
            return Ok(reader);
        };
        for (index, path) in found.iter().rev() {
            reader.next_index = *index;
            if header(&File::open(path)?)?.is_some_and(|(h, _)| h.tree.size() + last <= size) {
                break;
            }
        }
        Ok(reader)
    }

    /// Index of the segment being read; earlier ones are not needed any more.
    pub fn segment(&self) -> u64 {
        self.next_index.saturating_sub(1)
    }

    /// Records in the log now.
    fn size(&mut self, found: &[(u64, PathBuf)]) -> io::Result<Option<u64>> {
        let Some((index, _)) = found.last() else {
            return Ok(None);
        };
        self.next_index = *index;
        while self.next_group()?.is_some() {}
        let size = self.segment.take().map(|open| open.seq);
        Ok(size)
    }

    /// The next committed group; `None` = nothing more now.
    pub fn next_group(&mut self) -> io::Result<Option<Vec<Entry>>> {
        loop {
            if self.segment.is_none() && !self.open_next()? {
                return Ok(None);
            }
            if let Some(entries) = self.read()? {
                return Ok(Some(entries));
            }
            // The writer leaves a segment for good before it makes the next one, so
            // one more look after seeing that one misses nothing.
            if !self.dir.join(segment_name(self.next_index)).exists() {
                return Ok(None);
            }
            if let Some(entries) = self.read()? {
                return Ok(Some(entries));
            }
            self.segment = None;
        }
    }

    fn open_next(&mut self) -> io::Result<bool> {
        let file = match File::open(self.dir.join(segment_name(self.next_index))) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let Some((header, salt)) = header(&file)? else {
            let name = segment_name(self.next_index);
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{name}: damaged header"),
            ));
        };
        let at = HEADER_BYTES as u64;
        self.segment = Some(Open {
            file,
            salt,
            at,
            seq: header.tree.size(),
        });
        self.next_index += 1;
        Ok(true)
    }

    fn read(&mut self) -> io::Result<Option<Vec<Entry>>> {
        let Some(open) = &mut self.segment else {
            return Ok(None);
        };
        let mut len = WINDOW_BYTES;
        loop {
            self.window.resize(len, 0);
            let got = read_at(&open.file, &mut self.window, open.at)?;
            let bytes = &self.window[..got];
            match read_group(bytes, open.salt, open.seq) {
                Step::Group(group) => {
                    let seqs = group.first_seq..;
                    let decoded = group.records.iter().map(|bytes| Record::decode(bytes).ok());
                    let entries = seqs.zip(decoded).collect();
                    open.at += group.span as u64;
                    open.seq = group.commit.size;
                    return Ok(Some(entries));
                }
                Step::Open { .. } | Step::Damaged { .. } if got == len => len *= 2,
                _ => return Ok(None),
            }
        }
    }
}

fn header(file: &File) -> io::Result<Option<(SegmentHeader, Salt)>> {
    let mut bytes = vec![0; HEADER_BYTES];
    let got = read_at(file, &mut bytes, 0)?;
    let header = SegmentHeader::decode(bytes.get(..got).unwrap_or_default()).ok();
    Ok(header.zip(Salt::of(&bytes)))
}

/// Fills `buffer` from `at` as far as the file goes.
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match file.read_at(&mut buffer[got..], at + got as u64) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
