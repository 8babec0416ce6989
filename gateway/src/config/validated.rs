//! The configuration that the gateway runs on: everything parsed, nothing that
//! can be contradictory.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::problem::{ConfigError, Problems};
use super::raw::{
    AuditMode, EventTail, Evidence, FailMode, Images, MaskForm, Mode, RawAdmin, RawConfig,
    RawRedirect, RecordBodies, ScanMode, SubjectKind,
};
use super::{Limits, cover, issuer, server};

/// Checked configuration. All paths are absolute or relative to the working
/// folder (no longer to the file).
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file it came from.
    pub file: PathBuf,
    /// Enforce or observe.
    pub mode: Mode,
    /// Redirect by the kernel; `None`: explicit listeners only.
    pub redirect: Option<Redirect>,
    /// At least one, with distinct names and addresses.
    pub servers: Vec<Server>,
    /// Accepted token issuers, distinct.
    pub issuers: Vec<Issuer>,
    /// Audit log.
    pub audit: Audit,
    /// Folder with `*.cedar` files.
    pub policy_dir: PathBuf,
    /// Status, metrics, health, tail.
    pub admin: Admin,
    /// Finding and masking.
    pub scan: Scan,
    /// Folder of the development issuer and CA; `None`: not a development config.
    pub dev: Option<Dev>,
    /// Bounds, all in range.
    pub limits: Limits,
    /// What is allowed but probably not meant; one line each.
    pub warnings: Vec<String>,
}

/// Redirect by the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// cgroup v2 folder.
    pub cgroup: PathBuf,
    /// bpffs folder; always there when `fail` is closed.
    pub pin_dir: Option<PathBuf>,
    /// What happens while the gateway is not there.
    pub fail: FailMode,
    /// The gateway's own port; not 0, and no covered address has it.
    pub listen_port: u16,
    /// At least one namespace.
    pub netns: Vec<Netns>,
}

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Netns {
    /// The one that panward runs in.
    Own,
    /// That of a file such as `/run/netns/blue`.
    Path(PathBuf),
}

/// One MCP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Name in policies and records.
    pub name: String,
    /// Covered addresses on this host; unspecified = any address.
    pub inbound: Vec<SocketAddr>,
    /// Covered remote addresses.
    pub outbound: Vec<SocketAddr>,
    /// Explicit listener.
    pub explicit: Option<Explicit>,
    /// Paths of the endpoint; empty = any.
    pub paths: Vec<String>,
    /// Accepted kinds of evidence; at least one, no kind twice.
    pub evidence: Vec<Evidence>,
    /// Audiences that a token for this server must have (one of these); not
    /// empty when `oidc` is accepted. With issuers of different audiences, see
    /// [`Issuer::audience`].
    pub audience: Option<Vec<String>>,
    /// What happens to the client's `Authorization`.
    pub authorization: Authorization,
    /// TLS towards clients.
    pub tls: Option<ServerTls>,
    /// TLS towards the server.
    pub upstream_tls: Option<UpstreamTls>,
    /// Credential put into requests.
    pub credential: Option<Credential>,
}

/// Explicit listener, without eBPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explicit {
    /// Where clients connect to.
    pub listen: SocketAddr,
    /// Where the gateway connects to.
    pub upstream: SocketAddr,
}

/// What happens to the client's `Authorization` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// Forwarded.
    Pass,
    /// Removed.
    Strip,
    /// Removed when the token was used as evidence, else forwarded.
    StripIfUsed,
    /// Replaced by the server's credential (which is there, for that header).
    Replace,
}

/// TLS towards clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// Client certificates; `None`: not asked for.
    pub clients: Option<ClientCertificates>,
}

/// How client certificates are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificates {
    /// CA certificates, PEM.
    pub ca: PathBuf,
    /// Revocation list.
    pub crl: Option<PathBuf>,
    /// The handshake fails without a certificate.
    pub required: bool,
}

/// TLS towards the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// CA certificates, PEM; `None`: the public web's roots.
    pub ca: Option<PathBuf>,
    /// Name in the certificate; `None`: the client's SNI, or the address.
    pub server_name: Option<String>,
}

/// Credential put into requests. The secret itself stays in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Header, lower case.
    pub header: String,
    /// Text before the secret.
    pub prefix: String,
    /// File with the secret.
    pub file: PathBuf,
}

