//! Which evidence counts, and what a good token gives.

use policy::{AuthnMethod, PrincipalKind, Process};

use super::*;
use crate::tls::PeerCertificate;

fn process() -> Process {
    Process {
        pid: 4242,
        uid: 1000,
        gid: 1000,
        cgroup_id: 7,
        comm: "node".into(),
        exe: Some("/usr/bin/node".into()),
        unit: None,
    }
}

fn certificate(dir: &Path, name: &str) -> PeerCertificate {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let der = CertificateDer::from_pem_file(dir.join(name)).expect("a certificate");
    PeerCertificate::parse(&der).expect("readable")
}

#[tokio::test]
async fn good_token_names_the_principal_and_keeps_the_process_beside_it() {
    let bench = Bench::new();
    let mut evidence = bearer(&token_of(bench.dir.path(), &request()));
    evidence.process = Some(process());
    for _ in 0..2 {
        let principal = bench
            .authenticator
            .authenticate(&oidc(), &evidence, NOW)
            .await
            .expect("accepted");
        assert_eq!(principal.id, "alice");
        assert_eq!(principal.kind, PrincipalKind::User);
        assert_eq!(principal.method, AuthnMethod::Oidc);
        assert_eq!(principal.issuer.as_deref(), Some(DEV_ISSUER));
        assert_eq!(principal.groups, ["billing"]);
        assert!(principal.token_id.is_some());
        assert_eq!(
            principal.key_id.as_deref(),
            key_of(bench.dir.path())["kid"].as_str()
        );
        assert_eq!(principal.process, Some(process()));
    }
}

#[tokio::test]
async fn bad_token_never_falls_back_to_certificate_or_process() {
    let bench = Bench::new();
    let mut evidence = bearer("rubbish");
    evidence.process = Some(process());
    evidence.client_cert = Some(certificate(bench.dir.path(), "client.pem"));
    let error = bench
        .authenticator
        .authenticate(&oidc(), &evidence, NOW)
        .await;
    assert_eq!(error.expect_err("refused").reason(), Reason::TokenMalformed);
}

#[tokio::test]
async fn api_key_is_not_looked_at_where_tokens_are_not_accepted() {
    let bench = Bench::new();
    let mut server = oidc();
    server.accept.oidc = false;
    let mut evidence = bearer("sk-static-key");
    evidence.process = Some(process());
    let principal = bench
        .authenticator
        .authenticate(&server, &evidence, NOW)
        .await
        .expect("accepted");
    assert_eq!(principal.method, AuthnMethod::Process);
    assert_eq!(principal.id, "uid:1000:/usr/bin/node");
}

#[tokio::test]
async fn certificate_names_a_workload_and_expires_during_a_connection() {
    let bench = Bench::new();
    let cert = certificate(bench.dir.path(), "client.pem");
    let late = u64::try_from(cert.not_after_s).expect("after 1970") + 1;
    let fingerprint = cert.fingerprint_hex();
    let evidence = Evidence {
        client_cert: Some(cert),
        process: Some(process()),
        ..Evidence::default()
    };
    let principal = bench
        .authenticator
        .authenticate(&oidc(), &evidence, NOW)
        .await
        .expect("accepted");
    assert_eq!(principal.id, dev::DEV_CLIENT);
    assert_eq!(principal.kind, PrincipalKind::Workload);
    assert_eq!(principal.method, AuthnMethod::Mtls);
    assert_eq!(principal.key_id, Some(fingerprint));
    let error = bench
        .authenticator
        .authenticate(&oidc(), &evidence, late)
        .await;
    assert_eq!(
        error.expect_err("expired").reason(),
        Reason::CertificateInvalid
    );
}

#[tokio::test]
async fn nothing_presented_or_nothing_accepted_is_no_evidence() {
    let bench = Bench::new();
    let nothing = Evidence::default();
    let refused = bench
        .authenticator
        .authenticate(&oidc(), &nothing, NOW)
        .await;
    assert_eq!(refused.expect_err("refused"), AuthnError::NoEvidence);

    let mut everything = bearer(&token_of(bench.dir.path(), &request()));
    everything.process = Some(process());
    everything.client_cert = Some(certificate(bench.dir.path(), "client.pem"));
    let closed = ServerAuth::default();
    let refused = bench
        .authenticator
        .authenticate(&closed, &everything, NOW)
        .await;
    assert_eq!(refused.expect_err("refused"), AuthnError::NoEvidence);
}

