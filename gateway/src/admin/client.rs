//! Asking a running gateway, from another process on the host.
//!
//! Blocking, over the Unix socket, one request to a connection; the answer is
//! framed by `wire` and bounded.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use wire::WireError;
use wire::http1::{BodyEvent, BodyLength, BodyReader, HeadParser, Limits, ResponseHead};

use super::Status;

/// Bytes of an answer's body.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a gateway could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens, or no permission.
    #[error("cannot connect: {0} (is panward running, and may this user read the socket?)")]
    Connect(io::Error),
    /// The connection broke or no answer came in time.
    #[error("no answer: {0}")]
    Io(#[from] io::Error),
    /// The answer is not HTTP.
    #[error("answer cannot be read: {0}")]
    Wire(#[from] WireError),
    /// The answer is too long.
    #[error("answer is too long")]
    TooLong,
    /// The answer is another than asked for.
    #[error("answered with http status {0}")]
    HttpStatus(u16),
    /// The answer is no status.
    #[error("status cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

/// The status of the gateway that listens on `socket`.
///
/// # Errors
/// See [`ClientError`].
pub fn status(socket: &Path, timeout: Duration) -> Result<Status, ClientError> {
    match get(socket, "/status", timeout)? {
        (200, body) => Ok(serde_json::from_slice(&body)?),
        (other, _) => Err(ClientError::HttpStatus(other)),
    }
}

/// GET `target`, a path; HTTP status and body. `timeout` is for all of it.
///
/// # Errors
/// See [`ClientError`].
pub fn get(socket: &Path, target: &str, timeout: Duration) -> Result<(u16, Vec<u8>), ClientError> {
    let deadline = Instant::now() + timeout;
    let mut stream = UnixStream::connect(socket).map_err(ClientError::Connect)?;
    stream.set_write_timeout(Some(timeout))?;
    let request = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let limits = Limits::default();
    let mut parser = HeadParser::new();
    let mut received = Vec::new();
    let head: ResponseHead = loop {
        if let Some(head) = parser.response(&received, &limits)? {
            break head;
        }
        if read_some(&mut stream, &mut received, deadline)? == 0 {
            return Err(WireError::Truncated("head").into());
        }
    };
    let length = BodyLength::of_response(&received, &head, b"GET")?;
    let body = read_body(&mut stream, received.split_off(head.len), length, deadline)?;
    Ok((head.status, body))
}

fn read_body(
    stream: &mut UnixStream,
    mut chunk: Vec<u8>,
    length: BodyLength,
    deadline: Instant,
) -> Result<Vec<u8>, ClientError> {
    let mut reader = BodyReader::new(length, &Limits::default());
    let mut body = Vec::new();
    loop {
        reader.push(&chunk, &mut |event| {
            if let BodyEvent::Data(range) = event {
                body.extend_from_slice(chunk.get(range).unwrap_or_default());
            }
        })?;
        if reader.is_done() {
            return Ok(body);
        }
        if body.len() > BODY_BYTES_MAX {
            return Err(ClientError::TooLong);
        }
        chunk.clear();
        if read_some(stream, &mut chunk, deadline)? == 0 {
            reader.eof()?;
            return Ok(body);
        }
    }
}

/// Read what is there, at most until the deadline; 0 = the peer has closed.
fn read_some(
    stream: &mut UnixStream,
    into: &mut Vec<u8>,
    deadline: Instant,
) -> Result<usize, ClientError> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err(io::Error::from(io::ErrorKind::TimedOut).into());
    }
    stream.set_read_timeout(Some(left))?;
    let mut buffer = [0; 16 * 1024];
    let len = stream.read(&mut buffer)?;
    into.extend_from_slice(buffer.get(..len).unwrap_or_default());
    Ok(len)
}
