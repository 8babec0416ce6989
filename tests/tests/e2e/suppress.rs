//! The false positive of day 30: an order id that looks like a card is masked, found in
//! the groups of `findings`, suppressed, and then arrives byte for byte.

use std::time::Duration;

use anyhow::{Context, ensure};
use gateway_tests::{CARD, Capture, Client, GatewayConfig, Plan, Scratch, Server, search_tree};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    direct::start,
    ground::{Gate, POLICY, loopback, of_kind, panward, records, stop_and_verify},
    scenario::Endpoint,
    through::MASKED,
};

/// A published test number, and how it is masked.
const ORDER: &str = "30569309025904";
const ORDER_MASKED: &str = "305693****5904";
const COLUMN: &str = "$.result.structuredContent.orders[*].order_id";
const TEXT: &str = "$.result.content[*].text";

/// The order ids as a real client gets them, and the customer's card beside.
fn ids(scratch: &Scratch, endpoint: &Endpoint) -> anyhow::Result<(Value, String)> {
    let plan = Plan::default()
        .call("list_orders", json!({}))
        .call("lookup_customer", json!({"customer_id": "1001"}));
    let received = endpoint.run(scratch, Client::Rust, &plan)?;
    let [orders, customer] = received.calls.as_slice() else {
        anyhow::bail!("{} calls", received.calls.len());
    };
    let result = orders.result.as_ref().context("no result")?;
    let rows = result
        .pointer("/structuredContent/orders")
        .context("no orders")?;
    Ok((rows.clone(), customer.text()?.to_owned()))
}

/// The answer's body on the wire.
fn body(endpoint: &Endpoint) -> anyhow::Result<Vec<u8>> {
    let mut capture = Capture::connect(endpoint.address)?;
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "list_orders", "arguments": {}},
    });
    let headers = [("mcp-protocol-version", "2025-11-25")];
    let answer = capture.post("/mcp", &headers, &call.to_string())?;
    ensure!(answer.status == 200, "status {}", answer.status);
    Ok(answer.body)
}

#[test]
fn an_order_column_is_masked_then_suppressed_then_the_same() -> anyhow::Result<()> {
    let scratch = Scratch::new("suppress")?;
    let (_server, direct) = start(&scratch, Server::RustJson)?;
    let listen = loopback();
    let config = GatewayConfig::new(&scratch)
        .policy("all.cedar", POLICY)
        .server("shop", listen, direct.address, &["process"])
        .extra(&format!(
            "[scan]\nsuppressions = {:?}\n",
            scratch.join("suppressions.d")
        ));
    let file = config.dir().join("panward.toml");
    let mut gate = Gate::start(&scratch, config, listen, &direct)?;
    let audit = gate.config.audit_dir().to_string_lossy().into_owned();

    let plain = ids(&scratch, &direct)?;
    ensure!(plain.0[1]["order_id"] == ORDER, "{plain:?}");
    let (rows, card) = ids(&scratch, &gate.endpoint)?;
    ensure!(rows[1]["order_id"] == ORDER_MASKED, "{rows}");
    ensure!(rows[0] == plain.0[0] && rows[2] == plain.0[2], "{rows}");
    ensure!(card.contains(MASKED), "{card}");

    let groups = panward(&scratch, &["findings", &audit, "--json"])?;
    let groups: Vec<Value> = groups
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    for path in [COLUMN, TEXT] {
        let group = groups
            .iter()
            .find(|g| g["tool"] == "list_orders" && g["path"] == path)
            .with_context(|| format!("no group of {path}: {groups:?}"))?;
        ensure!(
            group["iin"] == "305693" && group["count"] == 1 && group["masked"] == 1,
            "{group}"
        );
    }

    let config = file.to_string_lossy();
    for (id, path) in [("orders", COLUMN), ("orders-text", TEXT)] {
        let mut suppress = vec!["suppress", "--config", &config, "--server", "shop"];
        suppress.extend(["--tool", "list_orders", "--path", path, "--iin", "305693"]);
        suppress.extend(["--reason", "order ids", "--for", "30d", "--id", id, "--yes"]);
        let said = panward(&scratch, &suppress)?;
        ensure!(said.contains("it would have covered 1 findings"), "{said}");
    }
    let (rows, _) = ids(&scratch, &gate.endpoint)?;
    ensure!(
        rows[1]["order_id"] == ORDER_MASKED,
        "not before it is loaded"
    );
    gate.process.signal(Signal::HUP);
    gate.process
        .wait_line("reloaded policies", Duration::from_secs(20))?;

    ensure!(
        body(&gate.endpoint)? == body(&direct)?,
        "byte for byte the same"
    );
    let (rows, card) = ids(&scratch, &gate.endpoint)?;
    ensure!(rows == plain.0, "{rows}");
    ensure!(card.contains(MASKED), "a card is a card: {card}");

    stop_and_verify(&scratch, &mut gate.process, audit.as_ref())?;
    let records = records(&scratch, audit.as_ref())?;
    let began = of_kind(&records, "suppress.begin");
    let note = began
        .iter()
        .filter_map(|r| r["note"].as_str())
        .find(|note| note.starts_with("id=orders "))
        .with_context(|| format!("no beginning: {began:?}"))?;
    for part in [
        "number=305693",
        COLUMN,
        "by=uid ",
        "reason=order ids",
        "until=",
    ] {
        ensure!(note.contains(part), "no {part} in {note}");
    }
    let results = of_kind(&records, "mcp.result");
    let findings = |id: &str| {
        let all = results.iter().filter_map(|r| r["findings"].as_array());
        all.flatten().filter(|f| f["suppressed"] == id).count()
    };
    ensure!(
        (findings("orders"), findings("orders-text")) == (2, 2),
        "the record says so: {results:?}"
    );
    let suppressed = results
        .iter()
        .filter_map(|r| r["findings"].as_array())
        .flatten()
        .filter(|f| f["suppressed"].is_string());
    for finding in suppressed {
        ensure!(
            finding["masked"] == false && finding["shown"] == ORDER_MASKED,
            "{finding}"
        );
    }
    let hits = search_tree(gate.config.dir(), &[CARD, ORDER])?;
    ensure!(hits.is_empty(), "panward wrote {hits:?}");
    Ok(())
}
