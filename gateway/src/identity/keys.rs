//! The keys of one issuer, kept and refreshed.
//!
//! * Fresh keys serve; past `refresh_s` they serve on while one fetch runs in
//!   the background; past `stale_s_max` nothing is verified with them.
//! * One fetch at a time. It runs as a task of its own: a client that hangs up
//!   cannot cancel the fetch others wait for.
//! * A `kid` that is unknown starts a fetch at most once per `retry_s`, so that
//!   invented key ids cannot be used to flood the issuer.
//! * Every change of the document is a new generation; tokens verified by an
//!   older one are verified again.
//!
//! Ages are differences of the caller's clock, without sign: a clock that was
//! set back does not make old keys fresh.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use url::Url;

use super::fetch::{Fetch, FetchError, KEYS_BYTES_MAX};
use super::jwks::{Check, KeySet};
use super::settings::fetchable;
use super::token::Parsed;
use super::{IssuerSettings, KeySource};

const NEVER: u64 = u64::MAX;

pub(crate) struct KeyStore {
    settings: IssuerSettings,
    fetch: Arc<dyn Fetch>,
    snapshot: ArcSwapOption<Snapshot>,
    /// Time at which the document was last known to be current.
    confirmed_s: AtomicU64,
    /// Time of the last attempt to load it.
    attempted_s: AtomicU64,
    flight: tokio::sync::Mutex<()>,
}

/// One state of the issuer's keys.
pub(crate) struct Snapshot {
    pub(crate) keys: KeySet,
    pub(crate) generation: u64,
    document: Vec<u8>,
    stamp: Option<Stamp>,
}

/// What tells one state of a file from another.
type Stamp = (SystemTime, u64);

enum Loaded {
    Document(Vec<u8>, Option<Stamp>),
    Unchanged,
}

impl KeyStore {
    pub(crate) fn new(settings: IssuerSettings, fetch: Arc<dyn Fetch>) -> Arc<Self> {
        Arc::new(KeyStore {
            settings,
            fetch,
            snapshot: ArcSwapOption::empty(),
            confirmed_s: AtomicU64::new(NEVER),
            attempted_s: AtomicU64::new(NEVER),
            flight: tokio::sync::Mutex::new(()),
        })
    }

    pub(crate) fn settings(&self) -> &IssuerSettings {
        &self.settings
    }

    /// Keys that may serve at that time; waits for a fetch only if there are none.
    pub(crate) async fn current(self: &Arc<Self>, now_s: u64) -> Option<Arc<Snapshot>> {
        if age(&self.confirmed_s, now_s) <= self.fresh_s() {
            return self.snapshot.load_full();
        }
        match self.usable(now_s) {
            Some(stale) if !self.may_attempt(now_s) => return Some(stale),
            Some(stale) if !self.is_file() => {
                tokio::spawn(self.clone().refresh(now_s));
                return Some(stale);
            }
            _ => self.refresh_detached(now_s).await,
        }
        self.usable(now_s)
    }

    /// Verifies the token's signature; an unknown key is looked for once more.
    /// `None`: no keys can be had.
    pub(crate) async fn check(
        self: &Arc<Self>,
        token: &Parsed<'_>,
        now_s: u64,
    ) -> Option<(Check, u64)> {
        let mut snapshot = self.current(now_s).await?;
        let mut check = snapshot.keys.check(token);
        let under_way = self.flight.try_lock().is_err();
        if check == Check::UnknownKey && (under_way || self.may_attempt(now_s)) {
            self.refresh_detached(now_s).await;
            snapshot = self.usable(now_s)?;
            check = snapshot.keys.check(token);
        }
        Some((check, snapshot.generation))
    }

    /// Loads the document now, unless that was tried a moment ago.
    async fn refresh(self: Arc<Self>, now_s: u64) {
        let _one_at_a_time = self.flight.lock().await;
        if !self.may_attempt(now_s) {
            return;
        }
        self.attempted_s.store(now_s, Ordering::Release);
        if let Err(error) = self.load(now_s).await {
            tracing::warn!(issuer = %self.settings.issuer, %error, "keys not refreshed");
        }
    }

    async fn refresh_detached(self: &Arc<Self>, now_s: u64) {
        // A task that panicked or was aborted leaves the old keys, which are judged by age.
        let _ = tokio::spawn(self.clone().refresh(now_s)).await;
    }

