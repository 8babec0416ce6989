//! Rotation, outage, rate limits, the cache.

use super::*;

fn set_of(dirs: &[&tempfile::TempDir]) -> Option<String> {
    let keys: Vec<Value> = dirs.iter().map(|dir| key_of(dir.path())).collect();
    Some(json!({ "keys": keys }).to_string())
}

async fn outcome(authenticator: &Authenticator, token: &str, now: u64) -> Reason {
    match authenticator
        .authenticate(&oidc(), &bearer(token), now)
        .await
    {
        Ok(_) => Reason::Ok,
        Err(error) => error.reason(),
    }
}

/// Lets a background fetch run to its end.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

fn long(dir: &tempfile::TempDir, now: u64) -> String {
    let mut claims = claims();
    claims["iat"] = json!(now);
    claims["exp"] = json!(now + 86_000);
    signed(dir.path(), &header_of(dir.path()), &claims)
}

#[tokio::test]
async fn rotation_is_followed_and_the_old_key_refused() {
    let (old, new) = (issuer_dir(), issuer_dir());
    let fetch = Arc::new(FakeFetch::default());
    fetch.say(set_of(&[&old]));
    let authenticator = remote(&fetch);
    let (by_old, by_new) = (long(&old, NOW), long(&new, NOW));
    assert_eq!(outcome(&authenticator, &by_old, NOW).await, Reason::Ok);
    assert_eq!(fetch.count(), 1);

    // Both keys are published: the unknown one is looked for at once.
    fetch.say(set_of(&[&old, &new]));
    assert_eq!(outcome(&authenticator, &by_new, NOW + 20).await, Reason::Ok);
    assert_eq!(outcome(&authenticator, &by_old, NOW + 20).await, Reason::Ok);
    assert_eq!(fetch.count(), 2);

    // The old one is withdrawn: verified before, in the cache, and refused now.
    fetch.say(set_of(&[&new]));
    assert_eq!(
        outcome(&authenticator, &by_old, NOW + 2000).await,
        Reason::Ok
    );
    settle().await;
    assert_eq!(fetch.count(), 3);
    assert_eq!(
        outcome(&authenticator, &by_old, NOW + 2000).await,
        Reason::TokenUnknownKey
    );
    assert_eq!(
        outcome(&authenticator, &by_new, NOW + 2000).await,
        Reason::Ok
    );
}

#[tokio::test]
async fn unknown_keys_cannot_flood_the_issuer() {
    let (known, stranger) = (issuer_dir(), issuer_dir());
    let fetch = Arc::new(FakeFetch::default());
    fetch.say(set_of(&[&known]));
    let authenticator = remote(&fetch);
    for second in 0..20 {
        for _ in 0..50 {
            let now = NOW + second;
            let mut header = header_of(stranger.path());
            header["kid"] = json!(format!("invented-{second}"));
            let token = signed(stranger.path(), &header, &claims());
            assert_eq!(
                outcome(&authenticator, &token, now).await,
                Reason::TokenUnknownKey
            );
        }
    }
    // At 0 s because there are no keys, at 10 s because one is unknown.
    assert_eq!(fetch.count(), 2);
}

#[tokio::test]
async fn many_callers_share_one_fetch() {
    let known = issuer_dir();
    let fetch = Arc::new(FakeFetch::default());
    fetch.say(set_of(&[&known]));
    let authenticator = Arc::new(remote(&fetch));
    let token = long(&known, NOW);
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let (authenticator, token) = (authenticator.clone(), token.clone());
            tokio::spawn(async move { outcome(&authenticator, &token, NOW).await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.expect("no panic"), Reason::Ok);
    }
    assert_eq!(fetch.count(), 1);
}

