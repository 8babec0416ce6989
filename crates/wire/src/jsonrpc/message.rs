//! Reading a whole body into messages.

use std::borrow::Cow;

use super::shape::{Place, Slot};
use super::{Kind, Limits, Message, Payload};
use crate::json::{Token, TokenKind, Tokens, unescape};
use crate::{Span, WireError};

/// Read a body as one JSON-RPC message or a batch.
///
/// # Errors
/// `Json` (not RFC 8259, too deep), `TooLarge`, `DuplicateKey`, `NotJsonRpc`.
pub fn parse(body: &[u8], limits: &Limits) -> Result<Payload, WireError> {
    let mut tokens = Tokens::new(body, limits.depth_max)?;
    let mut walk = Walk::new(body, limits);
    while let Some(token) = tokens.next()? {
        walk.take(token)?;
    }
    walk.payload()
}

/// An open object or array.
struct Frame {
    place: Place,
    /// Where the value goes in the parent.
    slot: Slot,
    start: usize,
    /// Slots that have come, one bit each.
    filled: u32,
    /// How many of `Walk::keys` belong to outer objects.
    keys_before: usize,
    /// Slot of the value to come, in an object.
    next: Slot,
}

struct Walk<'a> {
    body: &'a [u8],
    limits: &'a Limits,
    frames: Vec<Frame>,
    /// Keys of all open objects whose keys must differ, outermost first.
    keys: Vec<Cow<'a, [u8]>>,
    members: usize,
    draft: Draft,
    messages: Vec<Message>,
    is_batch: bool,
}

/// A value as its kind and raw text.
#[derive(Clone, Copy)]
struct Value {
    kind: TokenKind,
    span: Span,
}

/// What has been read of the current message.
#[derive(Clone, Copy, Default)]
struct Draft {
    jsonrpc: Option<Value>,
    id: Option<Value>,
    method: Option<Value>,
    params: Option<Value>,
    result: Option<Value>,
    error: Option<Value>,
    name: Option<Value>,
    uri: Option<Value>,
    arguments: Option<Value>,
    progress_token: Option<Value>,
    meta_protocol_version: Option<Value>,
    protocol_version: Option<Value>,
    client_name: Option<Value>,
    is_error: Option<Value>,
    code: Option<Value>,
}

