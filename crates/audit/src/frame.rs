//! Bytes of a segment: header, frames, commit and seal. `docs/AUDIT_FORMAT.md`
//! has the same field by field.
//!
//! All integers little-endian. A segment is one header of [`HEADER_BYTES`], then
//! frames without padding, then zeros up to the preallocated end (a sealed
//! segment is cut after its seal).

use crate::tree::{Hash, Tree};

/// First bytes of every segment.
pub const MAGIC: [u8; 8] = *b"PWAUDSEG";
/// Version of the segment format.
pub const VERSION: u16 = 1;
/// Size of the header.
pub const HEADER_BYTES: usize = 4096;
/// Size of the fixed part of a frame.
pub const FRAME_BYTES: usize = 20;
/// Size of the body of a commit or seal frame.
pub const COMMIT_BYTES: usize = 64;
/// Longest log origin, bytes.
pub const ORIGIN_BYTES_MAX: usize = 255;

/// Offset of the peaks in the header.
const PEAKS_AT: usize = 1024;

/// Why a segment was begun. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opened {
    /// First segment of a log.
    Fresh = 0,
    /// The one before was full and is sealed.
    Rotate = 1,
    /// The writer started again; the one before may end in a torn tail.
    Restart = 2,
    /// The one before answered with an I/O error: its frames from this
    /// segment's first sequence on are void.
    IoError = 3,
}

impl Opened {
    fn from_code(code: u8) -> Option<Opened> {
        [
            Opened::Fresh,
            Opened::Rotate,
            Opened::Restart,
            Opened::IoError,
        ]
        .into_iter()
        .find(|o| *o as u8 == code)
    }
}

/// Header of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Name of the log, as in its checkpoints.
    pub origin: String,
    /// Random id given to the log when it was made.
    pub log_id: [u8; 16],
    /// Kernel's boot id.
    pub boot_id: [u8; 16],
    /// Counts starts of the writer; from 1.
    pub epoch: u64,
    /// Index of the segment; from 1.
    pub index: u64,
    /// Why it was begun.
    pub opened: Opened,
    /// C2SP key id of the checkpoint key; zeros = checkpoints are not signed.
    pub key_id: [u8; 4],
    /// When it was begun, nanoseconds since 1970.
    pub wall_ns: u64,
    /// Bytes preallocated.
    pub capacity: u64,
    /// The tree before the first record; its size is the first sequence.
    pub tree: Tree,
}

/// Why bytes are not a segment header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Shorter than a header.
    #[error("segment is shorter than its header")]
    Short,
    /// Other magic.
    #[error("not a segment file: wrong magic")]
    Magic,
    /// A version this program cannot read.
    #[error("segment format version {0} is not known")]
    Version(u16),
    /// Checksum or a field is wrong.
    #[error("segment header is damaged")]
    Damaged,
}

impl SegmentHeader {
    /// The bytes of the header.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0u8; HEADER_BYTES];
        let origin = &self.origin.as_bytes()[..self.origin.len().min(ORIGIN_BYTES_MAX)];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &MAGIC);
        put(8, &VERSION.to_le_bytes());
        put(10, &(HEADER_BYTES as u16).to_le_bytes());
        put(12, &[self.opened as u8, 1, 1, origin.len() as u8]);
        put(16, &self.log_id);
        put(32, &self.boot_id);
        put(48, &self.index.to_le_bytes());
        put(56, &self.epoch.to_le_bytes());
        put(64, &self.tree.size().to_le_bytes());
        put(72, &self.tree.root());
        put(104, &self.wall_ns.to_le_bytes());
        put(112, &self.key_id);
        put(120, &self.capacity.to_le_bytes());
        put(128, origin);
        for (n, peak) in self.tree.peaks().iter().enumerate() {
            put(PEAKS_AT + 32 * n, peak);
        }
        let crc = crc32c::crc32c(&out[..HEADER_BYTES - 4]);
        out[HEADER_BYTES - 4..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads a header. Every byte counts: reserved ones must be zero.
    pub fn decode(bytes: &[u8]) -> Result<SegmentHeader, HeaderError> {
        let bytes = bytes.get(..HEADER_BYTES).ok_or(HeaderError::Short)?;
        if bytes[..8] != MAGIC {
            return Err(HeaderError::Magic);
        }
        let version = u16::from_le_bytes(array(bytes, 8));
        if version != VERSION {
            return Err(HeaderError::Version(version));
        }
        let header = Self::fields(bytes).ok_or(HeaderError::Damaged)?;
        // The encoding is a function of the fields, so this also checks the
        // checksum, the root over the peaks, and that reserved bytes are zero.
        if header.encode() == bytes {
            Ok(header)
        } else {
            Err(HeaderError::Damaged)
        }
    }

    fn fields(bytes: &[u8]) -> Option<SegmentHeader> {
        let size = u64::from_le_bytes(array(bytes, 64));
        let peaks = (0..size.count_ones() as usize).map(|n| array(bytes, PEAKS_AT + 32 * n));
        Some(SegmentHeader {
            origin: String::from_utf8(bytes[128..128 + usize::from(bytes[15])].to_vec()).ok()?,
            log_id: array(bytes, 16),
            boot_id: array(bytes, 32),
            epoch: u64::from_le_bytes(array(bytes, 56)),
            index: u64::from_le_bytes(array(bytes, 48)),
            opened: Opened::from_code(bytes[12])?,
            key_id: array(bytes, 112),
            wall_ns: u64::from_le_bytes(array(bytes, 104)),
            capacity: u64::from_le_bytes(array(bytes, 120)),
            tree: Tree::from_peaks(size, peaks.collect())?,
        })
    }
}

