//! A client certificate as names. Its chain was verified in the handshake; here
//! it is only read.

use aws_lc_rs::digest::{SHA256, digest};
use gateway_common::Reason;
use policy::PrincipalKind;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::identity::AuthnError;

/// Longest name that is taken from a certificate, bytes (SPIFFE ID, section 2.3).
const NAME_BYTES_MAX: usize = 2048;

/// Most alternative names of a certificate.
const NAMES_MAX: usize = 100;

/// What a client certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// SPIFFE ID, if the certificate is an X.509-SVID.
    pub spiffe: Option<String>,
    /// Other URIs.
    pub uris: Vec<String>,
    /// DNS names.
    pub dns: Vec<String>,
    /// E-mail addresses.
    pub emails: Vec<String>,
    /// Common name of the subject.
    pub common_name: Option<String>,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the DER.
    pub fingerprint: [u8; 32],
    /// Distinguished name of its issuer.
    pub issuer: String,
    /// First second of its validity, Unix time.
    pub not_before_s: i64,
    /// Last second of its validity, Unix time.
    pub not_after_s: i64,
}

impl PeerCertificate {
    /// Reads a DER certificate. Errors: `CertificateInvalid` when it cannot be
    /// parsed, holds a name that is not plain text, or two SPIFFE IDs.
    pub fn parse(der: &[u8]) -> Result<Self, AuthnError> {
        let (rest, x509) = X509Certificate::from_der(der).map_err(|_| invalid("not X.509"))?;
        if !rest.is_empty() {
            return Err(invalid("bytes after its end"));
        }
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, der).as_ref());
        let common_name = x509.subject().iter_common_name().next();
        let common_name = common_name
            .map(|name| {
                name.as_str()
                    .map_err(|_| invalid("common name is not text"))
            })
            .transpose()?;
        let mut certificate = PeerCertificate {
            spiffe: None,
            uris: Vec::new(),
            dns: Vec::new(),
            emails: Vec::new(),
            common_name: common_name.map(plain).transpose()?,
            serial: hex(x509.raw_serial()),
            fingerprint,
            issuer: plain(&x509.issuer().to_string()).unwrap_or_default(),
            not_before_s: x509.validity().not_before.timestamp(),
            not_after_s: x509.validity().not_after.timestamp(),
        };
        certificate.read_alternative_names(&x509)?;
        Ok(certificate)
    }

    /// The name it gives its holder: SPIFFE ID, else e-mail (a human), else DNS
    /// name, else common name.
    pub fn identity(&self) -> Option<(PrincipalKind, &str)> {
        let workload = PrincipalKind::Workload;
        let spiffe = self.spiffe.as_deref().map(|id| (workload, id));
        spiffe
            .or_else(|| {
                self.emails
                    .first()
                    .map(|id| (PrincipalKind::User, id.as_str()))
            })
            .or_else(|| self.dns.first().map(|id| (workload, id.as_str())))
            .or_else(|| self.common_name.as_deref().map(|id| (workload, id)))
    }

    /// SHA-256 of the DER, lower-case hexadecimal.
    pub fn fingerprint_hex(&self) -> String {
        hex(&self.fingerprint)
    }

    /// A connection can outlive the certificate it began with.
    pub(crate) fn check_time(&self, now_s: u64) -> Result<(), AuthnError> {
        let now_s = i64::try_from(now_s).unwrap_or(i64::MAX);
        if now_s > self.not_after_s {
            return Err(invalid("it has expired"));
        }
        if now_s < self.not_before_s {
            return Err(invalid("it is not valid yet"));
        }
        Ok(())
    }

    fn read_alternative_names(&mut self, x509: &X509Certificate<'_>) -> Result<(), AuthnError> {
        let names = x509
            .subject_alternative_name()
            .map_err(|_| invalid("alternative names twice or broken"))?;
        let Some(names) = names else { return Ok(()) };
        if names.value.general_names.len() > NAMES_MAX {
            return Err(invalid("too many alternative names"));
        }
        for name in &names.value.general_names {
            match name {
                GeneralName::URI(uri) if is_spiffe(uri) => {
                    let earlier = self.spiffe.replace(plain(uri)?);
                    if earlier.is_some() {
                        return Err(invalid("two SPIFFE IDs"));
                    }
                }
                GeneralName::URI(uri) => self.uris.push(plain(uri)?),
                GeneralName::DNSName(name) => self.dns.push(plain(name)?),
                GeneralName::RFC822Name(name) => self.emails.push(plain(name)?),
                GeneralName::Invalid(..) => return Err(invalid("a name that is not text")),
                _ => {}
            }
        }
        Ok(())
    }
}

fn is_spiffe(uri: &str) -> bool {
    uri.get(..9)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("spiffe://"))
}

fn plain(name: &str) -> Result<String, AuthnError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(invalid("a name that is empty, too long or not plain text"));
    }
    Ok(name.to_owned())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

fn invalid(detail: &'static str) -> AuthnError {
    AuthnError::certificate(Reason::CertificateInvalid, detail)
}
