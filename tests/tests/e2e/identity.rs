//! Who gets in: tokens and client certificates, good and bad, with real clients.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gateway_tests::{
    Capture, Client, GatewayConfig, Plan, Scratch, Server,
    client::{Tls, run_tls},
};
use serde_json::{Value, json};

use crate::{
    direct::{lacks_runtimes, start},
    ground::{AUDIENCE, Dev, Gate, POLICY, loopback, of_kind, records, stop_and_verify},
    scenario::Endpoint,
};

/// A gateway that lets in by tokens alone.
fn token_gate(scratch: &Scratch, dev: &Dev, server: &Endpoint) -> anyhow::Result<Gate> {
    let listen = loopback();
    let config = GatewayConfig::new(scratch)
        .policy("all.cedar", POLICY)
        .extra(&dev.config())
        .server("shop", listen, server.address, &["oidc"]);
    Gate::start(scratch, config, listen, server)
}

/// The claims of a good token under a header that asks for no signature.
fn unsigned(good: &str) -> anyhow::Result<String> {
    let claims = good.split('.').nth(1).context("claims")?;
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
    Ok(format!("{header}.{claims}."))
}

/// A good token whose subject was changed.
fn altered(good: &str) -> anyhow::Result<String> {
    let parts: Vec<&str> = good.split('.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        anyhow::bail!("three parts");
    };
    let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(claims)?)?;
    let claims = URL_SAFE_NO_PAD.encode(claims.replace("alice", "admin"));
    Ok(format!("{header}.{claims}.{signature}"))
}

fn list_once(address: SocketAddr, token: Option<&str>) -> anyhow::Result<(u16, Option<String>)> {
    let mut capture = Capture::connect(address)?;
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<(&str, &str)> = bearer
        .iter()
        .map(|value| ("authorization", value.as_str()))
        .collect();
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let answer = capture.post("/mcp", &headers, &list.to_string())?;
    let challenge = answer.header("www-authenticate").map(str::to_owned);
    Ok((answer.status, challenge))
}

#[test]
fn bad_tokens_are_refused_and_recorded() -> anyhow::Result<()> {
    let scratch = Scratch::new("bad-tokens")?;
    let (process, server) = start(&scratch, Server::RustJson)?;
    let (dev, other) = (Dev::init(&scratch, "dev")?, Dev::init(&scratch, "other")?);
    let mut gate = token_gate(&scratch, &dev, &server)?;
    let good = dev.token(&scratch)?;
    let cases = [
        ("no_evidence", None),
        (
            "token_audience",
            Some(dev.token_with(&scratch, "https://other.example/mcp", 600)?),
        ),
        (
            "token_expired",
            Some(dev.token_with(&scratch, AUDIENCE, -3600)?),
        ),
        ("token_unknown_key", Some(other.token(&scratch)?)),
        ("token_algorithm", Some(unsigned(&good)?)),
        ("token_signature", Some(altered(&good)?)),
        ("token_malformed", Some("not-a-token".to_owned())),
    ];
    for (reason, token) in &cases {
        let (status, challenge) = list_once(gate.endpoint.address, token.as_deref())?;
        ensure!(status == 401, "{reason}: {status}");
        ensure!(
            challenge.is_some_and(|c| c.starts_with("Bearer") && c.contains("resource_metadata")),
            "{reason}: says where to log in"
        );
    }
    let (status, _) = list_once(gate.endpoint.address, Some(&good))?;
    ensure!(status == 200, "the good one: {status}");

    let audit = gate.config.audit_dir();
    stop_and_verify(&scratch, &mut gate.process, &audit)?;
    let records = records(&scratch, &audit)?;
    let failed: Vec<&str> = of_kind(&records, "auth.fail")
        .iter()
        .filter_map(|r| r["decision"]["reason_name"].as_str())
        .collect();
    let expected: Vec<&str> = cases.iter().map(|(reason, _)| *reason).collect();
    ensure!(failed == expected, "recorded: {failed:?}");
    let calls = of_kind(&records, "mcp.call");
    let [call] = calls.as_slice() else {
        anyhow::bail!("one call got in: {calls:?}");
    };
    ensure!(
        call["who"]["id"] == "alice" && call["who"]["method"] == "oidc",
        "{call}"
    );
    let log = process.log.context("it has a log")?;
    let log = std::fs::read_to_string(log).unwrap_or_default();
    ensure!(log.is_empty(), "no refused call reached the server: {log}");
    Ok(())
}

