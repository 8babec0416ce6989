//! What was seen, counted.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::calls::Call;

/// Different lines that are counted; what comes beyond is counted as one.
const LINES_MAX: usize = 10_000;

/// Calls and findings by server, tool and process name.
#[derive(Debug, Default)]
pub struct Summary {
    counts: BTreeMap<(String, String, String), (u64, u64)>,
    not_read: BTreeMap<SocketAddr, u64>,
    /// Calls.
    pub calls: u64,
    /// Card numbers.
    pub findings: u64,
}

impl Summary {
    /// Counts a call; `findings` of it apart, since they may come later.
    pub fn call(&mut self, call: &Call) {
        self.calls += 1;
        self.line(call).0 += 1;
    }

    /// Counts the findings of a call.
    pub fn findings(&mut self, call: &Call) {
        let found = call.findings.len() as u64;
        self.findings += found;
        self.line(call).1 += found;
    }

    /// Counts a connection that could not be read.
    pub fn not_read(&mut self, destination: SocketAddr) {
        if self.not_read.len() < LINES_MAX || self.not_read.contains_key(&destination) {
            *self.not_read.entry(destination).or_default() += 1;
        }
    }

    /// Servers with an MCP call, by name.
    pub fn servers(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.counts.keys().map(|key| key.0.as_str()).collect();
        names.dedup();
        names
    }

    fn line(&mut self, call: &Call) -> &mut (u64, u64) {
        // Not the pid: a client that is started for each call is one line.
        let caller = call.program().unwrap_or_else(|| call.caller());
        let mut key = (call.server.clone(), call.what(), caller);
        if self.counts.len() >= LINES_MAX && !self.counts.contains_key(&key) {
            key = (call.server.clone(), "(others)".into(), "(others)".into());
        }
        self.counts.entry(key).or_default()
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = format!(
            "\nSeen: {} calls, {} card numbers.\n",
            self.calls, self.findings
        );
        for ((server, what, caller), (calls, findings)) in &self.counts {
            out += &format!(
                "  {server:<26} {what:<22} {caller:<18} {calls:>6} calls {findings:>6} card numbers\n"
            );
        }
        for (address, connections) in &self.not_read {
            out += &format!(
                "  {address}: {connections} connections that are not HTTP, passed unread\n"
            );
        }
        out
    }

    /// The same as one JSON object.
    pub fn json(&self) -> Value {
        let lines: Vec<Value> = self
            .counts
            .iter()
            .map(|((server, what, caller), (calls, findings))| {
                json!({"server": server, "target": what, "process": caller, "calls": calls, "findings": findings})
            })
            .collect();
        let not_read: Vec<Value> = self
            .not_read
            .iter()
            .map(|(to, n)| json!({"destination": to.to_string(), "connections": n}))
            .collect();
        json!({"summary": {
            "calls": self.calls, "findings": self.findings, "lines": lines, "not_read": not_read,
        }})
    }
}
