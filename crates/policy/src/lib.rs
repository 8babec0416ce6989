//! policy.

/// What kind of caller a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// A human, by token or certificate.
    User,
    /// A service, by token or certificate.
    Workload,
    /// A local process, by the kernel.
    Process,
}

/// How the caller was identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthnMethod {
    /// Client certificate.
    Mtls,
    /// Bearer JWT of a configured issuer.
    Oidc,
    /// The kernel's word on the local process.
    Process,
}

/// A local process as the kernel knew it when the connection was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Process (thread group) id.
    pub pid: u32,
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Id of its cgroup (v2).
    pub cgroup_id: u64,
    /// Kernel's name of the process, at most 15 bytes; the process can change it.
    pub comm: String,
    /// Path of its executable, if it could be read.
    pub exe: Option<String>,
    /// systemd unit of its cgroup, if it has one.
    pub unit: Option<String>,
}

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Human, service or local process.
    pub kind: PrincipalKind,
    /// Name within the issuer.
    pub id: String,
    /// Token's `iss`, or distinguished name of the certificate's issuer.
    pub issuer: Option<String>,
    /// How it was identified.
    pub method: AuthnMethod,
    /// Groups the token names.
    pub groups: Vec<String>,
    /// Token's `jti`.
    pub token_id: Option<String>,
    /// Token's `kid`, or SHA-256 of the certificate.
    pub key_id: Option<String>,
    /// The local process beside it, if the caller is on this host.
    pub process: Option<Process>,
}
