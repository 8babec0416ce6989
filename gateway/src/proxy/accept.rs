//! From a listening socket to a driven connection: original destination,
//! server, TLS, process.

use std::cell::Cell;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::Flow;
use gateway_common::Reason;
use policy::Process;
use tokio::net::{TcpListener, TcpStream};

use super::connection::{Connection, Socket};
use super::server::{Evidence, Gateway, Server};
use crate::app::Stop;
use crate::net::local_peer;
use crate::redirect::ProcessFacts;
use crate::tls::handshake_reason;

/// How connections of a listener find their server.
#[derive(Clone)]
pub enum Via {
    /// The kernel redirected them: the original destination tells.
    Redirect,
    /// An explicit listener of the server with this name.
    Listener(String),
}

/// Accepts until the gateway stops.
pub async fn serve(gateway: Arc<Gateway>, listener: TcpListener, via: Via) {
    let mut stop = gateway.stop.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|s| *s != Stop::No) => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (gateway, via) = (gateway.clone(), via.clone());
                tokio::task::spawn_local(async move { admit(gateway, stream, peer, via).await });
            }
            Err(error) => {
                // Out of descriptors or memory: accepting again at once would spin.
                tracing::warn!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

thread_local! {
    /// Open connections of this worker.
    static OPEN: Cell<usize> = const { Cell::new(0) };
}

/// Open connections of the calling worker.
pub fn open_here() -> usize {
    OPEN.get()
}

async fn admit(gateway: Arc<Gateway>, stream: TcpStream, peer: SocketAddr, via: Via) {
    let open = gateway.connections.fetch_add(1, Ordering::Relaxed);
    let _counted = gateway.metrics.connection();
    OPEN.set(OPEN.get() + 1);
    let refused = if open >= gateway.connections_max {
        Err(Reason::TooManyConnections)
    } else {
        connection(&gateway, &stream, peer, via)
    };
    match refused {
        Ok((server, evidence, flow)) => run(&gateway, server, evidence, flow, stream).await,
        Err(reason) => {
            gateway.metrics.reason(reason);
            tracing::info!(%peer, reason = reason.label(), "connection refused");
            stream.reset_on_close();
        }
    }
    gateway.connections.fetch_sub(1, Ordering::Relaxed);
    OPEN.set(OPEN.get() - 1);
}

/// Everything that can be known before the first byte.
fn connection(
    gateway: &Gateway,
    stream: &TcpStream,
    peer: SocketAddr,
    via: Via,
) -> Result<(Arc<Server>, Evidence, Flow), Reason> {
    let _ = stream.set_nodelay(true);
    let local = stream
        .local_addr()
        .map_err(|_| Reason::UnknownDestination)?;
    let (server, destination, process) = match via {
        Via::Listener(name) => {
            let server = gateway
                .server_named(&name)
                .ok_or(Reason::UnknownDestination)?;
            let wanted = server.auth.accept.process;
            let process = wanted
                .then(|| local_peer::process_of(peer, local))
                .flatten();
            (server, local, process)
        }
        Via::Redirect => {
            let maps = gateway.maps.as_ref().ok_or(Reason::DirectToGateway)?;
            let origin = maps
                .origin_of(stream.as_fd(), local)
                .map_err(|e| e.reason())?;
            let server = gateway
                .server_at(origin.destination)
                .ok_or(Reason::UnknownDestination)?;
            (server, origin.destination, origin.process.map(process))
        }
    };
    let flow = Flow {
        number: gateway.next_flow(),
        client: peer,
        destination,
        transport: "tcp",
        process: process.clone(),
    };
    Ok((
        server,
        Evidence {
            certificate: None,
            process,
        },
        flow,
    ))
}

/// The kernel's facts as policies and records take them.
fn process(facts: ProcessFacts) -> Process {
    Process {
        pid: facts.pid,
        uid: facts.uid,
        gid: facts.gid,
        cgroup_id: facts.cgroup_id,
        comm: facts.comm,
        exe: facts.exe.map(|path| path.display().to_string()),
        unit: facts.unit,
    }
}

async fn run(
    gateway: &Arc<Gateway>,
    server: Arc<Server>,
    mut evidence: Evidence,
    mut flow: Flow,
    stream: TcpStream,
) {
    let Some(tls) = &server.tls else {
        return Connection::new(gateway.clone(), server, evidence, flow, stream)
            .run()
            .await;
    };
    let handshake = tokio_rustls::TlsAcceptor::from(tls.config()).accept(stream);
    let stream = match tokio::time::timeout(gateway.handshake_time, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return super::refuse::handshake(gateway, &server, &flow, handshake_reason(&error));
        }
        Err(_) => return super::refuse::handshake(gateway, &server, &flow, Reason::IdleTimeout),
    };
    let (_, session) = stream.get_ref();
    flow.transport = match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "tls1.2",
        _ => "tls1.3",
    };
    match crate::tls::peer_certificate(session) {
        Ok(certificate) => evidence.certificate = certificate,
        Err(error) => {
            return super::refuse::handshake(gateway, &server, &flow, error.reason());
        }
    }
    Connection::new(gateway.clone(), server, evidence, flow, stream)
        .run()
        .await;
}
