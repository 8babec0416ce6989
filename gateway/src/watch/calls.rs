//! From records of the log to calls: one for each MCP request.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use audit::{Direction, FindingFacts, Kind, Process, Record};
use serde_json::{Value, json};

use crate::trail::show::{plain, time};

/// Calls without a result that are remembered; the oldest is forgotten first.
pub const OPEN_MAX: usize = 4096;

/// A call that takes longer is shown before its result is there.
pub const SHOW_AFTER_NS: u64 = 2_000_000_000;

/// First parts of MCP methods that a client sends as requests.
const MCP: &[&str] = &[
    "initialize",
    "server/",
    "tools/",
    "resources/",
    "prompts/",
    "completion/",
    "logging/",
    "tasks/",
];

/// One MCP call.
#[derive(Clone, Debug)]
pub struct Call {
    /// When it began, ns since 1970.
    pub time_unix_ns: u64,
    /// Client process, where it is on this host.
    pub process: Option<Process>,
    /// Client address.
    pub client: Option<SocketAddr>,
    /// Identity, as the gateway would establish it.
    pub identity: String,
    /// How it was established.
    pub evidence: String,
    /// Server, by name.
    pub server: String,
    /// Where the client connected to.
    pub destination: Option<SocketAddr>,
    /// MCP method.
    pub method: String,
    /// Tool, resource or prompt.
    pub target: Option<String>,
    /// Card numbers, both ways.
    pub findings: Vec<FindingFacts>,
    /// HTTP status and ns; `None` while it runs.
    pub ended: Option<(u16, u64)>,
}

/// What came out of a record.
#[derive(Debug)]
pub enum Seen {
    /// A call that ended.
    Ended(Call),
    /// A call that was shown as running has ended.
    EndedLate(Call),
    /// A connection that is not read, to this address.
    NotRead(SocketAddr),
    /// Records were lost, as the note says.
    Gap(String),
}

struct Open {
    call: Call,
    shown: bool,
}

/// Joins the records of each call.
#[derive(Default)]
pub struct Calls {
    open: HashMap<(u64, u64), Open>,
    order: VecDeque<(u64, u64)>,
}

impl Calls {
    /// Takes one record.
    pub fn take(&mut self, record: Record) -> Option<Seen> {
        let key = (record.flow, record.call);
        match record.kind {
            Kind::McpCall => {
                let call = begun(record)?;
                let open = Open { call, shown: false };
                if self.open.insert(key, open).is_none() {
                    self.order.push_back(key);
                }
                while self.order.len() > OPEN_MAX {
                    if let Some(oldest) = self.order.pop_front() {
                        self.open.remove(&oldest);
                    }
                }
                None
            }
            Kind::McpResult => {
                let Open { mut call, shown } = self.open.remove(&key)?;
                self.order.retain(|other| *other != key);
                call.findings.extend(record.findings);
                call.ended = record.result.map(|r| (r.http_status, r.duration_ns));
                Some(match shown {
                    true => Seen::EndedLate(call),
                    false => Seen::Ended(call),
                })
            }
            Kind::Refused => Some(Seen::NotRead(record.origin?.destination)),
            Kind::AuditGap => record.note.map(|note| Seen::Gap(note.as_str().to_owned())),
            _ => None,
        }
    }

    /// Calls that began before `now_ns` minus [`SHOW_AFTER_NS`] and still run;
    /// each only once.
    pub fn running(&mut self, now_ns: u64) -> Vec<Call> {
        let due = now_ns.saturating_sub(SHOW_AFTER_NS);
        let mut running = Vec::new();
        for key in &self.order {
            if let Some(open) = self.open.get_mut(key)
                && !open.shown
                && open.call.time_unix_ns <= due
            {
                open.shown = true;
                running.push(open.call.clone());
            }
        }
        running
    }
}