impl<'a> Walk<'a> {
    fn new(body: &'a [u8], limits: &'a Limits) -> Walk<'a> {
        Walk {
            body,
            limits,
            frames: Vec::with_capacity(8),
            keys: Vec::with_capacity(16),
            members: 0,
            draft: Draft::default(),
            messages: Vec::new(),
            is_batch: false,
        }
    }

    fn take(&mut self, token: Token) -> Result<(), WireError> {
        match token.kind {
            TokenKind::Key => self.key(token.span),
            TokenKind::ObjectStart | TokenKind::ArrayStart => self.open(token),
            TokenKind::ObjectEnd | TokenKind::ArrayEnd => self.close(token),
            kind => self.scalar(Value {
                kind,
                span: token.span,
            }),
        }
    }

    fn key(&mut self, span: Span) -> Result<(), WireError> {
        let Some(frame) = self.frames.last_mut() else {
            return Err(WireError::Json("key outside an object"));
        };
        let key = unescape(span.of(self.body));
        frame.next = frame.place.slot(&key);
        if frame.next == Slot::Other && frame.place.is_look_alike(&key) {
            return Err(WireError::DuplicateKey(
                "differs from a known key by case only",
            ));
        }
        if frame.next != Slot::Other {
            let bit = 1_u32 << (frame.next as u32);
            if frame.filled & bit != 0 {
                return Err(WireError::DuplicateKey("known key"));
            }
            frame.filled |= bit;
        }
        if frame.place.keys_must_differ() {
            self.members = self.members.saturating_add(1);
            if self.members > self.limits.members_max {
                return Err(WireError::TooLarge("members_max"));
            }
            self.keys.push(key);
        }
        Ok(())
    }

    fn open(&mut self, token: Token) -> Result<(), WireError> {
        let is_object = token.kind == TokenKind::ObjectStart;
        let (place, slot) = match self.frames.last() {
            None if is_object => (Place::Message, Slot::Other),
            None => {
                self.is_batch = true;
                (Place::Batch, Slot::Other)
            }
            Some(frame) if frame.place == Place::Batch => {
                if !is_object {
                    return Err(WireError::NotJsonRpc("batch member is not an object"));
                }
                (Place::Message, Slot::Other)
            }
            Some(frame) => (frame.place.child(frame.next, is_object), frame.next),
        };
        self.frames.push(Frame {
            place,
            slot,
            start: token.span.start,
            filled: 0,
            keys_before: self.keys.len(),
            next: Slot::Other,
        });
        Ok(())
    }

    fn close(&mut self, token: Token) -> Result<(), WireError> {
        let Some(frame) = self.frames.pop() else {
            return Err(WireError::Json("end without a start"));
        };
        self.refuse_duplicates(frame.keys_before)?;
        let kind = match token.kind {
            TokenKind::ObjectEnd => TokenKind::ObjectStart,
            _ => TokenKind::ArrayStart,
        };
        let span = Span::new(frame.start, token.span.end);
        match frame.place {
            Place::Batch => Ok(()),
            Place::Message => self.finish_message(span),
            _ => {
                self.fill(frame.slot, Value { kind, span });
                Ok(())
            }
        }
    }

    /// Sorting makes the cost of a hostile object n log n, whatever its keys.
    fn refuse_duplicates(&mut self, keys_before: usize) -> Result<(), WireError> {
        if let Some(keys) = self.keys.get_mut(keys_before..)
            && keys.len() > 1
        {
            keys.sort_unstable();
            if keys.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
                return Err(WireError::DuplicateKey("key in one object twice"));
            }
        }
        self.keys.truncate(keys_before);
        Ok(())
    }

    fn scalar(&mut self, value: Value) -> Result<(), WireError> {
        match self.frames.last() {
            None => Err(WireError::NotJsonRpc("not an object or a batch")),
            Some(frame) if frame.place == Place::Batch => {
                Err(WireError::NotJsonRpc("batch member is not an object"))
            }
            Some(frame) => {
                let slot = frame.next;
                self.fill(slot, value);
                Ok(())
            }
        }
    }

    fn fill(&mut self, slot: Slot, value: Value) {
        let draft = &mut self.draft;
        let place = match slot {
            Slot::Jsonrpc => &mut draft.jsonrpc,
            Slot::Id => &mut draft.id,
            Slot::Method => &mut draft.method,
            Slot::Params => &mut draft.params,
            Slot::Result => &mut draft.result,
            Slot::Error => &mut draft.error,
            Slot::Name => &mut draft.name,
            Slot::Uri => &mut draft.uri,
            Slot::Arguments => &mut draft.arguments,
            Slot::ProgressToken => &mut draft.progress_token,
            Slot::MetaProtocolVersion => &mut draft.meta_protocol_version,
            Slot::ProtocolVersion => &mut draft.protocol_version,
            Slot::ClientName => &mut draft.client_name,
            Slot::IsError => &mut draft.is_error,
            Slot::Code => &mut draft.code,
            Slot::Meta | Slot::ClientInfo | Slot::MetaClientInfo | Slot::Other => return,
        };
        *place = Some(value);
    }

    fn finish_message(&mut self, span: Span) -> Result<(), WireError> {
        if self.messages.len() >= self.limits.batch_messages_max {
            return Err(WireError::TooLarge("batch_messages_max"));
        }
        let message = std::mem::take(&mut self.draft).message(span, self.body)?;
        self.messages.push(message);
        Ok(())
    }

    fn payload(mut self) -> Result<Payload, WireError> {
        if self.is_batch && !self.messages.is_empty() {
            return Ok(Payload::Batch(self.messages));
        }
        match self.messages.pop() {
            Some(message) => Ok(Payload::Single(message)),
            None => Err(WireError::NotJsonRpc("empty batch")),
        }
    }
}