#[tokio::test]
async fn stale_keys_serve_through_an_outage_up_to_their_bound() {
    let known = issuer_dir();
    let fetch = Arc::new(FakeFetch::default());
    fetch.say(set_of(&[&known]));
    let authenticator = remote(&fetch);
    assert_eq!(
        outcome(&authenticator, &long(&known, NOW), NOW).await,
        Reason::Ok
    );

    fetch.say(None);
    let before = fetch.count();
    let later = NOW + 3600;
    for _ in 0..20 {
        assert_eq!(
            outcome(&authenticator, &long(&known, later), later).await,
            Reason::Ok
        );
        settle().await;
    }
    assert_eq!(
        fetch.count(),
        before + 1,
        "a failing issuer is asked once per retry_s"
    );

    let too_late = NOW + 86_401;
    let fresh = long(&known, too_late);
    assert_eq!(
        outcome(&authenticator, &fresh, too_late).await,
        Reason::KeysUnavailable
    );
    fetch.say(set_of(&[&known]));
    assert_eq!(
        outcome(&authenticator, &fresh, too_late + 10).await,
        Reason::Ok
    );
}

#[tokio::test]
async fn keys_that_never_came_are_unavailable_and_rubbish_replaces_nothing() {
    let known = issuer_dir();
    let fetch = Arc::new(FakeFetch::default());
    let authenticator = remote(&fetch);
    let token = long(&known, NOW);
    assert_eq!(
        outcome(&authenticator, &token, NOW).await,
        Reason::KeysUnavailable
    );
    assert_eq!(authenticator.load_keys(NOW + 1).await, [DEV_ISSUER]);
    fetch.say(set_of(&[&known]));
    assert_eq!(outcome(&authenticator, &token, NOW + 10).await, Reason::Ok);
    assert!(authenticator.load_keys(NOW + 10).await.is_empty());

    let rubbish = [
        "",
        "{}",
        "{\"keys\":[]}",
        "<html>",
        "{\"keys\":[{\"kty\":\"oct\",\"k\":\"AA\"}]}",
    ];
    for (round, rubbish) in (1..).zip(rubbish) {
        let (now, before) = (NOW + round * 1000, fetch.count());
        fetch.say(Some(rubbish.into()));
        let token = long(&known, now);
        assert_eq!(outcome(&authenticator, &token, now).await, Reason::Ok);
        settle().await;
        assert_eq!(fetch.count(), before + 1, "it was fetched");
        assert_eq!(outcome(&authenticator, &token, now).await, Reason::Ok);
    }
}

#[tokio::test]
async fn caller_that_hangs_up_does_not_cancel_the_fetch() {
    let known = issuer_dir();
    let fetch = Arc::new(FakeFetch::default());
    fetch.say(set_of(&[&known]));
    let authenticator = remote(&fetch);
    let token = long(&known, NOW);
    let (server, evidence) = (oidc(), bearer(&token));
    {
        let mut call = Box::pin(authenticator.authenticate(&server, &evidence, NOW));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
    }
    settle().await;
    assert_eq!(outcome(&authenticator, &token, NOW).await, Reason::Ok);
    assert_eq!(fetch.count(), 1);
}

#[tokio::test]
async fn key_file_is_read_again_when_it_changes() {
    let (bench, new) = (Bench::new(), issuer_dir());
    let path = bench.dir.path().join("jwks.json");
    let (by_old, by_new) = (long(&bench.dir, NOW), long(&new, NOW));
    assert_eq!(
        outcome(&bench.authenticator, &by_old, NOW).await,
        Reason::Ok
    );
    let old_set = std::fs::read(&path).expect("key set");
    std::fs::copy(new.path().join("jwks.json"), &path).expect("replaced");
    let touched = std::fs::File::options()
        .write(true)
        .open(&path)
        .expect("key set");
    touched
        .set_modified(std::time::SystemTime::UNIX_EPOCH)
        .expect("a time");
    assert_eq!(
        outcome(&bench.authenticator, &by_new, NOW + 1).await,
        Reason::Ok
    );
    assert_eq!(
        outcome(&bench.authenticator, &by_old, NOW + 1).await,
        Reason::TokenUnknownKey
    );

    // A file that is gone: the keys serve on, up to their bound.
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(
        outcome(&bench.authenticator, &by_new, NOW + 2).await,
        Reason::Ok
    );
    let too_late = NOW + 2 + 86_401;
    let fresh = long(&new, too_late);
    assert_eq!(
        outcome(&bench.authenticator, &fresh, too_late).await,
        Reason::KeysUnavailable
    );
    std::fs::write(&path, old_set).expect("written");
    let token = long(&bench.dir, too_late);
    assert_eq!(
        outcome(&bench.authenticator, &token, too_late + 1).await,
        Reason::Ok
    );
}

