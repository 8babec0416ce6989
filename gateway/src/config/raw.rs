//! The configuration file as written: what serde reads, what the JSON schema
//! and `docs/CONFIG.md` are generated from. Nothing here is checked yet.
//!
//! Doc comments of this file are the operator's reference.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits::Limits;

/// What panward does with what it decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Decisions, masking and audit are enforced.
    #[default]
    Enforce,
    /// Bytes are untouched; verdicts and findings are only recorded.
    Observe,
}

/// Configuration of `panward run`. Relative paths are relative to the folder
/// of the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawConfig {
    /// `"enforce"`, or `"observe"`: bytes untouched, verdicts only recorded.
    pub mode: Mode,
    /// Redirect by the kernel. Absent: explicit listeners only, no eBPF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<RawRedirect>,
    /// MCP servers that are covered; at least one.
    pub server: Vec<RawServer>,
    /// Token issuers that are accepted.
    pub oidc: Vec<RawOidc>,
    /// Audit log.
    pub audit: RawAudit,
    /// Policies.
    pub policy: RawPolicy,
    /// Status, metrics, health and the audit tail.
    pub admin: RawAdmin,
    /// Finding and masking of card numbers.
    pub scan: RawScan,
    /// Development only.
    pub dev: RawDev,
    /// Bounds.
    pub limits: Limits,
}

/// What happens to covered traffic while the gateway is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailMode {
    /// Refused.
    #[default]
    Closed,
    /// Goes to the server, uninspected.
    Open,
}

/// Redirect of covered addresses by eBPF programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawRedirect {
    /// cgroup v2 folder whose processes' outbound connections are covered.
    pub cgroup: PathBuf,
    /// Folder on a bpffs where links and maps are pinned, so that they outlive
    /// the gateway. With `fail = "closed"` the default is
    /// `/sys/fs/bpf/panward`; with `"open"` nothing is pinned by default, and
    /// the redirect ends with the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin_dir: Option<PathBuf>,
    /// What happens to covered traffic while the gateway is not there.
    pub fail: FailMode,
    /// TCP port of the gateway's own listener, on loopback and any address.
    pub listen_port: u16,
    /// Network namespaces whose inbound traffic is covered: `"self"`, or a path
    /// such as `/run/netns/blue`.
    pub netns: Vec<String>,
}

impl Default for RawRedirect {
    fn default() -> Self {
        RawRedirect {
            cgroup: "/sys/fs/cgroup".into(),
            pin_dir: None,
            fail: FailMode::Closed,
            listen_port: 15_001,
            netns: vec!["self".to_owned()],
        }
    }
}

/// A kind of evidence of who is calling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// Client certificate.
    Mtls,
    /// Bearer token of an `[[oidc]]` issuer.
    Oidc,
    /// The local process, from the kernel. Only local clients have it.
    Process,
}

/// What happens to the client's `Authorization` header on its way upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawAuthorization {
    /// Forwarded as it is.
    Pass,
    /// Removed.
    Strip,
    /// Replaced by `[server.credential]`.
    Replace,
}

/// One MCP server. Give `inbound` and/or `outbound` (redirect), or `listen` and
/// `upstream` (explicit listener).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawServer {
    /// Name in policies and records: lower-case letters, digits, `.`, `_`, `-`.
    pub name: String,
    /// Addresses of the server on this host, `ip:port`; `0.0.0.0` and `[::]`
    /// mean every address.
    #[serde(default)]
    pub inbound: Vec<String>,
    /// Addresses of a remote server, `ip:port`.
    #[serde(default)]
    pub outbound: Vec<String>,
    /// Address of an explicit listener, `ip:port`; needs `upstream`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Where the explicit listener connects to, `ip:port`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
    /// Paths of the MCP endpoint, such as `"/mcp"`. Empty: any path. A request
    /// to another path is refused.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Kinds of evidence accepted. A token that is shown decides, then a client
    /// certificate, then the local process.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// Audience that tokens for this server must have; in place of that of
    /// `[[oidc]]`.
    #[serde(default)]
    pub audience: Vec<String>,
    /// What happens to the client's `Authorization` header. Default: `replace`
    /// if a credential for that header is given; else `strip` when the token
    /// was used as evidence, and `pass` when not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<RawAuthorization>,
    /// TLS towards clients. Absent: plaintext.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<RawTls>,
    /// TLS towards the server. Absent: plaintext.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_tls: Option<RawUpstreamTls>,
    /// Credential put into requests to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<RawCredential>,
}