/// Accepted token issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// `iss`.
    pub issuer: String,
    /// `aud`, unless the server says its own.
    pub audience: Vec<String>,
    /// Where its keys come from.
    pub keys: KeysFrom,
    /// CA certificates for fetching keys.
    pub ca: Option<PathBuf>,
    /// JOSE names, from the accepted list; at least one.
    pub algorithms: Vec<String>,
    /// Forgiven clock difference.
    pub leeway_s: u64,
    /// Longest life of a token.
    pub lifetime_s_max: u64,
    /// Claim of the subject.
    pub subject_claim: String,
    /// Claim of the groups.
    pub groups_claim: String,
    /// People or services.
    pub subject_kind: SubjectKind,
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysFrom {
    /// A file, JWKS.
    File(PathBuf),
    /// A URL, JWKS.
    Url(url::Url),
    /// The issuer's discovery document.
    Discovery,
}

/// Audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// Folder of the segments.
    pub dir: PathBuf,
    /// When a record counts as written.
    pub mode: AuditMode,
    /// Size of a segment.
    pub segment_bytes: u64,
    /// What a record keeps.
    pub record_bodies: RecordBodies,
}

/// Status, metrics, health, tail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Unix socket.
    pub socket: PathBuf,
    /// Loopback address of metrics and health.
    pub listen: Option<SocketAddr>,
}

/// Finding and masking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// How sure a finding must be.
    pub mode: ScanMode,
    /// What stays visible.
    pub mask: MaskForm,
    /// What becomes of digits at the end of an event.
    pub event_tail: EventTail,
    /// What becomes of images.
    pub images: Images,
    /// Folder of suppressions; need not be there.
    pub suppressions: PathBuf,
}

/// Development issuer and CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dev {
    /// Folder of their keys.
    pub dir: PathBuf,
}

/// Largest configuration file.
const FILE_BYTES_MAX: u64 = 1 << 20;

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML of our shape (first such place), or
    /// has problems (all of them).
    pub fn load(file: &Path) -> Result<Config, ConfigError> {
        let length = std::fs::metadata(file).map(|metadata| metadata.len());
        let length = length.map_err(|error| ConfigError::one(file, "file", error))?;
        if length > FILE_BYTES_MAX {
            let message = format!("is larger than {FILE_BYTES_MAX} bytes");
            return Err(ConfigError::one(file, "file", message));
        }
        let text =
            std::fs::read_to_string(file).map_err(|error| ConfigError::one(file, "file", error))?;
        Config::parse(file, &text)
    }

    /// Checks a text as if it were in `file`.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(file: &Path, text: &str) -> Result<Config, ConfigError> {
        let raw: RawConfig = toml::from_str(text).map_err(|error| {
            let at = position(text, error.span().map_or(0, |span| span.start));
            ConfigError::one(file, at, error.message())
        })?;
        Config::check(file, raw)
    }

    /// Checks a configuration made in memory; paths are relative to the folder
    /// of `file`.
    ///
    /// # Errors
    /// Every problem.
    pub fn check(file: &Path, raw: RawConfig) -> Result<Config, ConfigError> {
        let mut checking = Checking::new(file);
        let config = build(&mut checking, file, raw);
        let problems = checking.problems.list;
        if problems.is_empty() {
            return Ok(Config {
                warnings: checking.warnings,
                ..config
            });
        }
        Err(ConfigError {
            file: file.to_owned(),
            problems,
        })
    }

    /// The server with this name.
    pub fn server(&self, name: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.name == name)
    }
}

/// What is being collected while checking, and the folder paths start from.
pub(super) struct Checking {
    pub(super) problems: Problems,
    pub(super) warnings: Vec<String>,
    folder: PathBuf,
}

impl Checking {
    fn new(file: &Path) -> Self {
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        Checking {
            problems: Problems::default(),
            warnings: Vec::new(),
            folder,
        }
    }

    /// The path from the file's folder.
    pub(super) fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// A file that must be there and readable.
    pub(super) fn readable(&mut self, key: &str, path: &Path) -> PathBuf {
        let path = self.path(path);
        match std::fs::File::open(&path).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_dir() => {
                self.problems
                    .push(key, format!("{} is a folder", path.display()));
            }
            Ok(_) => {}
            Err(error) => self
                .problems
                .push(key, format!("{}: {error}", path.display())),
        }
        path
    }

    /// A file with a secret: readable, and a warning when by everybody.
    pub(super) fn secret(&mut self, key: &str, path: &Path) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.readable(key, path);
        let open = std::fs::metadata(&path)
            .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o004 != 0);
        if open {
            let shown = path.display();
            self.warnings.push(format!(
                "{key}: {shown} can be read by every user of this host"
            ));
        }
        path
    }
}

