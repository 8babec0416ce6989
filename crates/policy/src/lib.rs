//! Cedar policy text -> checked [`PolicySet`] -> [`Decision`].
//!
//! Place in the data path: after framing and scanning, before masking, the
//! audit record and forwarding. The engine asks [`PolicySet::decide`] once for
//! each JSON-RPC message (and once for a bodiless transport request); only an
//! `Allow` can be turned into a [`Permitted`], and the upstream writer takes
//! nothing else.
//!
//! Invariants:
//! - Deterministic: the same set and the same request give the same decision.
//!   No clock, no randomness, no I/O.
//! - Default deny. An empty set denies. An evaluation error in *any* policy
//!   denies (Cedar itself would skip that policy, also a `forbid`).
//! - A `forbid` beats every `permit`. A determining permit with
//!   `@decision("approve")` makes the answer a hold. Obligations of all
//!   determining permits merge to the strictest.
//! - Peers' text never becomes Cedar syntax: entity identifiers are built from
//!   values, not parsed.
//!
//! Bounds: [`Arguments::ENTRIES_MAX`], [`Arguments::DEPTH_MAX`],
//! [`Arguments::PATH_BYTES_MAX`], [`PolicySet::FILE_BYTES_MAX`],
//! [`PolicySet::POLICIES_MAX`]. At a bound: an error, and the caller denies.
#![forbid(unsafe_code)]

mod action;
mod annotations;
mod arguments;
mod decision;
mod entities;
mod error;
mod load;
mod principal;
mod request;
mod schema;
mod set;
mod shape;

pub use arguments::{Arguments, ArgumentsError, Scalar, append_index, append_key};
pub use decision::{Decision, MaskRule, Obligations, Permitted, Verdict, Why};
pub use error::PolicyError;
pub use principal::{AuthnMethod, Principal, PrincipalKind, Process};
pub use request::Request;
pub use schema::{SCHEMA, SCHEMA_VERSION};
pub use set::PolicySet;
