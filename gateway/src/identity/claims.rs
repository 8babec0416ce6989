//! What a verified token says, checked against its issuer's settings. Pure.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_common::Reason;
use policy::{AuthnMethod, Principal};
use serde_json::{Map, Value};

use super::token::{NAME_BYTES_MAX, Parsed, claim, is_name};
use super::{AuthnError, IssuerSettings, ServerAuth};

/// Most `aud` values and most groups of a token.
const LIST_MAX: usize = 256;

/// Largest NumericDate that is taken, seconds (year 9999).
const DATE_S_MAX: u64 = 253_402_300_799;

/// A token whose signature and claims hold, without what depends on the server.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) principal: Arc<Principal>,
    pub(crate) audiences: Vec<String>,
    /// First second it is valid, leeway included.
    pub(crate) valid_from_s: u64,
    /// First second it is not valid any more, leeway included.
    pub(crate) valid_until_s: u64,
    /// SHA-256 of the certificate it is bound to (RFC 8705), if it is.
    pub(crate) certificate: Option<[u8; 32]>,
    /// Position of its issuer, and generation of the keys that verified it.
    pub(crate) issuer: usize,
    pub(crate) generation: u64,
}

impl Verified {
    /// Whether it is valid at that time.
    pub(crate) fn check_time(&self, now_s: u64) -> Result<(), AuthnError> {
        if now_s >= self.valid_until_s {
            return Err(AuthnError::token(Reason::TokenExpired, "it has expired"));
        }
        if now_s < self.valid_from_s {
            return Err(AuthnError::token(
                Reason::TokenNotYetValid,
                "it is not valid yet",
            ));
        }
        Ok(())
    }

    /// Whether it is for that server.
    pub(crate) fn check_audience(&self, server: &ServerAuth) -> Result<(), AuthnError> {
        if self
            .audiences
            .iter()
            .any(|audience| server.audiences.contains(audience))
        {
            return Ok(());
        }
        Err(AuthnError::token(
            Reason::TokenAudience,
            "it is for another audience",
        ))
    }
}

/// Reads the claims of a token whose signature was verified.
pub(crate) fn establish(
    token: &Parsed<'_>,
    settings: &IssuerSettings,
    now_s: u64,
) -> Result<Verified, AuthnError> {
    let claims = &token.claims;
    let expires = date(claims, "exp")?.ok_or_else(|| refused("exp is missing"))?;
    let not_before = date(claims, "nbf")?.unwrap_or(0);
    let issued = date(claims, "iat")?;
    if issued.is_some_and(|issued| issued > now_s.saturating_add(settings.leeway_s)) {
        return Err(AuthnError::token(
            Reason::TokenNotYetValid,
            "it was issued in the future",
        ));
    }
    // Without iat the rest of its life is all that can be bounded.
    let lifetime = expires.saturating_sub(issued.unwrap_or(now_s));
    if lifetime > settings.lifetime_s_max {
        return Err(refused("its lifetime is over the limit"));
    }
    let subject = claim(claims, &settings.subject_claim).and_then(Value::as_str);
    let id = subject
        .filter(|id| is_name(id))
        .ok_or_else(|| refused("no subject that names"))?;
    let token_id = claims
        .get("jti")
        .and_then(Value::as_str)
        .filter(|id| is_name(id));
    Ok(Verified {
        principal: Arc::new(Principal {
            kind: settings.kind,
            id: id.to_owned(),
            issuer: Some(settings.issuer.clone()),
            method: AuthnMethod::Oidc,
            groups: groups(claim(claims, &settings.groups_claim))?,
            token_id: token_id.map(str::to_owned),
            key_id: token.key_id.clone(),
            process: None,
        }),
        audiences: audiences(claims.get("aud"))?,
        valid_from_s: not_before.saturating_sub(settings.leeway_s),
        valid_until_s: expires.saturating_add(settings.leeway_s),
        certificate: bound_certificate(claims.get("cnf"))?,
        issuer: 0,
        generation: 0,
    })
}

/// A NumericDate (RFC 7519 section 2): seconds, a fraction is cut off.
fn date(claims: &Map<String, Value>, name: &str) -> Result<Option<u64>, AuthnError> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let seconds = match (value.as_u64(), value.as_f64()) {
        (Some(seconds), _) => Some(seconds),
        // The cast of a checked, non-negative, finite number saturates at worst.
        (None, Some(seconds)) if seconds.is_finite() && seconds >= 0.0 => Some(seconds as u64),
        _ => None,
    };
    seconds
        .filter(|seconds| *seconds <= DATE_S_MAX)
        .map(Some)
        .ok_or_else(|| refused("exp, nbf or iat is not a date"))
}

fn audiences(value: Option<&Value>) -> Result<Vec<String>, AuthnError> {
    match value {
        Some(Value::String(one)) => Ok(vec![one.clone()]),
        Some(Value::Array(all)) if all.len() <= LIST_MAX => all
            .iter()
            .map(|one| one.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| refused("aud is not a string or a list of strings")),
        None => Err(AuthnError::token(
            Reason::TokenAudience,
            "it names no audience",
        )),
        Some(_) => Err(refused("aud is not a string or a list of strings")),
    }
}

/// Groups decide what is permitted and what is forbidden, so a list that is not
/// understood whole refuses the token.
fn groups(value: Option<&Value>) -> Result<Vec<String>, AuthnError> {
    let names: Vec<&str> = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(words)) => words.split_ascii_whitespace().collect(),
        Some(Value::Array(all)) => all
            .iter()
            .map(Value::as_str)
            .collect::<Option<_>>()
            .ok_or_else(|| refused("groups are not strings"))?,
        Some(_) => return Err(refused("groups are not a list")),
    };
    if names.len() > LIST_MAX || !names.iter().all(|name| is_name(name)) {
        return Err(refused("groups are too many, too long or not plain text"));
    }
    Ok(names.into_iter().map(str::to_owned).collect())
}

/// `cnf` (RFC 7800): only the certificate's thumbprint is understood (RFC 8705);
/// a token bound to anything else is refused, as we could not check the bond.
fn bound_certificate(value: Option<&Value>) -> Result<Option<[u8; 32]>, AuthnError> {
    let Some(value) = value else { return Ok(None) };
    let thumbprint = match value {
        Value::Object(bond) if bond.len() == 1 => bond.get("x5t#S256").and_then(Value::as_str),
        _ => None,
    };
    thumbprint
        .filter(|text| text.len() <= NAME_BYTES_MAX)
        .and_then(|text| URL_SAFE_NO_PAD.decode(text).ok())
        .and_then(|bytes| bytes.try_into().ok())
        .map(Some)
        .ok_or_else(|| refused("it is bound to a key in a way that is not supported"))
}

fn refused(detail: &'static str) -> AuthnError {
    AuthnError::token(Reason::TokenClaims, detail)
}
