//! Certificates, keys and tokens for trying things out. Not for production.
//!
//! Everything made here is marked: the issuer's name is [`DEV_ISSUER`] or a
//! loopback URL ([`is_dev_issuer`]), and every certificate carries
//! [`DEV_ORGANIZATION`] (`tls::holds_dev_ca`), so that a config can refuse them
//! unless it says that it is one for development. Files are 0600 in a folder
//! 0700, and nothing that exists is overwritten.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use serde_json::json;
use url::{Host, Url};

/// `iss` of development tokens made without an issuer of their own.
pub const DEV_ISSUER: &str = "https://dev.panward.invalid";

/// Organization in every development certificate.
pub const DEV_ORGANIZATION: &str = "panward development, not for production";

/// SPIFFE ID in the client certificate.
pub const DEV_CLIENT: &str = "spiffe://dev.panward.invalid/client";

/// SPIFFE ID in the client certificate that is revoked.
pub const DEV_REVOKED: &str = "spiffe://dev.panward.invalid/revoked";

/// Days that development certificates and the revocation list are valid.
const VALID_DAYS: u64 = 30;

const DAY_S: u64 = 86_400;

/// Why something for development could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DevError {
    /// File cannot be written or read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Key or certificate cannot be made, or the key file is not one of ours.
    #[error("cannot make {what}: {problem}")]
    Make {
        /// What was to be made.
        what: &'static str,
        /// Why not.
        problem: String,
    },
    /// Issuer is not marked as one for development.
    #[error("issuer must be {DEV_ISSUER} or a loopback URL")]
    Issuer,
}

/// What a development token is to say.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// `iss`; must be a development issuer.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// `aud`.
    pub audience: String,
    /// `groups`.
    pub groups: Vec<String>,
    /// Seconds until it expires; negative: it expired so long ago.
    pub expires_in_s: i64,
}

/// Whether this `iss` is one for development: `dev.panward.invalid` or a
/// loopback host. Decided by the parsed host, and true for what merely starts
/// like one, since a config refuses what this names.
pub fn is_dev_issuer(issuer: &str) -> bool {
    let url = Url::parse(issuer).ok();
    issuer.starts_with(DEV_ISSUER) || url.as_ref().is_some_and(is_loopback)
}

pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical().is_loopback(),
        Some(Host::Domain(name)) => name.trim_end_matches('.') == "localhost",
        None => false,
    }
}

/// The `iss` of `panward dev issuer` at that address.
pub fn issuer_at(listen: SocketAddr) -> String {
    format!("http://{listen}")
}

/// Writes a development CA, server and client certificates, a revoked client
/// certificate with its CRL, an issuer's key and its JWKS into `dir`. The
/// server certificate is for localhost and `names` (DNS names or addresses).
pub fn init(dir: &Path, names: &[String], now_unix_s: u64) -> Result<(), DevError> {
    let created = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir);
    created.map_err(|source| DevError::File {
        path: dir.to_owned(),
        source,
    })?;
    let ca_key = KeyPair::generate().map_err(made("CA key"))?;
    let ca_params = ca_params(now_unix_s)?;
    let ca = ca_params
        .self_signed(&ca_key)
        .map_err(made("CA certificate"))?;
    write(dir, "ca.pem", &ca.pem())?;
    write(dir, "ca.key", &ca_key.serialize_pem())?;
    let ca = Issuer::new(ca_params, ca_key);

    let mut hosts = vec![
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
        "::1".to_owned(),
    ];
    hosts.extend_from_slice(names);
    let server = CertificateParams::new(hosts).map_err(made("server certificate"))?;
    leaf(
        dir,
        "server",
        server,
        ExtendedKeyUsagePurpose::ServerAuth,
        &ca,
        now_unix_s,
    )?;
    let client = ExtendedKeyUsagePurpose::ClientAuth;
    leaf(
        dir,
        "client",
        spiffe(DEV_CLIENT)?,
        client.clone(),
        &ca,
        now_unix_s,
    )?;
    let revoked = leaf(
        dir,
        "revoked",
        spiffe(DEV_REVOKED)?,
        client,
        &ca,
        now_unix_s,
    )?;
    write(dir, "crl.pem", &crl(revoked, &ca, now_unix_s)?)?;

    let issuer_key = KeyPair::generate().map_err(made("issuer key"))?;
    write(dir, "issuer.key", &issuer_key.serialize_pem())?;
    write(dir, "jwks.json", &jwks(&issuer_key)?)
}

/// A token of the development issuer in `dir`, ES256, type `at+jwt`.
pub fn token(dir: &Path, request: &TokenRequest, now_unix_s: u64) -> Result<String, DevError> {
    if !is_dev_issuer(&request.issuer) {
        return Err(DevError::Issuer);
    }
    let key = KeyPair::from_pem(&read(dir, "issuer.key")?).map_err(made("token"))?;
    let expires_s = now_unix_s.saturating_add_signed(request.expires_in_s);
    let claims = json!({
        "iss": request.issuer,
        "sub": request.subject,
        "aud": request.audience,
        "groups": request.groups,
        "iat": now_unix_s.min(expires_s.saturating_sub(1)),
        "exp": expires_s,
        "jti": URL_SAFE_NO_PAD.encode(random()?),
    });
    let header = Header {
        typ: Some("at+jwt".into()),
        kid: Some(coordinates(&key)?.thumbprint()),
        ..Header::new(Algorithm::ES256)
    };
    jsonwebtoken::encode(
        &header,
        &claims,
        &EncodingKey::from_ec_der(key.serialized_der()),
    )
    .map_err(made("token"))
}

