//! The baseline: every client at every server, with nothing between.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use gateway_tests::{
    CARD, Client, Scratch, Server, ServerProcess,
    ports::free_port,
    runtimes::{PythonSdk, node, python},
    search_tree,
    skip::{Promise, skip},
};
use serde_json::Value;

use crate::scenario::{self, Endpoint};

pub(crate) fn start(
    scratch: &Scratch,
    server: Server,
) -> anyhow::Result<(ServerProcess, Endpoint)> {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let process = server.start(scratch, address, &[])?;
    Ok((
        process,
        Endpoint {
            address,
            server,
            token: None,
        },
    ))
}

/// Notes a skip and gives true if node or Python are not installed.
pub(crate) fn lacks_runtimes(test: &str) -> bool {
    let found = node()
        .and_then(|_| python(PythonSdk::V1))
        .and_then(|_| python(PythonSdk::V2));
    match found {
        Ok(_) => false,
        Err(error) => {
            skip(Promise::Clients, test, &error.to_string());
            true
        }
    }
}

#[test]
fn rust_client_at_rust_server() -> anyhow::Result<()> {
    let scratch = Scratch::new("rust-rust")?;
    for server in [Server::Rust, Server::RustJson] {
        let (_process, endpoint) = start(&scratch, server)?;
        scenario::list_call_progress(&scratch, &endpoint, Client::Rust)?;
        scenario::large_result(&scratch, &endpoint, Client::Rust, 512)?;
    }
    Ok(())
}

/// Without a gateway the card reaches every client and every client's output: what
/// the masking tests compare with, and that the search finds it.
#[test]
fn the_card_reaches_every_client() -> anyhow::Result<()> {
    const TEST: &str = "the_card_reaches_every_client";
    if lacks_runtimes(TEST) {
        return Ok(());
    }
    for server in [
        Server::Rust,
        Server::TypeScript1,
        Server::TypeScript2,
        Server::Python2,
    ] {
        let scratch = Scratch::new(TEST)?;
        let (process, endpoint) = start(&scratch, server)?;
        for client in Client::ALL {
            let (text, card) = scenario::card_received(&scratch, &endpoint, client)?;
            ensure!(text.contains(CARD), "{client:?}: {text}");
            ensure!(card == Value::from(CARD), "{client:?}: {card}");
        }
        let hits = search_tree(scratch.path(), &[CARD])?;
        ensure!(
            hits.len() == Client::ALL.len(),
            "a hit for each client: {hits:?}"
        );
        let log = std::fs::read_to_string(process.log.as_ref().context("it has a log")?)?;
        ensure!(
            log.contains("lookup_customer"),
            "the server logs what it received"
        );
    }
    Ok(())
}

#[test]
fn large_results_reach_every_client() -> anyhow::Result<()> {
    const TEST: &str = "large_results_reach_every_client";
    if lacks_runtimes(TEST) {
        return Ok(());
    }
    let scratch = Scratch::new(TEST)?;
    let (_json, json) = start(&scratch, Server::RustJson)?;
    let (_sse, sse) = start(&scratch, Server::Rust)?;
    for client in Client::ALL {
        scenario::large_result(&scratch, &json, client, 4096)?;
        // Python 2.x takes SSE events up to 1 MiB.
        scenario::large_result(&scratch, &sse, client, 768)?;
    }
    Ok(())
}

/// The same calls give the same bytes: what a comparison with the gateway rests on.
#[test]
fn clean_answers_are_the_same_bytes_each_time() -> anyhow::Result<()> {
    let scratch = Scratch::new("hashes")?;
    for server in [Server::Rust, Server::RustJson] {
        let (_process, endpoint) = start(&scratch, server)?;
        let first = scenario::wire_hashes(endpoint.address, 100)?;
        let again = scenario::wire_hashes(endpoint.address, 100)?;
        ensure!(
            first.len() == 100 && first == again,
            "{server:?}: answers differ"
        );
        let distinct: std::collections::HashSet<_> = first.iter().collect();
        ensure!(
            distinct.len() == 100,
            "{server:?}: each call has its own answer"
        );
    }
    Ok(())
}

/// The addresses in the client's and the server's view are one connection's.
#[test]
fn both_ends_name_the_same_connection() -> anyhow::Result<()> {
    let scratch = Scratch::new("ends")?;
    let (process, endpoint) = start(&scratch, Server::Rust)?;
    let plan =
        gateway_tests::Plan::default().call("stream", serde_json::json!({"n": 3, "delay_ms": 20}));
    let received = Client::Rust.run(&scratch, &endpoint.url(), None, &plan)?;
    let last: Value = serde_json::from_str(received.printed.lines().last().context("a line")?)?;
    let log = std::fs::read_to_string(process.log.as_ref().context("it has a log")?)?;
    let call: Value = serde_json::from_str(log.lines().last().context("a call")?)?;
    let sockets = last["sockets"].as_array().context("sockets")?;
    ensure!(
        sockets
            .iter()
            .any(|socket| { socket["local"] == call["peer"] && socket["peer"] == call["local"] }),
        "client {sockets:?}, server {call}"
    );
    Ok(())
}
