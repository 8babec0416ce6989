//! Why input could not be framed.

/// Input that cannot be framed. Each variant is one answer the caller gives
/// (one `Reason`); the detail is fixed text and never holds payload bytes.
///
/// None can be retried on the same bytes: the connection is closed after the
/// answer, since the end of the message is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A head, trailer or event that breaks the grammar.
    #[error("malformed http: {0}")]
    Malformed(&'static str),
    /// A limit was passed; the detail names it.
    #[error("over the limit: {0}")]
    TooLarge(&'static str),
    /// The length of a body is in doubt: CL against TE, CL twice, a bad chunk.
    #[error("ambiguous framing: {0}")]
    Framing(&'static str),
    /// Understood, but not carried: HTTP/0.9, HTTP/2 preface, proxy targets.
    #[error("unsupported: {0}")]
    Unsupported(&'static str),
    /// The peer closed before the stated end.
    #[error("truncated: {0}")]
    Truncated(&'static str),
    /// Not JSON (RFC 8259), or deeper or larger than allowed.
    #[error("malformed json: {0}")]
    Json(&'static str),
    /// A key that parsers resolve differently: twice, or differing by case.
    #[error("duplicate key: {0}")]
    DuplicateKey(&'static str),
    /// JSON, but not a JSON-RPC 2.0 message as MCP uses it.
    #[error("not json-rpc: {0}")]
    NotJsonRpc(&'static str),
    /// A header value, name or target that would inject into a head.
    #[error("refused edit: {0}")]
    Injection(&'static str),
}
