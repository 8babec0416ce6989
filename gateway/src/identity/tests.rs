//! Every refusal, rotation, outage and hostile token, with keys made for the test.

mod fetch;
mod hostile;
mod keys;
mod order;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gateway_common::Reason;
use serde_json::{Value, json};
use url::Url;

use super::dev::{self, DEV_ISSUER, TokenRequest};
use super::*;

pub(super) const NOW: u64 = 1_780_000_000;
pub(super) const SERVER: &str = "https://mcp.example/mcp";
const KEYS_URL: &str = "https://idp.example/jwks";

/// An issuer's folder and an authenticator that reads its key file.
struct Bench {
    dir: tempfile::TempDir,
    authenticator: Authenticator,
}

impl Bench {
    fn new() -> Bench {
        let dir = issuer_dir();
        let settings =
            IssuerSettings::new(DEV_ISSUER, KeySource::File(dir.path().join("jwks.json")));
        let authenticator = Authenticator::new(vec![settings]).expect("good settings");
        Bench { dir, authenticator }
    }

    async fn with(&self, token: &str) -> Result<Arc<policy::Principal>, AuthnError> {
        self.authenticator
            .authenticate(&oidc(), &bearer(token), NOW)
            .await
    }

    async fn reason(&self, token: &str) -> Reason {
        let error = self.with(token).await.expect_err("must be refused");
        let text = format!("{error} {error:?}");
        for part in token.split('.').filter(|part| part.len() > 8) {
            assert!(!text.contains(part), "error text holds a part of the token");
        }
        error.reason()
    }
}

fn issuer_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    dev::init(dir.path(), &[], NOW).expect("development files");
    dir
}

fn oidc() -> ServerAuth {
    ServerAuth {
        accept: AcceptedEvidence {
            oidc: true,
            process: true,
            mtls: true,
        },
        audiences: vec![SERVER.into()],
        issuers: vec![],
    }
}

fn bearer(token: &str) -> Evidence {
    let bearer = Bearer::from_header(format!("Bearer {token}").as_bytes());
    Evidence {
        bearer,
        ..Evidence::default()
    }
}

fn request() -> TokenRequest {
    TokenRequest {
        issuer: DEV_ISSUER.into(),
        subject: "alice".into(),
        audience: SERVER.into(),
        groups: vec!["billing".into()],
        expires_in_s: 600,
    }
}

fn token_of(dir: &Path, request: &TokenRequest) -> String {
    dev::token(dir, request, NOW).expect("a token")
}

/// A token with any header and claims, signed with the folder's key.
fn signed(dir: &Path, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", part(header.to_string()), part(claims.to_string()));
    let pem = std::fs::read_to_string(dir.join("issuer.key")).expect("key file");
    let key = rcgen::KeyPair::from_pem(&pem).expect("key");
    let key = jsonwebtoken::EncodingKey::from_ec_der(key.serialized_der());
    let signature =
        jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::ES256)
            .expect("signature");
    format!("{message}.{signature}")
}

fn part(bytes: impl AsRef<[u8]>) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn key_of(dir: &Path) -> Value {
    let text = std::fs::read_to_string(dir.join("jwks.json")).expect("key set");
    let mut document: Value = serde_json::from_str(&text).expect("JSON");
    document["keys"][0].take()
}

fn header_of(dir: &Path) -> Value {
    json!({ "alg": "ES256", "typ": "at+jwt", "kid": key_of(dir)["kid"] })
}

fn claims() -> Value {
    json!({ "iss": DEV_ISSUER, "sub": "alice", "aud": SERVER, "iat": NOW, "exp": NOW + 600 })
}

/// `claims()` with one claim set, or removed where the value is null.
fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    let object = claims.as_object_mut().expect("an object");
    if value.is_null() {
        object.remove(name)
    } else {
        object.insert(name.into(), value)
    };
    claims
}

/// A fetch that counts, and answers with what it was last told, or fails.
#[derive(Default)]
struct FakeFetch {
    count: AtomicUsize,
    document: std::sync::Mutex<Option<String>>,
}

impl FakeFetch {
    fn say(&self, document: Option<String>) {
        *self.document.lock().expect("not poisoned") = document;
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

impl Fetch for FakeFetch {
    fn fetch<'a>(&'a self, _: &'a Url) -> Fetching<'a> {
        Box::pin(async move {
            self.count.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            let document = self.document.lock().expect("not poisoned").clone();
            document
                .map(String::into_bytes)
                .ok_or(FetchError::Status(503))
        })
    }
}

fn remote(fetch: &Arc<FakeFetch>) -> Authenticator {
    let url = Url::parse(KEYS_URL).expect("a literal URL");
    let settings = IssuerSettings::new(DEV_ISSUER, KeySource::Url(url));
    Authenticator::with_fetch(vec![settings], fetch.clone()).expect("good settings")
}
