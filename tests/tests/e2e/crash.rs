//! `kill -9` of the gateway under load, and what is left: root only.

use std::{
    collections::{HashMap, HashSet},
    net::{SocketAddr, TcpStream},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::ensure;
use gateway::app::HEARTBEAT_MAX;
use gateway_tests::{CARD, Capture, Client, GatewayConfig, Plan, Scratch, Server};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{
    ground::{Dev, POLICY, of_kind, records, stop_and_verify},
    place::{BpfFs, Host, borrowed, lacks_root},
};

const PORT: u16 = 18_080;

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], PORT))
}

fn config(scratch: &Scratch, redirect: &str, dev: &Dev) -> GatewayConfig {
    GatewayConfig::new(scratch)
        .policy("all.cedar", POLICY)
        .extra(&dev.config())
        .tables(redirect)
        .tables(&format!(
            "[[server]]\nname = \"shop\"\ninbound = [\"0.0.0.0:{PORT}\"]\n\
             evidence = [\"oidc\", \"process\"]\n"
        ))
}

/// Calls in a loop until the gateway is gone; gives the ids whose answers came whole.
fn call_until_cut(host: &Host, token: &str, thread: usize, seen: &Seen) -> Vec<String> {
    let mut acknowledged = Vec::new();
    let work = || {
        let mut capture = Capture::connect(address()).map_err(std::io::Error::other)?;
        let bearer = format!("Bearer {token}");
        for number in 0.. {
            let id = format!("load-{thread}-{number}");
            let customer = if number % 2 == 0 { "1001" } else { "1002" };
            let call = json!({
                "jsonrpc": "2.0", "id": id, "method": "tools/call",
                "params": {"name": "lookup_customer", "arguments": {"customer_id": customer}},
            });
            let headers = [
                ("authorization", bearer.as_str()),
                ("mcp-protocol-version", "2025-11-25"),
            ];
            let Ok(answer) = capture.post("/mcp", &headers, &call.to_string()) else {
                break;
            };
            if answer.status != 200 {
                seen.wrong(format!("{id}: status {}", answer.status));
                break;
            }
            acknowledged.push(id);
            seen.answers.store(true, Ordering::Relaxed);
        }
        Ok(())
    };
    if let Err(error) = host.space.run(work) {
        seen.wrong(error.to_string());
    }
    acknowledged
}

/// What the load saw.
#[derive(Default)]
struct Seen {
    answers: AtomicBool,
    wrong: Mutex<Vec<String>>,
}

impl Seen {
    fn wrong(&self, what: String) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.push(what);
    }
}

/// Kills the gateway while four connections call; gives what was acknowledged.
fn kill_under_load(
    host: &Host,
    token: &str,
    gateway: &mut gateway_tests::Process,
) -> anyhow::Result<Vec<String>> {
    let seen = Seen::default();
    let acknowledged: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let seen = &seen;
                scope.spawn(move || call_until_cut(host, token, thread, seen))
            })
            .collect();
        let until = Instant::now() + Duration::from_secs(10);
        while !seen.answers.load(Ordering::Relaxed) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(700));
        gateway.kill();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_default())
            .collect()
    });
    let wrong = seen.wrong.into_inner().unwrap_or_default();
    ensure!(wrong.is_empty(), "the load went wrong: {wrong:?}");
    ensure!(
        acknowledged.len() > 20,
        "only {} calls before the crash",
        acknowledged.len()
    );
    Ok(acknowledged)
}

