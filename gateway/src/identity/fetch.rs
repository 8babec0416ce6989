//! One bounded GET for key sets and discovery documents.
//!
//! No redirect is followed, no proxy, no cookie. Bounds: [`KEYS_BYTES_MAX`],
//! and the time given in the settings for connect, TLS, head and body together.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use url::Url;

use crate::net::own::{self, LaterRedirect};

/// Largest key set or discovery document that is read, bytes.
pub const KEYS_BYTES_MAX: usize = 1024 * 1024;

/// Why a document could not be had; the text names no content.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Host cannot be reached.
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    /// TLS or HTTP broke down, or the body is over the limit.
    #[error("broken answer: {0}")]
    Protocol(String),
    /// Answer is not 200.
    #[error("answered with status {0}")]
    Status(u16),
    /// No whole answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The document is not what it should be.
    #[error("{0}")]
    Document(&'static str),
}

/// A fetch under way.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, FetchError>> + Send + 'a>>;

/// Fetches a document; a border, so that tests and other transports fit.
pub trait Fetch: Send + Sync + 'static {
    /// Body of the answer to a GET.
    fn fetch<'a>(&'a self, url: &'a Url) -> Fetching<'a>;
}

/// [`Fetch`] by HTTP/1.1 over TCP or TLS.
pub struct HttpFetch {
    tls: Arc<rustls::ClientConfig>,
    time_max: Duration,
    redirect: LaterRedirect,
}

impl HttpFetch {
    /// Fetches with that TLS config, within that time.
    pub fn new(tls: Arc<rustls::ClientConfig>, time_max: Duration) -> Self {
        HttpFetch {
            tls,
            time_max,
            redirect: LaterRedirect::default(),
        }
    }

    /// The same, past the redirect: an issuer may stand at a covered address, and
    /// who waits for its keys may be the very connection that would be steered.
    pub fn past(self, redirect: LaterRedirect) -> Self {
        HttpFetch { redirect, ..self }
    }

    /// Tries each address of the host.
    async fn connect(&self, host: &str, port: u16) -> std::io::Result<TcpStream> {
        let mut failed = std::io::Error::other("host has no address");
        for address in tokio::net::lookup_host((host, port)).await? {
            match own::connect(address, self.redirect.maps()).await {
                Ok(tcp) => return Ok(tcp),
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }

    async fn fetch_now(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        let host = url
            .host_str()
            .ok_or(FetchError::Document("URL has no host"))?;
        let port = url
            .port_or_known_default()
            .ok_or(FetchError::Document("URL has no port"))?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let tcp = self
            .connect(bare, port)
            .await
            .map_err(FetchError::Connect)?;
        if url.scheme() != "https" {
            return exchange(tcp, url).await;
        }
        let name = ServerName::try_from(bare.to_owned())
            .map_err(|_| FetchError::Document("host of the URL is not a name"))?;
        let connector = tokio_rustls::TlsConnector::from(self.tls.clone());
        let tls = connector
            .connect(name, tcp)
            .await
            .map_err(FetchError::Connect)?;
        exchange(tls, url).await
    }
}

impl Fetch for HttpFetch {
    fn fetch<'a>(&'a self, url: &'a Url) -> Fetching<'a> {
        Box::pin(async move {
            let answer = tokio::time::timeout(self.time_max, self.fetch_now(url)).await;
            answer.unwrap_or(Err(FetchError::Timeout))
        })
    }
}

async fn exchange<Io>(io: Io, url: &Url) -> Result<Vec<u8>, FetchError>
where
    Io: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io))
        .await
        .map_err(protocol)?;
    // Ends when the sender is dropped, at the end of this function or of its time.
    tokio::spawn(connection);
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let authority = match (url.host_str().unwrap_or_default(), url.port()) {
        (host, Some(port)) => format!("{host}:{port}"),
        (host, None) => host.to_owned(),
    };
    let request = Request::get(target)
        .header(header::HOST, authority)
        .header(header::ACCEPT, "application/json")
        .header(
            header::USER_AGENT,
            concat!("panward/", env!("CARGO_PKG_VERSION")),
        )
        .body(Empty::<Bytes>::new())
        .map_err(protocol)?;
    let response = sender.send_request(request).await.map_err(protocol)?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status().as_u16()));
    }
    let body = Limited::new(response.into_body(), KEYS_BYTES_MAX)
        .collect()
        .await;
    Ok(body.map_err(protocol)?.to_bytes().to_vec())
}

fn protocol(error: impl std::fmt::Display) -> FetchError {
    FetchError::Protocol(error.to_string())
}
