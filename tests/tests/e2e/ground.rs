//! What the gateway's tests stand on: a policy, a gateway before a server, its records.

use std::{net::SocketAddr, path::Path, process::Command, time::Duration};

use anyhow::{Context, ensure};
use gateway_tests::{GatewayConfig, Process, Scratch, binaries::binary, ports::free_port, process};
use serde_json::Value;

use crate::scenario::Endpoint;

/// Everyone may connect, list and call, but for deleting customers.
pub(crate) const POLICY: &str = r#"
@id("session") permit(principal, action in Mcp::Action::"session", resource);
@id("list") permit(principal, action in Mcp::Action::"list", resource);
@id("calls") permit(principal, action == Mcp::Action::"tools/call", resource);
@id("no-deletes") forbid(principal, action == Mcp::Action::"tools/call", resource)
when { resource.name == "delete_customer" };
"#;

/// The audience of the tests' servers.
pub(crate) const AUDIENCE: &str = "https://shop.example/mcp";

/// A loopback address that nobody listens on.
pub(crate) fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port()))
}

/// A gateway with an explicit listener before one server.
pub(crate) struct Gate {
    pub(crate) config: GatewayConfig,
    pub(crate) process: Process,
    /// The listener, with the server behind it.
    pub(crate) endpoint: Endpoint,
}

impl Gate {
    /// Local processes are let in without further evidence.
    pub(crate) fn before(scratch: &Scratch, server: &Endpoint) -> anyhow::Result<Self> {
        let listen = loopback();
        let config = GatewayConfig::new(scratch)
            .policy("all.cedar", POLICY)
            .server("shop", listen, server.address, &["process"]);
        Self::start(scratch, config, listen, server)
    }

    /// With a config that has the listener `listen`.
    pub(crate) fn start(
        scratch: &Scratch,
        config: GatewayConfig,
        listen: SocketAddr,
        server: &Endpoint,
    ) -> anyhow::Result<Self> {
        let process = config.start(scratch, &[])?;
        let endpoint = Endpoint {
            address: listen,
            ..server.clone()
        };
        Ok(Self {
            config,
            process,
            endpoint,
        })
    }
}

/// The committed records of a log, as `panward tail --json` shows them.
pub(crate) fn records(scratch: &Scratch, audit_dir: &Path) -> anyhow::Result<Vec<Value>> {
    let dir = audit_dir.to_string_lossy();
    let text = panward(scratch, &["tail", &dir, "--json", "--last", "1000000"])?;
    let lines = text.lines();
    lines.map(|line| Ok(serde_json::from_str(line)?)).collect()
}

/// The records of a kind.
pub(crate) fn of_kind<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|r| r["kind"] == kind).collect()
}

/// What a command of panward prints; its failure is an error.
pub(crate) fn panward(scratch: &Scratch, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new(binary("panward")?);
    command.args(arguments);
    let (status, out, err) = process::run(
        scratch,
        &name("command"),
        &mut command,
        Duration::from_secs(30),
    )?;
    ensure!(status.success(), "panward {arguments:?}: {status}: {err}");
    Ok(out)
}

/// A name that no other output file of this process has.
pub(crate) fn name(base: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{base}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A development issuer and CA, made by `panward dev init`.
pub(crate) struct Dev {
    dir: String,
}

impl Dev {
    pub(crate) fn init(scratch: &Scratch, name: &str) -> anyhow::Result<Self> {
        let dir = scratch.join(name).to_string_lossy().into_owned();
        panward(scratch, &["dev", "init", &dir])?;
        Ok(Self { dir })
    }

    /// A file in its folder, as text for a config or a command line.
    pub(crate) fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.dir)
    }

    /// A token for [`AUDIENCE`] that holds ten minutes.
    pub(crate) fn token(&self, scratch: &Scratch) -> anyhow::Result<String> {
        self.token_with(scratch, AUDIENCE, 600)
    }

    /// A token for this audience; one with a negative life has expired.
    pub(crate) fn token_with(
        &self,
        scratch: &Scratch,
        audience: &str,
        expires_in_s: i64,
    ) -> anyhow::Result<String> {
        let life = expires_in_s.to_string();
        let text = panward(
            scratch,
            &[
                "dev",
                "token",
                "--dir",
                &self.dir,
                "--subject",
                "alice",
                "--audience",
                audience,
                "--expires-in",
                &life,
            ],
        )?;
        let token = text.trim().to_owned();
        ensure!(token.matches('.').count() == 2, "not a token: {token}");
        Ok(token)
    }

    /// Top-level tables of a config that believes this issuer.
    pub(crate) fn config(&self) -> String {
        format!(
            "[dev]\nenabled = true\ndir = {:?}\n\n[[oidc]]\n\
             issuer = \"https://dev.panward.invalid\"\njwks_file = {:?}\n\
             audience = [{AUDIENCE:?}]\n",
            self.dir,
            self.file("jwks.json")
        )
    }
}

/// Ends a gateway in order, then proves its log: `panward verify` exits 0.
pub(crate) fn stop_and_verify(
    scratch: &Scratch,
    process: &mut Process,
    audit_dir: &Path,
) -> anyhow::Result<()> {
    let status = process.stop(Duration::from_secs(20))?;
    ensure!(
        status.success(),
        "panward run: {status}: {}",
        process.stderr()
    );
    panward(scratch, &["verify", &audit_dir.to_string_lossy()]).context("verify")?;
    Ok(())
}