/// Every acknowledged call has its `mcp.call` and its `mcp.result`.
fn nothing_is_missing(records: &[Value], acknowledged: &[String]) -> anyhow::Result<()> {
    // Numbers of connections begin anew with each start: the last call of a number counts.
    let mut open: HashMap<(u64, u64), String> = HashMap::new();
    let mut complete: HashSet<String> = HashSet::new();
    for record in records {
        let key = (
            record["flow"].as_u64().unwrap_or(0),
            record["call"].as_u64().unwrap_or(0),
        );
        match record["kind"].as_str() {
            Some("mcp.call") => {
                let id = record["action"]["rpc_id"].as_str().unwrap_or_default();
                open.insert(key, id.trim_matches('"').to_owned());
            }
            Some("mcp.result") => complete.extend(open.remove(&key)),
            _ => {}
        }
    }
    let missing: Vec<&String> = acknowledged
        .iter()
        .filter(|id| !complete.contains(*id))
        .collect();
    ensure!(
        missing.is_empty(),
        "acknowledged and not recorded: {missing:?} of {}",
        acknowledged.len()
    );
    Ok(())
}

#[test]
fn a_killed_gateway_leaves_a_closed_host_closed_and_loses_no_record() -> anyhow::Result<()> {
    const TEST: &str = "a_killed_gateway_leaves_a_closed_host_closed_and_loses_no_record";
    if lacks_root(TEST) {
        return Ok(());
    }
    let scratch = Scratch::new("crash-closed")?;
    let pins = BpfFs::mount(&scratch)?;
    let host = Host::new(&scratch)?;
    let wrap = host.wrap();
    let wrap = borrowed(&wrap);
    let dev = Dev::init(&scratch, "dev")?;
    let token = dev.token(&scratch)?;
    let server = Server::RustJson.start(&scratch, address(), &wrap)?;
    let redirect = host.redirect("closed", Some(&pins.pin_dir()));
    let config = config(&scratch, &redirect, &dev);
    let mut gateway = config.start(&scratch, &wrap)?;
    let acknowledged = kill_under_load(&host, &token, &mut gateway)?;

    let (refused, took) = host.space.run(|| {
        let started = Instant::now();
        let connected = TcpStream::connect(address());
        Ok((connected.is_err(), started.elapsed()))
    })?;
    ensure!(refused, "a closed host lets nobody through");
    ensure!(took < Duration::from_millis(10), "refused after {took:?}");

    let mut gateway = config.start(&scratch, &wrap)?;
    let plan = Plan::default().call("echo", json!({"text": "again"}));
    let received = Client::Rust
        .run_wrapped(&scratch, &wrap, &server.url(), None, &plan)?
        .map_err(|refused| anyhow::anyhow!("after the restart: {}", refused.message))?;
    ensure!(received.calls.len() == 1 && received.calls[0].text()? == "again");
    let audit = config.audit_dir();
    stop_and_verify(&scratch, &mut gateway, &audit)?;
    nothing_is_missing(&records(&scratch, &audit)?, &acknowledged)
}

#[test]
fn a_killed_gateway_leaves_an_open_host_open() -> anyhow::Result<()> {
    const TEST: &str = "a_killed_gateway_leaves_an_open_host_open";
    if lacks_root(TEST) {
        return Ok(());
    }
    let scratch = Scratch::new("crash-open")?;
    let host = Host::new(&scratch)?;
    let wrap = host.wrap();
    let wrap = borrowed(&wrap);
    let dev = Dev::init(&scratch, "dev")?;
    let token = dev.token(&scratch)?;
    let server = Server::RustJson.start(&scratch, address(), &wrap)?;
    let config = config(&scratch, &host.redirect("open", None), &dev);
    let mut gateway = config.start(&scratch, &wrap)?;
    let acknowledged = kill_under_load(&host, &token, &mut gateway)?;

    let plan = Plan::default().call("lookup_customer", json!({"customer_id": "1001"}));
    let received = Client::Rust
        .run_wrapped(&scratch, &wrap, &server.url(), None, &plan)?
        .map_err(|refused| anyhow::anyhow!("after the crash: {}", refused.message))?;
    ensure!(
        received.calls.len() == 1 && received.calls[0].text()?.contains(CARD),
        "it reached the server, uninspected"
    );
    let mut gateway = config.start(&scratch, &wrap)?;
    let audit = config.audit_dir();
    stop_and_verify(&scratch, &mut gateway, &audit)?;
    let records = records(&scratch, &audit)?;
    ensure!(
        of_kind(&records, "gateway.start").len() == 2,
        "both starts are recorded"
    );
    nothing_is_missing(&records, &acknowledged)
}

