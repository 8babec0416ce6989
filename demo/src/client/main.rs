//! `demo-client`: an ordinary MCP client on the official Rust SDK.
//!
//! It prints one JSON line for each thing it received, so that a person or a test can
//! compare what arrives with and without a gateway. It knows nothing of panward.
//! Exit codes: 0 all calls succeeded, 1 a tool answered with an error, 2 usage,
//! 3 no connection or a protocol error.

mod sockets;

use std::{
    collections::{BTreeSet, HashMap},
    fs::{File, OpenOptions},
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::{Parser, Subcommand};
use hyper::http::{HeaderName, HeaderValue};
use rmcp::{
    ClientHandler, RoleClient, ServiceError, ServiceExt,
    model::{
        CallToolRequestParams, ClientCapabilities, ClientConfig, Implementation, JsonObject,
        ProgressNotificationParam,
    },
    service::{NotificationContext, RunningService},
    transport::{
        StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig,
    },
};
use serde_json::{Value, json};

/// A small MCP client over Streamable HTTP.
#[derive(Debug, Parser)]
#[command(name = "demo-client", version)]
struct Args {
    /// The server's endpoint, such as http://127.0.0.1:8001/mcp.
    #[arg(long)]
    url: String,
    /// Bearer token to send with each request.
    #[arg(long)]
    token: Option<String>,
    /// Another header to send with each request, as NAME:VALUE; repeatable.
    #[arg(long, value_parser = parse_header)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// File that gets the printed lines too.
    #[arg(long)]
    log: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Calls one tool.
    Call {
        /// Name of the tool.
        tool: String,
        /// Its arguments, a JSON object.
        #[arg(default_value = "{}", value_parser = parse_object)]
        arguments: JsonObject,
    },
    /// Lists the tools.
    List,
    /// Makes N calls, cycling over the server's tools.
    Script {
        /// How many.
        n: u32,
    },
}

fn parse_header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("expected NAME:VALUE")?;
    let name = name
        .trim()
        .parse()
        .map_err(|_| "bad header name".to_owned())?;
    let value = value
        .trim()
        .parse()
        .map_err(|_| "bad header value".to_owned())?;
    Ok((name, value))
}

fn parse_object(text: &str) -> Result<JsonObject, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(Outcome::Ok) => ExitCode::SUCCESS,
        Ok(Outcome::ToolError) => ExitCode::from(1),
        Ok(Outcome::Failed) => ExitCode::from(3),
        Err(error) => {
            eprintln!("demo-client: {error:#}");
            ExitCode::from(3)
        }
    }
}

/// How a call ended, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Ok,
    ToolError,
    Failed,
}

/// Prints a line, and writes it to the log file too.
#[derive(Debug)]
struct Lines(Mutex<Option<File>>);

impl Lines {
    fn write(&self, line: &Value) {
        let line = format!("{line}\n");
        let mut log = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed pipe downstream is no reason to leave the log incomplete.
        let _ = std::io::stdout().write_all(line.as_bytes());
        if let Some(Err(error)) = log.as_mut().map(|file| file.write_all(line.as_bytes())) {
            eprintln!("demo-client: write log: {error}");
        }
    }
}

/// The SDK hands notifications to tasks of their own, so that the answer can overtake
/// them inside the client.
const SETTLE: Duration = Duration::from_millis(50);

#[derive(Debug, Clone)]
struct Handler {
    lines: Arc<Lines>,
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::new(
            ClientCapabilities::default(),
            Implementation::new("demo-client", env!("CARGO_PKG_VERSION")),
        )
    }

    async fn on_progress(
        &self,
        progress: ProgressNotificationParam,
        _: NotificationContext<RoleClient>,
    ) {
        self.lines.write(&json!({"progress": progress.progress, "total": progress.total, "message": progress.message}));
    }
}

struct Client {
    service: RunningService<RoleClient, Handler>,
    lines: Arc<Lines>,
}

