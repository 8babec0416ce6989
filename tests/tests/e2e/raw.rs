//! What may not reach a server, on the wire: the server here takes down every byte.

use std::{
    io::Read,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, ensure};
use gateway_tests::{Capture, Scratch, Server};
use serde_json::json;

use crate::{
    ground::{Gate, of_kind, records, stop_and_verify},
    scenario::Endpoint,
};

/// A listener that answers nothing and keeps what it gets.
struct Sink {
    address: SocketAddr,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Sink {
    fn start() -> anyhow::Result<Self> {
        let address = crate::ground::loopback();
        let listener = TcpListener::bind(address)?;
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = received.clone();
        // It ends with the test process.
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let kept = kept.clone();
                std::thread::spawn(move || {
                    let mut chunk = [0; 4096];
                    while let Ok(count @ 1..) = stream.read(&mut chunk) {
                        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                        kept.extend_from_slice(chunk.get(..count).unwrap_or_default());
                    }
                });
            }
        });
        Ok(Self { address, received })
    }

    fn received(&self) -> String {
        let kept = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}

fn post(headers: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

fn sized(body: &str) -> Vec<u8> {
    post(&format!("content-length: {}\r\n", body.len()), body)
}

/// Bytes of a client, and the reasons of which the record must give one.
fn hostile() -> Vec<(&'static str, Vec<u8>, &'static [&'static str])> {
    let delete = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "delete_customer", "arguments": {"customer_id": "1001"}},
    })
    .to_string();
    let echo = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}"#;
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","name":"delete_customer"}}"#;
    let batch = format!("[{echo},{delete}]");
    vec![
        ("a forbidden tool", sized(&delete), &["policy_forbid"]),
        (
            "one forbidden tool in a batch",
            sized(&batch),
            &["policy_forbid"],
        ),
        (
            "a method that nothing permits",
            sized(r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:b"}}"#),
            &["policy_default_deny"],
        ),
        (
            "no HTTP",
            b"\x16\x03\x01 hello\r\n\r\n".to_vec(),
            &["http_malformed"],
        ),
        ("no JSON", sized("{\"jsonrpc\":"), &["json_malformed"]),
        ("no JSON-RPC", sized("{\"a\":1}"), &["jsonrpc_invalid"]),
        ("a key twice", sized(twice), &["json_duplicate_key"]),
        (
            "two lengths",
            post("content-length: 5\r\ncontent-length: 71\r\n", echo),
            &["http_framing"],
        ),
        (
            "length and chunks",
            post(
                "content-length: 71\r\ntransfer-encoding: chunked\r\n",
                &format!("{:x}\r\n{echo}\r\n0\r\n\r\n", echo.len()),
            ),
            &["http_framing"],
        ),
        (
            "a broken chunk",
            post("transfer-encoding: chunked\r\n", "zz\r\n{}\r\n0\r\n\r\n"),
            &["http_framing", "http_malformed"],
        ),
        (
            "a body over the bound",
            post("content-length: 99999999\r\n", "{"),
            &["body_too_large"],
        ),
    ]
}

#[test]
fn denied_and_malformed_requests_never_reach_the_server() -> anyhow::Result<()> {
    let scratch = Scratch::new("raw")?;
    let sink = Sink::start()?;
    let server = Endpoint {
        address: sink.address,
        server: Server::Rust,
        token: None,
    };
    let mut gate = Gate::before(&scratch, &server)?;
    let cases = hostile();
    for (what, bytes, _) in &cases {
        let mut capture = Capture::connect(gate.endpoint.address)?;
        // Refused at the head already, it may be closed while the rest is sent.
        let _ = capture.send(bytes);
        let answer = capture.answer().with_context(|| (*what).to_owned())?;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(
            answer.status >= 400 || body.contains("Denied by policy"),
            "{what}: {} {body}",
            answer.status
        );
    }
    // A head that never ends is nobody's request.
    let mut capture = Capture::connect(gate.endpoint.address)?;
    capture.send(b"POST /mcp HTTP/1.1\r\nhost: shop\r\n")?;
    std::thread::sleep(Duration::from_millis(100));
    drop(capture);

    let audit = gate.config.audit_dir();
    stop_and_verify(&scratch, &mut gate.process, &audit)?;
    ensure!(
        sink.received().is_empty(),
        "the server got {:?}",
        sink.received()
    );
    let records = records(&scratch, &audit)?;
    let mut refused: Vec<&str> = of_kind(&records, "refused")
        .into_iter()
        .chain(of_kind(&records, "mcp.call"))
        .filter(|r| r["decision"]["verdict"] == "deny")
        .filter_map(|r| r["decision"]["reason_name"].as_str())
        .collect();
    for (what, _, reasons) in &cases {
        let at = refused.iter().position(|reason| reasons.contains(reason));
        let Some(at) = at else {
            anyhow::bail!("{what}: no record of {reasons:?}; left are {refused:?}");
        };
        refused.remove(at);
    }
    Ok(())
}