    async fn load(&self, now_s: u64) -> Result<(), FetchError> {
        let old = self.snapshot.load_full();
        let loaded = match &self.settings.keys {
            KeySource::File(path) => read(path, old.as_ref().and_then(|old| old.stamp))?,
            KeySource::Url(url) => Loaded::Document(self.fetch.fetch(url).await?, None),
            KeySource::Discovery => Loaded::Document(self.discover().await?, None),
        };
        if let Loaded::Document(document, stamp) = loaded {
            let same = old.as_ref().is_some_and(|old| old.document == document);
            if !same || stamp.is_some() {
                let generation = old.map_or(1, |old| old.generation + u64::from(!same));
                let keys = KeySet::parse(&document).map_err(|error| match error {
                    super::jwks::KeySetError::Malformed => FetchError::Document("not a key set"),
                    super::jwks::KeySetError::TooMany => FetchError::Document("too many keys"),
                    super::jwks::KeySetError::Empty => FetchError::Document("no usable key"),
                })?;
                let snapshot = Snapshot {
                    keys,
                    generation,
                    document,
                    stamp,
                };
                self.snapshot.store(Some(Arc::new(snapshot)));
            }
        }
        self.confirmed_s.store(now_s, Ordering::Release);
        Ok(())
    }

    /// The key set named by the discovery document (OpenID Connect Discovery
    /// 1.0, section 4), whose `issuer` must be the one asked for.
    async fn discover(&self) -> Result<Vec<u8>, FetchError> {
        let issuer = self.settings.issuer.trim_end_matches('/');
        let url = Url::parse(&format!("{issuer}/.well-known/openid-configuration"))
            .map_err(|_| FetchError::Document("issuer is not a URL"))?;
        let document = self.fetch.fetch(&url).await?;
        let document: serde_json::Value = serde_json::from_slice(&document)
            .map_err(|_| FetchError::Document("discovery document is not JSON"))?;
        if document.get("issuer").and_then(|issuer| issuer.as_str()) != Some(&self.settings.issuer)
        {
            return Err(FetchError::Document(
                "discovery document names another issuer",
            ));
        }
        let keys = document.get("jwks_uri").and_then(|uri| uri.as_str());
        let keys = keys
            .and_then(|uri| Url::parse(uri).ok())
            .ok_or(FetchError::Document("discovery document has no jwks_uri"))?;
        // Only a local issuer may send us to a local address in the clear.
        let to_loopback_only_from_loopback = keys.scheme() == "https" || url.scheme() == "http";
        if fetchable(&keys).is_some() || !to_loopback_only_from_loopback {
            return Err(FetchError::Document("jwks_uri is not https"));
        }
        self.fetch.fetch(&keys).await
    }

    /// Keys that may still serve, without trying to have newer ones.
    fn usable(&self, now_s: u64) -> Option<Arc<Snapshot>> {
        let usable = age(&self.confirmed_s, now_s) <= self.settings.stale_s_max;
        self.snapshot.load_full().filter(|_| usable)
    }

    /// A file is looked at once a second: a look is cheap.
    fn may_attempt(&self, now_s: u64) -> bool {
        let retry_s = if self.is_file() {
            1
        } else {
            self.settings.retry_s
        };
        age(&self.attempted_s, now_s) >= retry_s
    }

    fn fresh_s(&self) -> u64 {
        if self.is_file() {
            0
        } else {
            self.settings.refresh_s
        }
    }

    fn is_file(&self) -> bool {
        matches!(self.settings.keys, KeySource::File(_))
    }
}

fn age(since_s: &AtomicU64, now_s: u64) -> u64 {
    match since_s.load(Ordering::Acquire) {
        NEVER => u64::MAX,
        since_s => now_s.abs_diff(since_s),
    }
}

/// Reads a key file if it changed. It is small and local: read in place.
fn read(path: &Path, known: Option<Stamp>) -> Result<Loaded, FetchError> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(FetchError::Connect)?;
    let about = file.metadata().map_err(FetchError::Connect)?;
    let stamp = (about.modified().map_err(FetchError::Connect)?, about.len());
    if known == Some(stamp) {
        return Ok(Loaded::Unchanged);
    }
    let mut document = Vec::new();
    let limit = KEYS_BYTES_MAX as u64 + 1;
    file.take(limit)
        .read_to_end(&mut document)
        .map_err(FetchError::Connect)?;
    if document.len() > KEYS_BYTES_MAX {
        return Err(FetchError::Document("key file is over the limit"));
    }
    Ok(Loaded::Document(document, Some(stamp)))
}