/// Every SDK gets in with a token and gets no session without one.
#[test]
fn every_client_is_let_in_by_its_token() -> anyhow::Result<()> {
    const TEST: &str = "every_client_is_let_in_by_its_token";
    if lacks_runtimes(TEST) {
        return Ok(());
    }
    let scratch = Scratch::new(TEST)?;
    let (_process, server) = start(&scratch, Server::Rust)?;
    let dev = Dev::init(&scratch, "dev")?;
    let token = dev.token(&scratch)?;
    let expired = dev.token_with(&scratch, AUDIENCE, -3600)?;
    let gate = token_gate(&scratch, &dev, &server)?;
    let plan = Plan::default().call("echo", json!({"text": "hello"}));
    for client in Client::ALL {
        let run = |token: Option<&str>| {
            client.run_wrapped(&scratch, &[], &gate.endpoint.url(), token, &plan)
        };
        let received = run(Some(&token))?
            .map_err(|refused| anyhow::anyhow!("{client:?}: {}", refused.message))?;
        ensure!(
            received.calls.len() == 1 && received.calls[0].text()? == "hello",
            "{client:?}: {received:?}"
        );
        ensure!(run(None)?.is_err(), "{client:?} got in without a token");
        ensure!(run(Some(&expired))?.is_err(), "{client:?} got in too late");
    }
    Ok(())
}

/// A gateway that speaks TLS, for certificates and tokens.
fn tls_gate(
    scratch: &Scratch,
    dev: &Dev,
    server: &Endpoint,
    evidence: &str,
) -> anyhow::Result<Gate> {
    let listen = loopback();
    let config = GatewayConfig::new(scratch)
        .policy("all.cedar", POLICY)
        .extra(&dev.config())
        .tables(&format!(
            "[[server]]\nname = \"shop\"\nlisten = \"{listen}\"\nupstream = \"{}\"\n\
             evidence = {evidence}\n[server.tls]\ncertificate = {:?}\nkey = {:?}\n\
             client_ca = {:?}\nclient_crl = {:?}\n",
            server.address,
            dev.file("server.pem"),
            dev.file("server.key"),
            dev.file("ca.pem"),
            dev.file("crl.pem")
        ));
    Gate::start(scratch, config, listen, server)
}

/// The Python SDK over TLS: its certificate lets it in, its token counts before it; a
/// revoked one, one of another CA, and none at all are refused and recorded.
#[test]
fn client_certificates() -> anyhow::Result<()> {
    const TEST: &str = "client_certificates";
    if lacks_runtimes(TEST) {
        return Ok(());
    }
    let scratch = Scratch::new(TEST)?;
    let (_process, server) = start(&scratch, Server::Rust)?;
    let (dev, other) = (Dev::init(&scratch, "dev")?, Dev::init(&scratch, "other")?);
    let mut gate = tls_gate(&scratch, &dev, &server, "[\"mtls\", \"oidc\"]")?;
    let url = format!("https://{}/mcp", gate.endpoint.address);
    let token = dev.token(&scratch)?;
    let plan = Plan::default().call("lookup_customer", json!({"customer_id": "1001"}));
    let run = |from: &Dev, name: Option<&str>, token: Option<&str>| {
        let tls = Tls {
            ca: dev.file("ca.pem"),
            client: name.map(|name| {
                (
                    from.file(&format!("{name}.pem")),
                    from.file(&format!("{name}.key")),
                )
            }),
        };
        run_tls(&scratch, &url, &tls, token, &plan)
    };
    for (name, token) in [
        (Some("client"), None),
        (Some("client"), Some(token.as_str())),
        (None, Some(token.as_str())),
    ] {
        let received = run(&dev, name, token)?
            .map_err(|refused| anyhow::anyhow!("{name:?}: {}", refused.message))?;
        let call = received.calls.first().context("a call")?;
        ensure!(call.text()?.contains(crate::through::MASKED), "{call:?}");
    }
    ensure!(run(&dev, Some("revoked"), None)?.is_err(), "revoked");
    // A certificate that is refused is not made good by a token.
    ensure!(run(&dev, Some("revoked"), Some(&token))?.is_err(), "both");
    ensure!(run(&other, Some("client"), None)?.is_err(), "another CA");
    ensure!(run(&dev, None, None)?.is_err(), "no evidence");

    let audit = gate.config.audit_dir();
    stop_and_verify(&scratch, &mut gate.process, &audit)?;
    let records = records(&scratch, &audit)?;
    let calls = of_kind(&records, "mcp.call");
    let who = |method: &str, id: &str| {
        calls.iter().any(|r| {
            r["action"]["target"] == "lookup_customer"
                && r["who"]["method"] == method
                && r["who"]["id"] == id
                && r["origin"]["transport"] == "tls1.3"
        })
    };
    ensure!(
        who("mtls", "spiffe://dev.panward.invalid/client"),
        "{calls:?}"
    );
    ensure!(who("oidc", "alice"), "{calls:?}");
    let by_token = calls.iter().filter(|r| r["who"]["method"] == "oidc");
    let by_certificate = calls.iter().filter(|r| r["who"]["method"] == "mtls");
    ensure!(
        by_token.count() > by_certificate.count(),
        "with both, the token counts: it names the person behind the machine"
    );
    let failed: Vec<&Value> = of_kind(&records, "auth.fail");
    for reason in ["certificate_revoked", "certificate_invalid", "no_evidence"] {
        ensure!(
            failed
                .iter()
                .any(|r| r["decision"]["reason_name"] == reason),
            "{reason} is recorded: {failed:?}"
        );
    }
    Ok(())
}