/// The JWKS in `dir`, as `panward dev issuer` serves it.
pub fn key_set(dir: &Path) -> Result<String, DevError> {
    read(dir, "jwks.json")
}

/// The discovery document of the issuer at that address.
pub fn discovery(listen: SocketAddr) -> String {
    let issuer = issuer_at(listen);
    json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/jwks.json"),
        "id_token_signing_alg_values_supported": ["ES256"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
    })
    .to_string()
}

fn ca_params(now_s: u64) -> Result<CertificateParams, DevError> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    name_and_date(&mut params, "panward development CA", now_s)?;
    Ok(params)
}

fn spiffe(id: &str) -> Result<CertificateParams, DevError> {
    let mut params = CertificateParams::default();
    let id = id.try_into().map_err(made("client certificate"))?;
    params.subject_alt_names = vec![SanType::URI(id)];
    Ok(params)
}

/// Signs and writes `<name>.pem` and `<name>.key`; returns the serial number.
fn leaf(
    dir: &Path,
    name: &'static str,
    mut params: CertificateParams,
    purpose: ExtendedKeyUsagePurpose,
    ca: &Issuer<'_, KeyPair>,
    now_s: u64,
) -> Result<SerialNumber, DevError> {
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    let serial = name_and_date(&mut params, name, now_s)?;
    let key = KeyPair::generate().map_err(made(name))?;
    let certificate = params.signed_by(&key, ca).map_err(made(name))?;
    write(dir, &format!("{name}.pem"), &certificate.pem())?;
    write(dir, &format!("{name}.key"), &key.serialize_pem())?;
    Ok(serial)
}

fn name_and_date(
    params: &mut CertificateParams,
    common_name: &str,
    now_s: u64,
) -> Result<SerialNumber, DevError> {
    let mut serial = random()?;
    // Positive and not zero (RFC 5280, 4.1.2.2).
    serial[0] = (serial[0] & 0x7f) | 0x40;
    let serial = SerialNumber::from_slice(&serial);
    let epoch = date_time_ymd(1970, 1, 1);
    params.serial_number = Some(serial.clone());
    // An hour back, for clocks that are a little behind.
    params.not_before = epoch + Duration::from_secs(now_s.saturating_sub(3600));
    params.not_after = epoch + Duration::from_secs(now_s + VALID_DAYS * DAY_S);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, DEV_ORGANIZATION);
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    Ok(serial)
}

fn crl(revoked: SerialNumber, ca: &Issuer<'_, KeyPair>, now_s: u64) -> Result<String, DevError> {
    let epoch = date_time_ymd(1970, 1, 1);
    let now = epoch + Duration::from_secs(now_s);
    let list = CertificateRevocationListParams {
        this_update: epoch + Duration::from_secs(now_s.saturating_sub(3600)),
        next_update: now + Duration::from_secs(VALID_DAYS * DAY_S),
        crl_number: SerialNumber::from(1u64),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: revoked,
            revocation_time: now,
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    let list = list.signed_by(ca).map_err(made("revocation list"))?;
    list.pem().map_err(made("revocation list"))
}

fn jwks(key: &KeyPair) -> Result<String, DevError> {
    let point = coordinates(key)?;
    Ok(json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
        "kid": point.thumbprint(), "x": point.x, "y": point.y,
    }]})
    .to_string())
}

struct Point {
    x: String,
    y: String,
}

impl Point {
    /// RFC 7638.
    fn thumbprint(&self) -> String {
        let canonical = format!(
            r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
            self.x, self.y
        );
        URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()))
    }
}

/// Coordinates of a P-256 public key, which is stored uncompressed: 4, x, y.
fn coordinates(key: &KeyPair) -> Result<Point, DevError> {
    match key.public_key_raw().split_at_checked(1) {
        Some(([4], point)) if point.len() == 64 => {
            let (x, y) = point.split_at(32);
            Ok(Point {
                x: URL_SAFE_NO_PAD.encode(x),
                y: URL_SAFE_NO_PAD.encode(y),
            })
        }
        _ => Err(DevError::Make {
            what: "key set",
            problem: "not a P-256 key".into(),
        }),
    }
}

fn random() -> Result<[u8; 16], DevError> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| DevError::Make {
        what: "random number",
        problem: "no randomness".into(),
    })?;
    Ok(bytes)
}

fn made<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> DevError {
    move |error| DevError::Make {
        what,
        problem: error.to_string(),
    }
}

fn write(dir: &Path, name: &str, text: &str) -> Result<(), DevError> {
    let path = dir.join(name);
    let mut options = std::fs::OpenOptions::new();
    let written = options.write(true).create_new(true).mode(0o600).open(&path);
    written
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| DevError::File { path, source })
}

fn read(dir: &Path, name: &str) -> Result<String, DevError> {
    let path = dir.join(name);
    std::fs::read_to_string(&path).map_err(|source| DevError::File { path, source })
}
