//! One run: start, look again each second, read what was recorded, end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use super::calls::{Call, Calls, Seen};
use super::listening::{Choice, Finder, Found, Listening};
use crate::app::{self, Parts, Running, in_rule};
use crate::config;
use crate::identity::{AcceptedEvidence, Authenticator, ServerAuth};
use crate::proxy::server::{Server, Snapshot};
use crate::redirect;
use crate::sys::sandbox::{self, TempDir};
use crate::trail::read::LogReader;
use crate::trail::{Trail, TrailHandle, TrailSettings, directory};

/// Segment of the temporary log; each is removed once it is read.
const SEGMENT_BYTES: u64 = 1 << 20;

/// A request that is not whole after this time passes unread.
const REQUEST_NS_MAX: u64 = 1_000_000_000;

/// A year: a connection is not closed for being idle.
const IDLE_NS_MAX: u64 = 365 * 86_400 * 1_000_000_000;

/// For connections that the kernel has given us already when it stops to.
const QUEUE_TIME: Duration = Duration::from_millis(50);

/// What to watch.
#[derive(Clone, Debug)]
pub struct WatchSettings {
    /// cgroup v2 folder whose processes are known by name; ours is inside.
    pub cgroup: PathBuf,
    /// Which ports.
    pub choice: Choice,
}

/// A running watch.
pub struct Watch {
    choice: Choice,
    finder: Finder,
    found: Found,
    redirect: redirect::Settings,
    running: Running,
    trail: TrailHandle,
    reader: LogReader,
    calls: Calls,
    // Last: the log inside is closed before it is removed.
    dir: TempDir,
}

impl Watch {
    /// Attaches the redirect and begins.
    ///
    /// # Errors
    /// Missing privileges, a cgroup that does not hold this process, no room
    /// for the log; nothing is left behind then.
    pub fn start(settings: WatchSettings) -> anyhow::Result<Watch> {
        let mut finder = Finder::default();
        let found = finder
            .look(&settings.choice)
            .context("read /proc/net/tcp")?;
        let mut redirect = redirect::Settings::new(&settings.cgroup);
        redirect.fail = redirect::FailMode::Open;
        redirect.heartbeat = Some(app::HEARTBEAT_MAX);
        redirect.inbound = rules(&found);
        let attached = redirect::attach(&redirect)?;
        raise_descriptor_limit();
        let dir = sandbox::temp_dir("panward-watch").context("make a temporary folder")?;
        let mut log = TrailSettings::new(dir.path().join("log"), "panward/watch");
        log.segment_bytes = SEGMENT_BYTES;
        let (recorder, trail) = Trail::open(log)?;
        let reader = LogReader::open(&dir.path().join("log"), None)?;
        let limits = config::Limits {
            connections_max: 1_000_000,
            ..config::Limits::default()
        };
        let running = app::start(Parts {
            snapshot: snapshot(&found.watched),
            authenticator: Authenticator::new(Vec::new())?,
            recorder: recorder.with_mode(audit::Mode::BestEffort),
            attached: Some(attached),
            scanner: panscan::Scanner::new(panscan::Settings::default()),
            limits,
        })?;
        Ok(Watch {
            choice: settings.choice,
            finder,
            found,
            redirect,
            running,
            trail,
            reader,
            calls: Calls::default(),
            dir,
        })
    }

    /// What is watched now, and what not.
    pub fn found(&self) -> &Found {
        &self.found
    }

    /// Looks for listening sockets again and follows them; gives the new ones.
    ///
    /// # Errors
    /// The tables or the kernel's rules cannot be read or written.
    pub fn look_again(&mut self) -> anyhow::Result<Vec<Listening>> {
        let found = self.finder.look(&self.choice)?;
        if found.watched == self.found.watched {
            self.found = found;
            return Ok(Vec::new());
        }
        // While the rules change, both the old and the new servers are known.
        let mut both = found.watched.clone();
        both.extend(self.found.watched.iter().cloned());
        let servers = &self.running.gateway.snapshot;
        servers.store(Arc::new(snapshot(&both)));
        self.redirect.inbound = rules(&found);
        self.running.update_rules(&self.redirect)?;
        servers.store(Arc::new(snapshot(&found.watched)));
        let before = std::mem::replace(&mut self.found, found).watched;
        let known = |port| before.iter().any(|l| l.port == port);
        let now = self.found.watched.iter();
        Ok(now.filter(|l| !known(l.port)).cloned().collect())
    }

    /// What was recorded since the last time.
    ///
    /// # Errors
    /// The temporary log cannot be read.
    pub fn seen(&mut self) -> anyhow::Result<Vec<Seen>> {
        let mut seen = Vec::new();
        while let Some(group) = self.reader.next_group().context("read the log")? {
            let records = group.into_iter().filter_map(|(_, record)| record);
            seen.extend(records.filter_map(|record| self.calls.take(record)));
        }
        for (index, path) in directory::segments(&self.dir.path().join("log"))? {
            if index < self.reader.segment() {
                std::fs::remove_file(&path)?;
            }
        }
        Ok(seen)
    }

    /// Calls that run for a while and were not shown yet.
    pub fn still_running(&mut self) -> Vec<Call> {
        self.calls.running(crate::proxy::clock::now().wall_ns)
    }

    /// Ends: new connections go direct at once, calls in work may end, then
    /// everything is taken away. Gives what was recorded last.
    ///
    /// # Errors
    /// The log could not be closed or read; everything is taken away all the same.
    pub fn stop(mut self) -> anyhow::Result<Vec<Seen>> {
        self.redirect.inbound.clear();
        if self.running.update_rules(&self.redirect).is_ok() {
            std::thread::sleep(QUEUE_TIME);
        }
        self.running.stop();
        self.trail.stop()?;
        let mut seen = Vec::new();
        while let Some(group) = self.reader.next_group()? {
            let records = group.into_iter().filter_map(|(_, record)| record);
            seen.extend(records.filter_map(|record| self.calls.take(record)));
        }
        Ok(seen)
    }
}

fn rules(found: &Found) -> Vec<redirect::InRule> {
    let sockets = found.watched.iter().flat_map(Listening::sockets);
    sockets.map(in_rule).collect()
}

fn snapshot(watched: &[Listening]) -> Snapshot {
    Snapshot {
        policies: policy::PolicySet::observe_all(),
        servers: watched.iter().map(|l| Arc::new(server(l))).collect(),
    }
}

fn server(listening: &Listening) -> Server {
    let limits = engine::Limits {
        request_ns_max: REQUEST_NS_MAX,
        idle_ns_max: IDLE_NS_MAX,
        ..engine::Limits::default()
    };
    Server {
        profile: engine::Profile {
            server: listening.name(),
            mode: engine::Mode::Observe,
            accepts_bearer: false,
            authorization: engine::Authorization::Pass,
            credential: None,
            mcp_paths: Vec::new(),
            challenge: None,
            resource_metadata: None,
            record_bodies: false,
            hide_tails: false,
            limits,
        },
        auth: ServerAuth {
            accept: AcceptedEvidence {
                mtls: false,
                oidc: false,
                process: true,
            },
            audiences: Vec::new(),
            issuers: Vec::new(),
        },
        covers: listening.sockets().collect(),
        explicit: None,
        upstream: None,
        tls: None,
        upstream_tls: None,
        may_speak_first: true,
    }
}

/// Each connection takes two descriptors here, and none may be refused for it.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    // The limit that is there has to do, then.
    let _ = setrlimit(Resource::Nofile, raised);
}