/// Whether clients must show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuth {
    /// Not asked for.
    #[default]
    None,
    /// Checked when shown.
    Optional,
    /// The handshake fails without one.
    Required,
}

/// TLS towards clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTls {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
    /// CA certificates that client certificates must chain to, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca: Option<PathBuf>,
    /// Revocation list of that CA, PEM or DER.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_crl: Option<PathBuf>,
    /// Whether clients must show a certificate. Default: `optional` with
    /// `client_ca`, else `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_auth: Option<ClientAuth>,
}

/// TLS towards the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawUpstreamTls {
    /// CA certificates of the server, PEM. Absent: the public web's roots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Name in the server's certificate. Absent: that of the client's own TLS
    /// handshake, or the address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
}

/// Credential for the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCredential {
    /// Header that carries it.
    #[serde(default = "authorization_header")]
    pub header: String,
    /// Text before it.
    #[serde(default = "bearer_prefix")]
    pub prefix: String,
    /// File with the secret; white space at its ends is not part of it.
    pub file: PathBuf,
}

fn authorization_header() -> String {
    "authorization".to_owned()
}

fn bearer_prefix() -> String {
    "Bearer ".to_owned()
}

/// Whether the subject of an issuer's tokens is a person or a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    /// `Mcp::User` in policies.
    #[default]
    User,
    /// `Mcp::Workload` in policies.
    Workload,
}

/// One token issuer. Give exactly one of `jwks_file`, `jwks_url`, `discovery`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawOidc {
    /// `iss` of its tokens, an https URL.
    pub issuer: String,
    /// `aud` that tokens must have (one of these), unless the server says its own.
    pub audience: Vec<String>,
    /// File with its keys (JWKS).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_file: Option<PathBuf>,
    /// URL of its keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// Keys by way of `<issuer>/.well-known/openid-configuration`.
    pub discovery: bool,
    /// CA certificates for fetching keys, PEM. Absent: the public web's roots.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// Signature algorithms accepted: RS256, RS384, RS512, PS256, PS384, PS512,
    /// ES256, ES384, EdDSA.
    pub algorithms: Vec<String>,
    /// Clock difference that is forgiven.
    pub leeway_s: u64,
    /// Longest life of a token (`exp` - `iat`).
    pub lifetime_s_max: u64,
    /// Claim that names the subject.
    pub subject_claim: String,
    /// Claim that lists groups.
    pub groups_claim: String,
    /// Whether subjects are people or services.
    pub subject_kind: SubjectKind,
}

impl Default for RawOidc {
    fn default() -> Self {
        RawOidc {
            issuer: String::new(),
            audience: Vec::new(),
            jwks_file: None,
            jwks_url: None,
            discovery: false,
            ca: None,
            algorithms: ["RS256", "ES256", "EdDSA"].map(str::to_owned).to_vec(),
            leeway_s: 30,
            lifetime_s_max: 86_400,
            subject_claim: "sub".to_owned(),
            groups_claim: "groups".to_owned(),
            subject_kind: SubjectKind::User,
        }
    }
}

/// When a record counts as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AuditMode {
    /// On disk (fsync) before the answer leaves; no record, no answer.
    #[default]
    Durable,
    /// In the kernel before the answer leaves, on disk within a second.
    Batched,
    /// Calls never wait; records that do not fit are counted as lost.
    BestEffort,
}