#[tokio::test]
async fn cached_token_is_checked_for_time_audience_and_issuer() {
    let bench = Bench::new();
    let token = token_of(bench.dir.path(), &request());
    assert_eq!(outcome(&bench.authenticator, &token, NOW).await, Reason::Ok);
    let ask = |server: ServerAuth, now: u64| {
        let (authenticator, evidence) = (&bench.authenticator, bearer(&token));
        async move {
            let outcome = authenticator.authenticate(&server, &evidence, now).await;
            outcome.map_or_else(|error| error.reason(), |_| Reason::Ok)
        }
    };
    let other = ServerAuth {
        audiences: vec!["https://b.example".into()],
        ..oidc()
    };
    assert_eq!(ask(other, NOW).await, Reason::TokenAudience);
    let other = ServerAuth {
        issuers: vec!["https://idp.example".into()],
        ..oidc()
    };
    assert_eq!(ask(other, NOW).await, Reason::TokenIssuer);
    assert_eq!(ask(oidc(), NOW + 629).await, Reason::Ok);
    assert_eq!(ask(oidc(), NOW + 630).await, Reason::TokenExpired);
}

#[test]
fn cache_stays_within_its_bound() {
    use crate::identity::cache::VerifiedTokens;
    use crate::identity::claims::establish;
    let dir = issuer_dir();
    let token = token_of(dir.path(), &request());
    let parsed = token::parse(token.as_bytes()).expect("well formed");
    let settings = IssuerSettings::new(DEV_ISSUER, KeySource::Discovery);
    let verified = Arc::new(establish(&parsed, &settings, NOW).expect("claims hold"));
    let cache = VerifiedTokens::new();
    for number in 0..3 * VERIFIED_TOKENS_MAX as u64 {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_le_bytes());
        cache.insert(digest, verified.clone(), NOW);
        assert!(cache.find(&digest).is_some());
    }
    assert!(cache.len() <= VERIFIED_TOKENS_MAX);
}

#[test]
fn weak_and_foreign_keys_are_left_out() {
    use crate::identity::jwks::{KeySet, KeySetError};
    let dir = issuer_dir();
    let good = key_of(dir.path());
    let with = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        KeySet::parse(json!({ "keys": [key] }).to_string().as_bytes()).err()
    };
    assert_eq!(with("kid", json!("a")), None);
    assert_eq!(with("use", json!("enc")), Some(KeySetError::Empty));
    assert_eq!(with("key_ops", json!(["sign"])), Some(KeySetError::Empty));
    assert_eq!(with("alg", json!("HS256")), Some(KeySetError::Empty));
    assert_eq!(with("kty", json!("oct")), Some(KeySetError::Empty));
    assert_eq!(with("crv", json!("P-384")), Some(KeySetError::Empty));
    assert_eq!(with("x", json!("AAAA")), Some(KeySetError::Empty));
    let rsa = |bytes: usize| {
        let key = json!({ "kty": "RSA", "n": part(vec![0xff; bytes]), "e": "AQAB" });
        KeySet::parse(json!({ "keys": [key, good] }).to_string().as_bytes()).map(|set| set.len())
    };
    assert_eq!(rsa(128), Ok(1));
    assert_eq!(rsa(256), Ok(2));
    assert_eq!(rsa(2048), Ok(1));
    let many = json!({ "keys": vec![good; 129] }).to_string();
    assert_eq!(
        KeySet::parse(many.as_bytes()).err(),
        Some(KeySetError::TooMany)
    );
}
