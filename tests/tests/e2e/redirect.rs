//! Clients and servers that know nothing of panward, with the kernel's redirect between
//! them: root only.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use gateway_tests::{CARD, Client, GatewayConfig, Plan, Scratch, Server, client::Refused, server};
use serde_json::{Value, json};

use crate::{
    direct::lacks_runtimes,
    ground::{Dev, POLICY, of_kind, records, stop_and_verify},
    place::{Host, Space, borrowed, lacks_root},
    through::MASKED,
};

const PORT: u16 = 18_080;

fn lookup() -> Plan {
    Plan::default()
        .call("lookup_customer", json!({"customer_id": "1001"}))
        .call("delete_customer", json!({"customer_id": "1001"}))
}

fn config(scratch: &Scratch, host: &Host, evidence: &str, extra: &str) -> GatewayConfig {
    GatewayConfig::new(scratch)
        .policy("all.cedar", POLICY)
        .extra(extra)
        .tables(&host.redirect("open", None))
        .tables(&format!(
            "[[server]]\nname = \"shop\"\ninbound = [\"0.0.0.0:{PORT}\", \"[::]:{PORT}\"]\n\
             evidence = {evidence}\n"
        ))
}

/// One host, every SDK at every server: the card is masked, the forbidden tool refused,
/// the record names the client's process.
#[test]
fn unmodified_clients_and_servers_on_one_host() -> anyhow::Result<()> {
    const TEST: &str = "unmodified_clients_and_servers_on_one_host";
    if lacks_root(TEST) || lacks_runtimes(TEST) {
        return Ok(());
    }
    for kind in [Server::Rust, Server::TypeScript2, Server::Python2] {
        let scratch = Scratch::new(TEST)?;
        let host = Host::new(&scratch)?;
        let wrap = host.wrap();
        let wrap = borrowed(&wrap);
        let address = SocketAddr::from(([127, 0, 0, 1], PORT));
        let _server = kind.start(&scratch, address, &wrap)?;
        let config = config(&scratch, &host, "[\"process\"]", "");
        let mut gateway = config.start(&scratch, &wrap)?;
        for client in Client::ALL {
            let pair = format!("{client:?} at {kind:?}");
            let received = client
                .run_wrapped(&scratch, &wrap, &server::url(address), None, &lookup())?
                .map_err(|refused| anyhow::anyhow!("{pair}: {}", refused.message))?;
            let [lookup, delete] = received.calls.as_slice() else {
                anyhow::bail!("{pair}: {} calls", received.calls.len());
            };
            ensure!(lookup.text()?.contains(MASKED), "{pair}: {lookup:?}");
            ensure!(!received.printed.contains(CARD), "{pair}: the card came");
            ensure!(delete.is_tool_error(), "{pair}: {delete:?}");
        }
        let audit = config.audit_dir();
        stop_and_verify(&scratch, &mut gateway, &audit)?;
        let records = records(&scratch, &audit)?;
        let calls = of_kind(&records, "mcp.call");
        ensure!(
            calls.len() >= 2 * Client::ALL.len()
                && calls.iter().all(|r| r["who"]["method"] == "process"
                    && r["who"]["process"]["pid"].as_u64() > Some(1)),
            "{kind:?}: each call has its process: {calls:?}"
        );
    }
    Ok(())
}

