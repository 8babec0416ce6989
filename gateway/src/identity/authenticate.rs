//! From evidence to a principal: the order of evidence is here, and nowhere else.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use gateway_common::Reason;
use policy::{AuthnMethod, Principal, PrincipalKind, Process};

use super::cache::VerifiedTokens;
use super::claims::{Verified, establish};
use super::jwks::Check;
use super::keys::KeyStore;
use super::token::{self, Parsed, normal_type};
use super::{
    AuthnError, Bearer, Evidence, Fetch, HttpFetch, IssuerSettings, ServerAuth, SettingsError,
};
use crate::net::own::LaterRedirect;
use crate::redirect::MapHandles;
use crate::tls::{PeerCertificate, Roots, client_config};

/// Identifies callers. One per config; share it between all workers.
pub struct Authenticator {
    issuers: Vec<Arc<KeyStore>>,
    verified: VerifiedTokens,
    redirect: LaterRedirect,
}

impl Authenticator {
    /// An authenticator that believes these issuers and fetches keys itself.
    pub fn new(issuers: Vec<IssuerSettings>) -> Result<Self, SettingsError> {
        let redirect = LaterRedirect::default();
        Self::build(issuers, redirect.clone(), |settings| {
            let roots = settings.ca.clone().map_or(Roots::WebPki, Roots::File);
            let tls = client_config(&roots, None).map_err(|error| SettingsError {
                issuer: settings.issuer.clone(),
                problem: error.to_string(),
            })?;
            let fetch = HttpFetch::new(tls, Duration::from_secs(settings.fetch_s_max));
            Ok(Arc::new(fetch.past(redirect.clone())))
        })
    }

    /// Keys are fetched past this redirect from now on.
    pub fn redirect_is(&self, maps: MapHandles) {
        self.redirect.is(maps);
    }

    /// The same with another way to fetch keys.
    pub fn with_fetch(
        issuers: Vec<IssuerSettings>,
        fetch: Arc<dyn Fetch>,
    ) -> Result<Self, SettingsError> {
        Self::build(issuers, LaterRedirect::default(), |_| Ok(fetch.clone()))
    }

    fn build(
        issuers: Vec<IssuerSettings>,
        redirect: LaterRedirect,
        fetch: impl Fn(&IssuerSettings) -> Result<Arc<dyn Fetch>, SettingsError>,
    ) -> Result<Self, SettingsError> {
        let mut stores: Vec<Arc<KeyStore>> = Vec::with_capacity(issuers.len());
        for settings in issuers {
            settings.check()?;
            if stores
                .iter()
                .any(|store| store.settings().issuer == settings.issuer)
            {
                let problem = "configured twice".to_owned();
                return Err(SettingsError {
                    issuer: settings.issuer,
                    problem,
                });
            }
            let fetch = fetch(&settings)?;
            stores.push(KeyStore::new(settings, fetch));
        }
        Ok(Authenticator {
            issuers: stores,
            verified: VerifiedTokens::new(),
            redirect,
        })
    }

    /// Loads the keys of every issuer; names those whose keys cannot be had.
    /// For start-up and readiness: requests load what they need by themselves.
    pub async fn load_keys(&self, now_unix_s: u64) -> Vec<String> {
        let mut missing = Vec::new();
        for store in &self.issuers {
            if store.current(now_unix_s).await.is_none() {
                missing.push(store.settings().issuer.clone());
            }
        }
        missing
    }

    /// Who is calling this server with this evidence at that time. See the
    /// module for the order; every error means: refuse.
    pub async fn authenticate(
        &self,
        server: &ServerAuth,
        evidence: &Evidence,
        now_unix_s: u64,
    ) -> Result<Arc<Principal>, AuthnError> {
        let process = evidence.process.as_ref();
        if let Some(bearer) = evidence.bearer.as_ref().filter(|_| server.accept.oidc) {
            let verified = self.verify(server, bearer, now_unix_s).await?;
            check_bond(&verified, evidence.client_cert.as_ref(), now_unix_s)?;
            return Ok(beside(&verified.principal, process));
        }
        if let Some(certificate) = evidence.client_cert.as_ref().filter(|_| server.accept.mtls) {
            return by_certificate(certificate, process, now_unix_s).map(Arc::new);
        }
        match process.filter(|_| server.accept.process) {
            Some(process) => Ok(Arc::new(by_process(process))),
            None => Err(AuthnError::NoEvidence),
        }
    }

