//! The MCP clients that the suites run against the gateway: real SDKs in processes of
//! their own, which get an endpoint and a plan, and tell what they received.

use std::{
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::{
    Scratch,
    binaries::{binary, clients_dir},
    process,
    runtimes::{PythonSdk, node, python},
};

/// Which client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// `demo-client`, official Rust SDK. A new session for each call.
    Rust,
    /// TypeScript SDK 1.x.
    TypeScript1,
    /// TypeScript SDK 2.x, current protocol revision first.
    TypeScript2,
    /// Python SDK 1.x.
    Python1,
    /// Python SDK 2.x, current protocol revision first.
    Python2,
}

/// What a client is to do after it has connected and listed the tools.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    calls: Vec<(String, Value)>,
}

impl Plan {
    /// Adds a tool call.
    pub fn call(mut self, tool: &str, arguments: Value) -> Self {
        self.calls.push((tool.to_owned(), arguments));
        self
    }

    fn to_json(&self) -> String {
        let calls: Vec<Value> = self
            .calls
            .iter()
            .map(|(tool, arguments)| json!({"tool": tool, "arguments": arguments}))
            .collect();
        json!({ "calls": calls }).to_string()
    }
}

/// What a client received.
#[derive(Debug, Clone)]
pub struct Received {
    /// Negotiated protocol revision, where the client tells.
    pub protocol: Option<String>,
    /// Names of the tools listed.
    pub tools: Vec<String>,
    /// One for each call of the plan.
    pub calls: Vec<Call>,
    /// Everything it printed, for a search.
    pub printed: String,
}

/// What one call gave.
#[derive(Debug, Clone)]
pub struct Call {
    /// The tool.
    pub tool: String,
    /// The `result` of the answer, an `isError` one too.
    pub result: Option<Value>,
    /// What the SDK made of an error: `code` (if any) and `message`.
    pub error: Option<Value>,
    /// Progress notifications in order.
    pub progress: Vec<Value>,
}

impl Call {
    /// The text of the first content item.
    ///
    /// # Errors
    /// If there is none; with what came instead.
    pub fn text(&self) -> anyhow::Result<&str> {
        let text = self
            .result
            .as_ref()
            .and_then(|result| result.pointer("/content/0/text"));
        text.and_then(Value::as_str)
            .with_context(|| format!("{}: no text: {:?} {:?}", self.tool, self.result, self.error))
    }

    /// Whether a tool answered with `isError`.
    pub fn is_tool_error(&self) -> bool {
        self.result
            .as_ref()
            .and_then(|result| result.get("isError"))
            == Some(&Value::Bool(true))
    }
}

/// How a run ended that gave no session: refused, no evidence, nobody there.
#[derive(Debug, Clone)]
pub struct Refused {
    /// What the client said.
    pub message: String,
}

impl Client {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Rust,
        Self::TypeScript1,
        Self::TypeScript2,
        Self::Python1,
        Self::Python2,
    ];

    /// Whether it needs what `cargo xtask test` installs from npm or PyPI.
    pub fn needs_runtimes(self) -> bool {
        self != Self::Rust
    }

    /// Connects to `url`, lists the tools, makes the calls of `plan`.
    ///
    /// # Errors
    /// If the client cannot be run, got no session, or did not end within a minute.
    pub fn run(
        self,
        scratch: &Scratch,
        url: &str,
        token: Option<&str>,
        plan: &Plan,
    ) -> anyhow::Result<Received> {
        match self.run_wrapped(scratch, &[], url, token, plan)? {
            Ok(received) => Ok(received),
            Err(refused) => anyhow::bail!("{self:?} got no session: {}", refused.message),
        }
    }

    /// The same with `wrap` before the command (see [`crate::Server::start`]), and with a
    /// refused session as a value.
    ///
    /// # Errors
    /// If the client cannot be run or did not end within a minute.
    pub fn run_wrapped(
        self,
        scratch: &Scratch,
        wrap: &[&str],
        url: &str,
        token: Option<&str>,
        plan: &Plan,
    ) -> anyhow::Result<Result<Received, Refused>> {
        let run = Run {
            client: self,
            scratch,
            wrap,
            url,
            token,
            tls: None,
        };
        match self {
            Self::Rust => run.rust(plan),
            _ => run.driver(plan),
        }
    }
}

/// The Python SDK 2.x over TLS: the CA it believes, and the certificate that it shows.
///
/// # Errors
/// As [`Client::run_wrapped`].
pub fn run_tls(
    scratch: &Scratch,
    url: &str,
    tls: &Tls,
    token: Option<&str>,
    plan: &Plan,
) -> anyhow::Result<Result<Received, Refused>> {
    let run = Run {
        client: Client::Python2,
        scratch,
        wrap: &[],
        url,
        token,
        tls: Some(tls),
    };
    run.driver(plan)
}