/// `getsockname` and `getpeername` of the client, and the destination in the records, are
/// those of a connection to the real server.
#[test]
fn addresses_stay_the_original_ones() -> anyhow::Result<()> {
    const TEST: &str = "addresses_stay_the_original_ones";
    if lacks_root(TEST) {
        return Ok(());
    }
    let scratch = Scratch::new(TEST)?;
    let host = Host::new(&scratch)?;
    let wrap = host.wrap();
    let wrap = borrowed(&wrap);
    let address = SocketAddr::from(([127, 0, 0, 1], PORT));
    let server = Server::Rust.start(&scratch, address, &wrap)?;
    let config = config(&scratch, &host, "[\"process\"]", "");
    let _gateway = config.start(&scratch, &wrap)?;
    let plan = Plan::default().call("stream", json!({"n": 3, "delay_ms": 20}));
    let received = Client::Rust
        .run_wrapped(&scratch, &wrap, &server.url(), None, &plan)?
        .map_err(|refused| anyhow::anyhow!("{}", refused.message))?;
    let last: Value = serde_json::from_str(received.printed.lines().last().context("a line")?)?;
    let sockets = last["sockets"].as_array().context("sockets")?;
    ensure!(!sockets.is_empty(), "the client saw its sockets: {last}");
    let records = records(&scratch, &config.audit_dir())?;
    let calls = of_kind(&records, "mcp.call");
    for socket in sockets {
        ensure!(socket["peer"] == address.to_string(), "peer: {socket}");
        ensure!(
            calls.iter().any(|r| {
                r["origin"]["client"] == socket["local"]
                    && r["origin"]["destination"] == socket["peer"]
            }),
            "the records name the connection {socket}"
        );
    }
    Ok(())
}

/// A client on another host, IPv4 and IPv6: a token lets it in, nothing does not.
#[test]
fn remote_clients_need_evidence() -> anyhow::Result<()> {
    const TEST: &str = "remote_clients_need_evidence";
    if lacks_root(TEST) || lacks_runtimes(TEST) {
        return Ok(());
    }
    let scratch = Scratch::new(TEST)?;
    let (host, remote) = (Host::new(&scratch)?, Space::new(&scratch)?);
    host.space.join(&scratch, &remote)?;
    let dev = Dev::init(&scratch, "dev")?;
    let token = dev.token(&scratch)?;
    let wrap = host.wrap();
    let wrap = borrowed(&wrap);
    // On every address of both families, as servers commonly are.
    let _server = Server::Rust.start(&scratch, format!("[::]:{PORT}").parse()?, &wrap)?;
    let config = config(&scratch, &host, "[\"oidc\", \"process\"]", &dev.config());
    let mut gateway = config.start(&scratch, &wrap)?;
    let from = remote.wrap();
    let from = borrowed(&from);
    for ip in ["10.78.0.1", "[fd78::1]"] {
        let url = format!("http://{ip}:{PORT}/mcp");
        for client in [Client::Rust, Client::TypeScript2, Client::Python2] {
            let pair = format!("{client:?} to {ip}");
            let received = client
                .run_wrapped(&scratch, &from, &url, Some(&token), &lookup())?
                .map_err(|refused| anyhow::anyhow!("{pair}: {}", refused.message))?;
            let lookup = received.calls.first().context("a call")?;
            ensure!(lookup.text()?.contains(MASKED), "{pair}: {lookup:?}");
            let refused = client.run_wrapped(&scratch, &from, &url, None, &self::lookup())?;
            ensure!(
                matches!(refused, Err(Refused { .. })),
                "{pair}: got in with no evidence"
            );
        }
    }
    let audit = config.audit_dir();
    stop_and_verify(&scratch, &mut gateway, &audit)?;
    let records = records(&scratch, &audit)?;
    let failed = of_kind(&records, "auth.fail");
    for client in ["10.78.0.2:", "[fd78::2]:"] {
        let from_there = |r: &&&Value| {
            let address = r["origin"]["client"].as_str().unwrap_or_default();
            address
                .replace("::ffff:", "")
                .replace(['[', ']'], "")
                .starts_with(&client.replace(['[', ']'], ""))
        };
        ensure!(
            failed.iter().filter(from_there).count() >= 3,
            "refusals of {client} are recorded: {failed:?}"
        );
        ensure!(
            of_kind(&records, "mcp.call")
                .iter()
                .filter(from_there)
                .all(|r| r["who"]["method"] == "oidc" && r["who"]["id"] == "alice"),
            "calls of {client} are alice's"
        );
    }
    Ok(())
}
