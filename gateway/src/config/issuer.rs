//! `[[oidc]]`: accepted token issuers.

use url::Url;

use super::raw::RawOidc;
use super::validated::{Checking, Issuer, KeysFrom};

/// Signature algorithms that can be accepted. `none` and the HMAC family are
/// not among them: a symmetric key would be in the verifier's hands.
const ALGORITHMS: [&str; 9] = [
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
];

pub(super) fn check(checking: &mut Checking, raw: Vec<RawOidc>, dev: bool) -> Vec<Issuer> {
    let mut issuers: Vec<Issuer> = Vec::new();
    for (n, raw) in raw.into_iter().enumerate() {
        let key = format!("oidc[{n}]");
        if issuers.iter().any(|issuer| issuer.issuer == raw.issuer) {
            checking.problems.push(
                format!("{key}.issuer"),
                format!("`{}` is given twice", raw.issuer),
            );
        }
        if let Some(issuer) = check_one(checking, &key, raw, dev) {
            issuers.push(issuer);
        }
    }
    issuers
}

fn check_one(checking: &mut Checking, key: &str, raw: RawOidc, dev: bool) -> Option<Issuer> {
    let issuer = checking
        .problems
        .take(format!("{key}.issuer"), secure_url(&raw.issuer, dev));
    if !dev && crate::identity::is_dev_issuer(&raw.issuer) {
        checking.problems.push(
            format!("{key}.issuer"),
            "is a development issuer: needs [dev] enabled = true",
        );
    }
    let keys = keys_from(checking, key, &raw, dev);
    if raw.issuer.contains('|') {
        checking
            .problems
            .push(format!("{key}.issuer"), "must not contain `|`");
    }
    if raw.algorithms.is_empty() {
        checking.problems.push(
            format!("{key}.algorithms"),
            "must name at least one algorithm",
        );
    }
    for algorithm in &raw.algorithms {
        if !ALGORITHMS.contains(&algorithm.as_str()) {
            let message = format!("`{algorithm}` is not one of {}", ALGORITHMS.join(", "));
            checking.problems.push(format!("{key}.algorithms"), message);
        }
    }
    for (name, value, most) in [
        ("leeway_s", raw.leeway_s, 300),
        ("lifetime_s_max", raw.lifetime_s_max, 31_536_000),
    ] {
        if value > most {
            checking.problems.push(
                format!("{key}.{name}"),
                format!("must be at most {most}, is {value}"),
            );
        }
    }
    for (name, value) in [
        ("subject_claim", &raw.subject_claim),
        ("groups_claim", &raw.groups_claim),
    ] {
        if value.is_empty() {
            checking
                .problems
                .push(format!("{key}.{name}"), "must not be empty");
        }
    }
    let ca = raw
        .ca
        .as_deref()
        .map(|ca| checking.readable(&format!("{key}.ca"), ca));
    issuer?;
    Some(Issuer {
        // Tokens are compared with the text as written: a URL parser would add
        // a slash.
        issuer: raw.issuer,
        audience: raw.audience,
        keys: keys?,
        ca,
        algorithms: raw.algorithms,
        leeway_s: raw.leeway_s,
        lifetime_s_max: raw.lifetime_s_max,
        subject_claim: raw.subject_claim,
        groups_claim: raw.groups_claim,
        subject_kind: raw.subject_kind,
    })
}

fn keys_from(checking: &mut Checking, key: &str, raw: &RawOidc, dev: bool) -> Option<KeysFrom> {
    match (&raw.jwks_file, &raw.jwks_url, raw.discovery) {
        (Some(file), None, false) => Some(KeysFrom::File(
            checking.readable(&format!("{key}.jwks_file"), file),
        )),
        (None, Some(url), false) => checking
            .problems
            .take(format!("{key}.jwks_url"), secure_url(url, dev))
            .map(KeysFrom::Url),
        (None, None, true) => Some(KeysFrom::Discovery),
        _ => {
            checking.problems.push(
                key,
                "give exactly one of `jwks_file`, `jwks_url`, `discovery = true`",
            );
            None
        }
    }
}

/// https; in development, or on loopback, http too.
fn secure_url(text: &str, dev: bool) -> Result<Url, String> {
    if text.is_empty() {
        return Err("is required".to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL must not have a user or password in it".to_owned());
    }
    let local = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if dev || local => Ok(url),
        _ => Err(format!("`{text}` must be https")),
    }
}
