//! Who asks: what the gateway's identity room established about the caller.

/// What kind of caller the evidence showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// A person: the subject of an OIDC token or a personal certificate.
    User,
    /// A service: SPIFFE id, machine certificate, client-credentials token.
    Workload,
    /// A local process that showed nothing; the kernel says who it is.
    Process,
}

/// How the caller was authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthnMethod {
    /// Client certificate.
    Mtls,
    /// Bearer token of a configured OIDC issuer.
    Oidc,
    /// Kernel facts about the local process, nothing else.
    Process,
}

impl AuthnMethod {
    /// The word used in policies (`principal.authn`), records and config.
    pub const fn label(self) -> &'static str {
        match self {
            AuthnMethod::Mtls => "mtls",
            AuthnMethod::Oidc => "oidc",
            AuthnMethod::Process => "process",
        }
    }
}

/// The authenticated caller of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Entity type in policies: `Mcp::User`, `Mcp::Workload`, `Mcp::Process`.
    pub kind: PrincipalKind,
    /// Entity id in policies: `https://idp.example|alice`,
    /// `spiffe://example.org/billing`, `uid:1000 unit:foo.service`.
    pub id: String,
    /// Issuer URL of the token, or the issuing CA. Without `|` (a principal
    /// whose issuer has one is denied: `issuer|group` would be ambiguous).
    pub issuer: Option<String>,
    /// How it was authenticated.
    pub method: AuthnMethod,
    /// Group names as the evidence gave them.
    pub groups: Vec<String>,
    /// Token's `jti`, or the certificate's serial number.
    pub token_id: Option<String>,
    /// Token's `kid`, or the certificate's key fingerprint.
    pub key_id: Option<String>,
    /// Kernel facts about the local peer, when it is local.
    pub process: Option<Process>,
}

/// What the kernel says about a local process (at the time it connected).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process id in the initial namespace.
    pub pid: u32,
    /// User id in the initial namespace.
    pub uid: u32,
    /// Group id in the initial namespace.
    pub gid: u32,
    /// cgroup v2 id.
    pub cgroup_id: u64,
    /// `comm`, at most 15 bytes; set by the process itself, so not proof.
    pub comm: String,
    /// Path of the executable, if it could be read.
    pub exe: Option<String>,
    /// systemd unit of the cgroup, if there is one.
    pub unit: Option<String>,
}