/// `N` bytes at `at`; the caller has checked the length.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the slice has N bytes")
}

/// What a frame holds. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// One record.
    Record = 1,
    /// End of a group: everything before it was written with it.
    Commit = 2,
    /// End of the segment.
    Seal = 3,
}

/// Writes a record frame; `body_crc` is the CRC-32C of `body` alone.
pub(crate) fn put_record(out: &mut Vec<u8>, salt: Salt, seq: u64, body: &[u8], body_crc: u32) {
    put_frame(out, salt, FrameKind::Record, seq, body, body_crc);
}

/// Writes a commit or seal frame.
pub(crate) fn put_commit(out: &mut Vec<u8>, salt: Salt, kind: FrameKind, commit: &Commit) {
    let body = commit.encode();
    put_frame(out, salt, kind, commit.size, &body, crc32c::crc32c(&body));
}

/// Checksum of the segment's header; part of every frame's checksum. It ties a
/// frame to its segment, and since the header holds a random id, no peer can put
/// bytes into a payload that pass for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt(u32);

impl Salt {
    /// The salt of a segment, from the bytes of its header.
    pub fn of(header: &[u8]) -> Option<Salt> {
        let header = header.get(..HEADER_BYTES)?;
        Some(Salt(u32::from_le_bytes(array(header, HEADER_BYTES - 4))))
    }
}

/// The checksum runs over the body first, so that it can be begun on the thread
/// that encodes, before the sequence is known; then over head and salt.
fn frame_crc(body_crc: u32, head: &[u8; 16], salt: Salt) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(body_crc, head), &salt.0.to_le_bytes())
}

fn put_frame(out: &mut Vec<u8>, salt: Salt, kind: FrameKind, seq: u64, body: &[u8], crc: u32) {
    let head = frame_head(kind as u8, seq, body.len() as u32);
    out.extend_from_slice(&head[..4]);
    out.extend_from_slice(&frame_crc(crc, &head, salt).to_le_bytes());
    out.extend_from_slice(&head[4..]);
    out.extend_from_slice(body);
}

/// Frame head without its checksum: len, seq, kind, three zero bytes.
fn frame_head(kind: u8, seq: u64, len: u32) -> [u8; 16] {
    let mut head = [0; 16];
    head[..4].copy_from_slice(&len.to_le_bytes());
    head[4..12].copy_from_slice(&seq.to_le_bytes());
    head[12] = kind;
    head
}

/// A frame found in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it holds.
    pub kind: FrameKind,
    /// Sequence of the record; of the next record for commit and seal.
    pub seq: u64,
    /// Body.
    pub body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Length in the segment, head included.
    pub fn span(&self) -> usize {
        FRAME_BYTES + self.body.len()
    }

    /// The valid frame at the start of `bytes`, if there is one.
    pub fn parse(bytes: &'a [u8], salt: Salt) -> Option<Frame<'a>> {
        let head = bytes.get(..FRAME_BYTES)?;
        let len = u32::from_le_bytes(array(head, 0));
        let seq = u64::from_le_bytes(array(head, 8));
        let kind = match head[16] {
            1 => FrameKind::Record,
            2 => FrameKind::Commit,
            3 => FrameKind::Seal,
            _ => return None,
        };
        if len == 0 || head[17..20] != [0; 3] {
            return None;
        }
        let body = bytes.get(FRAME_BYTES..)?.get(..len as usize)?;
        if kind != FrameKind::Record && body.len() != COMMIT_BYTES {
            return None;
        }
        let crc = frame_crc(crc32c::crc32c(body), &frame_head(head[16], seq, len), salt);
        (crc == u32::from_le_bytes(array(head, 4))).then_some(Frame { kind, seq, body })
    }
}

/// Body of a commit or seal frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Tree size after the group.
    pub size: u64,
    /// Root at that size.
    pub root: Hash,
    /// Wall time of the commit, nanoseconds since 1970.
    pub wall_ns: u64,
    /// Monotonic time of the commit, nanoseconds.
    pub mono_ns: u64,
    /// Records in the group; 0 in a seal.
    pub count: u32,
    /// Bytes of the group's frames before this one; 0 in a seal.
    pub bytes: u32,
}

impl Commit {
    fn encode(&self) -> [u8; COMMIT_BYTES] {
        let mut out = [0; COMMIT_BYTES];
        out[..8].copy_from_slice(&self.size.to_le_bytes());
        out[8..40].copy_from_slice(&self.root);
        out[40..48].copy_from_slice(&self.wall_ns.to_le_bytes());
        out[48..56].copy_from_slice(&self.mono_ns.to_le_bytes());
        out[56..60].copy_from_slice(&self.count.to_le_bytes());
        out[60..].copy_from_slice(&self.bytes.to_le_bytes());
        out
    }

    /// Reads the body of a commit or seal frame.
    pub fn decode(body: &[u8]) -> Option<Commit> {
        if body.len() != COMMIT_BYTES {
            return None;
        }
        Some(Commit {
            size: u64::from_le_bytes(array(body, 0)),
            root: array(body, 8),
            wall_ns: u64::from_le_bytes(array(body, 40)),
            mono_ns: u64::from_le_bytes(array(body, 48)),
            count: u32::from_le_bytes(array(body, 56)),
            bytes: u32::from_le_bytes(array(body, 60)),
        })
    }
}
