//! What a client must find at an endpoint, whatever stands between.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use gateway_tests::{Capture, Client, Plan, Received, Scratch, Server, sha256};
use serde_json::{Value, json};

/// An MCP endpoint, and which server answers behind it.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    pub(crate) server: Server,
    pub(crate) token: Option<String>,
}

impl Endpoint {
    pub(crate) fn url(&self) -> String {
        gateway_tests::server::url(self.address)
    }

    pub(crate) fn run(
        &self,
        scratch: &Scratch,
        client: Client,
        plan: &Plan,
    ) -> anyhow::Result<Received> {
        client.run(scratch, &self.url(), self.token.as_deref(), plan)
    }
}

/// Lists the tools, calls one, follows progress over SSE: what every SDK can do with
/// every server that has it. No card is involved.
/// Gives what the client received, for a comparison.
pub(crate) fn list_call_progress(
    scratch: &Scratch,
    endpoint: &Endpoint,
    client: Client,
) -> anyhow::Result<Received> {
    let pair = format!("{client:?} at {:?}", endpoint.server);
    let words = words(endpoint.server);
    let received = endpoint.run(scratch, client, &words.plan)?;
    for tool in words.tools {
        ensure!(
            received.tools.iter().any(|name| name == tool),
            "{pair}: {tool} is not listed"
        );
    }
    let [said, rest @ ..] = received.calls.as_slice() else {
        anyhow::bail!("{pair}: no call was made");
    };
    ensure!(
        said.text()? == words.said,
        "{pair}: said {:?}",
        said.text()?
    );
    if let [slow, ..] = rest {
        let steps: Vec<f64> = slow
            .progress
            .iter()
            .filter_map(|step| step["progress"].as_f64())
            .collect();
        ensure!(steps == [1.0, 2.0, 3.0], "{pair}: progress {steps:?}");
        ensure!(
            !slow.is_tool_error() && slow.text().is_ok(),
            "{pair}: no result after progress"
        );
    }
    Ok(received)
}

/// Looks up the customer whose card is on file; gives the card as the client got it, in
/// the text and in the structured content.
pub(crate) fn card_received(
    scratch: &Scratch,
    endpoint: &Endpoint,
    client: Client,
) -> anyhow::Result<(String, Value)> {
    let plan = Plan::default().call("lookup_customer", json!({"customer_id": "1001"}));
    let received = endpoint.run(scratch, client, &plan)?;
    let call = received.calls.first().context("no call was made")?;
    let structured = call
        .result
        .as_ref()
        .and_then(|result| result.get("structuredContent"));
    let card = structured.and_then(|record| record.get("card")).cloned();
    Ok((
        call.text()?.to_owned(),
        card.with_context(|| format!("no card in {call:?}"))?,
    ))
}

/// A result of `kib` KiB arrives whole.
pub(crate) fn large_result(
    scratch: &Scratch,
    endpoint: &Endpoint,
    client: Client,
    kib: usize,
) -> anyhow::Result<()> {
    let plan = Plan::default().call("big", json!({"kib": kib}));
    let received = endpoint.run(scratch, client, &plan)?;
    let text = received.calls.first().context("no call was made")?.text()?;
    ensure!(text.len() == kib * 1024, "{client:?}: {} bytes", text.len());
    let line = "the quick brown fox jumps over the lazy dog and the shop stays open all night; ";
    ensure!(
        text.as_bytes()
            .chunks(line.len())
            .all(|part| line.as_bytes().starts_with(part)),
        "{client:?}: another text"
    );
    Ok(())
}

/// The bodies of `count` clean calls over one connection, as received on the wire, and
/// the heads without their dates. Two runs against the same server are equal.
pub(crate) fn wire_hashes(address: SocketAddr, count: usize) -> anyhow::Result<Vec<String>> {
    let mut capture = Capture::connect(address)?;
    let initialize = json!({
        "jsonrpc": "2.0", "id": 0, "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "capture", "version": "1"},
        },
    });
    let hello = capture.post("/mcp", &[], &initialize.to_string())?;
    ensure!(hello.status == 200, "initialize: {}", hello.status);
    let mut headers = vec![("mcp-protocol-version", "2025-11-25")];
    let session = hello.header("mcp-session-id").map(str::to_owned);
    if let Some(session) = &session {
        headers.push(("mcp-session-id", session));
    }
    let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    ensure!(
        capture
            .post("/mcp", &headers, &initialized.to_string())?
            .status
            == 202,
        "no 202"
    );
    let mut hashes = Vec::with_capacity(count);
    for index in 0..count {
        let (tool, arguments) = match index % 4 {
            0 => (
                "echo",
                json!({"text": format!("call {index} \u{00e9} \"quoted\" 1e3")}),
            ),
            1 => ("lookup_customer", json!({"customer_id": "1002"})),
            2 => ("big", json!({"kib": index % 64})),
            _ => ("refund", json!({"customer_id": "1002", "amount": index})),
        };
        let request = json!({
            "jsonrpc": "2.0", "id": index + 1, "method": "tools/call",
            "params": {"name": tool, "arguments": arguments},
        });
        let answer = capture.post("/mcp", &headers, &request.to_string())?;
        ensure!(answer.status == 200, "call {index}: {}", answer.status);
        ensure!(!answer.body.is_empty(), "call {index}: empty body");
        let head = answer.head_without(&["date", "mcp-session-id"]);
        hashes.push(format!("{} {}", sha256(&head), sha256(&answer.body)));
    }
    Ok(hashes)
}

/// What a server's tools are called, and what they say.
struct Words {
    tools: &'static [&'static str],
    plan: Plan,
    said: &'static str,
}

fn words(server: Server) -> Words {
    let said = "hello \u{00fc}";
    let plan = Plan::default().call("echo", json!({"text": said}));
    match server {
        Server::Rust | Server::RustJson => Words {
            tools: &["echo", "lookup_customer", "delete_customer"],
            plan: plan.call("stream", json!({"n": 3})),
            said,
        },
        Server::Python2 => Words {
            tools: &["echo", "lookup_customer"],
            plan: plan.call("stream", json!({"n": 3})),
            said,
        },
        Server::TypeScript1 | Server::TypeScript2 => Words {
            tools: &["echo", "lookup_customer"],
            plan,
            said,
        },
        Server::Everything => Words {
            tools: &["echo", "get-sum", "trigger-long-running-operation"],
            plan: Plan::default().call("echo", json!({"message": said})).call(
                "trigger-long-running-operation",
                json!({"duration": 0.3, "steps": 3}),
            ),
            said: "Echo: hello \u{00fc}",
        },
    }
}
