//! TLS towards clients and servers: rustls with aws-lc-rs, TLS 1.2 and 1.3.
//!
//! Under the data path: what this gives is an encrypted stream and, where the
//! config asks for it, a client certificate whose chain and revocation are
//! already checked. ALPN offers and takes `http/1.1` only. Files are read at
//! load and at [`ServerTls::reload`]; a reload that fails keeps the old state,
//! and live connections keep the one they began with. Session tickets do not
//! outlive a reload, so that no session resumes past a new CRL.

mod client;
mod peer;
mod pem;
mod server;

pub use client::{ClientIdentity, Roots, client_config};
pub use peer::PeerCertificate;
pub use pem::{TlsError, holds_dev_ca};
pub use server::{ClientAuth, ServerSettings, ServerTls, handshake_reason, peer_certificate};

#[cfg(test)]
mod tests;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The only protocol we frame.
const ALPN: &[u8] = b"http/1.1";

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
