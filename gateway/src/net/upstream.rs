//! Connections to the servers.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use gateway_common::Reason;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::own;
use crate::proxy::server::{Gateway, Server};

/// A connection to a server.
pub enum Upstream {
    /// As the server speaks it.
    Plain(TcpStream),
    /// TLS by the gateway.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects to where the client wanted to go, or to the configured address.
///
/// The kernel does not steer it back to us ([`own`]).
pub async fn connect(
    gateway: &Gateway,
    server: &Server,
    destination: SocketAddr,
) -> Result<Upstream, Reason> {
    let to = server.upstream.unwrap_or(destination);
    let limit = gateway.upstream_connect_time;
    let attempt = async {
        let stream = own::connect(to, gateway.maps.as_ref()).await?;
        stream.set_nodelay(true)?;
        let Some((tls, name)) = &server.upstream_tls else {
            return Ok(Upstream::Plain(stream));
        };
        let connector = tokio_rustls::TlsConnector::from(tls.clone());
        let stream = connector.connect(name.clone(), stream).await?;
        Ok::<_, io::Error>(Upstream::Tls(Box::new(stream)))
    };
    match tokio::time::timeout(limit, attempt).await {
        Ok(Ok(upstream)) => Ok(upstream),
        Ok(Err(error)) => {
            tracing::debug!(server = server.profile.server, %to, %error, "upstream connect failed");
            Err(Reason::UpstreamConnect)
        }
        Err(_) => Err(Reason::UpstreamTimeout),
    }
}

impl AsyncRead for Upstream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Upstream::Plain(s) => Pin::new(s).poll_read(cx, buf),
            Upstream::Tls(s) => Pin::new(s).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Upstream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Upstream::Plain(s) => Pin::new(s).poll_write(cx, buf),
            Upstream::Tls(s) => Pin::new(s).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Upstream::Plain(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Upstream::Tls(s) => Pin::new(s).poll_write_vectored(cx, bufs),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Upstream::Plain(s) => Pin::new(s).poll_flush(cx),
            Upstream::Tls(s) => Pin::new(s).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Upstream::Plain(s) => Pin::new(s).poll_shutdown(cx),
            Upstream::Tls(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}
