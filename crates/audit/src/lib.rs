//! Tamper-evident audit log: records, tree, segments, checkpoints, verify.
//!
//! Place in the data path: `record`, after the decision and before forwarding.
//! The engine encodes a [`Record`] on its own thread and hands it over
//! ([`Recorder::record`]); one writer thread drains the queue, assigns sequence
//! numbers, folds the Merkle tree, writes and syncs one group
//! ([`Committer::commit`]) and only then moves the durable mark. A [`Receipt`]
//! can be had only for a record below that mark (in mode `durable`).
//!
//! Invariants:
//! - what is unmasked cannot be recorded: free text and bytes in a record are
//!   [`Masked`], which is made by a scrubber only;
//! - only this crate makes a [`Ticket`] or a [`Receipt`];
//! - sequence numbers are gapless: the sequence is the index of the tree's leaf;
//! - the format is written down in `docs/AUDIT_FORMAT.md`, carries its own
//!   version, and what was once written stays readable.
//!
//! Bounds: the queue ([`Bounds`]); a full queue refuses the record. There are no
//! files, sockets or clocks here: bytes go through [`Store`], time is an argument.
#![forbid(unsafe_code)]

mod committer;
pub mod frame;
mod group;
mod masked;
mod note;
mod record;
mod recorder;
mod recover;
mod store;
mod tree;
mod verify;

pub use committer::{Committed, Committer, Log, Time, channel};
pub use group::{Group, Step, Tail, read_group, read_tail};
pub use masked::{Masked, Raw, Scrub};
pub use note::{Checkpoint, KeyError, NoteError, Signer, VerifierKey, split_notes};
pub use record::{
    Action, DecisionFacts, Direction, FindingFacts, Kind, Origin, Outcome, Process, Record,
    RecordError, ResultFacts, Verdict, Who, WhoKind,
};
pub use recorder::{AuditError, Bounds, Mode, Receipt, Recorder, Ticket};
pub use recover::{RecoverError, Recovered, recover};
pub use store::{MemoryStore, Store};
pub use tree::{Hash, Tree, leaf_hash, node_hash, sha256};
pub use verify::{Problem, Report, Status, Verifier};
