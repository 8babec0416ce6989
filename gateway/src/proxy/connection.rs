//! Drives one [`engine::Session`]: carries bytes between the two sockets and
//! the session, and does what the session asks for. Decides nothing.
//!
//! One task per downstream connection; its upstream connection lives and dies
//! with it. Bounds: at most [`WRITE_QUEUE_BYTES`] wait for a slow reader, then
//! the other side is not read (back-pressure, nothing is dropped).

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io::IoSlice;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use engine::{Env, Flow, Input, Output, Session};
use gateway_common::Reason;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::clock;
use super::server::{Evidence, Gateway, Server};
use crate::app::Stop;
use crate::net::upstream::{self, Upstream};

/// Bytes that wait for a slow reader before the other side is left unread.
const WRITE_QUEUE_BYTES: usize = 256 << 10;

/// One read, and the size of a fresh read buffer.
const READ_BYTES: usize = 16 << 10;

/// After an orderly close the client's remaining bytes are read and dropped for
/// this long, so that a reset does not overtake the answer.
const LINGER: Duration = Duration::from_secs(1);

/// A downstream socket: plain or TLS.
pub trait Socket: AsyncRead + AsyncWrite + Unpin {
    /// Makes the close a reset, so that a cut answer is seen as one.
    fn reset_on_close(&self);
}

impl Socket for tokio::net::TcpStream {
    fn reset_on_close(&self) {
        // A socket that is gone already needs no reset.
        let _ = socket2::SockRef::from(self).set_linger(Some(Duration::ZERO));
    }
}

impl Socket for tokio_rustls::server::TlsStream<tokio::net::TcpStream> {
    fn reset_on_close(&self) {
        self.get_ref().0.reset_on_close();
    }
}

/// One connection on its way through the gateway.
pub struct Connection<S> {
    gateway: Arc<Gateway>,
    server: Arc<Server>,
    evidence: Evidence,
    session: Session,
    client: S,
    to_client: Queue,
    from_client: BytesMut,
    upstream: Option<Upstream>,
    to_server: Queue,
    from_server: BytesMut,
    /// The client has sent its end of stream.
    client_ended: bool,
    /// `Some(abort)` once the session asked for the end.
    closing: Option<bool>,
}

/// What woke the connection.
enum Event {
    Client(Bytes),
    ClientEnd,
    ClientGone,
    Server(Bytes),
    ServerEnd(Reason),
    AuditMoved,
    Tick,
    Wrote,
    /// Nothing is in work, and the gateway stops.
    Stopping,
}

impl<S: Socket> Connection<S> {
    /// A connection that was accepted, and identified as far as TLS and the
    /// kernel go.
    pub fn new(
        gateway: Arc<Gateway>,
        server: Arc<Server>,
        evidence: Evidence,
        flow: Flow,
        client: S,
    ) -> Connection<S> {
        Connection {
            session: Session::new(flow, clock::now()),
            gateway,
            server,
            evidence,
            client,
            to_client: Queue::default(),
            from_client: BytesMut::new(),
            upstream: None,
            to_server: Queue::default(),
            from_server: BytesMut::new(),
            client_ended: false,
            closing: None,
        }
    }

