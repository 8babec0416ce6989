//! Wires the parts together and owns start, reload, drain and stop.

mod build;
mod workers;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use arc_swap::ArcSwap;
use audit::{Kind, Masked, Record};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::admin::{self, AdminServer, Metrics, Readiness};
use crate::config::{self, Config};
use crate::identity::Authenticator;
use crate::proxy::accept::Via;
use crate::proxy::clock;
use crate::proxy::server::{Gateway, Snapshot};
use crate::redirect::{self, Attached, MapHandles};
use crate::trail::{Trail, TrailHandle, TrailSettings};

pub use workers::{HEARTBEAT_MAX, Stop};

/// What makes the gateway, apart from its configuration file: `run` reads all
/// of it from the file, `watch` makes it up.
pub struct Parts {
    /// Policies and servers.
    pub snapshot: Snapshot,
    /// Checks certificates and tokens.
    pub authenticator: Authenticator,
    /// Audit log.
    pub recorder: audit::Recorder,
    /// Kernel redirect.
    pub attached: Option<Attached>,
    /// Card scanner.
    pub scanner: panscan::Scanner,
    /// Bounds.
    pub limits: config::Limits,
}

/// A running gateway.
pub struct Running {
    /// Shared state.
    pub gateway: Arc<Gateway>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    workers: workers::Workers,
    stop: watch::Sender<Stop>,
    /// Longest wait for calls in work.
    drain: Duration,
    /// Ends an unpinned redirect when dropped.
    held: Option<redirect::Attached>,
}

/// Starts accepting.
pub fn start(parts: Parts) -> anyhow::Result<Running> {
    let metrics = Arc::new(Metrics::new(&redirect::object_sha256(), SystemTime::now()));
    let (durable_tx, durable) = watch::channel(0u64);
    parts.recorder.set_waker(Box::new(move |mark| {
        durable_tx.send_replace(mark);
    }));
    let (stop, stopped) = watch::channel(Stop::No);
    let limits = &parts.limits;
    let drain = Duration::from_millis(limits.drain_timeout_ms);
    let mut attached = parts.attached;
    if let Some(attached) = &attached {
        parts
            .authenticator
            .redirect_is(attached.handoff.maps.clone());
    }
    let gateway = Arc::new(Gateway {
        snapshot: ArcSwap::from_pointee(parts.snapshot),
        scanner: parts.scanner,
        recorder: parts.recorder,
        metrics: metrics.clone(),
        durable,
        stop: stopped,
        authenticator: parts.authenticator,
        maps: attached.as_ref().map(|a| a.handoff.maps.clone()),
        upstream_connect_time: Duration::from_millis(limits.upstream_connect_timeout_ms),
        handshake_time: Duration::from_millis(limits.tls_handshake_timeout_ms),
        connections_max: usize::try_from(limits.connections_max).unwrap_or(usize::MAX),
        connections: AtomicUsize::new(0),
        flows: AtomicU64::new(0),
    });
    let mut listeners = Vec::new();
    for server in &gateway.snapshot.load().servers {
        if let Some(listen) = server.explicit {
            let socket = std::net::TcpListener::bind(listen)
                .with_context(|| format!("server {}: listen {listen}", server.profile.server))?;
            listeners.push((socket, Via::Listener(server.profile.server.clone())));
        }
    }
    if let Some(attached) = &mut attached {
        let redirected = std::mem::take(&mut attached.handoff.listeners);
        listeners.extend(redirected.into_iter().map(|l| (l.socket, Via::Redirect)));
    }
    let workers = workers::start(&gateway, listeners)?;
    Ok(Running {
        gateway,
        metrics,
        workers,
        stop,
        drain,
        held: attached,
    })
}

impl Running {
    /// Stops accepting, lets calls in work end, then cuts what is left.
    pub fn stop(self) {
        self.stop.send_replace(Stop::Drain);
        if !self.workers.wait(self.drain) {
            tracing::warn!("calls still in work after {:?} are cut", self.drain);
            self.stop.send_replace(Stop::Now);
            self.workers.wait(Duration::from_secs(2));
        }
        drop(self.held);
    }

    /// Changes what the kernel redirects; nothing to do without a redirect.
    ///
    /// # Errors
    /// As [`redirect::Held::update_rules`].
    pub fn update_rules(&self, to: &redirect::Settings) -> Result<(), redirect::RedirectError> {
        match &self.held {
            Some(attached) => attached.held.update_rules(to),
            None => Ok(()),
        }
    }

