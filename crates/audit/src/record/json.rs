//! Record to JSON, for people and pipes. The signed thing is the CBOR.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{
    Action, DecisionFacts, Direction, FindingFacts, Origin, Outcome, Process, Record, ResultFacts,
    Who, WhoKind,
};
use crate::masked::Masked;

impl Record {
    /// One JSON object; absent fields are left out. A payload that is not UTF-8
    /// is given in base64 (`payload_base64`).
    pub fn to_json(&self) -> Value {
        let mut out = Map::new();
        put(&mut out, "kind", json!(self.kind.label()));
        put(&mut out, "kind_code", json!(self.kind.code()));
        put(&mut out, "time_unix_ns", json!(self.time_unix_ns));
        if self.flow != 0 {
            put(&mut out, "flow", json!(self.flow));
        }
        if self.call != 0 {
            put(&mut out, "call", json!(self.call));
        }
        text(&mut out, "session", &self.session);
        object(&mut out, "who", self.who.as_ref().map(who));
        object(&mut out, "origin", self.origin.as_ref().map(origin));
        object(&mut out, "action", self.action.as_ref().map(action));
        object(&mut out, "decision", self.decision.as_ref().map(decision));
        if !self.findings.is_empty() {
            put(
                &mut out,
                "findings",
                self.findings.iter().map(finding).collect(),
            );
        }
        object(&mut out, "result", self.result.as_ref().map(result));
        if let Some(payload) = &self.payload {
            match std::str::from_utf8(payload.as_bytes()) {
                Ok(text) => put(&mut out, "payload", json!(text)),
                Err(_) => put(
                    &mut out,
                    "payload_base64",
                    json!(STANDARD.encode(payload.as_bytes())),
                ),
            }
        }
        text(&mut out, "note", &self.note);
        Value::Object(out)
    }
}

fn put(out: &mut Map<String, Value>, key: &str, value: Value) {
    out.insert(key.to_owned(), value);
}

fn object(out: &mut Map<String, Value>, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        put(out, key, value);
    }
}

fn text(out: &mut Map<String, Value>, key: &str, value: &Option<Masked<String>>) {
    object(out, key, value.as_ref().map(|value| json!(value.as_str())));
}

fn who(who: &Who) -> Value {
    let mut out = Map::new();
    let kind = match who.kind {
        WhoKind::User => "user",
        WhoKind::Workload => "workload",
        WhoKind::Process => "process",
    };
    put(&mut out, "kind", json!(kind));
    put(&mut out, "id", json!(who.id.as_str()));
    text(&mut out, "issuer", &who.issuer);
    put(&mut out, "method", json!(who.method));
    if !who.groups.is_empty() {
        put(
            &mut out,
            "groups",
            who.groups
                .iter()
                .map(|group| json!(group.as_str()))
                .collect(),
        );
    }
    text(&mut out, "token_id", &who.token_id);
    text(&mut out, "key_id", &who.key_id);
    object(&mut out, "process", who.process.as_ref().map(process));
    Value::Object(out)
}

fn process(process: &Process) -> Value {
    let mut out = Map::new();
    put(&mut out, "pid", json!(process.pid));
    put(&mut out, "uid", json!(process.uid));
    put(&mut out, "gid", json!(process.gid));
    put(&mut out, "cgroup_id", json!(process.cgroup_id));
    put(&mut out, "comm", json!(process.comm.as_str()));
    text(&mut out, "exe", &process.exe);
    text(&mut out, "unit", &process.unit);
    Value::Object(out)
}

fn origin(origin: &Origin) -> Value {
    let mut out = Map::new();
    put(&mut out, "client", json!(origin.client.to_string()));
    put(
        &mut out,
        "destination",
        json!(origin.destination.to_string()),
    );
    put(&mut out, "transport", json!(origin.transport));
    object(&mut out, "process", origin.process.as_ref().map(process));
    Value::Object(out)
}

fn action(action: &Action) -> Value {
    let mut out = Map::new();
    put(&mut out, "server", json!(action.server));
    put(&mut out, "method", json!(action.method.as_str()));
    text(&mut out, "target", &action.target);
    text(&mut out, "rpc_id", &action.rpc_id);
    text(&mut out, "protocol_version", &action.protocol_version);
    text(&mut out, "http_method", &action.http_method);
    Value::Object(out)
}

fn decision(decision: &DecisionFacts) -> Value {
    let digest: String = decision
        .policy_set
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    json!({
        "verdict": decision.verdict.label(),
        "reason": decision.reason,
        "reason_name": decision.reason_name,
        "policies": decision.policies,
        "policy_set_sha256": digest,
        "enforced": decision.enforced,
    })
}

fn finding(finding: &FindingFacts) -> Value {
    let direction = match finding.direction {
        Direction::Request => "request",
        Direction::Response => "response",
    };
    let mut out = Map::new();
    put(&mut out, "direction", json!(direction));
    put(&mut out, "offset", json!(finding.offset));
    put(&mut out, "kind", json!(finding.kind));
    put(&mut out, "brand", json!(finding.brand));
    put(&mut out, "confidence", json!(finding.confidence));
    put(&mut out, "shown", json!(finding.shown.as_str()));
    put(&mut out, "masked", json!(finding.masked));
    text(&mut out, "path", &finding.path);
    if finding.test_pan {
        put(&mut out, "test_pan", json!(true));
    }
    if let Some(id) = &finding.suppressed {
        put(&mut out, "suppressed", json!(id));
    }
    Value::Object(out)
}

fn result(result: &ResultFacts) -> Value {
    let mut out = Map::new();
    put(&mut out, "http_status", json!(result.http_status));
    put(&mut out, "outcome", json!(result.outcome.label()));
    if let Outcome::RpcError(code) = result.outcome {
        put(&mut out, "rpc_error_code", json!(code));
    }
    put(&mut out, "request_bytes", json!(result.request_bytes));
    put(&mut out, "response_bytes", json!(result.response_bytes));
    put(&mut out, "duration_ns", json!(result.duration_ns));
    put(&mut out, "events", json!(result.events));
    put(&mut out, "masked", json!(result.masked));
    put(&mut out, "reason", json!(result.reason));
    Value::Object(out)
}
