//! `panward watch`: what MCP calls are made on this host.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use crate::sys::sandbox;
use crate::watch::calls::{Call, Seen};
use crate::watch::listening::{Choice, Found, Listening};
use crate::watch::summary::Summary;
use crate::watch::{Watch, WatchSettings, offer};

/// How often the log is read.
const READ: Duration = Duration::from_millis(50);

/// The file that is offered.
const FILE: &str = "panward-observe.toml";

/// Lists the MCP calls to this host's servers by process, identity, tool and
/// masked card number. Needs no configuration, changes no byte, leaves nothing
/// behind. Needs root, or CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON.
#[derive(Debug, clap::Args)]
pub struct WatchArgs {
    /// Only these ports; repeat it for several.
    #[arg(long, value_name = "N")]
    port: Vec<u16>,
    /// Leave these ports out; repeat it for several.
    #[arg(long, value_name = "N")]
    skip: Vec<u16>,
    /// cgroup v2 folder with the clients, and with this process.
    #[arg(long, value_name = "DIR")]
    cgroup: Option<PathBuf>,
    /// One JSON object a line, and last the summary.
    #[arg(long)]
    json: bool,
    /// End by itself after this time.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Write what was seen as a config in observe mode, without asking.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

/// Runs until Ctrl-C, SIGTERM or the time given.
pub(super) fn run(args: &WatchArgs) -> anyhow::Result<ExitCode> {
    if std::env::var_os("PANWARD_LOG").is_some() {
        super::log_to_stderr();
    }
    if let Some(file) = args.write.as_deref().filter(|file| file.exists()) {
        bail!(
            "{}: exists already, and is not written over",
            file.display()
        );
    }
    let cgroup = match &args.cgroup {
        Some(dir) => dir.clone(),
        None => sandbox::cgroup_mount()
            .context("no cgroup v2 mount in /proc/mounts: mount -t cgroup2 none DIR")?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut screen = Screen {
        json: args.json,
        summary: Summary::default(),
        listed: Vec::new(),
    };
    let outcome = runtime.block_on(async {
        // Before anything is attached: from here on Ctrl-C takes it away again.
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        let mut watch = Watch::start(WatchSettings {
            cgroup: cgroup.clone(),
            choice: Choice {
                only: args.port.clone(),
                skip: args.skip.clone(),
            },
        })?;
        screen.begin(watch.found())?;
        let mut read = tokio::time::interval(READ);
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let mut end = std::pin::pin!(async {
            match args.seconds {
                Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                None => std::future::pending().await,
            }
        });
        let outcome = loop {
            let shown = tokio::select! {
                _ = term.recv() => break Ok(()),
                _ = int.recv() => break Ok(()),
                () = &mut end => break Ok(()),
                _ = read.tick() => screen.show(&mut watch),
                _ = second.tick() => watch.look_again().and_then(|new| screen.appeared(new)),
            };
            if shown.is_err() {
                break shown;
            }
        };
        screen.say("Ending: new connections go direct; calls in work may end.")?;
        let last = watch.stop().and_then(|seen| screen.seen(seen));
        outcome.and(last)
    });
    match outcome {
        // The reader of the pipe has seen enough.
        Err(error) if is_broken_pipe(&error) => return Ok(ExitCode::SUCCESS),
        other => other?,
    }
    screen.end()?;
    offer_config(args, &screen, &cgroup)?;
    Ok(ExitCode::SUCCESS)
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

/// What is printed: calls on stdout; with `--json` everything else on stderr.
struct Screen {
    json: bool,
    summary: Summary,
    /// Every listener that was watched, for the offer.
    listed: Vec<Listening>,
}

impl Screen {
    fn begin(&mut self, found: &Found) -> anyhow::Result<()> {
        let mut text = String::from(
            "panward watch: nothing is changed, neither bytes nor settings, and nothing stays behind.\n\
             Card numbers are shown masked. Ctrl-C ends it.\n",
        );
        match found.watched.as_slice() {
            [] => {
                text += "No listening TCP port to watch yet; new ones are found within a second.\n"
            }
            watched => {
                text += "Watching new connections to:\n";
                for listening in watched {
                    text += &format!("  {}\n", describe(listening));
                }
            }
        }
        for (listening, why) in &found.left {
            text += &format!("Not watched: {} ({why})\n", describe(listening));
        }
        text += "Not seen: connections that exist already, until they are made anew; calls to servers on\n\
                 other hosts or in other network namespaces; what is inside TLS. Connections that were\n\
                 watched are closed at the end.\n";
        self.say(text.trim_end())?;
        self.listed.extend(found.watched.iter().cloned());
        Ok(())
    }

    fn appeared(&mut self, new: Vec<Listening>) -> anyhow::Result<()> {
        for listening in new {
            self.say(&format!("Now also watching {}", describe(&listening)))?;
            self.listed.retain(|known| known.port != listening.port);
            self.listed.push(listening);
        }
        Ok(())
    }

    fn show(&mut self, watch: &mut Watch) -> anyhow::Result<()> {
        let seen = watch.seen()?;
        self.seen(seen)?;
        for call in watch.still_running() {
            self.summary.call(&call);
            self.line(&call)?;
        }
        Ok(())
    }

    fn seen(&mut self, seen: Vec<Seen>) -> anyhow::Result<()> {
        for seen in seen {
            match seen {
                Seen::Ended(call) => {
                    self.summary.call(&call);
                    self.summary.findings(&call);
                    self.line(&call)?;
                }
                Seen::EndedLate(call) => {
                    self.summary.findings(&call);
                    self.line(&call)?;
                }
                Seen::NotRead(destination) => self.summary.not_read(destination),
                Seen::Gap(note) => self.say(&format!("Some calls are missing: {note}"))?,
            }
        }
        Ok(())
    }

    fn line(&self, call: &Call) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        match self.json {
            true => writeln!(out, "{}", call.json())?,
            false => writeln!(out, "{}", call.line())?,
        }
        Ok(out.flush()?)
    }

    /// A line about the watching itself.
    fn say(&self, text: &str) -> anyhow::Result<()> {
        match self.json {
            true => writeln!(io::stderr().lock(), "{text}")?,
            false => writeln!(io::stdout().lock(), "{text}")?,
        }
        Ok(())
    }

    fn end(&self) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        match self.json {
            true => writeln!(out, "{}", json!(self.summary.json()))?,
            false => write!(out, "{}", self.summary.text())?,
        }
        Ok(out.flush()?)
    }

    /// Listeners at which an MCP call was seen.
    fn servers(&self) -> Vec<&Listening> {
        let seen = self.summary.servers();
        let is_seen = |l: &&Listening| seen.contains(&l.name().as_str());
        self.listed.iter().filter(is_seen).collect()
    }
}

fn describe(listening: &Listening) -> String {
    let sockets: Vec<String> = listening.sockets().map(|s| s.to_string()).collect();
    let owner = match &listening.owner {
        Some(owner) => format!("{} {}", crate::trail::show::plain(&owner.comm), owner.pid),
        None => "unknown process".to_owned(),
    };
    format!("{}  {owner}", sockets.join(" "))
}

/// Asks, or writes where that was asked for, or says how.
fn offer_config(args: &WatchArgs, screen: &Screen, cgroup: &Path) -> anyhow::Result<()> {
    let servers = screen.servers();
    if servers.is_empty() {
        let missing = "No MCP call was seen, so there is no config to write.";
        return match &args.write {
            Some(file) => bail!("{}: not written: no MCP call was seen", file.display()),
            None => screen.say(missing),
        };
    }
    let file = match &args.write {
        Some(file) => file.clone(),
        None if io::stdin().is_terminal() && io::stdout().is_terminal() && !args.json => {
            match ask()? {
                true => PathBuf::from(FILE),
                false => return Ok(()),
            }
        }
        None => {
            return screen.say(&format!(
                "To get this as a config in observe mode: panward watch --write {FILE}"
            ));
        }
    };
    let text = offer::config(&servers, cgroup)?;
    offer::write(&file, &text).with_context(|| file.display().to_string())?;
    screen.say(&format!(
        "Wrote {0}: {1} servers, mode observe. Next: panward check --config {0}",
        file.display(),
        servers.len()
    ))
}

fn ask() -> io::Result<bool> {
    print!("Write these servers to ./{FILE}, as a config in observe mode? [y/N] ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