    /// Whether the redirect's links are still on their hooks.
    pub fn redirect_is_whole(&self) -> bool {
        self.held.as_ref().is_none_or(|a| a.held.is_whole())
    }
}

/// `panward run`: until SIGTERM or SIGINT; SIGHUP reloads.
pub fn run(config: Config) -> anyhow::Result<()> {
    let readiness = Arc::new(Readiness::new(&["policy", "audit", "redirect"]));
    let snapshot = build::snapshot(&config)?;
    readiness.ok("policy");
    let authenticator = Authenticator::new(build::issuers(&config)?)?;
    let (recorder, trail) = open_trail(&config)?;
    readiness.ok("audit");
    let attached = config
        .redirect
        .as_ref()
        .map(|r| attach(&config, r))
        .transpose()?;
    let scanner = panscan::Scanner::new(scan_settings(&config));
    let parts = Parts {
        snapshot,
        authenticator,
        recorder: recorder.clone(),
        attached,
        scanner,
        limits: config.limits.clone(),
    };
    let unix = admin::bind_unix(&config.admin.socket)
        .with_context(|| format!("admin.socket {}", config.admin.socket.display()))?;
    let tcp = config
        .admin
        .listen
        .map(admin::bind_loopback)
        .transpose()
        .context("admin.listen")?;
    let running = start(parts)?;
    let (metrics, queue) = (running.metrics.clone(), recorder.clone());
    trail.report_to(move |records, bytes, took| {
        metrics.audit_commit(records, bytes, took);
        metrics.audit_queue(queue.waiting() as u64);
    });
    readiness.ok("redirect");
    let admin = AdminServer::serve(unix, tcp, running.metrics.clone(), readiness.clone())?;
    note(&recorder, Kind::GatewayStart, start_note(&config));
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    // Not under systemd there is nobody to tell.
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    tracing::info!(config = %config.file.display(), "ready");
    supervise(&config, &running, &readiness, &recorder)?;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    running.stop();
    note(&recorder, Kind::GatewayStop, "stopped in order");
    drop(admin);
    stop_trail(trail)
}

/// Signals and the once-a-second look at the parts.
fn supervise(
    config: &Config,
    running: &Running,
    readiness: &Readiness,
    recorder: &audit::Recorder,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        let mut hup = signal(SignalKind::hangup())?;
        let mut second = tokio::time::interval(Duration::from_secs(1));
        for problem in running
            .gateway
            .authenticator
            .load_keys(clock::now().wall_ns / 1_000_000_000)
            .await
        {
            tracing::warn!("{problem}");
        }
        loop {
            tokio::select! {
                _ = term.recv() => return Ok(()),
                _ = int.recv() => return Ok(()),
                _ = hup.recv() => reload(config, running, recorder),
                _ = second.tick() => look(running, readiness, recorder),
            }
        }
    })
}

fn look(running: &Running, readiness: &Readiness, recorder: &audit::Recorder) {
    // While the log fails no commit tells it.
    running.metrics.audit_queue(recorder.waiting() as u64);
    match recorder.trouble() {
        None => readiness.ok("audit"),
        Some(error) => readiness.fail("audit", error.to_string()),
    }
    let beat = running.gateway.maps.as_ref().map(MapHandles::beat_age);
    match beat {
        _ if !running.redirect_is_whole() => {
            readiness.fail("redirect", "a program was detached from its hook");
        }
        Some(Err(error)) => {
            readiness.fail("redirect", format!("heartbeat cannot be read: {error}"));
        }
        Some(Ok(age)) if age > HEARTBEAT_MAX => {
            readiness.fail("redirect", format!("no worker has answered for {age:.1?}"));
        }
        _ => readiness.ok("redirect"),
    }
}

/// Reads the file again; a bad one changes nothing and is said loudly.
fn reload(config: &Config, running: &Running, recorder: &audit::Recorder) {
    let fresh = Config::load(&config.file)
        .map_err(anyhow::Error::from)
        .and_then(|fresh| build::snapshot(&fresh));
    match fresh {
        Ok(snapshot) => {
            running.gateway.snapshot.store(Arc::new(snapshot));
            note(recorder, Kind::ConfigLoad, "reloaded");
            tracing::info!("reloaded policies and servers; listeners and redirect need a restart");
        }
        Err(error) => tracing::error!("not reloaded, the old settings stay: {error:#}"),
    }
}

