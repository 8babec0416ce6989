//! Every client at every server, direct and through the gateway's explicit listener:
//! what arrives is the same, but for cards and forbidden tools.

use anyhow::ensure;
use gateway_tests::{CARD, Client, Plan, Received, Scratch, Server, search_tree};
use serde_json::{Value, json};

use crate::{
    direct::{lacks_runtimes, start},
    ground::{Gate, of_kind, records, stop_and_verify},
    scenario,
};

/// The parts of what a client received that do not differ from run to run.
fn comparable(received: &Received) -> Vec<Value> {
    let mut parts = vec![json!([received.protocol, received.tools])];
    for call in &received.calls {
        let mut result = call.result.clone();
        // server-everything tells how long it took.
        if let Some(text) = result
            .as_mut()
            .and_then(|r| r.pointer_mut("/content/0/text"))
            && text.as_str().is_some_and(|t| t.contains("Duration"))
        {
            *text = Value::Null;
        }
        parts.push(json!([call.tool, result, call.error, call.progress]));
    }
    parts
}

fn each_client_at(test: &str, server: Server) -> anyhow::Result<()> {
    if lacks_runtimes(test) {
        return Ok(());
    }
    let scratch = Scratch::new(test)?;
    let (_process, direct) = start(&scratch, server)?;
    let mut gate = Gate::before(&scratch, &direct)?;
    for client in Client::ALL {
        let before = scenario::list_call_progress(&scratch, &direct, client)?;
        let after = scenario::list_call_progress(&scratch, &gate.endpoint, client)?;
        let (before, after) = (comparable(&before), comparable(&after));
        ensure!(
            before == after,
            "{client:?} at {server:?}: direct {before:?}, through {after:?}"
        );
    }
    let audit = gate.config.audit_dir();
    stop_and_verify(&scratch, &mut gate.process, &audit)?;
    let records = records(&scratch, &audit)?;
    let calls = of_kind(&records, "mcp.call");
    let tools = calls
        .iter()
        .filter(|r| r["action"]["method"] == "tools/call");
    ensure!(tools.count() >= Client::ALL.len(), "a record for each call");
    ensure!(
        calls.len() == of_kind(&records, "mcp.result").len(),
        "a result for each call"
    );
    Ok(())
}

#[test]
fn every_client_at_rust_server() -> anyhow::Result<()> {
    each_client_at("every_client_at_rust_server", Server::Rust)
}

#[test]
fn every_client_at_rust_json_server() -> anyhow::Result<()> {
    each_client_at("every_client_at_rust_json_server", Server::RustJson)
}

#[test]
fn every_client_at_server_everything() -> anyhow::Result<()> {
    each_client_at("every_client_at_server_everything", Server::Everything)
}

#[test]
fn every_client_at_typescript_1_server() -> anyhow::Result<()> {
    each_client_at("every_client_at_typescript_1_server", Server::TypeScript1)
}

#[test]
fn every_client_at_typescript_2_server() -> anyhow::Result<()> {
    each_client_at("every_client_at_typescript_2_server", Server::TypeScript2)
}

#[test]
fn every_client_at_python_server() -> anyhow::Result<()> {
    each_client_at("every_client_at_python_server", Server::Python2)
}

/// 1,000 calls without a card: heads and bodies have the hashes of the direct ones.
#[test]
fn a_thousand_clean_calls_are_byte_identical() -> anyhow::Result<()> {
    for server in [Server::Rust, Server::RustJson] {
        let scratch = Scratch::new("identical")?;
        let (_process, direct) = start(&scratch, server)?;
        let gate = Gate::before(&scratch, &direct)?;
        let before = scenario::wire_hashes(direct.address, 1000)?;
        let after = scenario::wire_hashes(gate.endpoint.address, 1000)?;
        ensure!(before.len() == 1000, "all were made");
        let differing = before.iter().zip(&after).position(|(a, b)| a != b);
        ensure!(
            differing.is_none(),
            "{server:?}: call {differing:?} differs"
        );
    }
    Ok(())
}

