//! Tokens that must be refused, each with its own reason.

use super::*;

#[tokio::test]
async fn refusals_of_ordinary_bad_tokens() {
    let bench = Bench::new();
    let dir = bench.dir.path();
    let other = issuer_dir();

    let expired = token_of(
        dir,
        &TokenRequest {
            expires_in_s: -60,
            ..request()
        },
    );
    assert_eq!(bench.reason(&expired).await, Reason::TokenExpired);
    let audience = TokenRequest {
        audience: "https://other.example".into(),
        ..request()
    };
    assert_eq!(
        bench.reason(&token_of(dir, &audience)).await,
        Reason::TokenAudience
    );
    // Made by another folder's key, under that key's own id.
    assert_eq!(
        bench.reason(&token_of(other.path(), &request())).await,
        Reason::TokenUnknownKey
    );
    // The same, under the id of the key that is known.
    let forged = signed(other.path(), &header_of(dir), &claims());
    assert_eq!(bench.reason(&forged).await, Reason::TokenSignature);
    let issuer = TokenRequest {
        issuer: "http://127.0.0.1:1".into(),
        ..request()
    };
    assert_eq!(
        bench.reason(&token_of(dir, &issuer)).await,
        Reason::TokenIssuer
    );
}

#[tokio::test]
async fn algorithm_none_and_confusion_are_refused() {
    let bench = Bench::new();
    let dir = bench.dir.path();
    for alg in [
        "none", "None", "NONE", "", "HS256", "HS512", "es256", "ES256K", "dir",
    ] {
        let header = json!({ "alg": alg, "kid": key_of(dir)["kid"] });
        let body = format!(
            "{}.{}",
            part(header.to_string()),
            part(claims().to_string())
        );
        assert_eq!(
            bench.reason(&format!("{body}.")).await,
            Reason::TokenAlgorithm,
            "{alg}"
        );
        assert_eq!(
            bench.reason(&format!("{body}.AAAA")).await,
            Reason::TokenAlgorithm,
            "{alg}"
        );
    }
    // HS256 with the public key as the secret, as a whole and as JSON.
    let jwks = std::fs::read(dir.join("jwks.json")).expect("key set");
    let message = format!(
        "{}.{}",
        part(json!({ "alg": "HS256", "kid": key_of(dir)["kid"] }).to_string()),
        part(claims().to_string())
    );
    let secret = jsonwebtoken::EncodingKey::from_secret(&jwks);
    let mac =
        jsonwebtoken::crypto::sign(message.as_bytes(), &secret, jsonwebtoken::Algorithm::HS256)
            .expect("a MAC");
    assert_eq!(
        bench.reason(&format!("{message}.{mac}")).await,
        Reason::TokenAlgorithm
    );
    // An allowed algorithm of another family than the key: no key fits.
    let header = json!({ "alg": "RS256", "kid": key_of(dir)["kid"] });
    let token = signed(dir, &header, &claims());
    assert_eq!(bench.reason(&token).await, Reason::TokenUnknownKey);
    // An algorithm the issuer is not allowed to use.
    let header = json!({ "alg": "PS512", "kid": key_of(dir)["kid"] });
    let token = signed(dir, &header, &claims());
    assert_eq!(bench.reason(&token).await, Reason::TokenAlgorithm);
}

#[tokio::test]
async fn keys_offered_by_the_token_are_never_used() {
    let bench = Bench::new();
    let attacker = issuer_dir();
    let key = key_of(attacker.path());
    let mut header = json!({
        "alg": "ES256", "jwk": key, "jku": "https://attacker.example/jwks",
        "x5u": "https://attacker.example/x5", "kid": "../../../../dev/null",
    });
    let token = signed(attacker.path(), &header, &claims());
    assert_eq!(bench.reason(&token).await, Reason::TokenUnknownKey);
    header["kid"] = key_of(bench.dir.path())["kid"].clone();
    let token = signed(attacker.path(), &header, &claims());
    assert_eq!(bench.reason(&token).await, Reason::TokenSignature);
    header["crit"] = json!(["jwk"]);
    let token = signed(bench.dir.path(), &header, &claims());
    assert_eq!(bench.reason(&token).await, Reason::TokenMalformed);
}