    async fn verify(
        &self,
        server: &ServerAuth,
        bearer: &Bearer,
        now_s: u64,
    ) -> Result<Arc<Verified>, AuthnError> {
        let token = bearer.expose();
        if token.len() > token::TOKEN_BYTES_MAX {
            return Err(AuthnError::token(
                Reason::TokenMalformed,
                "longer than the limit",
            ));
        }
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, token).as_ref());
        let verified = match self.known(&key, now_s).await? {
            Some(verified) => verified,
            None => {
                let verified = Arc::new(self.verify_anew(server, token, now_s).await?);
                self.verified.insert(key, verified.clone(), now_s);
                verified
            }
        };
        self.check_issuer(server, verified.issuer)?;
        verified.check_audience(server)?;
        Ok(verified)
    }

    /// A token verified before, if its issuer's keys are still the same.
    async fn known(&self, key: &[u8; 32], now_s: u64) -> Result<Option<Arc<Verified>>, AuthnError> {
        let Some(verified) = self.verified.find(key) else {
            return Ok(None);
        };
        let Some(store) = self.issuers.get(verified.issuer) else {
            return Ok(None);
        };
        let keys = store
            .current(now_s)
            .await
            .ok_or_else(|| unavailable(store))?;
        let holds = verified.check_time(now_s);
        if keys.generation != verified.generation || holds.is_err() {
            self.verified.remove(key);
        }
        holds?;
        Ok(Some(verified).filter(|verified| keys.generation == verified.generation))
    }

    async fn verify_anew(
        &self,
        server: &ServerAuth,
        token: &[u8],
        now_s: u64,
    ) -> Result<Verified, AuthnError> {
        let token = token::parse(token)?;
        let (position, store) = self.issuer_of(&token)?;
        self.check_issuer(server, position)?;
        check_header(&token, store.settings())?;
        let (check, generation) = store
            .check(&token, now_s)
            .await
            .ok_or_else(|| unavailable(store))?;
        match check {
            Check::Valid => {}
            Check::Invalid => {
                return Err(AuthnError::token(
                    Reason::TokenSignature,
                    "signature is wrong",
                ));
            }
            Check::UnknownKey => {
                return Err(AuthnError::token(
                    Reason::TokenUnknownKey,
                    "its key is unknown",
                ));
            }
        }
        let mut verified = establish(&token, store.settings(), now_s)?;
        verified.check_time(now_s)?;
        verified.issuer = position;
        verified.generation = generation;
        Ok(verified)
    }

    fn issuer_of(&self, token: &Parsed<'_>) -> Result<(usize, &Arc<KeyStore>), AuthnError> {
        let issuer = token.claims.get("iss").and_then(|issuer| issuer.as_str());
        let issuer =
            issuer.ok_or_else(|| AuthnError::token(Reason::TokenClaims, "iss is missing"))?;
        let mut stores = self.issuers.iter().enumerate();
        stores
            .find(|(_, store)| store.settings().issuer == issuer)
            .ok_or_else(|| AuthnError::token(Reason::TokenIssuer, "its issuer is not configured"))
    }

    fn check_issuer(&self, server: &ServerAuth, position: usize) -> Result<(), AuthnError> {
        let issuer = self
            .issuers
            .get(position)
            .map(|store| &store.settings().issuer);
        if server.issuers.is_empty() || issuer.is_some_and(|issuer| server.issuers.contains(issuer))
        {
            return Ok(());
        }
        Err(AuthnError::token(
            Reason::TokenIssuer,
            "its issuer is not accepted by this server",
        ))
    }
}

fn check_header(token: &Parsed<'_>, settings: &IssuerSettings) -> Result<(), AuthnError> {
    if !settings.algorithms.contains(&token.algorithm) {
        let detail = "its algorithm is not allowed for its issuer";
        return Err(AuthnError::token(Reason::TokenAlgorithm, detail));
    }
    let Some(typ) = &token.typ else { return Ok(()) };
    if settings
        .types
        .iter()
        .any(|accepted| normal_type(accepted) == *typ)
    {
        return Ok(());
    }
    Err(AuthnError::token(
        Reason::TokenClaims,
        "its type is not that of an access token",
    ))
}

/// A token bound to a certificate needs that certificate on this connection.
fn check_bond(
    verified: &Verified,
    certificate: Option<&PeerCertificate>,
    now_s: u64,
) -> Result<(), AuthnError> {
    let Some(thumbprint) = verified.certificate else {
        return Ok(());
    };
    match certificate {
        Some(certificate) if certificate.fingerprint == thumbprint => certificate.check_time(now_s),
        _ => Err(AuthnError::token(
            Reason::TokenClaims,
            "it is bound to a certificate that was not presented",
        )),
    }
}

fn by_certificate(
    certificate: &PeerCertificate,
    process: Option<&Process>,
    now_s: u64,
) -> Result<Principal, AuthnError> {
    certificate.check_time(now_s)?;
    let (kind, id) = certificate.identity().ok_or_else(|| {
        AuthnError::certificate(Reason::CertificateInvalid, "it names nobody we can name")
    })?;
    Ok(Principal {
        kind,
        id: id.to_owned(),
        issuer: Some(certificate.issuer.clone()),
        method: AuthnMethod::Mtls,
        groups: Vec::new(),
        token_id: None,
        key_id: Some(certificate.fingerprint_hex()),
        process: process.cloned(),
    })
}

/// Named by who runs what, `uid:<uid>:<exe>`: pids do not last, and `comm` and
/// the names of a user's own units can be chosen by the process.
fn by_process(process: &Process) -> Principal {
    let exe = process.exe.as_deref().unwrap_or("?");
    Principal {
        kind: PrincipalKind::Process,
        id: format!("uid:{}:{exe}", process.uid),
        issuer: None,
        method: AuthnMethod::Process,
        groups: Vec::new(),
        token_id: None,
        key_id: None,
        process: Some(process.clone()),
    }
}

fn beside(principal: &Arc<Principal>, process: Option<&Process>) -> Arc<Principal> {
    match process {
        None => principal.clone(),
        Some(process) => {
            let process = Some(process.clone());
            Arc::new(Principal {
                process,
                ..Principal::clone(principal)
            })
        }
    }
}

fn unavailable(store: &Arc<KeyStore>) -> AuthnError {
    AuthnError::KeysUnavailable {
        issuer: store.settings().issuer.clone(),
    }
}
