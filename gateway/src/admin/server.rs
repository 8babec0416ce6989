//! The server: one thread with its own runtime, so that neither a scrape nor a
//! stuck reader takes time from the data path.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};

use super::{Metrics, Readiness, Status};

/// Connections served at once, over both listeners.
pub const CONNECTIONS_MAX: usize = 16;

/// A connection, which carries one request, is closed after this.
pub const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);

/// Pause after a failed accept (descriptors used up), so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bytes of a request head.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The running server. Dropping it removes the socket file, stops the server
/// and waits for its thread.
#[derive(Debug)]
pub struct AdminServer {
    path: Option<PathBuf>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// What requests are answered from.
#[derive(Clone)]
struct State {
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
    room: Arc<Semaphore>,
    time_max: Duration,
}

impl AdminServer {
    /// Serve on a Unix socket (see [`bind_unix`]) and, if given, on a loopback
    /// address (see [`bind_loopback`]).
    ///
    /// # Errors
    /// The runtime or the thread cannot be made.
    pub fn serve(
        unix: UnixListener,
        tcp: Option<TcpListener>,
        metrics: Arc<Metrics>,
        readiness: Arc<Readiness>,
    ) -> io::Result<AdminServer> {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let state = State {
            metrics,
            readiness,
            room,
            time_max: CONNECTION_TIME_MAX,
        };
        AdminServer::start(unix, tcp, state)
    }

    fn start(
        unix: UnixListener,
        tcp: Option<TcpListener>,
        state: State,
    ) -> io::Result<AdminServer> {
        let address = unix.local_addr()?;
        let path = address.as_pathname().map(Path::to_owned);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = watch::channel(false);
        let (unix, tcp) = {
            let _guard = runtime.enter();
            unix.set_nonblocking(true)?;
            let tcp = match tcp {
                Some(tcp) => {
                    tcp.set_nonblocking(true)?;
                    Some(tokio::net::TcpListener::from_std(tcp)?)
                }
                None => None,
            };
            (tokio::net::UnixListener::from_std(unix)?, tcp)
        };
        let thread = std::thread::Builder::new()
            .name("panward-admin".to_owned())
            .spawn(move || runtime.block_on(listen(unix, tcp, state, stopped)))?;
        Ok(AdminServer {
            path,
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        // Before the listener is closed: a successor binds only where nobody
        // listens, so this cannot be its file.
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
        // No receiver means that the thread has ended already.
        let _ = self.stop.send(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A listening socket at `path`, for the owner and the group. A socket file
/// that nobody listens on is replaced; any other file is left alone.
///
/// # Errors
/// `AddrInUse` if someone listens there, `AlreadyExists` if it is no socket.
pub fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "not a socket"));
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(io::Error::new(
                io::ErrorKind::AddrInUse,
                "another process listens",
            ));
        }
        Ok(_) => std::fs::remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))?;
    Ok(listener)
}

/// A listening socket on a loopback address; there is no authentication here,
/// so others are refused.
///
/// # Errors
/// `InvalidInput` for an address that is not loopback; those of `bind`.
pub fn bind_loopback(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a loopback address",
        ));
    }
    TcpListener::bind(address)
}

async fn listen(
    unix: tokio::net::UnixListener,
    tcp: Option<tokio::net::TcpListener>,
    state: State,
    mut stopped: watch::Receiver<bool>,
) {
    let tcp_state = state.clone();
    let on_unix = accept_all(
        || async { unix.accept().await.map(|(io, _)| io) },
        state,
        false,
    );
    let on_tcp = async {
        match &tcp {
            Some(tcp) => {
                accept_all(
                    || async { tcp.accept().await.map(|(io, _)| io) },
                    tcp_state,
                    true,
                )
                .await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = on_unix => {}
        () = on_tcp => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

/// Accepts for ever. A place is taken before the accept, so that what is over
/// the bound waits in the listen queue.
async fn accept_all<Io, Accept, Accepted>(accept: Accept, state: State, check_host: bool)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    Accept: Fn() -> Accepted,
    Accepted: Future<Output = io::Result<Io>>,
{
    loop {
        // The semaphore is never closed; if it were, there is no more to do.
        let Ok(place) = state.room.clone().acquire_owned().await else {
            return;
        };
        match accept().await {
            Ok(io) => {
                let state = state.clone();
                tokio::spawn(async move {
                    let _place = place;
                    serve_one(io, state, check_host).await;
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// One request. Errors are the peer's, who sees its connection closed.
async fn serve_one<Io>(io: Io, state: State, check_host: bool)
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let time_max = state.time_max;
    let answer = service_fn(move |request: Request<Incoming>| {
        let response = route(&request, &state, check_host);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(io), answer);
    let _ = tokio::time::timeout(time_max, connection).await;
}

fn route(request: &Request<Incoming>, state: &State, check_host: bool) -> Response<Full<Bytes>> {
    if check_host && !is_local_host(request) {
        return plain(StatusCode::FORBIDDEN, "host is not local\n");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "use GET\n");
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match request.uri().path() {
        "/metrics" => answer(
            StatusCode::OK,
            "text/plain; version=0.0.4; charset=utf-8",
            state.metrics.text(),
        ),
        "/livez" => plain(StatusCode::OK, "ok\n"),
        "/readyz" => ready(request.uri().query(), &state.readiness),
        "/status" => {
            let status = Status::of(&state.metrics, &state.readiness, SystemTime::now());
            match serde_json::to_string(&status) {
                Ok(json) => answer(StatusCode::OK, "application/json", json + "\n"),
                Err(_) => plain(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "status cannot be written\n",
                ),
            }
        }
        _ => plain(
            StatusCode::NOT_FOUND,
            "paths: /metrics /livez /readyz /status\n",
        ),
    }
}

fn ready(query: Option<&str>, readiness: &Readiness) -> Response<Full<Bytes>> {
    // Read once, so that the status and the list agree.
    let checks = readiness.verbose();
    let ready = !checks.lines().any(|line| line.starts_with("[-]"));
    let (status, word) = match ready {
        true => (StatusCode::OK, "ok\n"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
    };
    let verbose = query.is_some_and(|q| {
        q.split('&')
            .any(|p| p == "verbose" || p.starts_with("verbose="))
    });
    answer(
        status,
        PLAIN,
        if verbose {
            checks + word
        } else {
            word.to_owned()
        },
    )
}

/// A page in a browser can reach loopback under a name of its own (DNS
/// rebinding); such a request carries that name.
fn is_local_host(request: &Request<Incoming>) -> bool {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback())
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    answer(status, PLAIN, text.to_owned())
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

const PLAIN: &str = "text/plain; charset=utf-8";

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
