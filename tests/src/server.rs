//! The MCP servers that the suites put behind the gateway, none of which knows it.

use std::{net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use crate::{
    Process, Scratch,
    binaries::{binary, clients_dir},
    process,
    runtimes::{PythonSdk, node, python},
};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Server {
    /// `demo-server`, official Rust SDK: sessions, SSE answers, both protocol eras.
    Rust,
    /// The same, stateless, JSON answers.
    RustJson,
    /// `server-everything` on the TypeScript SDK 1.x: sessions, SSE, resumable.
    Everything,
    /// TypeScript SDK 1.x, stateless: SSE answers with Content-Length.
    TypeScript1,
    /// TypeScript SDK 2.x, stateless: both protocol eras, JSON answers in the current one.
    TypeScript2,
    /// Python SDK 2.x: sessions, SSE answers, both protocol eras.
    Python2,
}

/// A running server; it ends with this value.
#[derive(Debug)]
pub struct ServerProcess {
    /// The process.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it received, one JSON line each, if it writes that down: `arguments` (Rust) or
    /// `body` (TypeScript, Python), and `peer` and `local` as the kernel told it.
    pub log: Option<PathBuf>,
}

impl ServerProcess {
    /// Its MCP endpoint.
    pub fn url(&self) -> String {
        url(self.address)
    }
}

/// The MCP endpoint at an address; all fixtures use the path `/mcp`.
pub fn url(address: SocketAddr) -> String {
    format!("http://{address}/mcp")
}

impl Server {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Rust,
        Self::RustJson,
        Self::Everything,
        Self::TypeScript1,
        Self::Python2,
    ];

    /// Whether it needs what `cargo xtask test` installs from npm or PyPI.
    pub fn needs_runtimes(self) -> bool {
        !matches!(self, Self::Rust | Self::RustJson)
    }

    /// Starts it and waits until it listens. `wrap` is put before the command, such as
    /// `["ip", "netns", "exec", "a"]`; empty to run it here.
    ///
    /// # Errors
    /// If it is not built or installed, or does not come up within 20 s.
    pub fn start(
        self,
        scratch: &Scratch,
        address: SocketAddr,
        wrap: &[&str],
    ) -> anyhow::Result<ServerProcess> {
        let name = format!("server-{}-{}", self.name(), address.port());
        let log = scratch.join(&format!("{name}.log"));
        let mut command = self.command(address, &log, wrap)?;
        let mut process = Process::spawn(scratch, &name, &mut command)?;
        // By what it says, not by connecting: it may be in another network namespace.
        process.wait_line(self.ready_line(), Duration::from_secs(20))?;
        let log = (self != Self::Everything).then_some(log);
        Ok(ServerProcess {
            process,
            address,
            log,
        })
    }

    fn command(
        self,
        address: SocketAddr,
        log: &std::path::Path,
        wrap: &[&str],
    ) -> anyhow::Result<Command> {
        let clients = clients_dir();
        let mut command = match self {
            Self::Rust | Self::RustJson => {
                let mut command = process::wrapped(wrap, &binary("demo-server")?);
                command
                    .arg("--listen")
                    .arg(address.to_string())
                    .arg("--log")
                    .arg(log);
                if self == Self::RustJson {
                    command.arg("--json");
                }
                command
            }
            Self::Everything => {
                let mut command = process::wrapped(wrap, &node()?);
                let package = "node_modules/@modelcontextprotocol/server-everything";
                command
                    .arg(clients.join(package).join("dist/index.js"))
                    .arg("streamableHttp");
                command
            }
            Self::TypeScript1 | Self::TypeScript2 => {
                let version = if self == Self::TypeScript1 {
                    "v1"
                } else {
                    "v2"
                };
                let mut command = process::wrapped(wrap, &node()?);
                command.arg(clients.join(format!("ts/server_{version}.mjs")));
                command
            }
            Self::Python2 => {
                let mut command = process::wrapped(wrap, &python(PythonSdk::V2)?);
                command.arg(clients.join("py/server_v2.py"));
                command
            }
        };
        command
            .env("PORT", address.port().to_string())
            .env("HOST", address.ip().to_string())
            .env("BODIES", log);
        Ok(command)
    }

    fn ready_line(self) -> &'static str {
        match self {
            Self::Python2 => "running on",
            _ => "listening on",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::RustJson => "rust-json",
            Self::Everything => "everything",
            Self::TypeScript1 => "ts1",
            Self::TypeScript2 => "ts2",
            Self::Python2 => "py2",
        }
    }
}
