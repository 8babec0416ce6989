//! Who is calling: client certificate, bearer token or local process becomes a
//! [`policy::Principal`].
//!
//! Second step of the data path, before a byte of the request is believed.
//!
//! Order, for one server ([`ServerAuth::accept`] says what it takes):
//! 1. a bearer token, where `oidc` is accepted, is decisive: a bad one is
//!    refused, never replaced by weaker evidence;
//! 2. else the client certificate, where `mtls` is accepted;
//! 3. else the local process, where `process` is accepted;
//! 4. else [`AuthnError::NoEvidence`].
//!
//! Token and certificate both: the token names the principal, and the
//! certificate, which stays in [`Evidence::client_cert`], is for the caller to
//! record beside it. A token bound to a certificate (RFC 8705 `cnf`) needs that
//! very certificate. A server that does not accept `oidc` is not given a look
//! at `Authorization`: an API key of the client's is none of our business.
//!
//! Invariants: no error carries a byte of a token; time is an argument; what is
//! not understood is refused. Bounds: [`TOKEN_BYTES_MAX`], [`KEYS_BYTES_MAX`],
//! [`VERIFIED_TOKENS_MAX`].

mod authenticate;
mod cache;
mod challenge;
mod claims;
mod error;
mod evidence;
mod fetch;
mod keys;
mod settings;

pub mod dev;
pub mod jwks;
pub mod token;

pub use authenticate::Authenticator;
pub use cache::VERIFIED_TOKENS_MAX;
pub use challenge::{challenge, metadata_document, metadata_path, metadata_url};
pub use dev::is_dev_issuer;
pub use error::{AuthnError, SettingsError};
pub use evidence::{Bearer, Evidence};
pub use fetch::{Fetch, FetchError, Fetching, HttpFetch, KEYS_BYTES_MAX};
pub use settings::{AcceptedEvidence, IssuerSettings, KeySource, ServerAuth, TokenAlgorithm};
pub use token::TOKEN_BYTES_MAX;

#[cfg(test)]
mod tests;
