//! `demo-server`: an ordinary MCP server, as a shop's back office would run one.
//!
//! Streamable HTTP at `/mcp`, on the official Rust SDK. It knows nothing of panward: it is
//! what the demo and the suites put behind it. It writes down every call as it
//! received it, so that a test can see what reached a server.

mod call_log;
mod customers;
mod tools;

use std::{convert::Infallible, net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};

use anyhow::Context;
use clap::Parser;
use hyper::{Request, Response, StatusCode, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use tokio::net::{TcpListener, TcpStream};

use crate::{call_log::CallLog, tools::Shop};

/// A small MCP server over Streamable HTTP.
#[derive(Debug, Parser)]
#[command(name = "demo-server", version)]
struct Args {
    /// Address and port to listen on; repeat it for several.
    #[arg(long, required = true)]
    listen: Vec<SocketAddr>,
    /// File that gets one JSON line for each call received: arguments and addresses.
    #[arg(long)]
    log: Option<PathBuf>,
    /// No sessions, and JSON answers in place of SSE where the tool allows it.
    #[arg(long)]
    json: bool,
}

/// The two ends of the socket a request came in on, as the kernel names them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SocketEnds {
    /// `getpeername()`.
    pub peer: SocketAddr,
    /// `getsockname()`.
    pub local: SocketAddr,
}

type Mcp = StreamableHttpService<Shop, LocalSessionManager>;

#[tokio::main]
async fn main() -> ExitCode {
    match serve(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(args: Args) -> anyhow::Result<()> {
    let log = Arc::new(CallLog::open(args.log.as_deref())?);
    let config = StreamableHttpServerConfig::default()
        // Reached by many names: loopback, namespace addresses, host names.
        .disable_allowed_hosts()
        .with_legacy_session_mode(!args.json)
        .with_json_response(args.json);
    let mcp: Mcp =
        StreamableHttpService::new(move || Ok(Shop::new(log.clone())), Arc::default(), config);
    let mut accepting = tokio::task::JoinSet::new();
    for address in args.listen {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("listen on {address}"))?;
        println!("listening on {}", listener.local_addr()?);
        accepting.spawn(accept(listener, mcp.clone()));
    }
    while accepting.join_next().await.is_some() {}
    Ok(())
}

async fn accept(listener: TcpListener, mcp: Mcp) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(serve_connection(stream, mcp.clone()))),
            // Out of descriptors, or a peer that was gone before we came: go on.
            Err(error) => {
                eprintln!("demo-server: accept: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, mcp: Mcp) {
    let (Ok(peer), Ok(local)) = (stream.peer_addr(), stream.local_addr()) else {
        return; // reset before the first byte
    };
    // Small SSE events: waiting for an acknowledgement would add 40 ms to each.
    let _ = stream.set_nodelay(true);
    let ends = SocketEnds { peer, local };
    let service = service_fn(move |mut request: Request<Incoming>| {
        let mcp = mcp.clone();
        async move {
            if request.uri().path() != "/mcp" {
                let mut response = Response::new(Default::default());
                *response.status_mut() = StatusCode::NOT_FOUND;
                return Ok::<_, Infallible>(response);
            }
            request.extensions_mut().insert(ends);
            Ok(mcp.handle(request).await)
        }
    });
    // An error here is the client's leave; the next connection is not concerned.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