/// Files for [`run_tls`], all PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    /// CA of the server.
    pub ca: String,
    /// Certificate and key to show.
    pub client: Option<(String, String)>,
}

struct Run<'a> {
    client: Client,
    scratch: &'a Scratch,
    wrap: &'a [&'a str],
    url: &'a str,
    token: Option<&'a str>,
    tls: Option<&'a Tls>,
}

impl Run<'_> {
    fn driver(&self, plan: &Plan) -> anyhow::Result<Result<Received, Refused>> {
        let (program, script) = match self.client {
            Client::TypeScript1 => (node()?, "ts/client_v1.mjs"),
            Client::TypeScript2 => (node()?, "ts/client_v2.mjs"),
            Client::Python1 => (python(PythonSdk::V1)?, "py/client_v1.py"),
            Client::Python2 => (python(PythonSdk::V2)?, "py/client_v2.py"),
            Client::Rust => anyhow::bail!("the Rust client has no driver"),
        };
        let mut command = process::wrapped(self.wrap, &program);
        command.arg(clients_dir().join(script));
        if let Some(token) = self.token {
            command.arg("--token").arg(token);
        }
        if let Some(tls) = self.tls {
            command.arg("--ca").arg(&tls.ca);
            if let Some((certificate, key)) = &tls.client {
                command.arg("--cert").arg(certificate).arg("--key").arg(key);
            }
        }
        command.arg(self.url).arg(plan.to_json());
        let (code, printed) = self.finish(&mut command)?;
        let line: Value = serde_json::from_str(printed.trim())
            .with_context(|| format!("{:?} printed {printed:?}", self.client))?;
        if code == NO_SESSION {
            return Ok(Err(Refused {
                message: line["error"]["message"].to_string(),
            }));
        }
        Ok(Ok(Received {
            protocol: line["protocol"].as_str().map(str::to_owned),
            tools: strings(&line["tools"]),
            calls: line["calls"]
                .as_array()
                .into_iter()
                .flatten()
                .map(call)
                .collect(),
            printed,
        }))
    }

    /// `demo-client` makes one call a run: lists first, then each call.
    fn rust(&self, plan: &Plan) -> anyhow::Result<Result<Received, Refused>> {
        let mut received = Received {
            protocol: None,
            tools: Vec::new(),
            calls: Vec::new(),
            printed: String::new(),
        };
        let (code, printed) = self.finish(self.demo_client()?.arg("list"))?;
        if code == NO_SESSION && printed.is_empty() {
            return Ok(Err(Refused {
                message: "no session".to_owned(),
            }));
        }
        received.tools = lines(&printed)?
            .iter()
            .flat_map(|line| strings(&line["tool"]))
            .collect();
        received.printed.push_str(&printed);
        for (tool, arguments) in &plan.calls {
            let mut command = self.demo_client()?;
            command.arg("call").arg(tool).arg(arguments.to_string());
            let (_, printed) = self.finish(&mut command)?;
            received.printed.push_str(&printed);
            let mut lines = lines(&printed)?;
            let last = lines
                .pop()
                .with_context(|| format!("{tool}: printed nothing"))?;
            received.calls.push(Call {
                progress: lines,
                ..call(&last)
            });
        }
        Ok(Ok(received))
    }

    fn demo_client(&self) -> anyhow::Result<Command> {
        let mut command = process::wrapped(self.wrap, &binary("demo-client")?);
        command.arg("--url").arg(self.url);
        if let Some(token) = self.token {
            command.arg("--token").arg(token);
        }
        Ok(command)
    }

    fn finish(&self, command: &mut Command) -> anyhow::Result<(i32, String)> {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let number = RUNS.fetch_add(1, Ordering::Relaxed);
        let name = format!("client-{:?}-{number}", self.client).to_lowercase();
        let (status, out, err) =
            process::run(self.scratch, &name, command, Duration::from_secs(60))?;
        let code = status
            .code()
            .with_context(|| format!("{name} was killed: {err}"))?;
        ensure!(
            matches!(code, 0 | 1 | NO_SESSION),
            "{name} ended with {code}: {err}"
        );
        Ok((code, out))
    }
}

fn lines(printed: &str) -> anyhow::Result<Vec<Value>> {
    printed
        .lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

/// A string, or an array of strings.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

fn call(entry: &Value) -> Call {
    Call {
        tool: entry["tool"].as_str().unwrap_or_default().to_owned(),
        result: entry.get("result").cloned(),
        error: entry.get("error").cloned(),
        progress: entry["progress"].as_array().cloned().unwrap_or_default(),
    }
}

/// Exit code of every client for: no session came to be.
const NO_SESSION: i32 = 3;
