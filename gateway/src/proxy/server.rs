//! What every connection shares: the covered servers, the current snapshot of
//! policies, the log, the kernel's maps.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use gateway_common::Reason;
use policy::{PolicySet, Principal, Process};
use tokio::sync::watch;

use crate::admin::Metrics;
use crate::app::Stop;
use crate::identity::{self, Authenticator, ServerAuth};
use crate::redirect::MapHandles;
use crate::tls::PeerCertificate;

/// One covered MCP server.
pub struct Server {
    /// What the engine needs to know of it.
    pub profile: engine::Profile,
    /// Which evidence it takes.
    pub auth: ServerAuth,
    /// Addresses that lead to it by redirect; an unspecified IP covers all.
    pub covers: Vec<SocketAddr>,
    /// Explicit listener.
    pub explicit: Option<SocketAddr>,
    /// Fixed address of the real server; the original destination otherwise.
    pub upstream: Option<SocketAddr>,
    /// TLS towards clients.
    pub tls: Option<crate::tls::ServerTls>,
    /// TLS towards the server, and the name it must prove.
    pub upstream_tls: Option<(
        Arc<rustls::ClientConfig>,
        rustls::pki_types::ServerName<'static>,
    )>,
    /// Whether the server may speak before the client (only asked in observe
    /// mode, where any protocol passes).
    pub may_speak_first: bool,
}

impl Server {
    fn covers(&self, destination: SocketAddr) -> bool {
        let ip = canonical(destination.ip());
        self.covers.iter().any(|rule| {
            rule.port() == destination.port()
                && (canonical(rule.ip()) == ip
                    || (rule.ip().is_unspecified() && (rule.is_ipv6() || ip.is_ipv4())))
        })
    }
}

/// v4-mapped addresses are the IPv4 address they carry.
fn canonical(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
        v4 => v4,
    }
}

/// What is swapped whole on reload.
pub struct Snapshot {
    /// Current policies.
    pub policies: PolicySet,
    /// Covered servers.
    pub servers: Vec<Arc<Server>>,
    /// Findings that are left as they are.
    pub suppressions: crate::suppress::Folder,
}

/// Evidence of a connection that does not change with its requests.
#[derive(Clone, Default)]
pub struct Evidence {
    /// Verified client certificate.
    pub certificate: Option<PeerCertificate>,
    /// Local process at the other end.
    pub process: Option<Process>,
}

/// What every connection shares.
pub struct Gateway {
    /// Swapped on reload.
    pub snapshot: ArcSwap<Snapshot>,
    /// Card scanner.
    pub scanner: panscan::Scanner,
    /// Entry of the audit log.
    pub recorder: audit::Recorder,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Durable watermark of the log; changes wake waiting connections.
    pub durable: watch::Receiver<u64>,
    /// How far the end of the gateway has come.
    pub stop: watch::Receiver<Stop>,
    /// Checks certificates and tokens.
    pub authenticator: Authenticator,
    /// The redirect's maps, where it is in use.
    pub maps: Option<MapHandles>,
    /// Bound of one upstream connect.
    pub upstream_connect_time: Duration,
    /// Bound of one TLS handshake.
    pub handshake_time: Duration,
    /// Bound of open connections; further ones are closed and counted.
    pub connections_max: usize,
    /// Open connections.
    pub connections: AtomicUsize,
    /// Number of the last connection.
    pub flows: AtomicU64,
}

impl Gateway {
    /// The server that this original destination belongs to.
    pub fn server_at(&self, destination: SocketAddr) -> Option<Arc<Server>> {
        self.snapshot
            .load()
            .servers
            .iter()
            .find(|s| s.covers(destination))
            .cloned()
    }

    /// The server with this name.
    pub fn server_named(&self, name: &str) -> Option<Arc<Server>> {
        self.snapshot
            .load()
            .servers
            .iter()
            .find(|s| s.profile.server == name)
            .cloned()
    }

    /// A number for a new connection.
    pub fn next_flow(&self) -> u64 {
        self.flows.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Who sends a request, by everything known of it.
    pub async fn identify(
        &self,
        server: &Server,
        evidence: &Evidence,
        authorizations: &engine::Authorizations,
    ) -> Result<Arc<Principal>, Reason> {
        let evidence = identity::Evidence {
            client_cert: evidence.certificate.clone(),
            bearer: identity::Bearer::from_headers(authorizations.expose()),
            process: evidence.process.clone(),
        };
        let now_s = super::clock::now().wall_ns / 1_000_000_000;
        self.authenticator
            .authenticate(&server.auth, &evidence, now_s)
            .await
            .map_err(|error| error.reason())
    }
}
