//! What goes into a session and what comes out of it.
//!
//! The order of the data path is fixed here: bytes for the upstream are made
//! from a policy permit and an audit ticket ([`Forward`]), bytes for the client
//! from an audit receipt ([`Answer`]). Neither has another constructor, so
//! undecided or unrecorded bytes cannot be handed to the shell.

use std::net::SocketAddr;
use std::sync::Arc;

use audit::{Receipt, Recorder, Ticket};
use bytes::Bytes;
use gateway_common::Reason;
use policy::{Permitted, PolicySet, Principal, Process};
use zeroize::Zeroizing;

use crate::profile::Profile;
use crate::suppress::Suppressions;

/// Time, handed in by the shell: the engine reads no clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Nanoseconds since the Unix epoch, for records.
    pub wall_ns: u64,
    /// Monotonic nanoseconds, for durations and deadlines.
    pub mono_ns: u64,
}

/// What a session may look at while it handles an input: always the newest
/// snapshot, never a copy of its own.
pub struct Env<'a> {
    /// The time.
    pub now: Now,
    /// Settings of the server that the connection is for.
    pub profile: &'a Profile,
    /// Current policies.
    pub policies: &'a PolicySet,
    /// Card scanner.
    pub scanner: &'a panscan::Scanner,
    /// Findings that are left as they are.
    pub suppressions: &'a Suppressions,
    /// Entry of the audit log.
    pub recorder: &'a Recorder,
    /// Receives counts for metrics.
    pub observer: &'a dyn Observer,
}

/// Counts for metrics; called on the data path, so implementations only add.
pub trait Observer {
    /// A decision was made.
    fn decided(&self, verdict: audit::Verdict, reason: Reason);
    /// A card number was found.
    fn found(&self, brand: &str, masked: bool);
    /// An exchange ended: status of the answer, bytes each way, nanoseconds.
    fn ended(&self, reason: Reason, request_bytes: u64, response_bytes: u64, duration_ns: u64);
}

/// Facts of the connection, fixed when it was accepted.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Number of the connection, unique within one run of the gateway.
    pub number: u64,
    /// Peer address.
    pub client: SocketAddr,
    /// Where the client wanted to go.
    pub destination: SocketAddr,
    /// `tcp`, `tls1.2` or `tls1.3`.
    pub transport: &'static str,
    /// Local process at the other end, where the kernel knows it.
    pub process: Option<Process>,
}

/// The `Authorization` values of a request on their way to the authenticator:
/// wiped when dropped, never shown.
pub struct Authorizations(Vec<Zeroizing<Vec<u8>>>);

impl Authorizations {
    pub(crate) fn new<'a>(values: impl Iterator<Item = &'a [u8]>) -> Authorizations {
        Authorizations(values.map(|v| Zeroizing::new(v.to_vec())).collect())
    }

    /// The values, one for each header line.
    pub fn expose(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|v| v.as_slice())
    }
}

impl std::fmt::Debug for Authorizations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authorizations(***)")
    }
}

/// What happened at the rim.
#[derive(Debug)]
pub enum Input {
    /// Bytes from the client.
    Downstream(Bytes),
    /// The client will send no more.
    DownstreamEnd,
    /// The connection to the client is gone (reset, or write failed).
    DownstreamGone,
    /// Bytes from the server.
    Upstream(Bytes),
    /// The server closed, or could not be reached, for this reason.
    UpstreamEnd(Reason),
    /// Answer to [`Output::Authenticate`].
    Identity(Result<Arc<Principal>, Reason>),
    /// The audit log's durable watermark moved, or the log failed.
    AuditMoved,
    /// A deadline of [`crate::Session::deadline`] has passed.
    Tick,
}

/// What the shell must do, in this order.
#[derive(Debug)]
pub enum Output {
    /// Find out who sends this request; answer with [`Input::Identity`].
    Authenticate(Authorizations),
    /// Connect to the server; bytes follow.
    Connect,
    /// Send to the server.
    Upstream(Forward),
    /// Send to the client.
    Downstream(Answer),
    /// Close the connection to the server.
    CloseUpstream,
    /// Close both sides once everything is written. `abort` = reset, so that a
    /// cut answer cannot be taken for a whole one.
    Close {
        /// Why.
        reason: Reason,
        /// Whether to reset instead of closing in order.
        abort: bool,
    },
}

/// Bytes that may go to the server: permitted by policy and handed to the audit
/// log.
#[derive(Debug)]
pub struct Forward(Bytes);

impl Forward {
    /// Takes the permit for these bytes and the ticket of their `mcp.call`.
    pub(crate) fn new(bytes: Permitted<Bytes>, _call: &Ticket) -> Forward {
        Forward(bytes.into_inner())
    }

    /// The bytes.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

/// Bytes that may go to the client: what they answer is on disk as the audit
/// mode demands.
#[derive(Debug)]
pub struct Answer(Bytes);

impl Answer {
    pub(crate) fn new(bytes: Bytes, _proof: &Receipt) -> Answer {
        Answer(bytes)
    }

    /// Constant bytes of our own that tell nothing of any message: `100
    /// Continue`, the metadata document, and the refusal for a log that cannot
    /// be written.
    pub(crate) fn unrecorded(bytes: Bytes, _why: Unrecorded) -> Answer {
        Answer(bytes)
    }

    /// The bytes.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

/// The only occasions for an answer without a receipt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unrecorded {
    Continue,
    ResourceMetadata,
    AuditUnavailable,
}
