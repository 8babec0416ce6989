//! How long the engine holds the bytes of an event stream back.
//!
//! One session answers with events, each handed over as the server would send it (one
//! chunk an event); measured is the time from there until its last byte is given out.
//! The log is in memory and the call is on disk before the stream begins, so what is
//! measured is the hold alone: framing, scanning and the wait for what may follow.
//! Events that end in seven and more digits wait for the next event by design; the
//! second row shows how long with events one after the other.

use std::time::Instant;

use audit::{Bounds, Committer, MemoryStore, Recorder, Time};
use bytes::Bytes;
use engine::{Env, Flow, Input, Limits, Mode, Now, Observer, Output, Profile, Session};
use gateway_common::Reason;
use policy::{AuthnMethod, PolicySet, Principal, PrincipalKind};

const EVENTS: usize = 200_000;

struct Quiet;

impl Observer for Quiet {
    fn decided(&self, _: audit::Verdict, _: Reason) {}
    fn found(&self, _: &str, _: bool) {}
    fn ended(&self, _: Reason, _: u64, _: u64, _: u64) {}
}

struct Rig {
    session: Session,
    profile: Profile,
    policies: PolicySet,
    scanner: panscan::Scanner,
    recorder: Recorder,
    committer: Committer,
    store: MemoryStore,
    /// Bytes given out to the client.
    left: u64,
    begun: Instant,
}

impl Rig {
    fn new() -> Rig {
        let (recorder, committer) = audit::channel(Bounds::default());
        let flow = Flow {
            number: 1,
            client: ([127, 0, 0, 1], 40_000).into(),
            destination: ([127, 0, 0, 1], 8080).into(),
            transport: "tcp",
            process: None,
        };
        let text = "permit(principal, action, resource);".to_owned();
        Rig {
            session: Session::new(flow, Now::default()),
            profile: Profile {
                server: "crm".into(),
                mode: Mode::Enforce,
                accepts_bearer: true,
                authorization: engine::Authorization::StripEvidence,
                credential: None,
                mcp_paths: Vec::new(),
                challenge: None,
                resource_metadata: None,
                record_bodies: false,
                hide_tails: false,
                limits: Limits::default(),
            },
            policies: PolicySet::load(&[("all.cedar".to_owned(), text)]).expect("valid policies"),
            scanner: panscan::Scanner::new(panscan::Settings::default()),
            recorder,
            committer,
            store: MemoryStore::default(),
            left: 0,
            begun: Instant::now(),
        }
    }

    fn give(&mut self, input: Input) {
        let ns = self.begun.elapsed().as_nanos() as u64 + 1;
        let env = Env {
            now: Now {
                wall_ns: ns,
                mono_ns: ns,
            },
            profile: &self.profile,
            policies: &self.policies,
            scanner: &self.scanner,
            recorder: &self.recorder,
            observer: &Quiet,
            suppressions: &engine::Suppressions::default(),
        };
        self.session.handle(input, &env);
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Authenticate(_) => {
                    let who = Ok(std::sync::Arc::new(alice()));
                    self.session.handle(Input::Identity(who), &env);
                }
                Output::Downstream(bytes) => self.left += bytes.into_bytes().len() as u64,
                Output::Close { reason, .. } => panic!("closed: {reason:?}"),
                Output::Upstream(_) | Output::Connect | Output::CloseUpstream => {}
            }
        }
    }

    fn begin(&mut self) {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ask","arguments":{}}}"#;
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.give(Input::Downstream(request.into()));
        let now = Time {
            wall_ns: 1,
            mono_ns: 1,
        };
        self.committer
            .commit(&mut self.store, now)
            .expect("memory takes everything");
        self.give(Input::AuditMoved);
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        self.give(Input::Upstream(Bytes::from_static(head.as_bytes())));
    }
}

fn alice() -> Principal {
    Principal {
        kind: PrincipalKind::User,
        id: "https://idp.example|alice".into(),
        issuer: None,
        method: AuthnMethod::Oidc,
        groups: Vec::new(),
        token_id: None,
        key_id: None,
        process: None,
    }
}

fn event(text: &str) -> Bytes {
    let event = format!(
        "event: message\ndata: {{\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{{\"level\":\"info\",\"data\":\"{text}\"}}}}\n\n"
    );
    format!("{:x}\r\n{event}\r\n", event.len()).into()
}

/// Holds of each event in nanoseconds, sorted.
fn holds(texts: &[&str]) -> Vec<u64> {
    let mut rig = Rig::new();
    rig.begin();
    let events: Vec<Bytes> = texts.iter().map(|text| event(text)).collect();
    let (mut sent, mut waiting) = (rig.left, std::collections::VecDeque::new());
    let mut holds = Vec::with_capacity(EVENTS);
    for event in events.iter().cycle().take(EVENTS) {
        sent += event.len() as u64;
        waiting.push_back((sent, Instant::now()));
        rig.give(Input::Upstream(event.clone()));
        // The two bytes that end a chunk are no part of the event.
        while let Some((_, at)) = waiting.pop_front_if(|(end, _)| *end <= rig.left + 2) {
            holds.push(at.elapsed().as_nanos() as u64);
        }
    }
    assert!(holds.len() + 2 > EVENTS, "{} events left", holds.len());
    holds.sort_unstable();
    holds
}

fn main() {
    let rows: [(&str, &[&str]); 3] = [
        (
            "no event ends in 7 and more digits",
            &[
                "a word",
                "order 4711",
                "it costs 12.50",
                "and so on, and so forth",
            ],
        ),
        (
            "every second one does",
            &["order 4711001", " is on its way"],
        ),
        (
            "long texts",
            &[&"twelve words and a number, 1234. ".repeat(120)],
        ),
    ];
    println!(
        "{:<38} {:>9} {:>9} {:>9} {:>9}",
        "events", "p50 us", "p99 us", "p99.9 us", "max us"
    );
    for (name, texts) in rows {
        let holds = holds(texts);
        let at = |share: f64| {
            let index = (holds.len() as f64 * share) as usize;
            holds[index.min(holds.len() - 1)] as f64 / 1000.0
        };
        println!(
            "{name:<38} {:>9.2} {:>9.2} {:>9.2} {:>9.1}",
            at(0.5),
            at(0.99),
            at(0.999),
            at(1.0)
        );
    }
}