/// What a record keeps of arguments and results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecordBodies {
    /// Their structure: keys, types and sizes, no values.
    #[default]
    Structure,
    /// The masked text.
    Masked,
}

/// Audit log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawAudit {
    /// Folder of the segments.
    pub dir: PathBuf,
    /// When a record counts as written.
    pub mode: AuditMode,
    /// Size at which a segment is closed and a new one begun.
    #[schemars(range(min = 65_536, max = 17_179_869_184_u64))]
    pub segment_bytes: u64,
    /// What a record keeps of arguments and results.
    pub record_bodies: RecordBodies,
}

impl Default for RawAudit {
    fn default() -> Self {
        RawAudit {
            dir: "/var/log/panward/audit".into(),
            mode: AuditMode::Durable,
            segment_bytes: 256 << 20,
            record_bodies: RecordBodies::Structure,
        }
    }
}

/// Policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawPolicy {
    /// Folder with `*.cedar` files. See POLICY.md.
    pub dir: PathBuf,
}

impl Default for RawPolicy {
    fn default() -> Self {
        RawPolicy {
            dir: "/etc/panward/policy.d".into(),
        }
    }
}

/// Status, metrics, health and the audit tail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawAdmin {
    /// Unix socket for `panward status` and `panward tail`.
    pub socket: PathBuf,
    /// Loopback address of metrics and health; `""` for none.
    pub listen: String,
}

impl Default for RawAdmin {
    fn default() -> Self {
        RawAdmin {
            socket: "/run/panward/admin.sock".into(),
            listen: "127.0.0.1:9464".to_owned(),
        }
    }
}

/// How sure a finding must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScanMode {
    /// Every number with a known issuer prefix, length and check digit.
    #[default]
    Strict,
    /// Fewer false findings: numbers that look like ids or times are left.
    Balanced,
}

/// What stays visible of a card number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MaskForm {
    /// First six and last four digits.
    #[default]
    #[serde(rename = "first6-last4")]
    First6Last4,
    /// Last four digits.
    Last4,
    /// First eight and last four digits of numbers of 16 digits or more; six
    /// and four of shorter ones.
    #[serde(rename = "bin8-last4")]
    Bin8Last4,
}

/// What becomes of digits at the end of an event that wait for the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventTail {
    /// They pass; what makes a card of them later is hidden whole.
    #[default]
    Pass,
    /// All behind the sixth are hidden.
    Mask,
}

/// What becomes of images, which nothing here reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Images {
    /// They pass.
    #[default]
    Pass,
    /// A message with one does not.
    Deny,
}

/// Finding and masking of card numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawScan {
    /// How sure a finding must be.
    pub mode: ScanMode,
    /// What stays visible of a card number.
    pub mask: MaskForm,
    /// Where the text of a server-sent event ends in seven and more digits, it waits
    /// `limits.event_tail_ms` for the next event. What becomes of the digits then.
    pub event_tail: EventTail,
    /// Images in messages (PNG, JPEG, GIF, WebP as base64).
    pub images: Images,
    /// Folder with the files of `panward suppress`, read at start and reload.
    pub suppressions: PathBuf,
}

impl Default for RawScan {
    fn default() -> Self {
        RawScan {
            mode: ScanMode::default(),
            mask: MaskForm::default(),
            event_tail: EventTail::default(),
            images: Images::default(),
            suppressions: "/etc/panward/suppressions.d".into(),
        }
    }
}

/// Development only: an embedded token issuer and certificate authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawDev {
    /// Allow the issuer and CA of `panward dev` (named in `[[oidc]]` and
    /// `client_ca` like any other), and plain http key URLs. Anyone who can read the folder can be anyone: never in production.
    pub enabled: bool,
    /// Folder of their keys.
    pub dir: PathBuf,
}

impl Default for RawDev {
    fn default() -> Self {
        RawDev {
            enabled: false,
            dir: "/var/lib/panward/dev".into(),
        }
    }
}