fn build(checking: &mut Checking, file: &Path, raw: RawConfig) -> Config {
    raw.limits.check(&mut checking.problems);
    let mode = raw.mode;
    let dev = raw.dev.enabled.then(|| Dev {
        dir: checking.path(&raw.dev.dir),
    });
    let redirect = raw
        .redirect
        .map(|redirect| check_redirect(checking, redirect));
    let issuers = issuer::check(checking, raw.oidc, dev.is_some());
    let context = server::Context {
        mode,
        issuers: &issuers,
        dev: dev.is_some(),
    };
    let servers = server::check(checking, raw.server, &context);
    let admin = check_admin(checking, raw.admin);
    cover::check(
        &mut checking.problems,
        &servers,
        redirect.as_ref(),
        admin.listen,
    );
    let policy_dir = checking.path(&raw.policy.dir);
    if mode == Mode::Enforce && !policy_dir.is_dir() {
        let message = format!("{} is not a folder", policy_dir.display());
        checking.problems.push("policy.dir", message);
    }
    if !(65_536..=17_179_869_184).contains(&raw.audit.segment_bytes) {
        let message = format!(
            "must be from 65536 to 17179869184, is {}",
            raw.audit.segment_bytes
        );
        checking.problems.push("audit.segment_bytes", message);
    }
    Config {
        file: file.to_owned(),
        mode,
        redirect,
        servers,
        issuers,
        audit: Audit {
            dir: checking.path(&raw.audit.dir),
            mode: raw.audit.mode,
            segment_bytes: raw.audit.segment_bytes,
            record_bodies: raw.audit.record_bodies,
        },
        policy_dir,
        admin,
        scan: Scan {
            mode: raw.scan.mode,
            mask: raw.scan.mask,
            event_tail: raw.scan.event_tail,
            images: raw.scan.images,
            suppressions: checking.path(&raw.scan.suppressions),
        },
        dev,
        limits: raw.limits,
        warnings: Vec::new(),
    }
}

fn check_redirect(checking: &mut Checking, raw: RawRedirect) -> Redirect {
    // Without pins a crash would open the host.
    let pin_dir = match (raw.pin_dir, raw.fail) {
        (None, FailMode::Closed) => Some(PathBuf::from("/sys/fs/bpf/panward")),
        (given, _) => given,
    };
    if raw.listen_port == 0 {
        checking
            .problems
            .push("redirect.listen_port", "must not be 0");
    }
    if raw.netns.is_empty() {
        checking.problems.push(
            "redirect.netns",
            "must have at least one namespace, such as \"self\"",
        );
    }
    let cgroup = checking.path(&raw.cgroup);
    if !cgroup.is_dir() {
        let message = format!("{} is not a folder", cgroup.display());
        checking.problems.push("redirect.cgroup", message);
    }
    let mut netns = Vec::new();
    for (n, name) in raw.netns.iter().enumerate() {
        netns.push(match name.as_str() {
            "self" => Netns::Own,
            path => {
                Netns::Path(checking.readable(&format!("redirect.netns[{n}]"), Path::new(path)))
            }
        });
    }
    Redirect {
        cgroup,
        pin_dir: pin_dir.map(|dir| checking.path(&dir)),
        fail: raw.fail,
        listen_port: raw.listen_port,
        netns,
    }
}

fn check_admin(checking: &mut Checking, raw: RawAdmin) -> Admin {
    let listen = match raw.listen.as_str() {
        "" => None,
        text => checking.problems.take("admin.listen", cover::address(text)),
    };
    if listen.is_some_and(|address: SocketAddr| !address.ip().is_loopback()) {
        checking.problems.push(
            "admin.listen",
            "must be a loopback address: it has no sign-in",
        );
    }
    Admin {
        socket: checking.path(&raw.socket),
        listen,
    }
}

/// `line:column` of a byte offset, both from 1.
fn position(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |last| last.chars().count())
        + 1;
    format!("{line}:{column}")
}
