//! PEM files: certificates, keys, revocation lists.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::{Error as PemError, PemObject as _};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use crate::identity::dev::DEV_ORGANIZATION;

/// Why a TLS config cannot be used; names the file, never its content.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// File cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// File does not hold what it should.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The parts do not fit together.
    #[error("tls: {0}")]
    Config(String),
}

impl TlsError {
    pub(super) fn content(path: &Path, problem: impl ToString) -> Self {
        TlsError::Content {
            path: path.to_owned(),
            problem: problem.to_string(),
        }
    }
}

/// All certificates of a file; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(path)?;
    let all = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|error| broken(path, &error))?;
    if all.is_empty() {
        return Err(TlsError::content(path, "holds no certificate"));
    }
    Ok(all)
}

/// The first private key of a file.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let pem = zeroize::Zeroizing::new(read(path)?);
    PrivateKeyDer::from_pem_slice(&pem).map_err(|error| match error {
        PemError::NoItemsFound => TlsError::content(path, "holds no private key"),
        error => broken(path, &error),
    })
}

/// All revocation lists of a file; at least one.
pub(super) fn revocation_lists(
    path: &Path,
) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let pem = read(path)?;
    let all = CertificateRevocationListDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|error| broken(path, &error))?;
    if all.is_empty() {
        return Err(TlsError::content(path, "holds no revocation list"));
    }
    Ok(all)
}

/// The certificates of a file as trust anchors; one that is unusable is an error.
pub(super) fn roots(path: &Path) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|error| TlsError::content(path, error))?;
    }
    Ok(Arc::new(roots))
}

/// Whether a file of certificates holds one made by `panward dev`, by the
/// organization of its subject or issuer.
pub fn holds_dev_ca(path: &Path) -> Result<bool, TlsError> {
    let marked = |certificate: &CertificateDer<'_>| {
        X509Certificate::from_der(certificate).is_ok_and(|(_, x509)| {
            [x509.subject(), x509.issuer()].iter().any(|name| {
                name.iter_organization()
                    .any(|name| name.as_str() == Ok(DEV_ORGANIZATION))
            })
        })
    };
    Ok(certificates(path)?.iter().any(marked))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

/// The PEM reader's own text can quote the file, so only its kind is told.
fn broken(path: &Path, error: &PemError) -> TlsError {
    let problem = match error {
        PemError::Base64Decode(_) => "PEM with broken base64",
        PemError::MissingSectionEnd { .. } => "PEM section without an end",
        _ => "not PEM",
    };
    TlsError::content(path, problem)
}
