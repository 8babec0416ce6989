//! From a listening socket to a driven connection: original destination,
//! server, TLS, process.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use engine::Flow;
use gateway_common::Reason;
use tokio::net::{TcpListener, TcpStream};

use super::connection::{Connection, Socket};
use super::server::{Evidence, Gateway, Server};

/// How connections of a listener find their server.
#[derive(Clone)]
pub enum Via {
    /// The kernel redirected them: the original destination tells.
    Redirect,
    /// An explicit listener of this server.
    Listener(Arc<Server>),
}

/// Accepts until the gateway stops.
pub async fn serve(gateway: Arc<Gateway>, listener: TcpListener, via: Via) {
    let mut stop = gateway.stop.clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return,
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

async fn admit(gateway: Arc<Gateway>, stream: TcpStream, peer: SocketAddr, via: Via) {
    let open = gateway.connections.fetch_add(1, Ordering::Relaxed);
    gateway.metrics.connection_opened();
    let refused = if open >= gateway.connections_max {
        Err(Reason::TooManyConnections)
    } else {
        connection(&gateway, &stream, peer, via)
    };
    match refused {
        Ok((server, evidence, flow)) => run(&gateway, server, evidence, flow, stream).await,
        Err(reason) => {
            gateway.metrics.refused(reason);
            tracing::info!(%peer, reason = reason.label(), "connection refused");
            stream.reset_on_close();
        }
    }
    gateway.connections.fetch_sub(1, Ordering::Relaxed);
    gateway.metrics.connection_closed();
}

/// Everything that can be known before the first byte.
fn connection(
    gateway: &Gateway,
    stream: &TcpStream,
    peer: SocketAddr,
    via: Via,
) -> Result<(Arc<Server>, Evidence, Flow), Reason> {
    let _ = stream.set_nodelay(true);
    let local = stream.local_addr().map_err(|_| Reason::UnknownDestination)?;
    let (server, destination, process) = match via {
        Via::Listener(server) => (server, local, None),
        Via::Redirect => {
            let maps = gateway.maps.as_ref().ok_or(Reason::DirectToGateway)?;
            let origin = maps.origin_of(stream.as_fd(), local, peer)?;
            let server =
                gateway.server_at(origin.destination).ok_or(Reason::UnknownDestination)?;
            (server, origin.destination, origin.process)
        }
    };
    let flow = Flow {
        number: gateway.next_flow(),
        client: peer,
        destination,
        transport: "tcp",
        process: process.clone(),
    };
    Ok((server, Evidence { certificate: None, process }, flow))
}

async fn run(
    gateway: &Arc<Gateway>,
    server: Arc<Server>,
    mut evidence: Evidence,
    mut flow: Flow,
    stream: TcpStream,
) {
    let Some(tls) = &server.tls else {
        return Connection::new(gateway.clone(), server, evidence, flow, stream).run().await;
    };
    let handshake = tls.acceptor().accept(stream);
    match tokio::time::timeout(gateway.handshake_time, handshake).await {
        Ok(Ok(stream)) => {
            let (_, session) = stream.get_ref();
            evidence.certificate = crate::tls::peer_certificate(session);
            flow.transport = crate::tls::version(session);
            Connection::new(gateway.clone(), server, evidence, flow, stream).run().await;
        }
        Ok(Err(error)) => super::refuse::handshake(gateway, &server, &flow, Some(&error)),
        Err(_) => super::refuse::handshake(gateway, &server, &flow, None),
    }
}
