//! What one record holds.
//!
//! A record is self-contained: who, from where, what, how it was decided, what
//! was found, how it ended. It does not hold its own sequence number; that is
//! the index of its leaf. Encoding: [`encode`]; reading: [`decode`].

mod decode;
mod encode;
mod json;
mod kind;

use std::net::SocketAddr;

pub use decode::RecordError;
pub use kind::Kind;

use crate::masked::Masked;

/// One record, before encoding.
///
/// Absent and empty fields are not written. Free text that a peer can choose is
/// [`Masked`]; plain `String`s are names of our own configuration and code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What happened.
    pub kind: Kind,
    /// When, in nanoseconds since 1970 (UTC).
    pub time_unix_ns: u64,
    /// Connection; 0 = none.
    pub flow: u64,
    /// Joins `mcp.call`, `mask` and `mcp.result` of one call; 0 = none.
    pub call: u64,
    /// MCP session or the session the gateway made.
    pub session: Option<Masked<String>>,
    /// The principal.
    pub who: Option<Who>,
    /// Where the connection came from and went to.
    pub origin: Option<Origin>,
    /// What was asked for.
    pub action: Option<Action>,
    /// How it was decided.
    pub decision: Option<DecisionFacts>,
    /// Card numbers found.
    pub findings: Vec<FindingFacts>,
    /// How it ended.
    pub result: Option<ResultFacts>,
    /// Masked body (arguments or answer).
    pub payload: Option<Masked<Vec<u8>>>,
    /// Anything to add in words.
    pub note: Option<Masked<String>>,
}

impl Record {
    /// A record of `kind` at `time_unix_ns` with every other field empty.
    pub fn new(kind: Kind, time_unix_ns: u64) -> Record {
        Record {
            kind,
            time_unix_ns,
            flow: 0,
            call: 0,
            session: None,
            who: None,
            origin: None,
            action: None,
            decision: None,
            findings: Vec::new(),
            result: None,
            payload: None,
            note: None,
        }
    }
}

impl Record {
    /// The log goes on after a crash: `torn_bytes` were never acknowledged, the
    /// last record kept is `last_seq`.
    pub fn recovered(time_unix_ns: u64, torn_bytes: u64, last_seq: u64) -> Record {
        let mut record = Record::new(Kind::AuditRecovered, time_unix_ns);
        let note = format!("torn_bytes={torn_bytes} last_seq={last_seq}");
        record.note = Some(Masked::trusted(note));
        record
    }
}

/// Sort of principal. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum WhoKind {
    /// A person.
    User = 1,
    /// A service or agent.
    Workload = 2,
    /// A local process known by the kernel only.
    Process = 3,
}

/// The principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Sort of principal.
    pub kind: WhoKind,
    /// Subject, SPIFFE id, or process name: unique with `issuer`.
    pub id: Masked<String>,
    /// Token or certificate issuer.
    pub issuer: Option<Masked<String>>,
    /// How identity was established: `mtls`, `oidc`, `process`.
    pub method: String,
    /// Groups or roles that were presented.
    pub groups: Vec<Masked<String>>,
    /// Token's `jti`; never the token.
    pub token_id: Option<Masked<String>>,
    /// Id of the key that signed the token, or fingerprint of the certificate.
    pub key_id: Option<Masked<String>>,
    /// The process, when it is the identity.
    pub process: Option<Process>,
}

/// A local process as the kernel knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process id.
    pub pid: u32,
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// Cgroup v2 id.
    pub cgroup_id: u64,
    /// Command name, 15 bytes at most in Linux.
    pub comm: Masked<String>,
    /// Path of the executable.
    pub exe: Option<Masked<String>>,
    /// systemd unit.
    pub unit: Option<Masked<String>>,
}

/// Where a connection came from and went to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Client's address.
    pub client: SocketAddr,
    /// Destination the client asked for.
    pub destination: SocketAddr,
    /// `tcp`, `tls1.2`, `tls1.3`.
    pub transport: String,
    /// Local client process, beside the identity.
    pub process: Option<Process>,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Name of the server in our configuration.
    pub server: String,
    /// MCP method.
    pub method: Masked<String>,
    /// Tool, resource URI or prompt.
    pub target: Option<Masked<String>>,
    /// JSON-RPC id as it stands in the message.
    pub rpc_id: Option<Masked<String>>,
    /// MCP protocol version.
    pub protocol_version: Option<Masked<String>>,
    /// HTTP method.
    pub http_method: Option<Masked<String>>,
}

/// Answer of the policy. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Verdict {
    /// Forwarded.
    Allow = 1,
    /// Refused.
    Deny = 2,
    /// Waits for an approval.
    Hold = 3,
}

impl Verdict {
    /// `allow`, `deny` or `hold`.
    pub const fn label(self) -> &'static str {
        match self {
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
            Verdict::Hold => "hold",
        }
    }
}

/// How it was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionFacts {
    /// The answer.
    pub verdict: Verdict,
    /// Number of the reason (stable).
    pub reason: u16,
    /// Name of the reason (stable).
    pub reason_name: String,
    /// Policies that determined the answer.
    pub policies: Vec<String>,
    /// SHA-256 of the policy set.
    pub policy_set: [u8; 32],
    /// False in observe mode: the answer was recorded, not enforced.
    pub enforced: bool,
}

/// Direction of a finding. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Direction {
    /// From client to server.
    Request = 1,
    /// From server to client.
    Response = 2,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingFacts {
    /// Which way it went.
    pub direction: Direction,
    /// Byte offset in the body of that direction.
    pub offset: u64,
    /// `pan`, `track`, `cvv`, ...
    pub kind: String,
    /// `visa`, `mastercard`, ...
    pub brand: String,
    /// Scanner's confidence.
    pub confidence: String,
    /// What may be shown of it.
    pub shown: Masked<String>,
    /// False when only observed, or suppressed.
    pub masked: bool,
    /// Where in the message: `$.result.structuredContent.rows[3].id`. Keys are a
    /// peer's, so masked. Absent where the body is not JSON or the place lies
    /// beyond what was kept for it.
    pub path: Option<Masked<String>>,
    /// A number that card schemes publish for tests.
    pub test_pan: bool,
    /// Id of the suppression for which it was left as it is.
    pub suppressed: Option<String>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Answered.
    Ok,
    /// Answered with `isError`.
    ToolError,
    /// Answered with a JSON-RPC error of this code.
    RpcError(i64),
    /// Upstream ended before its answer was complete.
    Truncated,
    /// Refused by the gateway.
    Refused,
    /// Upstream could not be reached or answered nonsense.
    UpstreamError,
    /// The client went away.
    ClientGone,
}

impl Outcome {
    /// Stable name.
    pub const fn label(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::ToolError => "tool_error",
            Outcome::RpcError(_) => "rpc_error",
            Outcome::Truncated => "truncated",
            Outcome::Refused => "refused",
            Outcome::UpstreamError => "upstream_error",
            Outcome::ClientGone => "client_gone",
        }
    }
}

/// Sizes, times and end of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultFacts {
    /// Status sent to the client; 0 = none.
    pub http_status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// Request body bytes.
    pub request_bytes: u64,
    /// Response body bytes.
    pub response_bytes: u64,
    /// From the last request byte to the last answer byte, nanoseconds.
    pub duration_ns: u64,
    /// SSE events or messages in the answer.
    pub events: u64,
    /// Findings masked, both directions.
    pub masked: u32,
    /// Number of the reason; 0 = ok.
    pub reason: u16,
}