/// A card in a result arrives masked, a forbidden tool is a tool error, in the eyes of
/// every SDK; the client's output has no card.
#[test]
fn every_client_gets_masked_cards_and_refusals() -> anyhow::Result<()> {
    const TEST: &str = "every_client_gets_masked_cards_and_refusals";
    if lacks_runtimes(TEST) {
        return Ok(());
    }
    for server in [
        Server::Rust,
        Server::RustJson,
        Server::TypeScript1,
        Server::TypeScript2,
        Server::Python2,
    ] {
        let scratch = Scratch::new(TEST)?;
        let (process, direct) = start(&scratch, server)?;
        let gate = Gate::before(&scratch, &direct)?;
        let plan = Plan::default()
            .call("lookup_customer", json!({"customer_id": "1001"}))
            .call("delete_customer", json!({"customer_id": "1001"}))
            .call("echo", json!({"text": format!("charge {CARD} now")}));
        for client in Client::ALL {
            let pair = format!("{client:?} at {server:?}");
            let received = gate.endpoint.run(&scratch, client, &plan)?;
            let [lookup, delete, echo] = received.calls.as_slice() else {
                anyhow::bail!("{pair}: {} calls", received.calls.len());
            };
            ensure!(lookup.text()?.contains(MASKED), "{pair}: {lookup:?}");
            let card = lookup
                .result
                .as_ref()
                .and_then(|r| r.pointer("/structuredContent/card"));
            ensure!(card == Some(&Value::from(MASKED)), "{pair}: {lookup:?}");
            ensure!(
                delete.is_tool_error() && delete.text()?.contains("Denied by policy"),
                "{pair}: {delete:?}"
            );
            ensure!(
                echo.text()? == format!("charge {MASKED} now"),
                "{pair}: {echo:?}"
            );
        }
        let hits = search_tree(scratch.path(), &[CARD])?;
        ensure!(hits.is_empty(), "{server:?}: the card is in {hits:?}");
        if let Some(log) = process.log {
            let log = std::fs::read_to_string(log)?;
            ensure!(log.contains(MASKED), "{server:?}: the masked argument came");
            ensure!(
                !log.contains("delete_customer"),
                "{server:?}: it got the call"
            );
        }
    }
    Ok(())
}

/// A card that comes digit group by digit group over the events of one stream is masked
/// in all of them, in the eyes of every SDK.
#[test]
fn a_card_over_several_events_is_masked() -> anyhow::Result<()> {
    const TEST: &str = "a_card_over_several_events_is_masked";
    if lacks_runtimes(TEST) {
        return Ok(());
    }
    let scratch = Scratch::new(TEST)?;
    let (_process, direct) = start(&scratch, Server::Rust)?;
    let mut gate = Gate::before(&scratch, &direct)?;
    // By number: an SDK may hand over notifications that came together in any order.
    let said = |received: &Received| -> String {
        let steps = received.calls.iter().flat_map(|call| &call.progress);
        let mut steps: Vec<_> = steps.collect();
        steps.sort_by_key(|step| step["progress"].as_f64().map(f64::to_bits));
        steps
            .iter()
            .filter_map(|step| step["message"].as_str())
            .collect()
    };
    for n in [2, 4, 8] {
        let plan = Plan::default().call(
            "stream",
            json!({"n": n, "delay_ms": 1, "with_card": true, "in_pieces": true}),
        );
        for client in Client::ALL {
            let before = said(&direct.run(&scratch, client, &plan)?);
            let after = said(&gate.endpoint.run(&scratch, client, &plan)?);
            ensure!(before == CARD, "{client:?}, {n}: direct {before}");
            ensure!(after == MASKED, "{client:?}, {n}: through {after}");
        }
    }
    let audit = gate.config.audit_dir();
    stop_and_verify(&scratch, &mut gate.process, &audit)?;
    let masks = of_kind(&records(&scratch, &audit)?, "mask").len();
    ensure!(masks == 3 * Client::ALL.len(), "{masks} masks recorded");
    Ok(())
}

#[test]
fn large_results_are_the_same_through() -> anyhow::Result<()> {
    const TEST: &str = "large_results_are_the_same_through";
    if lacks_runtimes(TEST) {
        return Ok(());
    }
    for (server, kib) in [(Server::RustJson, 4096), (Server::Rust, 768)] {
        let scratch = Scratch::new(TEST)?;
        let (_process, direct) = start(&scratch, server)?;
        let gate = Gate::before(&scratch, &direct)?;
        for client in Client::ALL {
            // Python 2.x takes SSE events up to 1 MiB.
            scenario::large_result(&scratch, &gate.endpoint, client, kib)?;
        }
    }
    Ok(())
}

/// [`CARD`] as it may be shown.
pub(crate) const MASKED: &str = "411111******1111";