    /// Runs until both sides are closed.
    pub async fn run(mut self) {
        let mut durable = self.gateway.durable.clone();
        let mut stop = self.gateway.stop.clone();
        if self.server.profile.mode == engine::Mode::Observe && self.server.may_speak_first {
            self.session.connect_early();
        }
        while self.closing.is_none() {
            durable.mark_unchanged();
            self.handle(Input::AuditMoved);
            self.carry_out().await;
            if self.closing.is_some() {
                break;
            }
            let limits = &self.server.profile.limits;
            let timer = self.session.deadline(limits).map(clock::sleep_until);
            let mut timer = pin!(async move {
                match timer {
                    Some(sleep) => sleep.await,
                    None => std::future::pending().await,
                }
            });
            let mut moved = pin!(durable.changed());
            let idle = self.session.is_idle();
            let mut stopping = pin!(stop.wait_for(|s| *s == Stop::Now || (*s != Stop::No && idle)));
            let event = poll_fn(|cx| {
                if stopping.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(match idle {
                        true => Event::Stopping,
                        false => Event::ClientGone,
                    });
                }
                if timer.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Event::Tick);
                }
                if self.session.waits_for_audit()
                    && let Poll::Ready(Ok(())) = moved.as_mut().poll(cx)
                {
                    return Poll::Ready(Event::AuditMoved);
                }
                self.poll_sockets(cx)
            })
            .await;
            match event {
                Event::Client(bytes) => self.handle(Input::Downstream(bytes)),
                Event::ClientEnd => self.handle(Input::DownstreamEnd),
                Event::ClientGone => self.handle(Input::DownstreamGone),
                Event::Server(bytes) => self.handle(Input::Upstream(bytes)),
                Event::ServerEnd(reason) => {
                    self.upstream = None;
                    self.handle(Input::UpstreamEnd(reason));
                }
                Event::AuditMoved => self.handle(Input::AuditMoved),
                Event::Tick => self.handle(Input::Tick),
                Event::Wrote => {}
                Event::Stopping => self.closing = Some(false),
            }
        }
        self.finish().await;
    }

    fn handle(&mut self, input: Input) {
        let snapshot = self.gateway.snapshot.load();
        let env = Env {
            now: clock::now(),
            profile: &self.server.profile,
            policies: &snapshot.policies,
            scanner: &self.gateway.scanner,
            suppressions: &snapshot.suppressions.rules,
            recorder: &self.gateway.recorder,
            observer: self.gateway.metrics.as_ref(),
        };
        self.session.handle(input, &env);
    }

    async fn carry_out(&mut self) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Authenticate(sent) => {
                    let who = self
                        .gateway
                        .identify(&self.server, &self.evidence, &sent)
                        .await;
                    self.handle(Input::Identity(who));
                }
                Output::Connect => self.connect().await,
                Output::Upstream(bytes) => self.to_server.push(bytes.into_bytes()),
                Output::Downstream(bytes) => self.to_client.push(bytes.into_bytes()),
                Output::CloseUpstream => {
                    self.upstream = None;
                    self.to_server.clear();
                }
                Output::Close { abort, .. } => self.closing = Some(abort),
            }
        }
    }

    async fn connect(&mut self) {
        let destination = self.session.flow().destination;
        match upstream::connect(&self.gateway, &self.server, destination).await {
            Ok(upstream) => self.upstream = Some(upstream),
            Err(reason) => {
                self.to_server.clear();
                self.handle(Input::UpstreamEnd(reason));
            }
        }
    }

    fn poll_sockets(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let mut wrote = false;
        match self.to_client.poll_write(Pin::new(&mut self.client), cx) {
            Poll::Ready(Ok(any)) => wrote |= any,
            Poll::Ready(Err(_)) => return Poll::Ready(Event::ClientGone),
            Poll::Pending => {}
        }
        let limits = &self.server.profile.limits;
        if let Some(upstream) = &mut self.upstream {
            match self.to_server.poll_write(Pin::new(upstream), cx) {
                Poll::Ready(Ok(any)) => wrote |= any,
                // What the server said before it closed is still to be read.
                Poll::Ready(Err(_)) => self.to_server.clear(),
                Poll::Pending => {}
            }
            // The server sees the client's half-close as it would without us.
            if self.client_ended && self.to_server.is_empty() {
                let _ = Pin::new(&mut *upstream).poll_shutdown(cx);
            }
            if self.session.wants_upstream(limits) && self.to_client.bytes < WRITE_QUEUE_BYTES {
                match poll_read(upstream, &mut self.from_server, cx) {
                    Poll::Ready(Ok(bytes)) if bytes.is_empty() => {
                        return Poll::Ready(Event::ServerEnd(Reason::Ok));
                    }
                    Poll::Ready(Ok(bytes)) => return Poll::Ready(Event::Server(bytes)),
                    Poll::Ready(Err(_)) => {
                        return Poll::Ready(Event::ServerEnd(Reason::UpstreamTruncated));
                    }
                    Poll::Pending => {}
                }
            }
        }
        if self.session.wants_downstream(limits)
            && self.to_server.bytes < WRITE_QUEUE_BYTES
            && !self.client_ended
        {
            match poll_read(&mut self.client, &mut self.from_client, cx) {
                Poll::Ready(Ok(bytes)) if bytes.is_empty() => {
                    self.client_ended = true;
                    return Poll::Ready(Event::ClientEnd);
                }
                Poll::Ready(Ok(bytes)) => return Poll::Ready(Event::Client(bytes)),
                Poll::Ready(Err(_)) => return Poll::Ready(Event::ClientGone),
                Poll::Pending => {}
            }
        }
        if wrote {
            Poll::Ready(Event::Wrote)
        } else {
            Poll::Pending
        }
    }

    /// Writes what is left, then closes both sides.
    async fn finish(mut self) {
        if self.closing == Some(true) {
            self.client.reset_on_close();
            return;
        }
        self.upstream = None;
        let write = async {
            while !self.to_client.is_empty() {
                if poll_fn(|cx| self.to_client.poll_write(Pin::new(&mut self.client), cx))
                    .await
                    .is_err()
                {
                    return;
                }
            }
            let _ = self.client.shutdown().await;
        };
        if tokio::time::timeout(Duration::from_secs(10), write)
            .await
            .is_err()
        {
            return self.client.reset_on_close();
        }
        let mut scrap = [0u8; 4096];
        let _ = tokio::time::timeout(LINGER, async {
            while let Ok(1..) = self.client.read(&mut scrap).await {}
        })
        .await;
    }
}

