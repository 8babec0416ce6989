//! What an operator sees of a live gateway agrees with what a client did.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, ensure};
use gateway_tests::{Capture, Client, GatewayConfig, Plan, Scratch, Server};
use serde_json::{Value, json};

use crate::{
    direct::start,
    ground::{Gate, POLICY, loopback, of_kind, panward, records},
};

fn get(address: SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
    let mut capture = Capture::connect(address)?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    capture.send(request.as_bytes())?;
    let answer = capture.answer()?;
    Ok((answer.status, String::from_utf8(answer.body)?))
}

/// The value of a series, its labels as written.
fn series(metrics: &str, name: &str) -> anyhow::Result<u64> {
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let value = line.with_context(|| format!("no series {name} in:\n{metrics}"))?;
    Ok(value.parse()?)
}

#[test]
fn status_metrics_sessions_and_tail_agree_with_the_client() -> anyhow::Result<()> {
    let scratch = Scratch::new("admin")?;
    let (_process, server) = start(&scratch, Server::Rust)?;
    let (listen, metrics) = (loopback(), loopback());
    let config = GatewayConfig::new(&scratch)
        .policy("all.cedar", POLICY)
        .server("shop", listen, server.address, &["process"])
        .metrics(metrics);
    let gate = Gate::start(&scratch, config, listen, &server)?;
    ensure!(get(metrics, "/livez")?.0 == 200, "alive");
    ensure!(get(metrics, "/readyz")?.0 == 200, "ready");
    ensure!(get(metrics, "/nothing")?.0 == 404, "nothing else");

    let plan = Plan::default()
        .call("lookup_customer", json!({"customer_id": "1001"}))
        .call("echo", json!({"text": "hello"}))
        .call("delete_customer", json!({"customer_id": "1001"}));
    let received = gate.endpoint.run(&scratch, Client::Rust, &plan)?;
    ensure!(received.calls.len() == 3, "all were made");
    // The client's last request ends its session and is not waited for.
    std::thread::sleep(Duration::from_millis(300));

    let socket = gate.config.admin_socket().to_string_lossy().into_owned();
    let audit = gate.config.audit_dir();
    let text = panward(&scratch, &["status", "--socket", &socket, "--json"])?;
    let status: Value = serde_json::from_str(&text)?;
    let human = panward(&scratch, &["status", "--socket", &socket])?;
    ensure!(human.contains(" ready"), "{human}");
    let records = records(&scratch, &audit)?;
    let calls = of_kind(&records, "mcp.call");
    let verdict = |verdict: &str| {
        let these = calls.iter().filter(|r| r["decision"]["verdict"] == verdict);
        these.count() as u64
    };
    ensure!(status["ready"] == true, "{text}");
    ensure!(verdict("deny") == 1, "one was refused");
    ensure!(status["calls"]["allow"] == verdict("allow"), "{text}");
    ensure!(status["calls"]["deny"] == 1, "{text}");
    ensure!(status["reasons"]["policy_forbid"] == 1, "{text}");
    // In the text and in the structured content.
    ensure!(status["findings"] == 2 && status["masked"] == 2, "{text}");

    let (code, scraped) = get(metrics, "/metrics")?;
    ensure!(code == 200, "metrics: {code}");
    for (name, count) in [
        ("panward_calls_total{verdict=\"allow\"}", verdict("allow")),
        ("panward_calls_total{verdict=\"deny\"}", 1),
        ("panward_findings_total{brand=\"visa\"}", 2),
        ("panward_masked_total", 2),
    ] {
        ensure!(series(&scraped, name)? == count, "{name}: {scraped}");
    }
    ensure!(
        series(&scraped, "panward_audit_records_total")? >= records.len() as u64,
        "durable records are counted"
    );
    ensure!(
        series(&scraped, "panward_call_duration_seconds_count")? > 0,
        "durations are observed"
    );

    let dir = audit.to_string_lossy();
    let listed = panward(&scratch, &["sessions", &dir, "--json"])?;
    let sessions: Vec<Value> = listed
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    let sum = |key: &str| sessions.iter().filter_map(|s| s[key].as_u64()).sum::<u64>();
    ensure!(sum("calls") == calls.len() as u64, "{listed}");
    ensure!(sum("denied") == 1, "{listed}");
    ensure!(sum("findings") == 2, "{listed}");

    let tool = panward(&scratch, &["tail", &dir, "--tool", "delete_customer"])?;
    ensure!(
        tool.lines().count() >= 1 && tool.lines().all(|l| l.contains("delete_customer")),
        "{tool}"
    );
    Ok(())
}

/// `panward tail -f` shows a call while the gateway runs.
#[test]
fn tail_follows() -> anyhow::Result<()> {
    let scratch = Scratch::new("follow")?;
    let (_process, server) = start(&scratch, Server::RustJson)?;
    let gate = Gate::before(&scratch, &server)?;
    let mut command = std::process::Command::new(gateway_tests::binaries::binary("panward")?);
    command
        .args(["tail", "--follow", "--json", "--tool", "refund"])
        .arg(gate.config.audit_dir());
    let mut tail = gateway_tests::Process::spawn(&scratch, "tail", &mut command)?;
    let plan = Plan::default().call("refund", json!({"customer_id": "1002", "amount": 5}));
    gate.endpoint.run(&scratch, Client::Rust, &plan)?;
    let line = tail.wait_line("mcp.call", Duration::from_secs(5))?;
    let record: Value = serde_json::from_str(&line)?;
    ensure!(record["action"]["target"] == "refund", "{record}");
    Ok(())
}
