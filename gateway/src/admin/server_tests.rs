use std::io::{Read, Write};
use std::net::TcpStream;

use gateway_common::Reason;

use super::*;
use crate::admin::client::{self, ClientError};
use crate::admin::{Call, Check};

const TIME: Duration = Duration::from_secs(5);

struct Running {
    folder: tempfile::TempDir,
    metrics: Arc<Metrics>,
    readiness: Arc<Readiness>,
    tcp: SocketAddr,
    _server: AdminServer,
}

impl Running {
    fn start() -> Running {
        Running::start_with(CONNECTION_TIME_MAX)
    }

    fn start_with(time_max: Duration) -> Running {
        let folder = tempfile::tempdir().unwrap();
        let unix = bind_unix(&folder.path().join("admin.sock")).unwrap();
        let tcp = bind_loopback(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = tcp.local_addr().unwrap();
        let metrics = Arc::new(Metrics::new("abc", SystemTime::now()));
        let readiness = Arc::new(Readiness::new(&["audit", "policy"]));
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let state = State {
            metrics: metrics.clone(),
            readiness: readiness.clone(),
            room,
            time_max,
        };
        let server = AdminServer::start(unix, Some(tcp), state).unwrap();
        Running {
            folder,
            metrics,
            readiness,
            tcp: address,
            _server: server,
        }
    }

    fn socket(&self) -> std::path::PathBuf {
        self.folder.path().join("admin.sock")
    }

    fn get(&self, target: &str) -> (u16, String) {
        let (status, body) = client::get(&self.socket(), target, TIME).unwrap();
        (status, String::from_utf8(body).unwrap())
    }

    /// The answer to raw bytes over TCP.
    fn tcp(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.tcp).unwrap();
        stream.set_read_timeout(Some(TIME)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

#[test]
fn metrics_are_those_of_the_data_path() {
    let running = Running::start();
    running.metrics.call(Call::Allow);
    running.metrics.reason(Reason::Masked);
    let (status, text) = running.get("/metrics");
    assert_eq!(status, 200);
    assert!(text.contains("\npanward_calls_total{verdict=\"allow\"} 1\n"));
    assert!(text.contains("\npanward_reasons_total{reason=\"masked\"} 1\n"));
    let answer = running.tcp("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9090\r\n\r\n");
    assert!(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert!(answer.ends_with(&text[text.len() - 100..]));
}

#[test]
fn readiness_follows_the_checks() {
    let running = Running::start();
    assert_eq!(running.get("/livez"), (200, "ok\n".to_owned()));
    assert_eq!(running.get("/readyz"), (503, "not ready\n".to_owned()));
    running.readiness.ok("audit");
    running.readiness.fail("policy", "policy.d/a.cedar: line 3");
    let list = "[+]audit ok\n[-]policy failed: policy.d/a.cedar: line 3\nnot ready\n";
    assert_eq!(running.get("/readyz?verbose"), (503, list.to_owned()));
    running.readiness.ok("policy");
    assert_eq!(running.get("/readyz"), (200, "ok\n".to_owned()));
}

#[test]
fn status_comes_back_as_it_was() {
    let running = Running::start();
    running.readiness.ok("audit");
    running.metrics.call(Call::Hold);
    running.metrics.finding("visa");
    running.metrics.masked(1);
    running
        .metrics
        .audit_commit(2, 100, Duration::from_millis(1));
    running.metrics.reasons_by(Reason::PolicyForbid, 3);
    let open = running.metrics.connection();
    let status = client::status(&running.socket(), TIME).unwrap();
    assert!(!status.ready);
    assert_eq!(
        status.checks[0],
        Check {
            name: "audit".into(),
            ok: true,
            why: String::new()
        }
    );
    assert_eq!(status.checks[1].why, "not started");
    assert_eq!(
        (status.calls.allow, status.calls.deny, status.calls.hold),
        (0, 0, 1)
    );
    assert_eq!(
        (status.findings, status.masked, status.connections),
        (1, 1, 1)
    );
    assert_eq!(
        (
            status.audit.records,
            status.audit.commits,
            status.audit.queue
        ),
        (2, 1, 0)
    );
    assert_eq!(
        status.reasons.into_iter().collect::<Vec<_>>(),
        [("policy_forbid".into(), 3)]
    );
    assert_eq!(status.pid, std::process::id());
    drop(open);
}

#[test]
fn other_requests_are_refused() {
    let running = Running::start();
    assert_eq!(running.get("/").0, 404);
    assert_eq!(running.get("/metrics/").0, 404);
    let post =
        running.tcp("POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("allow: GET, HEAD\r\n"));
    for host in [
        "evil.test",
        "evil.test:9090",
        "127.0.0.1.evil.test",
        "10.0.0.1",
        "",
    ] {
        let answer = running.tcp(&format!("GET /status HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 403 "), "{host}: {answer}");
    }
    for host in ["localhost", "127.0.0.1:9090", "[::1]:9090"] {
        let answer = running.tcp(&format!("GET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
    }
    assert!(running.tcp("not http\r\n\r\n").starts_with("HTTP/1.1 400 "));
    assert_eq!(running.get("/livez").0, 200);
}

#[test]
fn silent_connections_do_not_keep_others_out_for_ever() {
    let running = Running::start_with(Duration::from_millis(200));
    let silent: Vec<_> = (0..CONNECTIONS_MAX)
        .map(|_| UnixStream::connect(running.socket()).unwrap())
        .collect();
    let waited = client::get(&running.socket(), "/livez", TIME).unwrap();
    assert_eq!(waited.0, 200);
    drop(silent);
}

#[test]
fn a_socket_is_taken_over_only_when_nobody_listens() {
    let running = Running::start();
    let path = running.socket();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o660
    );
    assert_eq!(
        bind_unix(&path).unwrap_err().kind(),
        io::ErrorKind::AddrInUse
    );
    let Running {
        folder, _server, ..
    } = running;
    drop(_server);
    assert!(
        !path.exists(),
        "a server that is stopped takes its file with it"
    );
    assert!(matches!(
        client::get(&path, "/livez", TIME),
        Err(ClientError::Connect(_))
    ));
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "one that was killed leaves it");
    assert!(bind_unix(&path).is_ok());
    let folder = folder.path();
    let file = folder.join("file");
    std::fs::write(&file, "keep").unwrap();
    assert_eq!(
        bind_unix(&file).unwrap_err().kind(),
        io::ErrorKind::AlreadyExists
    );
    assert_eq!(std::fs::read(&file).unwrap(), b"keep");
}

#[test]
fn only_loopback_is_bound() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let refused = bind_loopback(address.parse().unwrap()).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
    }
}

#[test]
fn a_server_that_is_silent_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("admin.sock");
    let _silent = UnixListener::bind(&path).unwrap();
    let refused = client::get(&path, "/livez", Duration::from_millis(50));
    assert!(matches!(refused, Err(ClientError::Io(_))));
}