async fn run(args: Args) -> anyhow::Result<Outcome> {
    let log = match &args.log {
        None => None,
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(path);
            Some(file.with_context(|| format!("open {}", path.display()))?)
        }
    };
    let lines = Arc::new(Lines(Mutex::new(log)));
    let mut config = StreamableHttpClientTransportConfig::with_uri(args.url.as_str())
        .custom_headers(args.header.into_iter().collect::<HashMap<_, _>>());
    if let Some(token) = args.token {
        config = config.auth_header(token);
    }
    let transport = StreamableHttpClientTransport::from_config(config);
    let handler = Handler {
        lines: lines.clone(),
    };
    let service = handler
        .serve(transport)
        .await
        .with_context(|| format!("connect to {}", args.url))?;
    let client = Client { service, lines };
    let outcome = match args.command {
        Command::List => client.list().await,
        Command::Call { tool, arguments } => client.call(&tool, arguments, SETTLE).await,
        Command::Script { n } => client.script(n).await,
    };
    // The session's end is a courtesy to the server; a failure changes no result.
    let _ = client.service.cancel().await;
    Ok(outcome)
}

impl Client {
    async fn list(&self) -> Outcome {
        match self.service.list_all_tools().await {
            Ok(tools) => {
                for tool in tools {
                    self.lines
                        .write(&json!({"tool": tool.name, "description": tool.description}));
                }
                Outcome::Ok
            }
            Err(error) => self.fail("tools/list", &error),
        }
    }

    /// `settle`: how long notifications may still come after the answer.
    async fn call(&self, tool: &str, arguments: JsonObject, settle: Duration) -> Outcome {
        let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let mut sockets = sockets::connected();
        let started = Instant::now();
        let answer = {
            let answer = self.service.call_tool(request);
            tokio::pin!(answer);
            loop {
                // The SDK opens a connection for each call: look while it is open.
                tokio::select! {
                    answer = &mut answer => break answer,
                    () = tokio::time::sleep(Duration::from_millis(2)) => {
                        sockets.extend(sockets::connected());
                    }
                }
            }
        };
        let result = match answer {
            Ok(result) => result,
            Err(error) => return self.fail(tool, &error),
        };
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        tokio::time::sleep(settle).await;
        let failed = result.is_error == Some(true);
        self.lines.write(&json!({
            "tool": tool,
            "result": result,
            "ms": ms,
            "sockets": addresses(&sockets),
        }));
        if failed {
            Outcome::ToolError
        } else {
            Outcome::Ok
        }
    }

    /// The same sequence for the same `n`, so that two runs can be compared.
    async fn script(&self, n: u32) -> Outcome {
        let mut worst = Outcome::Ok;
        for index in 0..n {
            let (tool, arguments) = match index % 5 {
                0 => ("echo", json!({"text": format!("call {index}")})),
                1 => ("lookup_customer", json!({"customer_id": "1002"})),
                2 => ("lookup_customer", json!({"customer_id": "1001"})),
                3 => ("refund", json!({"customer_id": "1002", "amount": index})),
                _ => ("stream", json!({"n": 2, "delay_ms": 1})),
            };
            let Value::Object(arguments) = arguments else {
                continue;
            };
            worst = worst.max(self.call(tool, arguments, Duration::ZERO).await);
        }
        worst
    }

    fn fail(&self, what: &str, error: &ServiceError) -> Outcome {
        let line = match error {
            ServiceError::McpError(error) => {
                json!({"tool": what, "error": {"code": error.code, "message": error.message}})
            }
            error => json!({"tool": what, "error": {"message": error.to_string()}}),
        };
        self.lines.write(&line);
        Outcome::Failed
    }
}

fn addresses(sockets: &BTreeSet<(SocketAddr, SocketAddr)>) -> Vec<Value> {
    sockets
        .iter()
        .map(|(local, peer)| json!({"local": local.to_string(), "peer": peer.to_string()}))
        .collect()
}
