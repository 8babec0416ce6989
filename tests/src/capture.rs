//! An HTTP/1.1 client that keeps every byte, for tests of byte identity.
//!
//! It sends what it is given and reads one answer at a time: the head and the body as
//! they came, chunk framing included, and the body without it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail, ensure};

/// One connection.
#[derive(Debug)]
pub struct Capture {
    stream: TcpStream,
    /// Read, not yet part of an answer.
    buffered: Vec<u8>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status line and header fields as received, up to and including the blank line.
    pub head: Vec<u8>,
    /// The body as received, with chunk sizes and trailers.
    pub raw: Vec<u8>,
    /// The body without transfer coding.
    pub body: Vec<u8>,
    /// Status code.
    pub status: u16,
    /// Header fields, names in lower case, in the order received.
    pub headers: Vec<(String, String)>,
}

impl Answer {
    /// The first header field of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    /// The head with the value of each field named in `varying` left out: `date` and the
    /// session id differ from answer to answer.
    pub fn head_without(&self, varying: &[&str]) -> Vec<u8> {
        let mut head = Vec::new();
        for line in self.head.split_inclusive(|byte| *byte == b'\n') {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            let name = String::from_utf8_lossy(name).to_lowercase();
            if !varying.contains(&name.as_str()) {
                head.extend_from_slice(line);
            }
        }
        head
    }
}

impl Capture {
    /// Connects; each read and write may take 30 s.
    ///
    /// # Errors
    /// If nobody listens.
    pub fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))
            .with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(IO_LIMIT))?;
        stream.set_write_timeout(Some(IO_LIMIT))?;
        Ok(Self {
            stream,
            buffered: Vec::new(),
        })
    }

    /// The connection's two ends: `(getsockname, getpeername)`.
    ///
    /// # Errors
    /// If it is gone.
    pub fn ends(&self) -> anyhow::Result<(SocketAddr, SocketAddr)> {
        Ok((self.stream.local_addr()?, self.stream.peer_addr()?))
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// If the other side is gone.
    pub fn send(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(bytes).context("send")
    }

    /// Sends one POST of JSON with the headers every MCP client sends, and reads the answer.
    ///
    /// # Errors
    /// As [`Self::send`] and [`Self::answer`].
    pub fn post(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> anyhow::Result<Answer> {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\ncontent-length: {}\r\n",
            self.stream.peer_addr()?,
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(body);
        self.send(request.as_bytes())?;
        self.answer()
    }

    /// Reads one whole answer; not for answers to HEAD.
    ///
    /// # Errors
    /// If the connection ends within it, it is not HTTP, is larger than 64 MiB, or a
    /// read takes over 30 s.
    pub fn answer(&mut self) -> anyhow::Result<Answer> {
        let head_end = loop {
            if let Some(at) = memchr::memmem::find(&self.buffered, b"\r\n\r\n") {
                break at + 4;
            }
            ensure!(
                self.fill()?,
                "the connection ended before the end of the head"
            );
        };
        let head: Vec<u8> = self.buffered.drain(..head_end).collect();
        let (status, headers) = parse_head(&head)?;
        let mut answer = Answer {
            head,
            raw: Vec::new(),
            body: Vec::new(),
            status,
            headers,
        };
        let length = answer
            .header("content-length")
            .map(str::parse::<usize>)
            .transpose()?;
        if matches!(status, 100..200 | 204 | 304) {
            return Ok(answer);
        }
        if answer
            .header("transfer-encoding")
            .is_some_and(|coding| coding == "chunked")
        {
            (answer.raw, answer.body) = self.chunks()?;
        } else if let Some(length) = length {
            answer.raw = self.take(length)?;
            answer.body = answer.raw.clone();
        } else {
            while self.fill()? {}
            answer.raw = std::mem::take(&mut self.buffered);
            answer.body = answer.raw.clone();
        }
        Ok(answer)
    }

    /// Bytes that arrived and belong to no answer yet, after waiting up to `wait` for more.
    ///
    /// # Errors
    /// If the socket fails.
    pub fn surplus(&mut self, wait: Duration) -> anyhow::Result<Vec<u8>> {
        self.stream.set_read_timeout(Some(wait))?;
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk) {
            Ok(read) => self
                .buffered
                .extend_from_slice(chunk.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        self.stream.set_read_timeout(Some(IO_LIMIT))?;
        Ok(std::mem::take(&mut self.buffered))
    }

    fn chunks(&mut self) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
        let (mut raw, mut body) = (Vec::new(), Vec::new());
        loop {
            let line = self.line()?;
            let text = std::str::from_utf8(&line)?.trim_end();
            let size = usize::from_str_radix(text.split(';').next().unwrap_or(text), 16)
                .with_context(|| format!("chunk size {text:?}"))?;
            raw.extend_from_slice(&line);
            if size == 0 {
                break;
            }
            let chunk = self.take(size + 2)?;
            ensure!(chunk.ends_with(b"\r\n"), "no line end after a chunk");
            body.extend_from_slice(chunk.get(..size).unwrap_or_default());
            raw.extend_from_slice(&chunk);
        }
        loop {
            let trailer = self.line()?;
            raw.extend_from_slice(&trailer);
            if trailer == b"\r\n" {
                return Ok((raw, body));
            }
        }
    }

    fn line(&mut self) -> anyhow::Result<Vec<u8>> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.buffered, b"\r\n") {
                return Ok(self.buffered.drain(..at + 2).collect());
            }
            ensure!(self.fill()?, "the connection ended within a line");
        }
    }

    fn take(&mut self, bytes: usize) -> anyhow::Result<Vec<u8>> {
        while self.buffered.len() < bytes {
            ensure!(self.fill()?, "the connection ended within the body");
        }
        Ok(self.buffered.drain(..bytes).collect())
    }

    /// False at the end of the stream.
    fn fill(&mut self) -> anyhow::Result<bool> {
        let mut chunk = vec![0; 64 * 1024];
        let read = self.stream.read(&mut chunk).context("receive")?;
        self.buffered
            .extend_from_slice(chunk.get(..read).unwrap_or_default());
        ensure!(
            self.buffered.len() <= ANSWER_BYTES_MAX,
            "answer over {ANSWER_BYTES_MAX} bytes"
        );
        Ok(read > 0)
    }
}