impl Draft {
    fn message(self, span: Span, body: &[u8]) -> Result<Message, WireError> {
        let version = self.jsonrpc.filter(|v| v.kind == TokenKind::String);
        if version.is_none_or(|v| unescape(v.span.of(body)).as_ref() != b"2.0") {
            return Err(WireError::NotJsonRpc("jsonrpc is not \"2.0\""));
        }
        let kind = self.kind()?;
        let method = self.method(body)?;
        let called = matches!(method.as_deref(), Some("tools/call" | "prompts/get"));
        if called && self.name.is_none_or(|v| v.kind != TokenKind::String) {
            return Err(WireError::NotJsonRpc("params.name is not a string"));
        }
        let read = method.as_deref() == Some("resources/read");
        if read && self.uri.is_none_or(|v| v.kind != TokenKind::String) {
            return Err(WireError::NotJsonRpc("params.uri is not a string"));
        }
        Ok(Message {
            span,
            kind,
            id: self.id.map(|v| v.span),
            method,
            params: self.params()?,
            name: text(self.name, body)?,
            uri: text(self.uri, body)?,
            arguments: self.arguments.map(|v| v.span),
            progress_token: self.progress_token.map(|v| v.span),
            meta_protocol_version: text(self.meta_protocol_version, body)?,
            protocol_version: text(self.protocol_version, body)?,
            client_name: text(self.client_name, body)?,
            error_code: self.code.and_then(|v| integer(v, body)),
            is_error: self.is_error.and_then(boolean),
        })
    }

    fn kind(&self) -> Result<Kind, WireError> {
        let id = self.id.map(|v| v.kind);
        match (self.method, self.result, self.error, id) {
            (Some(_), None, None, None) => Ok(Kind::Notification),
            (Some(_), None, None, Some(TokenKind::String | TokenKind::Number)) => Ok(Kind::Request),
            (None, Some(_), None, Some(TokenKind::String | TokenKind::Number)) => {
                Ok(Kind::Response)
            }
            (
                None,
                None,
                Some(error),
                None | Some(TokenKind::String | TokenKind::Number | TokenKind::Null),
            ) => match error.kind {
                TokenKind::ObjectStart => Ok(Kind::ErrorResponse),
                _ => Err(WireError::NotJsonRpc("error is not an object")),
            },
            (None, None, None, _) => Err(WireError::NotJsonRpc("neither method, result nor error")),
            (Some(_), None, None, _) | (None, Some(_), None, _) | (None, None, Some(_), _) => {
                Err(WireError::NotJsonRpc("id is not a string or a number"))
            }
            _ => Err(WireError::NotJsonRpc(
                "more than one of method, result and error",
            )),
        }
    }

    fn method(&self, body: &[u8]) -> Result<Option<String>, WireError> {
        match self.method {
            Some(v) if v.kind != TokenKind::String => {
                Err(WireError::NotJsonRpc("method is not a string"))
            }
            method => text(method, body),
        }
    }

    fn params(&self) -> Result<Option<Span>, WireError> {
        match self.params {
            None => Ok(None),
            Some(v) if v.kind == TokenKind::Null => Ok(None),
            Some(v) if v.kind == TokenKind::ObjectStart => Ok(Some(v.span)),
            Some(_) => Err(WireError::NotJsonRpc("params is not an object")),
        }
    }
}

/// A string value; other kinds are nothing. A lone surrogate is refused: what
/// it becomes differs from parser to parser.
fn text(value: Option<Value>, body: &[u8]) -> Result<Option<String>, WireError> {
    let Some(value) = value.filter(|v| v.kind == TokenKind::String) else {
        return Ok(None);
    };
    match String::from_utf8(unescape(value.span.of(body)).into_owned()) {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(WireError::Json("lone surrogate in a string that decides")),
    }
}

fn integer(value: Value, body: &[u8]) -> Option<i64> {
    if value.kind != TokenKind::Number {
        return None;
    }
    std::str::from_utf8(value.span.of(body)).ok()?.parse().ok()
}

fn boolean(value: Value) -> Option<bool> {
    match value.kind {
        TokenKind::True => Some(true),
        TokenKind::False => Some(false),
        _ => None,
    }
}
