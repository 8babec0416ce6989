//! After traffic with cards, tokens and an injected credential: nothing that panward wrote
//! holds one of them, nor does the client's or the server's log hold the card.

use anyhow::{Context, ensure};
use gateway_tests::{CARD, Capture, Client, GatewayConfig, Plan, Scratch, Server, search_tree};
use serde_json::json;

use crate::{
    direct::{lacks_runtimes, start},
    ground::{Dev, Gate, POLICY, loopback, of_kind, panward, records},
    through::MASKED,
};

/// Not one of anything's real keys.
const CREDENTIAL: &str = "upstream-s3cret-Zx81-value";

/// The last part of a token, which no search should find; the first is the same in each.
fn signature(token: &str) -> &str {
    token.rsplit('.').next().unwrap_or(token)
}

#[test]
fn no_card_token_or_secret_is_written() -> anyhow::Result<()> {
    const TEST: &str = "no_card_token_or_secret_is_written";
    if lacks_runtimes(TEST) {
        return Ok(());
    }
    let scratch = Scratch::new(TEST)?;
    let (process, server) = start(&scratch, Server::TypeScript2)?;
    let dev = Dev::init(&scratch, "dev")?;
    let token = dev.token(&scratch)?;
    let credential = scratch.write("credential", &format!("{CREDENTIAL}\n"))?;
    make_private(&credential)?;
    let (listen, metrics) = (loopback(), loopback());
    let config = GatewayConfig::new(&scratch)
        .policy("all.cedar", POLICY)
        .extra(&dev.config())
        .metrics(metrics)
        .tables(&format!(
            "[[server]]\nname = \"shop\"\nlisten = \"{listen}\"\nupstream = \"{}\"\n\
             evidence = [\"oidc\"]\n[server.credential]\nheader = \"x-api-key\"\n\
             prefix = \"\"\nfile = {credential:?}\n",
            server.address
        ));
    let mut gate = Gate::start(&scratch, config, listen, &server)?;

    let plan = Plan::default()
        .call("lookup_customer", json!({"customer_id": "1001"}))
        .call("lookup_customer", json!({"customer_id": "1003"}))
        .call("echo", json!({"text": format!("charge {CARD} now")}))
        .call(
            "echo",
            json!({"text": "charge 4111-1111-1111-1111 or 378282246310005"}),
        )
        .call("delete_customer", json!({"customer_id": CARD}));
    for client in Client::ALL {
        let received = client.run(&scratch, &gate.endpoint.url(), Some(&token), &plan)?;
        let texts: Vec<&str> = received
            .calls
            .iter()
            .filter_map(|c| c.text().ok())
            .collect();
        ensure!(texts.len() == 5, "{client:?}: {received:?}");
        ensure!(
            !received.printed.contains(CREDENTIAL),
            "{client:?} sees what only the server may"
        );
    }
    // Where a card has no business: id, method, path, header, a token in a body.
    let bearer = format!("Bearer {token}");
    for body in [
        json!({"jsonrpc": "2.0", "id": CARD, "method": "tools/list"}),
        json!({"jsonrpc": "2.0", "id": 1, "method": format!("pay/{CARD}")}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": CARD}}),
    ] {
        let headers = [("authorization", bearer.as_str()), ("mcp-session-id", CARD)];
        let mut capture = Capture::connect(listen)?;
        capture.post("/mcp", &headers, &body.to_string())?;
        let mut capture = Capture::connect(listen)?;
        capture.post(
            &format!("/mcp?card={CARD}"),
            &headers[..1],
            &body.to_string(),
        )?;
    }

    // What an operator can ask for is written by panward as well.
    let socket = gate.config.admin_socket().to_string_lossy().into_owned();
    let audit = gate.config.audit_dir();
    let dir = audit.to_string_lossy().into_owned();
    let mut said = panward(&scratch, &["status", "--socket", &socket, "--json"])?;
    for command in [
        vec!["tail", &dir, "--json", "--last", "100000"],
        vec!["tail", &dir, "--last", "100000"],
        vec!["sessions", &dir],
        vec!["sessions", &dir, "--json"],
    ] {
        said.push_str(&panward(&scratch, &command)?);
    }
    let mut capture = Capture::connect(metrics)?;
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {metrics}\r\n\r\n");
    capture.send(request.as_bytes())?;
    said.push_str(&String::from_utf8(capture.answer()?.body)?);
    for part in ["lookup_customer", "panward_calls_total"] {
        ensure!(said.contains(part), "no {part} in what was said:\n{said}");
    }
    std::fs::write(gate.config.dir().join("said"), &said)?;
    let logged = gate.process.stdout() + &gate.process.stderr();
    ensure!(!logged.is_empty(), "it logged something");
    std::fs::write(gate.config.dir().join("logged"), &logged)?;

    let records = records(&scratch, &audit)?;
    ensure!(
        of_kind(&records, "mcp.result").len() >= 5 * Client::ALL.len(),
        "there was traffic"
    );
    gate.process.stop(std::time::Duration::from_secs(20))?;
    let private = private_parts(&dev)?;
    let mut needles = vec![
        CARD,
        "5555555555554444",
        "378282246310005",
        signature(&token),
        CREDENTIAL,
    ];
    needles.extend(private.iter().map(String::as_str));
    let hits = search_tree(gate.config.dir(), &needles)?;
    ensure!(hits.is_empty(), "panward wrote {hits:?}");

    // The server got masked cards, no bearer token, and the credential.
    let log = process.log.context("it has a log")?;
    let cards = search_tree(&log, &[CARD, "378282246310005", signature(&token)])?;
    ensure!(cards.is_empty(), "the server's log: {cards:?}");
    let log = std::fs::read_to_string(log)?;
    ensure!(log.contains(MASKED), "the masked argument came");
    for line in log.lines() {
        let request: serde_json::Value = serde_json::from_str(line)?;
        ensure!(
            request["headers"]["x-api-key"] == CREDENTIAL
                && request["headers"].get("authorization").is_none(),
            "headers: {}",
            request["headers"]
        );
    }
    // The clients' own output.
    for entry in std::fs::read_dir(scratch.path())? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("client-") && path.metadata()?.len() > 0 {
            let hits = search_tree(&path, &[CARD, "5555555555554444", CREDENTIAL])?;
            ensure!(hits.is_empty(), "the client's output: {hits:?}");
        }
    }
    Ok(())
}

/// A line from the middle of each private key.
fn private_parts(dev: &Dev) -> anyhow::Result<Vec<String>> {
    ["ca.key", "client.key", "server.key", "issuer.key"]
        .into_iter()
        .map(|name| {
            let pem = std::fs::read_to_string(dev.file(name))?;
            let line = pem.lines().nth(2).context("a line of the key")?;
            Ok(line.to_owned())
        })
        .collect()
}

fn make_private(path: &std::path::Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(())
}