#[tokio::test]
async fn claims_that_do_not_hold_are_refused() {
    use Reason::{TokenAudience, TokenClaims, TokenExpired, TokenNotYetValid};
    let bench = Bench::new();
    let dir = bench.dir.path();
    let cases = [
        ("exp", Value::Null, TokenClaims),
        ("exp", json!("tomorrow"), TokenClaims),
        ("exp", json!(-1), TokenClaims),
        ("exp", json!(1e300), TokenClaims),
        ("exp", json!(u64::MAX), TokenClaims),
        ("exp", json!(NOW - 31), TokenExpired),
        ("exp", json!(NOW + 86_401), TokenClaims),
        ("nbf", json!(NOW + 60), TokenNotYetValid),
        ("iat", json!(NOW + 60), TokenNotYetValid),
        ("iss", Value::Null, TokenClaims),
        ("iss", json!([DEV_ISSUER]), TokenClaims),
        ("sub", Value::Null, TokenClaims),
        ("sub", json!(""), TokenClaims),
        ("sub", json!("alice\nroot"), TokenClaims),
        ("sub", json!("a".repeat(513)), TokenClaims),
        ("aud", Value::Null, TokenAudience),
        ("aud", json!([]), TokenAudience),
        ("aud", json!(["https://mcp.example/mcp/"]), TokenAudience),
        ("aud", json!([1]), TokenClaims),
        ("groups", json!({ "a": 1 }), TokenClaims),
        ("groups", json!(["a", 1]), TokenClaims),
        ("cnf", json!({ "jkt": "x" }), TokenClaims),
    ];
    for (name, value, reason) in cases {
        let token = signed(dir, &header_of(dir), &claims_with(name, value.clone()));
        assert_eq!(bench.reason(&token).await, reason, "{name} = {value}");
    }
    for typ in [
        "dpop+jwt",
        "logout+jwt",
        "oauth-id-jag+jwt",
        "application/jose",
    ] {
        let header = json!({ "alg": "ES256", "kid": key_of(dir)["kid"], "typ": typ });
        let token = signed(dir, &header, &claims());
        assert_eq!(bench.reason(&token).await, TokenClaims, "{typ}");
    }
}

#[tokio::test]
async fn claims_at_the_edge_are_accepted() {
    let bench = Bench::new();
    let dir = bench.dir.path();
    let cases = [
        ("exp", json!(NOW - 29)),
        ("exp", json!(NOW as f64 + 600.5)),
        ("nbf", json!(NOW + 30)),
        ("aud", json!(["https://other.example", SERVER])),
        ("groups", json!("a b")),
    ];
    for (name, value) in cases {
        let mut claims = claims_with(name, value.clone());
        claims["iat"] = json!(NOW - 60);
        let token = signed(dir, &header_of(dir), &claims);
        assert!(bench.with(&token).await.is_ok(), "{name} = {value}");
    }
    let typ = json!({ "alg": "ES256", "kid": key_of(dir)["kid"], "typ": "application/AT+JWT" });
    assert!(bench.with(&signed(dir, &typ, &claims())).await.is_ok());
    // No kid, and one key that fits.
    assert!(
        bench
            .with(&signed(dir, &json!({ "alg": "ES256" }), &claims()))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn malformed_tokens_are_refused_without_a_panic() {
    let bench = Bench::new();
    let dir = bench.dir.path();
    let good = token_of(dir, &request());
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let (header, body) = message.split_once('.').expect("three parts");
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    let deep = format!("{{\"a\":{deep}}}");
    let twice = format!("{{\"iss\":\"{DEV_ISSUER}\",\"iss\":\"x\"}}");
    let inner_twice = "{\"realm\":{\"roles\":[],\"roles\":[]}}";
    let tokens = [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        header.into(),
        message.into(),
        format!("{good}."),
        format!("{good}.x.y"),
        format!("{header}=.{body}.{signature}"),
        format!("{header}.{body}.{signature}="),
        format!("{header}.{body}.!!!!"),
        format!("{header}.{body}."),
        format!("{header}. {body}.{signature}"),
        format!("{header}.{}.{signature}", part(&deep)),
        format!("{}.{body}.{signature}", part(&deep)),
        format!("{header}.{}.{signature}", part(&twice)),
        format!("{header}.{}.{signature}", part(inner_twice)),
        format!(
            "{}.{body}.{signature}",
            part("{\"alg\":\"ES256\",\"alg\":\"none\"}")
        ),
        format!("{header}.{}.{signature}", part("[]")),
        format!("{header}.{}.{signature}", part("{} {}")),
        format!("{header}.{}.{signature}", part([0xff, 0xfe])),
        format!("{header}.{body}.{}", "A".repeat(TOKEN_BYTES_MAX)),
        "\u{e9}".repeat(9),
        "A".repeat(1 << 20),
    ];
    for token in &tokens {
        let shown = token.get(..40).unwrap_or(token);
        assert_eq!(bench.reason(token).await, Reason::TokenMalformed, "{shown}");
    }
    // A signature cut short is base64url, but not of this key.
    let cut = format!("{message}.{}", &signature[..signature.len() - 2]);
    assert_eq!(bench.reason(&cut).await, Reason::TokenSignature);
    assert!(bench.with(&good).await.is_ok());
}

#[test]
fn parse_never_panics_on_a_changed_token() {
    let dir = issuer_dir();
    let good = token_of(dir.path(), &request()).into_bytes();
    for at in 0..good.len() {
        for byte in [0, b'.', b'=', b'"', 0x80, 0xff] {
            let mut changed = good.clone();
            changed[at] = byte;
            let _ = token::parse(&changed);
        }
        let _ = token::parse(&good[..at]);
    }
}
