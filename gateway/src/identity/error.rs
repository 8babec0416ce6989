//! Refusals of an identity, and faults of the settings.
//!
//! Texts are one line and never hold anything the peer sent.

use gateway_common::Reason;

/// Why a caller was not identified. Always the client's fault, except
/// [`AuthnError::KeysUnavailable`], which a retry can cure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthnError {
    /// Nothing the server accepts was presented.
    #[error("no acceptable evidence of identity was presented")]
    NoEvidence,
    /// The bearer token is refused.
    #[error("bearer token refused ({}): {detail}", reason.label())]
    Token {
        /// One of the `Token*` reasons.
        reason: Reason,
        /// What was wrong, without the token's content.
        detail: &'static str,
    },
    /// The issuer's keys cannot be had, and none are kept that are recent enough.
    #[error("keys of issuer {issuer} cannot be had now")]
    KeysUnavailable {
        /// Issuer as it stands in the config.
        issuer: String,
    },
    /// The client certificate is refused.
    #[error("client certificate refused ({}): {detail}", reason.label())]
    Certificate {
        /// `CertificateInvalid` or `CertificateRevoked`.
        reason: Reason,
        /// What was wrong.
        detail: &'static str,
    },
}

impl AuthnError {
    /// The reason for the wire answer, the record and the metric.
    pub fn reason(&self) -> Reason {
        match self {
            AuthnError::NoEvidence => Reason::NoEvidence,
            AuthnError::Token { reason, .. } | AuthnError::Certificate { reason, .. } => *reason,
            AuthnError::KeysUnavailable { .. } => Reason::KeysUnavailable,
        }
    }

    pub(crate) fn token(reason: Reason, detail: &'static str) -> Self {
        AuthnError::Token { reason, detail }
    }

    pub(crate) fn certificate(reason: Reason, detail: &'static str) -> Self {
        AuthnError::Certificate { reason, detail }
    }
}

/// Why settings of an issuer cannot be used; names the issuer.
#[derive(Debug, thiserror::Error)]
#[error("issuer {issuer}: {problem}")]
pub struct SettingsError {
    /// Issuer as it stands in the config.
    pub issuer: String,
    /// What to change, in one line.
    pub problem: String,
}