/// A gateway that hangs (SIGSTOP) keeps its sockets: only its heartbeat tells. New
/// connections follow the fail mode, and the gateway once it goes on.
#[test]
fn a_hung_gateway_is_refused_when_closed_and_bypassed_when_open() -> anyhow::Result<()> {
    const TEST: &str = "a_hung_gateway_is_refused_when_closed_and_bypassed_when_open";
    if lacks_root(TEST) {
        return Ok(());
    }
    for fail in ["closed", "open"] {
        let scratch = Scratch::new(&format!("hung-{fail}"))?;
        let pins = BpfFs::mount(&scratch)?;
        let host = Host::new(&scratch)?;
        let wrap = host.wrap();
        let wrap = borrowed(&wrap);
        let dev = Dev::init(&scratch, "dev")?;
        let token = dev.token(&scratch)?;
        let answer = || answer(&host, &token);
        let _server = Server::RustJson.start(&scratch, address(), &wrap)?;
        let config = config(&scratch, &host.redirect(fail, Some(&pins.pin_dir())), &dev);
        let gateway = config.start(&scratch, &wrap)?;
        ensure!(!answer()?.contains(CARD), "{fail}: inspected");
        gateway.signal(Signal::STOP);
        let stopped = Instant::now();
        let seen = loop {
            if stopped.elapsed() > HEARTBEAT_MAX + Duration::from_millis(200) {
                break answer();
            }
            // Until the last beat, half a second old at the stop, is too old, the hung
            // gateway gets connections: the kernel completes them and nobody answers.
            let taken = host.space.run(|| TcpStream::connect(address())).is_ok();
            ensure!(
                taken || stopped.elapsed() > HEARTBEAT_MAX - Duration::from_secs(1),
                "{fail}: refused after {:?}, before the limit",
                stopped.elapsed()
            );
            std::thread::sleep(Duration::from_millis(100));
        };
        match fail {
            "open" => ensure!(seen?.contains(CARD), "open: it reached the server"),
            _ => {
                let (error, took) = host.space.run(|| {
                    let started = Instant::now();
                    let error = TcpStream::connect(address()).err().map(|e| e.kind());
                    Ok((error, started.elapsed()))
                })?;
                ensure!(
                    error == Some(std::io::ErrorKind::ConnectionRefused),
                    "closed: {error:?}"
                );
                ensure!(took < Duration::from_millis(10), "refused after {took:?}");
                ensure!(seen.is_err(), "closed: it was answered");
            }
        }
        gateway.signal(Signal::CONT);
        let until = Instant::now() + Duration::from_secs(2);
        let again = loop {
            match answer() {
                Ok(text) if !text.contains(CARD) => break true,
                _ if Instant::now() > until => break false,
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        ensure!(again, "{fail}: the gateway goes on");
    }
    Ok(())
}

/// What is answered to one lookup of a customer with a card.
fn answer(host: &Host, token: &str) -> anyhow::Result<String> {
    let bearer = format!("Bearer {token}");
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "lookup_customer", "arguments": {"customer_id": "1001"}},
    });
    let answer = host.space.run(|| {
        let asked = Capture::connect(address()).and_then(|mut capture| {
            let headers = [
                ("authorization", bearer.as_str()),
                ("mcp-protocol-version", "2025-11-25"),
            ];
            capture.post("/mcp", &headers, &call.to_string())
        });
        asked.map_err(std::io::Error::other)
    })?;
    ensure!(answer.status == 200, "status {}", answer.status);
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}