/// The call of an `mcp.call` record, when it is a request of the MCP.
fn begun(record: Record) -> Option<Call> {
    let action = record.action?;
    let method = action.method.as_str();
    if !MCP
        .iter()
        .any(|part| method == *part || (part.ends_with('/') && method.starts_with(part)))
    {
        return None;
    }
    let (client, destination, process) = match record.origin {
        Some(origin) => (
            Some(origin.client),
            Some(origin.destination),
            origin.process,
        ),
        None => (None, None, None),
    };
    let (identity, evidence, own) = match record.who {
        Some(who) => (who.id.as_str().to_owned(), who.method, who.process),
        None => ("unknown".to_owned(), String::new(), None),
    };
    Some(Call {
        time_unix_ns: record.time_unix_ns,
        process: process.or(own),
        client,
        identity,
        evidence,
        server: action.server,
        destination,
        method: method.to_owned(),
        target: action.target.map(|target| target.as_str().to_owned()),
        findings: record.findings,
        ended: None,
    })
}

impl Call {
    /// Name of the client's program. The kernel's own name is that of the thread
    /// that connected (`tokio-rt-worker`), so the executable's goes first.
    pub fn program(&self) -> Option<String> {
        let process = self.process.as_ref()?;
        let exe = process.exe.as_ref().map(|exe| exe.as_str());
        let file = exe.and_then(|exe| exe.rsplit('/').next());
        Some(plain(file.unwrap_or(process.comm.as_str())))
    }

    /// Process of the client, or its address.
    pub fn caller(&self) -> String {
        match (&self.process, self.client) {
            (Some(process), _) => {
                format!("{} {}", self.program().unwrap_or_default(), process.pid)
            }
            (None, Some(client)) => client.ip().to_canonical().to_string(),
            (None, None) => "unknown".to_owned(),
        }
    }

    /// The tool, resource or prompt, else the method.
    pub fn what(&self) -> String {
        plain(self.target.as_deref().unwrap_or(&self.method))
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let server = match self.destination {
            Some(to) => format!("{}:{}", self.server, to.port()),
            None => self.server.clone(),
        };
        let clock = time(self.time_unix_ns);
        let clock = clock.get(11..19).unwrap_or(&clock);
        let mut line = format!(
            "{clock}  {:<22} {:<28} {:<26} {:<22}",
            self.caller(),
            plain(&self.identity),
            plain(&server),
            self.what(),
        );
        match self.findings.len() {
            0 => line += " no card number",
            n => line += &format!(" {n} found:"),
        }
        let mut shown: Vec<String> = Vec::new();
        for finding in &self.findings {
            let text = format!(
                "{} in the {}",
                plain(finding.shown.as_str()),
                way(finding.direction)
            );
            if !shown.contains(&text) {
                shown.push(text);
            }
        }
        if !shown.is_empty() {
            line += &format!(" {}", shown.join(", "));
        }
        if self.ended.is_none() {
            line += " (still running)";
        }
        line
    }

    /// One JSON object. `verdict` is `n/a`: there are no policies yet.
    pub fn json(&self) -> Value {
        let process = self.process.as_ref().map(|p| {
            json!({
                "pid": p.pid, "uid": p.uid, "program": self.program(), "comm": p.comm.as_str(),
                "exe": p.exe.as_ref().map(|exe| exe.as_str()),
            })
        });
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|f| {
                json!({
                    "shown": f.shown.as_str(), "brand": f.brand, "in": way(f.direction),
                    "masked": f.masked,
                })
            })
            .collect();
        json!({
            "time": time(self.time_unix_ns),
            "process": process,
            "client": self.client.map(|c| c.to_string()),
            "identity": self.identity,
            "evidence": self.evidence,
            "server": self.server,
            "destination": self.destination.map(|d| d.to_string()),
            "method": self.method,
            "target": self.target,
            "verdict": "n/a",
            "findings": findings,
            "http_status": self.ended.map(|e| e.0),
            "duration_ns": self.ended.map(|e| e.1),
        })
    }
}

fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Request => "request",
        Direction::Response => "answer",
    }
}
