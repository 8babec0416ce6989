//! Where a log stands after its writer ended in whatever way.
//!
//! Looks at the last segment only: its header has the tree before it.

use crate::frame::{HEADER_BYTES, HeaderError, Salt, SegmentHeader};
use crate::group::{Step, Tail, read_group, read_tail};
use crate::tree::{Tree, leaf_hash};

/// State of a log at the end of its last segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Header of the last segment.
    pub header: SegmentHeader,
    /// The tree over everything committed.
    pub tree: Tree,
    /// Offset behind the last committed group or seal.
    pub committed_bytes: u64,
    /// The segment was closed in good order.
    pub sealed: bool,
    /// Bytes of an unfinished write; they were never acknowledged.
    pub torn_bytes: u64,
}

/// Why a log is not continued. It stays as it is, for `verify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError {
    /// The header cannot be read.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Damage that no crash leaves.
    #[error("segment is damaged at offset {offset}, sequence {seq}, in a way no crash leaves")]
    Tampered {
        /// Offset in the segment.
        offset: u64,
        /// First sequence concerned.
        seq: u64,
    },
}

/// Reads the last segment up to its last valid commit frame.
pub fn recover(segment: &[u8]) -> Result<Recovered, RecoverError> {
    let header = SegmentHeader::decode(segment)?;
    let salt = Salt::of(segment).ok_or(HeaderError::Short)?;
    let mut tree = header.tree.clone();
    let mut at = HEADER_BYTES;
    let mut sealed = false;
    let tampered = |at: usize, seq| RecoverError::Tampered {
        offset: at as u64,
        seq,
    };
    loop {
        match read_group(segment.get(at..).unwrap_or_default(), salt, tree.size()) {
            Step::Group(group) => {
                group
                    .records
                    .iter()
                    .for_each(|record| tree.push(leaf_hash(record)));
                if tree.root() != group.commit.root {
                    return Err(tampered(at, group.first_seq));
                }
                at += group.span;
            }
            Step::Seal { commit, span } => {
                if tree.root() != commit.root {
                    return Err(tampered(at, tree.size()));
                }
                at += span;
                sealed = true;
                break;
            }
            Step::End | Step::Open { .. } | Step::Damaged { .. } | Step::Misplaced { .. } => break,
        }
    }
    let torn_bytes = match (read_tail(segment, at, salt, tree.size()), sealed) {
        (Tail::Blank, _) => 0,
        (Tail::Torn(bytes), false) => bytes,
        (Tail::Torn(_), true) => return Err(tampered(at, tree.size())),
        (Tail::Tampered { at: off, seq }, _) => return Err(tampered(at + off, seq)),
    };
    Ok(Recovered {
        header,
        tree,
        committed_bytes: at as u64,
        sealed,
        torn_bytes,
    })
}
