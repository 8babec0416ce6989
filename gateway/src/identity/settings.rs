//! What an issuer may say and what a server accepts; checked once at load.

use std::path::PathBuf;

use url::Url;

use super::SettingsError;
use super::dev::is_loopback;

/// Signature algorithms a token may use (RFC 7518, RFC 8037). `none` and the
/// HMAC family are not in it, so that no setting can allow them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenAlgorithm {
    /// RSASSA-PKCS1-v1_5, SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5, SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5, SHA-512.
    Rs512,
    /// RSASSA-PSS, SHA-256.
    Ps256,
    /// RSASSA-PSS, SHA-384.
    Ps384,
    /// RSASSA-PSS, SHA-512.
    Ps512,
    /// ECDSA P-256, SHA-256.
    Es256,
    /// ECDSA P-384, SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

impl TokenAlgorithm {
    /// Every algorithm.
    pub const ALL: [TokenAlgorithm; 9] = [
        TokenAlgorithm::Rs256,
        TokenAlgorithm::Rs384,
        TokenAlgorithm::Rs512,
        TokenAlgorithm::Ps256,
        TokenAlgorithm::Ps384,
        TokenAlgorithm::Ps512,
        TokenAlgorithm::Es256,
        TokenAlgorithm::Es384,
        TokenAlgorithm::EdDsa,
    ];

    /// Its name in a JOSE header.
    pub const fn name(self) -> &'static str {
        match self {
            TokenAlgorithm::Rs256 => "RS256",
            TokenAlgorithm::Rs384 => "RS384",
            TokenAlgorithm::Rs512 => "RS512",
            TokenAlgorithm::Ps256 => "PS256",
            TokenAlgorithm::Ps384 => "PS384",
            TokenAlgorithm::Ps512 => "PS512",
            TokenAlgorithm::Es256 => "ES256",
            TokenAlgorithm::Es384 => "ES384",
            TokenAlgorithm::EdDsa => "EdDSA",
        }
    }

    /// The algorithm with exactly this name (names are case-sensitive).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }
}

/// Where an issuer's public keys (JWKS, RFC 7517) come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A JWKS file; read again when its modification time or size changes.
    File(PathBuf),
    /// A JWKS URL.
    Url(Url),
    /// OpenID Connect discovery at `<issuer>/.well-known/openid-configuration`.
    Discovery,
}

/// One issuer whose tokens are believed.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// Exact value of the `iss` claim.
    pub issuer: String,
    /// Where its keys come from.
    pub keys: KeySource,
    /// CA file (PEM) for `Url` and `Discovery`; the public roots if absent.
    pub ca: Option<PathBuf>,
    /// Algorithms its tokens may use; not empty.
    pub algorithms: Vec<TokenAlgorithm>,
    /// `typ` values accepted, compared without case and without `application/`.
    /// A token without `typ` is taken.
    pub types: Vec<String>,
    /// Whether its subjects are humans or services.
    pub kind: policy::PrincipalKind,
    /// Claim that names the principal: a name, or a JSON pointer when it starts
    /// with `/`.
    pub subject_claim: String,
    /// Claim with the groups (array of strings or words in one string): a name,
    /// or a JSON pointer (Keycloak: `/realm_access/roles`).
    pub groups_claim: String,
    /// Clock difference allowed, seconds; at most 300.
    pub leeway_s: u64,
    /// Longest life of a token (`exp` - `iat`) that is taken, seconds.
    pub lifetime_s_max: u64,
    /// Age after which keys are fetched again, seconds.
    pub refresh_s: u64,
    /// Age up to which kept keys serve while the issuer cannot be reached, seconds.
    pub stale_s_max: u64,
    /// Shortest time between two fetches because of an unknown key or a failed
    /// fetch, seconds.
    pub retry_s: u64,
    /// Longest time for one fetch, seconds.
    pub fetch_s_max: u64,
}

impl IssuerSettings {
    /// Settings with the defaults: RS256, PS256, ES256, EdDSA; `typ` JWT or
    /// at+jwt; humans named by `sub`; leeway 30 s, life at most a day; keys
    /// refreshed every 15 min, stale for at most a day, retry after 10 s.
    pub fn new(issuer: impl Into<String>, keys: KeySource) -> Self {
        IssuerSettings {
            issuer: issuer.into(),
            keys,
            ca: None,
            algorithms: vec![
                TokenAlgorithm::Rs256,
                TokenAlgorithm::Ps256,
                TokenAlgorithm::Es256,
                TokenAlgorithm::EdDsa,
            ],
            types: vec!["JWT".into(), "at+jwt".into()],
            kind: policy::PrincipalKind::User,
            subject_claim: "sub".into(),
            groups_claim: "groups".into(),
            leeway_s: 30,
            lifetime_s_max: 86_400,
            refresh_s: 900,
            stale_s_max: 86_400,
            retry_s: 10,
            fetch_s_max: 5,
        }
    }

    /// Checks the settings against each other.
    pub fn check(&self) -> Result<(), SettingsError> {
        let problem = self.problem();
        problem.map_or(Ok(()), |problem| {
            Err(SettingsError {
                issuer: self.issuer.clone(),
                problem: problem.into(),
            })
        })
    }

    fn problem(&self) -> Option<&'static str> {
        if self.issuer.is_empty() {
            return Some("issuer must not be empty");
        }
        if self.algorithms.is_empty() {
            return Some("algorithms must name at least one algorithm");
        }
        if self.kind == policy::PrincipalKind::Process {
            return Some("kind must be user or workload: a token cannot name a local process");
        }
        if self.leeway_s > 300 {
            return Some("leeway_s must be at most 300");
        }
        if self.lifetime_s_max == 0 || self.retry_s == 0 || self.fetch_s_max == 0 {
            return Some("lifetime_s_max, retry_s and fetch_s_max must be at least 1");
        }
        if self.stale_s_max < self.refresh_s {
            return Some("stale_s_max must not be below refresh_s");
        }
        match &self.keys {
            KeySource::File(_) => None,
            KeySource::Url(url) => fetchable(url),
            KeySource::Discovery => match Url::parse(&self.issuer) {
                Ok(url) => fetchable(&url),
                Err(_) => Some("discovery needs an issuer that is a URL"),
            },
        }
    }
}

/// Why keys must not be fetched from this URL; `None` if they may.
pub(crate) fn fetchable(url: &Url) -> Option<&'static str> {
    match url.scheme() {
        _ if url.host().is_none() => Some("key URL has no host"),
        _ if !url.username().is_empty() || url.password().is_some() => {
            Some("key URL must not hold credentials")
        }
        "https" => None,
        "http" if is_loopback(url) => None,
        _ => Some("key URL must be https (http only on the loopback address)"),
    }
}

/// Kinds of evidence a server accepts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AcceptedEvidence {
    /// Client certificates.
    pub mtls: bool,
    /// Bearer tokens.
    pub oidc: bool,
    /// Local processes, by the kernel.
    pub process: bool,
}

/// What one server accepts. The default accepts nothing.
#[derive(Clone, Debug, Default)]
pub struct ServerAuth {
    /// Kinds of evidence.
    pub accept: AcceptedEvidence,
    /// `aud` values, one of which a token must carry (RFC 8707: the URL of the
    /// server). Empty: no token is accepted.
    pub audiences: Vec<String>,
    /// Issuers accepted, by their `iss`; empty: every configured one.
    pub issuers: Vec<String>,
}
