//! Towards clients: server certificate, client certificates, revocation, reload.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use gateway_common::Reason;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{CertificateError, ServerConfig};

use super::pem::{certificates, private_key, revocation_lists, roots};
use super::{ALPN, PeerCertificate, TlsError, provider};
use crate::identity::AuthnError;

/// Whether clients show a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientAuth {
    /// They are not asked.
    None,
    /// They are asked and may decline; a certificate that is shown must hold.
    Optional {
        /// CA certificates, PEM.
        ca: PathBuf,
        /// Revocation lists, PEM. With any given, every certificate of the
        /// chain needs one that covers it, and a list past its `nextUpdate`
        /// refuses: doubt means deny. Empty: revocation is not checked.
        crls: Vec<PathBuf>,
    },
    /// They must.
    Required {
        /// CA certificates, PEM.
        ca: PathBuf,
        /// Revocation lists, PEM; as above.
        crls: Vec<PathBuf>,
    },
}

/// Files of one TLS listener.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Certificate chain, PEM, the server's own first.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// Client certificates.
    pub client: ClientAuth,
}

/// TLS of one listener, replaceable while it runs.
pub struct ServerTls {
    settings: ServerSettings,
    current: ArcSwap<ServerConfig>,
}

impl ServerTls {
    /// Reads the files and checks that they fit together.
    pub fn load(settings: ServerSettings) -> Result<Self, TlsError> {
        let current = ArcSwap::new(build(&settings)?);
        Ok(ServerTls { settings, current })
    }

    /// The config for a new connection.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Reads the files again (renewed certificate, new CRL). On an error the
    /// old state stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.store(build(&self.settings)?);
        Ok(())
    }
}

fn build(settings: &ServerSettings) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(&settings.certificate)?;
    let key = private_key(&settings.key)?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Config(error.to_string()))?
        .with_client_cert_verifier(verifier(&settings.client)?)
        .with_single_cert(chain, key)
        .map_err(|error| TlsError::content(&settings.certificate, error))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // Stateless, with keys that live and die with this config.
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()
        .map_err(|error| TlsError::Config(error.to_string()))?;
    Ok(Arc::new(config))
}

fn verifier(client: &ClientAuth) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let (ca, crls, optional) = match client {
        ClientAuth::None => return Ok(WebPkiClientVerifier::no_client_auth()),
        ClientAuth::Optional { ca, crls } => (ca, crls, true),
        ClientAuth::Required { ca, crls } => (ca, crls, false),
    };
    let mut builder = WebPkiClientVerifier::builder_with_provider(roots(ca)?, provider())
        .enforce_revocation_expiration();
    for path in crls {
        builder = builder.with_crls(revocation_lists(path)?);
    }
    if optional {
        builder = builder.allow_unauthenticated();
    }
    builder
        .build()
        .map_err(|error| TlsError::content(crls.first().unwrap_or(ca), error))
}

/// Why a handshake failed: a revoked certificate, another fault of the client's
/// certificate, or anything else.
pub fn handshake_reason(error: &std::io::Error) -> Reason {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(CertificateError::Revoked)) => {
            Reason::CertificateRevoked
        }
        Some(rustls::Error::InvalidCertificate(_)) => Reason::CertificateInvalid,
        Some(rustls::Error::NoCertificatesPresented) => Reason::NoEvidence,
        _ => Reason::TlsHandshake,
    }
}

/// The client certificate of a finished handshake, if one was shown.
pub fn peer_certificate(
    connection: &rustls::ServerConnection,
) -> Result<Option<PeerCertificate>, AuthnError> {
    let chain = connection.peer_certificates().unwrap_or_default();
    chain
        .first()
        .map(|certificate| PeerCertificate::parse(certificate))
        .transpose()
}