fn start_note(config: &Config) -> &'static str {
    match (config.mode, config.audit.mode) {
        (config::Mode::Observe, _) => "mode observe, audit besteffort",
        (_, config::AuditMode::Durable) => "mode enforce, audit durable",
        (_, config::AuditMode::Batched) => "mode enforce, audit batched",
        (_, config::AuditMode::BestEffort) => "mode enforce, audit besteffort",
    }
}

fn note(recorder: &audit::Recorder, kind: Kind, text: &'static str) {
    let mut record = Record::new(kind, clock::now().wall_ns);
    record.note = Some(Masked::constant(text));
    if let Err(error) = recorder.record(&record) {
        tracing::error!("{text}: {error}");
    }
}

/// Opens the log in the mode that the configuration asks for.
fn open_trail(config: &Config) -> anyhow::Result<(audit::Recorder, TrailHandle)> {
    let mut settings = TrailSettings::new(&config.audit.dir, origin());
    settings.segment_bytes = config.audit.segment_bytes;
    settings.bounds.queue_records_max =
        usize::try_from(config.limits.audit_queue_records_max).unwrap_or(usize::MAX);
    settings.bounds.queue_bytes_max =
        usize::try_from(config.limits.audit_queue_bytes_max).unwrap_or(usize::MAX);
    let (recorder, trail) = Trail::open(settings)?;
    let mode = match (config.mode, config.audit.mode) {
        // Observing holds nothing back.
        (config::Mode::Observe, _) | (_, config::AuditMode::BestEffort) => audit::Mode::BestEffort,
        (_, config::AuditMode::Durable) => audit::Mode::Durable,
        (_, config::AuditMode::Batched) => audit::Mode::Batched {
            unsynced_records_max: 4096,
        },
    };
    Ok((recorder.with_mode(mode), trail))
}

/// Commits what is queued and signs the last checkpoint.
fn stop_trail(trail: TrailHandle) -> anyhow::Result<()> {
    trail.stop().context("closing the audit log")
}

/// Name of this host's log: its host name, as far as the format allows it.
fn origin() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "-._".contains(*c))
        .collect();
    if name.is_empty() {
        "panward".to_string()
    } else {
        format!("panward/{name}")
    }
}

fn scan_settings(config: &Config) -> panscan::Settings {
    panscan::Settings {
        mode: match config.scan.mode {
            config::ScanMode::Strict => panscan::Mode::Strict,
            config::ScanMode::Balanced => panscan::Mode::Balanced,
        },
        mask: match config.scan.mask {
            config::MaskForm::First6Last4 => panscan::MaskFormat::First6Last4,
            config::MaskForm::Last4 => panscan::MaskFormat::Last4,
            config::MaskForm::Bin8Last4 => panscan::MaskFormat::Bin8Last4,
        },
        ..panscan::Settings::default()
    }
}

fn attach(config: &Config, from: &config::Redirect) -> anyhow::Result<Attached> {
    let mut to = redirect::Settings::new(&from.cgroup);
    to.netns = from
        .netns
        .iter()
        .map(|n| match n {
            config::Netns::Own => redirect::NetnsRef::Current,
            config::Netns::Path(path) => redirect::NetnsRef::Path(path.clone()),
        })
        .collect();
    to.pin_dir = from.pin_dir.clone();
    to.fail = match from.fail {
        config::FailMode::Closed => redirect::FailMode::Closed,
        config::FailMode::Open => redirect::FailMode::Open,
    };
    to.heartbeat = Some(HEARTBEAT_MAX);
    to.listen_port_v4 = from.listen_port;
    to.listen_port_v6 = from.listen_port;
    for server in &config.servers {
        to.inbound
            .extend(server.inbound.iter().map(|address| in_rule(*address)));
        to.outbound.extend(&server.outbound);
    }
    Ok(redirect::attach(&to)?)
}

/// A rule for one covered address; an unspecified one covers every address of
/// its family (`[::]`: of both).
pub fn in_rule(address: std::net::SocketAddr) -> redirect::InRule {
    match address.ip().is_unspecified() {
        true => redirect::InRule {
            addr: address.ip(),
            prefix_len: 0,
            port: address.port(),
        },
        false => redirect::InRule::exact(address),
    }
}
