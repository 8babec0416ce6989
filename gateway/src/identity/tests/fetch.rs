//! The real fetch, over TLS and TCP on the loopback.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::tls::{ClientAuth, Roots, ServerSettings, ServerTls, client_config};

/// A listener on a free port below the ephemeral range.
async fn listen() -> (TcpListener, SocketAddr) {
    let first = 10_000 + std::process::id() % 8_000;
    for port in first..first + 200 {
        let address = SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).expect("a port")));
        if let Ok(listener) = TcpListener::bind(address).await {
            return (listener, address);
        }
    }
    panic!("no free port");
}

/// Reads a request head, writes that answer, then keeps the connection open.
async fn answer(mut io: impl AsyncRead + AsyncWrite + Unpin, answer: &[u8]) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if io.read_exact(&mut byte).await.is_err() {
            break;
        }
        head.extend_from_slice(&byte);
    }
    // The client may hang up before it has read everything: that is its right.
    let _ = io.write_all(answer).await;
    let _ = io.flush().await;
    let _ = io.read(&mut [0]).await;
    String::from_utf8(head).expect("plain text")
}

fn fetcher(dir: &Path, seconds: u64) -> HttpFetch {
    let tls = client_config(&Roots::File(dir.join("ca.pem")), None).expect("good files");
    HttpFetch::new(tls, Duration::from_secs(seconds))
}

fn fresh_dir() -> tempfile::TempDir {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let dir = tempfile::tempdir().expect("a folder");
    dev::init(dir.path(), &[], now.expect("after 1970").as_secs()).expect("development files");
    dir
}

async fn fetch_plain(response: Vec<u8>) -> Result<Vec<u8>, FetchError> {
    let dir = issuer_dir();
    let (listener, address) = listen().await;
    let serving = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.expect("a connection");
        answer(tcp, &response).await
    });
    let url = Url::parse(&format!("http://{address}/keys?a=b")).expect("a URL");
    let outcome = fetcher(dir.path(), 1).fetch(&url).await;
    let head = serving.await.expect("no panic");
    assert!(head.starts_with("GET /keys?a=b HTTP/1.1\r\n"), "{head}");
    assert!(
        head.to_ascii_lowercase()
            .contains(&format!("host: {address}\r\n")),
        "{head}"
    );
    outcome
}

#[tokio::test]
async fn keys_come_over_tls_from_the_ca_that_is_configured_and_no_other() {
    let (dir, other) = (fresh_dir(), fresh_dir());
    let tls = ServerTls::load(ServerSettings {
        certificate: dir.path().join("server.pem"),
        key: dir.path().join("server.key"),
        client: ClientAuth::None,
    })
    .expect("good files");
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.expect("a connection");
            let acceptor = tokio_rustls::TlsAcceptor::from(tls.config());
            if let Ok(io) = acceptor.accept(tcp).await {
                answer(io, b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nkeys").await;
            }
        }
    });
    let url = Url::parse(&format!("https://localhost:{}/", address.port())).expect("a URL");
    assert_eq!(
        fetcher(dir.path(), 5).fetch(&url).await.expect("fetched"),
        b"keys"
    );
    let by_address = Url::parse(&format!("https://{address}/")).expect("a URL");
    assert_eq!(
        fetcher(dir.path(), 5)
            .fetch(&by_address)
            .await
            .expect("fetched"),
        b"keys"
    );
    let refused = fetcher(other.path(), 5).fetch(&url).await;
    assert!(
        matches!(refused, Err(FetchError::Connect(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn answers_that_are_not_a_document_are_errors() {
    let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec();
    assert_eq!(fetch_plain(ok).await.expect("fetched"), b"{}");
    let moved = b"HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n";
    assert!(matches!(
        fetch_plain(moved.to_vec()).await,
        Err(FetchError::Status(302))
    ));
    let silent = fetch_plain(Vec::new()).await;
    assert!(matches!(silent, Err(FetchError::Timeout)), "{silent:?}");
    let slow = fetch_plain(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_vec()).await;
    assert!(matches!(slow, Err(FetchError::Timeout)), "{slow:?}");
    let rubbish = fetch_plain(b"SSH-2.0-OpenSSH\r\n\r\n".to_vec()).await;
    assert!(
        matches!(rubbish, Err(FetchError::Protocol(_))),
        "{rubbish:?}"
    );
}

#[tokio::test]
async fn body_over_the_limit_is_refused() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let chunk = [b"10000\r\n".as_slice(), &vec![b' '; 0x10000], b"\r\n"].concat();
    let body = chunk.repeat(KEYS_BYTES_MAX / 0x10000 + 1);
    let outcome = fetch_plain([head, body].concat()).await;
    assert!(
        matches!(outcome, Err(FetchError::Protocol(_))),
        "{outcome:?}"
    );
}
