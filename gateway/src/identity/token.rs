//! A compact JWT (RFC 7519, RFC 7515) taken apart. Pure: nothing is believed
//! here, no key is looked at, no clock is read.
//!
//! Strict where leniency has been abused: exactly three parts, base64url
//! without padding and without stray bits, no key twice at any depth, no
//! `crit`. `jku`, `x5u`, `x5c` and `jwk` are not even read: keys come from the
//! config only. Bounds: [`TOKEN_BYTES_MAX`]; nesting by serde_json (128).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_common::Reason;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{AuthnError, TokenAlgorithm};

/// Longest token that is looked at, bytes.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Longest `kid`, `typ`, `jti` and principal name, bytes.
pub(crate) const NAME_BYTES_MAX: usize = 512;

/// A token taken apart, not yet verified.
pub struct Parsed<'a> {
    /// Algorithm the header names.
    pub algorithm: TokenAlgorithm,
    /// Key the header names.
    pub key_id: Option<String>,
    /// `typ` of the header, lower case, without `application/`.
    pub typ: Option<String>,
    /// Claims; not to be believed before the signature is verified.
    pub claims: Map<String, Value>,
    /// What is signed: header, dot, claims, as sent.
    pub signed: &'a [u8],
    /// Signature, base64url as sent.
    pub signature: &'a str,
}

/// Takes a token apart. Errors: `TokenMalformed`, and `TokenAlgorithm` for
/// `none`, HMAC and everything else that no issuer may use.
pub fn parse(token: &[u8]) -> Result<Parsed<'_>, AuthnError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(malformed("longer than the limit"));
    }
    let token = std::str::from_utf8(token).map_err(|_| malformed("not ASCII"))?;
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed("not three parts"));
    };
    let signed_len = header.len() + 1 + claims.len();
    let header = object(header)?;
    if header.contains_key("crit") {
        return Err(malformed("critical header parameters are not supported"));
    }
    let algorithm = match header.get("alg") {
        Some(Value::String(name)) => TokenAlgorithm::from_name(name),
        _ => None,
    };
    let algorithm = algorithm.ok_or_else(|| {
        AuthnError::token(
            Reason::TokenAlgorithm,
            "its algorithm is not a signature we accept",
        )
    })?;
    if signature.is_empty() || URL_SAFE_NO_PAD.decode(signature).is_err() {
        return Err(malformed("signature is not base64url"));
    }
    Ok(Parsed {
        algorithm,
        key_id: name(&header, "kid")?,
        typ: name(&header, "typ")?.map(|typ| normal_type(&typ)),
        claims: object(claims)?,
        signed: token.as_bytes().get(..signed_len).unwrap_or_default(),
        signature,
    })
}

/// A media type as it is compared: lower case, without `application/`
/// (RFC 7515 section 4.1.9).
pub(crate) fn normal_type(typ: &str) -> String {
    let typ = typ.to_ascii_lowercase();
    typ.strip_prefix("application/")
        .map(str::to_owned)
        .unwrap_or(typ)
}

/// The claim of that name, or at that JSON pointer.
pub(crate) fn claim<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let Some(pointer) = path.strip_prefix('/') else {
        return claims.get(path);
    };
    let (first, rest) = pointer
        .split_once('/')
        .map_or((pointer, None), |(a, b)| (a, Some(b)));
    let value = claims.get(&first.replace("~1", "/").replace("~0", "~"))?;
    match rest {
        None => Some(value),
        Some(rest) => value.pointer(&format!("/{rest}")),
    }
}

/// A string that may name something in a record: not empty, bounded, no
/// control characters.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control)
}

fn name(header: &Map<String, Value>, key: &str) -> Result<Option<String>, AuthnError> {
    match header.get(key) {
        None => Ok(None),
        Some(Value::String(text)) if is_name(text) => Ok(Some(text.clone())),
        Some(_) => Err(malformed("kid or typ is not a short string")),
    }
}

fn object(part: &str) -> Result<Map<String, Value>, AuthnError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| malformed("header or claims not base64url"))?;
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    NoDuplicates
        .deserialize(&mut json)
        .map_err(|_| malformed("not JSON, or a key twice"))?;
    serde_json::from_slice(&bytes).map_err(|_| malformed("header or claims not a JSON object"))
}

fn malformed(detail: &'static str) -> AuthnError {
    AuthnError::token(Reason::TokenMalformed, detail)
}

/// Walks a JSON value and refuses an object with a key twice: serde_json keeps
/// the last one, other parsers the first.
struct NoDuplicates;

impl<'de> DeserializeSeed<'de> for NoDuplicates {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NoDuplicates {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without a key twice")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(NoDuplicates)?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = std::collections::HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !keys.insert(key) {
                return Err(serde::de::Error::custom("a key twice"));
            }
            map.next_value_seed(NoDuplicates)?;
        }
        Ok(())
    }
}