fn parse_head(head: &[u8]) -> anyhow::Result<(u16, Vec<(String, String)>)> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut fields);
    if !response
        .parse(head)
        .context("not an HTTP head")?
        .is_complete()
    {
        bail!("incomplete HTTP head");
    }
    let headers = response.headers.iter().map(|field| {
        (
            field.name.to_lowercase(),
            String::from_utf8_lossy(field.value).into_owned(),
        )
    });
    Ok((response.code.context("no status code")?, headers.collect()))
}

const IO_LIMIT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// Serves `bytes` in pieces of `piece` to one connection, then closes it.
    fn serve(bytes: &'static [u8], piece: usize) -> anyhow::Result<Capture> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("one connection");
            stream.set_nodelay(true).expect("nodelay");
            for piece in bytes.chunks(piece) {
                stream.write_all(piece).expect("it reads");
            }
        });
        Capture::connect(address)
    }

    #[test]
    fn chunked_and_sized_answers_keep_every_byte() -> anyhow::Result<()> {
        const WIRE: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
            3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nt: v\r\n\r\n\
            HTTP/1.1 404 Not Found\r\nDate: now\r\nContent-Length: 2\r\n\r\nhi";
        for piece in [1, 7, WIRE.len()] {
            let mut capture = serve(WIRE, piece)?;
            let first = capture.answer()?;
            assert_eq!(first.body, b"abcde");
            assert_eq!(first.raw, b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nt: v\r\n\r\n");
            let second = capture.answer()?;
            assert_eq!(
                (second.status, second.body.as_slice()),
                (404, b"hi".as_slice())
            );
            assert_eq!(second.header("content-length"), Some("2"));
            assert_eq!(
                second.head_without(&["date"]),
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n"
            );
            assert_eq!(
                [first.head, first.raw, second.head, second.raw].concat(),
                WIRE
            );
        }
        Ok(())
    }

    #[test]
    fn a_cut_answer_is_an_error() -> anyhow::Result<()> {
        let mut capture = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc", 64)?;
        assert!(capture.answer().is_err());
        let mut capture = serve(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\na",
            64,
        )?;
        assert!(capture.answer().is_err());
        Ok(())
    }
}