#[tokio::test]
async fn token_bound_to_a_certificate_needs_that_certificate() {
    let bench = Bench::new();
    let dir = bench.dir.path();
    let bound = part(certificate(dir, "client.pem").fingerprint);
    let claims = claims_with("cnf", json!({ "x5t#S256": bound }));
    let mut evidence = bearer(&signed(dir, &header_of(dir), &claims));
    for (name, accepted) in [
        (None, false),
        (Some("revoked.pem"), false),
        (Some("client.pem"), true),
    ] {
        evidence.client_cert = name.map(|name| certificate(dir, name));
        let outcome = bench
            .authenticator
            .authenticate(&oidc(), &evidence, NOW)
            .await;
        assert_eq!(outcome.is_ok(), accepted, "with certificate {name:?}");
    }
}

#[test]
fn bearer_is_one_header_with_that_scheme() {
    let token = |value: &str| Bearer::from_header(value.as_bytes()).map(|b| b.expose().to_vec());
    assert_eq!(token("Bearer abc"), Some(b"abc".to_vec()));
    assert_eq!(token("bEARER \t abc  "), Some(b"abc".to_vec()));
    assert_eq!(token("Bearer"), Some(vec![]));
    assert_eq!(token("Bearerabc"), None);
    assert_eq!(token("Basic abc"), None);
    assert_eq!(token(""), None);
    let several = |values: &[&str]| {
        let values = values.iter().map(|value| value.as_bytes());
        Bearer::from_headers(values).map(|b| b.expose().to_vec())
    };
    assert_eq!(several(&["Bearer abc"]), Some(b"abc".to_vec()));
    assert_eq!(several(&["Basic a"]), None);
    assert_eq!(several(&["Bearer abc", "Bearer abc"]), Some(vec![]));
    assert_eq!(several(&["Basic a", "Bearer abc"]), Some(vec![]));
}

#[test]
fn development_issuers_are_known_by_their_host() {
    for issuer in [
        DEV_ISSUER,
        "https://dev.panward.invalid/tenant",
        "http://127.0.0.1:9400",
        "http://127.8.0.1",
        "http://[::1]:9400",
        "http://[::ffff:127.0.0.1]",
        "http://localhost:9400",
    ] {
        assert!(is_dev_issuer(issuer), "{issuer}");
    }
    for issuer in [
        "https://idp.example",
        "http://10.0.0.1",
        "http://localhost.example",
        "alice",
    ] {
        assert!(!is_dev_issuer(issuer), "{issuer}");
    }
}

#[test]
fn development_files_are_private_and_never_overwritten() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = issuer_dir();
    let entries = std::fs::read_dir(dir.path()).expect("a folder");
    let mut count = 0;
    for entry in entries {
        let about = entry.and_then(|entry| entry.metadata()).expect("a file");
        assert_eq!(about.permissions().mode() & 0o777, 0o600);
        count += 1;
    }
    assert_eq!(count, 11);
    assert!(dev::init(dir.path(), &[], NOW).is_err());
    let foreign = TokenRequest {
        issuer: "https://idp.example".into(),
        ..request()
    };
    assert!(matches!(
        dev::token(dir.path(), &foreign, NOW),
        Err(dev::DevError::Issuer)
    ));
}

#[test]
fn settings_that_would_weaken_are_refused() {
    let url = |text: &str| KeySource::Url(Url::parse(text).expect("a literal URL"));
    let good = IssuerSettings::new("https://idp.example", KeySource::Discovery);
    assert!(good.check().is_ok());
    let bad = [
        IssuerSettings {
            algorithms: vec![],
            ..good.clone()
        },
        IssuerSettings {
            leeway_s: 301,
            ..good.clone()
        },
        IssuerSettings {
            lifetime_s_max: 0,
            ..good.clone()
        },
        IssuerSettings {
            kind: PrincipalKind::Process,
            ..good.clone()
        },
        IssuerSettings {
            keys: url("http://idp.example/jwks"),
            ..good.clone()
        },
        IssuerSettings {
            keys: url("https://user@idp.example/jwks"),
            ..good.clone()
        },
        IssuerSettings {
            issuer: "not a url".into(),
            ..good.clone()
        },
    ];
    for settings in bad {
        assert!(settings.check().is_err(), "{settings:?}");
    }
    let twice = Authenticator::new(vec![good.clone(), good]);
    assert!(twice.is_err_and(|error| error.to_string().contains("twice")));
}
