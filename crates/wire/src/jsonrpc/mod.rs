//! JSON-RPC 2.0 messages as MCP uses them, with spans into the body.
//!
//! [`parse`] reads a body that is held whole (a request, or one SSE event) and
//! gives what policy and records need. [`OutcomeScanner`] watches an answer go
//! by and says how it ended, without holding it.
//!
//! A key that decides must mean one thing to every parser behind us, so
//! duplicate keys are refused, also when one is spelled with escapes, and keys
//! that equal a deciding one but for case (Go's `encoding/json` takes those).

mod message;
mod outcome;
mod shape;

pub use message::parse;
pub use outcome::{Outcome, OutcomeScanner};

use crate::Span;

/// Bounds of one body. The body's size is bounded by its holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nesting of arrays and objects.
    pub depth_max: usize,
    /// Object members outside of `result` and `error`, over the whole body.
    pub members_max: usize,
    /// Messages in a batch.
    pub batch_messages_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            depth_max: 64,
            members_max: 65_536,
            batch_messages_max: 128,
        }
    }
}

/// What a body holds.
#[expect(
    clippy::large_enum_variant,
    reason = "one per request, and nearly always the large one"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// One message.
    Single(Message),
    /// A batch (MCP 2025-03-26); never empty.
    Batch(Vec<Message>),
}

impl Payload {
    /// The messages, in order.
    pub fn messages(&self) -> &[Message] {
        match self {
            Payload::Single(message) => std::slice::from_ref(message),
            Payload::Batch(messages) => messages,
        }
    }
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `method` and `id`.
    Request,
    /// `method` without `id`.
    Notification,
    /// `result`.
    Response,
    /// `error`.
    ErrorResponse,
}

/// One message. Spans are relative to the body and cover raw JSON text, so
/// that the spelling of ids and numbers is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The message's object.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
    /// Raw text of `id`: a string or a number, or `null` in an error response.
    pub id: Option<Span>,
    /// `method`, escapes resolved.
    pub method: Option<String>,
    /// `params`, an object.
    pub params: Option<Span>,
    /// `params.name`, escapes resolved, if it is a string.
    pub name: Option<String>,
    /// `params.uri`, escapes resolved, if it is a string.
    pub uri: Option<String>,
    /// `params.arguments`.
    pub arguments: Option<Span>,
    /// Raw text of `params._meta.progressToken`.
    pub progress_token: Option<Span>,
    /// `params._meta["io.modelcontextprotocol/protocolVersion"]`.
    pub meta_protocol_version: Option<String>,
    /// `params.protocolVersion` (initialize).
    pub protocol_version: Option<String>,
    /// `params.clientInfo.name` (initialize), or `name` of
    /// `params._meta["io.modelcontextprotocol/clientInfo"]`.
    pub client_name: Option<String>,
    /// `error.code`, if it is an integer that fits.
    pub error_code: Option<i64>,
    /// `result.isError`, if it is a boolean.
    pub is_error: Option<bool>,
}