/// Bytes waiting to be written.
#[derive(Default)]
struct Queue {
    parts: VecDeque<Bytes>,
    bytes: usize,
}

impl Queue {
    fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.bytes += bytes.len();
            self.parts.push_back(bytes);
        }
    }

    fn clear(&mut self) {
        self.parts.clear();
        self.bytes = 0;
    }

    fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Writes once, all parts in one call; false when there was nothing.
    fn poll_write<W: AsyncWrite>(
        &mut self,
        mut to: Pin<&mut W>,
        cx: &mut Context<'_>,
    ) -> Poll<std::io::Result<bool>> {
        if self.parts.is_empty() {
            return Poll::Ready(Ok(false));
        }
        let mut slices = [IoSlice::new(&[]); 16];
        let mut count = 0;
        for (slot, part) in slices.iter_mut().zip(&self.parts) {
            *slot = IoSlice::new(part);
            count += 1;
        }
        let mut written = ready!(to.as_mut().poll_write_vectored(cx, &slices[..count]))?;
        if written == 0 {
            return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
        }
        self.bytes -= written;
        while let Some(front) = self.parts.front_mut() {
            if written < front.len() {
                front.advance(written);
                break;
            }
            written -= front.len();
            self.parts.pop_front();
        }
        // TLS buffers: what it took must leave now, the peer may wait for it.
        if self.parts.is_empty() {
            let _ = to.poll_flush(cx)?;
        }
        Poll::Ready(Ok(true))
    }
}

/// Reads once into fresh space; empty bytes are the end.
fn poll_read<R: AsyncRead + Unpin>(
    from: &mut R,
    buffer: &mut BytesMut,
    cx: &mut Context<'_>,
) -> Poll<std::io::Result<Bytes>> {
    buffer.reserve(READ_BYTES);
    // `read_buf` keeps no state between polls, so a fresh future each time is
    // the same as one that is kept.
    ready!(pin!(from.read_buf(buffer)).poll(cx))?;
    Poll::Ready(Ok(buffer.split().freeze()))
}
