//! A JSON Web Key Set (RFC 7517) as keys to verify with. Pure.
//!
//! Only public signature keys are kept: `oct` (HMAC) keys never, so that a
//! public key can never be used as a secret; RSA below 2048 bits never. A key
//! that is not understood is left out, the others serve. Bounds: [`KEYS_MAX`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::TokenAlgorithm;
use super::token::{Parsed, is_name};

/// Most keys of one set that are kept.
pub const KEYS_MAX: usize = 128;

/// Most keys tried for one token (several can have the same `kid`).
const TRIES_MAX: usize = 4;

/// Keys of one issuer.
pub struct KeySet {
    keys: Vec<Key>,
}

struct Key {
    id: Option<String>,
    algorithm: Option<TokenAlgorithm>,
    family: Family,
    verify: DecodingKey,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Rsa,
    P256,
    P384,
    Ed25519,
}

/// What came of looking for a token's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// A key of the set made this signature.
    Valid,
    /// Keys fit, none of them made it.
    Invalid,
    /// No key fits the token's `kid` and algorithm.
    UnknownKey,
}

/// Why a document is not a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Not a JSON object with an array `keys`.
    #[error("not a JSON Web Key Set")]
    Malformed,
    /// More than [`KEYS_MAX`].
    #[error("more keys than the limit")]
    TooMany,
    /// Nothing in it can verify a signature.
    #[error("no usable public signature key")]
    Empty,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    kid: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a key set.
    pub fn parse(document: &[u8]) -> Result<KeySet, KeySetError> {
        let document: Document =
            serde_json::from_slice(document).map_err(|_| KeySetError::Malformed)?;
        if document.keys.len() > KEYS_MAX {
            return Err(KeySetError::TooMany);
        }
        let keys: Vec<Key> = document.keys.into_iter().filter_map(usable).collect();
        if keys.is_empty() {
            return Err(KeySetError::Empty);
        }
        Ok(KeySet { keys })
    }

    /// Number of keys that are kept.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Never true: a set without a key is an error of [`KeySet::parse`].
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Verifies the token's signature with the keys that fit its `kid` and
    /// algorithm. A token without `kid` fits only if exactly one key does.
    pub fn check(&self, token: &Parsed<'_>) -> Check {
        let fitting: Vec<&Key> = self.keys.iter().filter(|key| key.fits(token)).collect();
        if fitting.is_empty() || (token.key_id.is_none() && fitting.len() > 1) {
            return Check::UnknownKey;
        }
        let made_it = fitting.iter().take(TRIES_MAX).any(|key| key.made(token));
        if made_it {
            Check::Valid
        } else {
            Check::Invalid
        }
    }
}

impl Key {
    fn fits(&self, token: &Parsed<'_>) -> bool {
        (token.key_id.is_none() || self.id == token.key_id)
            && self
                .algorithm
                .is_none_or(|algorithm| algorithm == token.algorithm)
            && self.family == family_of(token.algorithm)
    }

    fn made(&self, token: &Parsed<'_>) -> bool {
        let algorithm = jose(token.algorithm);
        jsonwebtoken::crypto::verify(token.signature, token.signed, &self.verify, algorithm)
            .unwrap_or(false)
    }
}

fn usable(key: Value) -> Option<Key> {
    let raw: RawKey = serde_json::from_value(key).ok()?;
    let verifies = raw
        .purpose
        .as_deref()
        .is_none_or(|purpose| purpose == "sig")
        && raw
            .key_ops
            .as_ref()
            .is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !verifies || raw.kid.as_deref().is_some_and(|kid| !is_name(kid)) {
        return None;
    }
    let (family, verify) = match raw.kty.as_str() {
        "RSA" => (Family::Rsa, rsa(raw.n.as_deref()?, raw.e.as_deref()?)?),
        "EC" => elliptic(raw.crv.as_deref()?, raw.x.as_deref()?, raw.y.as_deref()?)?,
        "OKP" if raw.crv.as_deref() == Some("Ed25519") => {
            (Family::Ed25519, edwards(raw.x.as_deref()?)?)
        }
        _ => return None,
    };
    let algorithm = match raw.alg.as_deref() {
        None => None,
        Some(name) => Some(TokenAlgorithm::from_name(name)?),
    };
    Some(Key {
        id: raw.kid,
        algorithm,
        family,
        verify,
    })
}

fn rsa(n: &str, e: &str) -> Option<DecodingKey> {
    let (modulus, exponent) = (decode(n)?, decode(e)?);
    let modulus_bytes = modulus.iter().skip_while(|byte| **byte == 0).count();
    if !(256..=1024).contains(&modulus_bytes) || !(1..=8).contains(&exponent.len()) {
        return None;
    }
    Some(DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

fn elliptic(curve: &str, x: &str, y: &str) -> Option<(Family, DecodingKey)> {
    let (family, bytes) = match curve {
        "P-256" => (Family::P256, 32),
        "P-384" => (Family::P384, 48),
        _ => return None,
    };
    if decode(x)?.len() != bytes || decode(y)?.len() != bytes {
        return None;
    }
    Some((family, DecodingKey::from_ec_components(x, y).ok()?))
}

fn edwards(x: &str) -> Option<DecodingKey> {
    if decode(x)?.len() != 32 {
        return None;
    }
    DecodingKey::from_ed_components(x).ok()
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn family_of(algorithm: TokenAlgorithm) -> Family {
    match algorithm {
        TokenAlgorithm::Es256 => Family::P256,
        TokenAlgorithm::Es384 => Family::P384,
        TokenAlgorithm::EdDsa => Family::Ed25519,
        _ => Family::Rsa,
    }
}

fn jose(algorithm: TokenAlgorithm) -> Algorithm {
    match algorithm {
        TokenAlgorithm::Rs256 => Algorithm::RS256,
        TokenAlgorithm::Rs384 => Algorithm::RS384,
        TokenAlgorithm::Rs512 => Algorithm::RS512,
        TokenAlgorithm::Ps256 => Algorithm::PS256,
        TokenAlgorithm::Ps384 => Algorithm::PS384,
        TokenAlgorithm::Ps512 => Algorithm::PS512,
        TokenAlgorithm::Es256 => Algorithm::ES256,
        TokenAlgorithm::Es384 => Algorithm::ES384,
        TokenAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}
