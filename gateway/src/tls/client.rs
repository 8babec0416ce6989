//! Towards MCP servers and issuers of keys.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use super::pem::{certificates, private_key, roots as roots_of};
use super::{ALPN, TlsError, provider};

/// Which CAs a server's certificate is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Roots {
    /// Mozilla's, as compiled in.
    WebPki,
    /// Those of a PEM file, and no other.
    File(PathBuf),
}

/// Certificate the gateway shows to servers that ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientIdentity {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
}

/// A config for connections to servers. Certificates are always checked.
pub fn client_config(
    roots: &Roots,
    identity: Option<&ClientIdentity>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let roots = match roots {
        Roots::File(path) => roots_of(path)?,
        Roots::WebPki => Arc::new(RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        }),
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Config(error.to_string()))?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => builder
            .with_client_auth_cert(
                certificates(&identity.certificate)?,
                private_key(&identity.key)?,
            )
            .map_err(|error| TlsError::content(&identity.certificate, error))?,
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(Arc::new(config))
}
