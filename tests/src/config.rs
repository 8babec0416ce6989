//! Configuration files of the gateway for tests, and its start.
//!
//! The one place that knows the file's spelling: when the config changes, this does.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use crate::{Process, Scratch, binaries::binary, process};

/// A gateway with explicit listeners (no kernel redirect), one folder for all it writes.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    dir: PathBuf,
    servers: Vec<String>,
    policies: Vec<(String, String)>,
    metrics: String,
    extra: String,
}

impl GatewayConfig {
    /// An empty one; the gateway writes below `<scratch>/gateway`.
    pub fn new(scratch: &Scratch) -> Self {
        Self {
            dir: scratch.join("gateway"),
            servers: Vec::new(),
            policies: Vec::new(),
            metrics: String::new(),
            extra: String::new(),
        }
    }

    /// A server: what listens on `listen` is forwarded to `upstream`, for callers that
    /// show one of `evidence` (`process`, `oidc`, `mtls`).
    pub fn server(
        mut self,
        name: &str,
        listen: SocketAddr,
        upstream: SocketAddr,
        evidence: &[&str],
    ) -> Self {
        self.servers.push(format!(
            "[[server]]\nname = \"{name}\"\nlisten = \"{listen}\"\nupstream = \"{upstream}\"\n\
             evidence = {evidence:?}\n"
        ));
        self
    }

    /// Whole `[[server]]` tables as they are, for what [`Self::server`] does not say:
    /// redirect, TLS, credentials.
    pub fn tables(mut self, toml: &str) -> Self {
        self.servers.push(format!("{toml}\n"));
        self
    }

    /// Metrics and health on this address; without it there are none.
    pub fn metrics(mut self, listen: SocketAddr) -> Self {
        self.metrics = listen.to_string();
        self
    }

    /// A file of Cedar policies; its name ends in `.cedar`.
    pub fn policy(mut self, name: &str, text: &str) -> Self {
        self.policies.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Lines to put first, as they are: top-level keys, then whole tables.
    pub fn extra(mut self, toml: &str) -> Self {
        self.extra.push_str(toml);
        self.extra.push('\n');
        self
    }

    /// The folder of everything that the gateway writes.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of the audit log.
    pub fn audit_dir(&self) -> PathBuf {
        self.dir.join("audit")
    }

    /// The socket of `panward status` and `panward tail`.
    pub fn admin_socket(&self) -> PathBuf {
        self.dir.join("admin.sock")
    }

    /// The file's text.
    pub fn to_toml(&self) -> String {
        format!(
            "{}\n[policy]\ndir = {:?}\n\n[audit]\ndir = {:?}\n\n\
             [admin]\nsocket = {:?}\nlisten = {:?}\n\n{}",
            self.extra,
            self.dir.join("policy.d"),
            self.audit_dir(),
            self.admin_socket(),
            self.metrics,
            self.servers.join("\n")
        )
    }

    /// Writes config and policies; gives the config's path.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self) -> anyhow::Result<PathBuf> {
        std::fs::create_dir_all(self.dir.join("policy.d"))?;
        std::fs::create_dir_all(self.audit_dir())?;
        for (name, text) in &self.policies {
            std::fs::write(self.dir.join("policy.d").join(name), text)?;
        }
        let path = self.dir.join("panward.toml");
        std::fs::write(&path, self.to_toml())?;
        Ok(path)
    }

    /// Writes the files and runs `panward run` until it says that it is ready. `wrap` is put
    /// before the command (see [`crate::Server::start`]). It says all it can say
    /// (`PANWARD_LOG`), so that a search of its output means something.
    ///
    /// # Errors
    /// If it is not built, or is not ready within 20 s; with what it said.
    pub fn start(&self, scratch: &Scratch, wrap: &[&str]) -> anyhow::Result<Process> {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let config = self.write()?;
        let mut command = process::wrapped(wrap, &binary("panward")?);
        command.arg("run").arg("--config").arg(config);
        command.env("PANWARD_LOG", "trace");
        // A name of its own for each start: what an earlier one said is not this one's.
        let name = format!("panward-{}", RUNS.fetch_add(1, Ordering::Relaxed));
        let mut process = Process::spawn(scratch, &name, &mut command)?;
        process.wait_line("ready config=", Duration::from_secs(20))?;
        Ok(process)
    }
}
