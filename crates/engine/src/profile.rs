//! Settings of one covered server, as the engine needs them.

use bytes::Bytes;
use zeroize::Zeroizing;

/// Whether verdicts bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Verdicts bind, findings are masked, an unwritable log stops traffic.
    Enforce,
    /// Bytes pass untouched; the verdict that would have been is recorded.
    Observe,
}

/// What happens to the `Authorization` that the client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// Goes to the server as it came.
    Pass,
    /// Removed when it was the evidence of the caller's identity (a server must
    /// not be handed a token for another audience), else passed.
    StripEvidence,
    /// Always removed.
    Strip,
}

/// A header that the gateway adds upstream and that the client never sees.
pub struct Credential {
    /// Header name.
    pub header: String,
    /// Header value; wiped when dropped.
    pub value: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credential({}: ***)", self.header)
    }
}

/// Bounds of one session. Each has a stated answer at the bound.
#[derive(Clone, Debug)]
pub struct Limits {
    /// HTTP heads, targets, chunk lines: refused with `http_too_large`.
    pub http1: wire::http1::Limits,
    /// JSON depth and members: refused with `json_malformed`.
    pub jsonrpc: wire::jsonrpc::Limits,
    /// Request body: refused with `body_too_large`.
    pub request_body_bytes_max: usize,
    /// Pipelined bytes behind the request in work: not read further
    /// (back-pressure).
    pub pipelined_bytes_max: usize,
    /// One SSE event: the connection is cut with `uninspectable`.
    pub sse_event_bytes_max: usize,
    /// An SSE event is held whole up to this size, beyond it streams.
    pub sse_hold_bytes_max: usize,
    /// An SSE event whose text ends in seven and more digits waits this long for
    /// the next one, then leaves (see [`Profile::hide_tails`]).
    pub sse_tail_ns_max: u64,
    /// Answer bytes held in memory until their record is on disk: above it the
    /// server is not read (back-pressure).
    pub response_hold_bytes_max: usize,
    /// Findings listed in one record; further ones are counted only.
    pub findings_recorded_max: usize,
    /// Request body kept in the record; longer ones are left out.
    pub recorded_body_bytes_max: usize,
    /// Longest wait for a record to reach the disk: the connection is cut with
    /// `audit_unavailable`.
    pub audit_ns_max: u64,
    /// From the first byte of a request to its last: closed with
    /// `idle_timeout`.
    pub request_ns_max: u64,
    /// From the forwarded request to the first byte of its answer: refused with
    /// `upstream_timeout`.
    pub answer_ns_max: u64,
    /// Keep-alive connection without a request: closed.
    pub idle_ns_max: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            // Chunk extensions and trailers are not payload and would pass
            // unscanned: no room for either. A size line of eight hexadecimal
            // digits and CRLF still fits.
            http1: wire::http1::Limits {
                chunk_line_bytes_max: 10,
                trailer_bytes_max: 0,
                ..wire::http1::Limits::default()
            },
            jsonrpc: wire::jsonrpc::Limits::default(),
            request_body_bytes_max: 4 << 20,
            pipelined_bytes_max: 64 << 10,
            sse_event_bytes_max: 16 << 20,
            sse_hold_bytes_max: 64 << 10,
            sse_tail_ns_max: 200_000_000,
            response_hold_bytes_max: 1 << 20,
            findings_recorded_max: 64,
            recorded_body_bytes_max: 32 << 10,
            audit_ns_max: 5_000_000_000,
            request_ns_max: 60_000_000_000,
            answer_ns_max: 300_000_000_000,
            idle_ns_max: 600_000_000_000,
        }
    }
}

/// Settings of one covered server.
#[derive(Debug)]
pub struct Profile {
    /// Its name in policies, records and metrics.
    pub server: String,
    /// Whether verdicts bind.
    pub mode: Mode,
    /// Whether a bearer token is evidence here.
    pub accepts_bearer: bool,
    /// What happens to the client's `Authorization`.
    pub authorization: Authorization,
    /// Header added upstream; `Err` when it is configured but cannot be read:
    /// calls are then refused with `credential_unavailable`.
    pub credential: Option<Result<Credential, ()>>,
    /// MCP endpoint paths; empty = every path is one.
    pub mcp_paths: Vec<String>,
    /// Value of `WWW-Authenticate` in a 401.
    pub challenge: Option<String>,
    /// RFC 9728 document, served under `/.well-known/oauth-protected-resource`.
    pub resource_metadata: Option<Bytes>,
    /// Whether masked request bodies stand in the record (tier `masked`) or not
    /// (tier `structure`).
    pub record_bodies: bool,
    /// Hide the digits behind the sixth when an event that ends in digits has
    /// waited its time, instead of letting them pass.
    pub hide_tails: bool,
    /// Bounds.
    pub limits: Limits,
}

impl Profile {
    /// Whether `path` (without its query) is an MCP endpoint.
    pub(crate) fn is_mcp(&self, path: &[u8]) -> bool {
        self.mcp_paths.is_empty() || self.mcp_paths.iter().any(|p| p.as_bytes() == path)
    }
}
