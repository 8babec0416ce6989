//! One request on its way in: head, body, and the checks that need no policy.

use bytes::{Bytes, BytesMut};
use gateway_common::Reason;
use wire::WireError;
use wire::http1::{BodyEvent, BodyLength, BodyReader, Edit, HeadParser, RequestHead};

use crate::io::{Authorizations, Now};
use crate::profile::{Authorization, Profile};

/// A request whose head is known.
pub(crate) struct Incoming {
    /// Raw head, blank line included.
    pub(crate) raw_head: Bytes,
    pub(crate) head: RequestHead,
    pub(crate) started: Now,
    reader: BodyReader,
    /// Raw body with its framing.
    pub(crate) body: BytesMut,
    /// Payload within `body`.
    pub(crate) data: Vec<std::ops::Range<usize>>,
    payload_bytes: usize,
    pub(crate) expects_continue: bool,
    pub(crate) identity: Option<std::sync::Arc<policy::Principal>>,
}

/// What a wire error means to the client and in the record.
pub(crate) fn reason_of(error: &WireError) -> Reason {
    match error {
        WireError::Malformed(_) => Reason::HttpMalformed,
        WireError::TooLarge(_) => Reason::HttpTooLarge,
        WireError::Framing(_) => Reason::HttpFraming,
        WireError::Unsupported(_) => Reason::HttpUnsupported,
        WireError::Truncated(_) => Reason::BodyTruncated,
        WireError::Json(_) => Reason::JsonMalformed,
        WireError::DuplicateKey(_) => Reason::JsonDuplicateKey,
        WireError::NotJsonRpc(_) => Reason::JsonRpcInvalid,
        WireError::Injection(_) => Reason::HttpMalformed,
    }
}

impl Incoming {
    /// Takes a whole head off `buffer`, or `None` when more bytes are needed.
    pub(crate) fn parse(
        parser: &mut HeadParser,
        buffer: &mut BytesMut,
        started: Now,
        profile: &Profile,
    ) -> Result<Option<Incoming>, Reason> {
        let limits = &profile.limits.http1;
        let Some(head) = parser.request(buffer, limits).map_err(|e| reason_of(&e))? else {
            return Ok(None);
        };
        let length = BodyLength::of_request(buffer, &head).map_err(|e| reason_of(&e))?;
        if let BodyLength::Exact(bytes) = length
            && bytes > profile.limits.request_body_bytes_max as u64
        {
            return Err(Reason::BodyTooLarge);
        }
        let expects_continue = head.expects_continue(buffer);
        let raw_head = buffer.split_to(head.len).freeze();
        Ok(Some(Incoming {
            raw_head,
            head,
            started,
            reader: BodyReader::new(length, limits),
            body: BytesMut::new(),
            data: Vec::new(),
            payload_bytes: 0,
            expects_continue,
            identity: None,
        }))
    }

    /// Takes body bytes off `buffer`; true when the body is whole.
    pub(crate) fn take_body(&mut self, buffer: &mut BytesMut, max: usize) -> Result<bool, Reason> {
        if self.reader.is_done() {
            return Ok(true);
        }
        let base = self.body.len();
        let data = &mut self.data;
        let payload = &mut self.payload_bytes;
        let consumed = self
            .reader
            .push(buffer, &mut |event| {
                if let BodyEvent::Data(range) = event {
                    *payload += range.len();
                    data.push(base + range.start..base + range.end);
                }
            })
            .map_err(|e| reason_of(&e))?;
        // Framing counts too: a body of one-byte chunks must not grow without bound.
        if self.payload_bytes > max || base + consumed > max.saturating_mul(2) + 1024 {
            return Err(Reason::BodyTooLarge);
        }
        self.body.extend_from_slice(&buffer.split_to(consumed));
        Ok(self.reader.is_done())
    }

    /// The payload in one piece: borrowed where the framing left it whole.
    pub(crate) fn payload(&self) -> std::borrow::Cow<'_, [u8]> {
        match self.data.as_slice() {
            [] => std::borrow::Cow::Borrowed(&[]),
            [one] => std::borrow::Cow::Borrowed(&self.body[one.clone()]),
            many => std::borrow::Cow::Owned(
                many.iter()
                    .flat_map(|r| self.body[r.clone()].iter().copied())
                    .collect(),
            ),
        }
    }

    pub(crate) fn method(&self) -> &[u8] {
        self.head.method.of(&self.raw_head)
    }

    /// Target without its query.
    pub(crate) fn path(&self) -> &[u8] {
        let target = self.head.target.of(&self.raw_head);
        match memchr::memchr(b'?', target) {
            Some(at) => &target[..at],
            None => target,
        }
    }

    pub(crate) fn header(&self, name: &'static str) -> Option<&[u8]> {
        self.head.header(&self.raw_head, name)
    }

    pub(crate) fn keep_alive(&self) -> bool {
        self.head.keep_alive(&self.raw_head)
    }

    pub(crate) fn has_body(&self) -> bool {
        !matches!(self.reader.length(), BodyLength::Empty)
    }

    /// Whether the body claims to be JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.header("content-type")
            .is_some_and(|v| media_type(v) == "application/json")
    }

    /// What the client sent as authorization, where this server takes tokens as
    /// evidence.
    pub(crate) fn authorizations(&self, profile: &Profile) -> Authorizations {
        let values = self.head.all(&self.raw_head, "authorization");
        Authorizations::new(values.filter(|_| profile.accepts_bearer))
    }

    /// The MCP session named by the client.
    pub(crate) fn mcp_session(&self) -> Option<&[u8]> {
        self.header("mcp-session-id")
    }

    /// Whether the client speaks the stateless revisions (2026-07-28 and later).
    pub(crate) fn is_modern(&self) -> bool {
        self.header("mcp-protocol-version")
            .is_some_and(|v| v >= b"2026-07-28".as_slice())
    }

    /// Raw head for the server: the client's, but for what must not or need not
    /// go on. Without an edit it is the client's bytes themselves.
    pub(crate) fn upstream_head(
        &self,
        profile: &Profile,
        token_was_evidence: bool,
    ) -> Result<Bytes, Reason> {
        let mut edits: Vec<Edit<'_>> = Vec::new();
        if profile.mode == crate::Mode::Enforce {
            // A coding that cannot be scanned would only be refused later.
            if self
                .header("accept-encoding")
                .is_some_and(|v| v != b"identity")
            {
                edits.push(Edit::Set("accept-encoding", b"identity"));
            }
            // No protocol but this one may start on an inspected connection.
            for name in ["upgrade", "http2-settings"] {
                if self.header(name).is_some() {
                    edits.push(Edit::Remove(name));
                }
            }
        }
        if self.expects_continue {
            edits.push(Edit::Remove("expect"));
        }
        let strip = match profile.authorization {
            Authorization::Pass => false,
            Authorization::StripEvidence => token_was_evidence,
            Authorization::Strip => true,
        };
        if strip && self.header("authorization").is_some() {
            edits.push(Edit::Remove("authorization"));
        }
        match &profile.credential {
            Some(Ok(credential)) => edits.push(Edit::Set(&credential.header, &credential.value)),
            Some(Err(())) => return Err(Reason::CredentialUnavailable),
            None => {}
        }
        if edits.is_empty() {
            return Ok(self.raw_head.clone());
        }
        wire::http1::rewrite(&self.raw_head, &self.head.headers, &edits)
            .map(Bytes::from)
            .map_err(|e| reason_of(&e))
    }
}

/// Media type in lower case, without parameters.
pub(crate) fn media_type(value: &[u8]) -> String {
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    String::from_utf8_lossy(&value[..end])
        .trim()
        .to_ascii_lowercase()
}
