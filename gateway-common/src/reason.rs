//! One list of reasons for kernel counters, audit records, metrics labels,
//! wire answers and docs.
//!
//! The number is stable for ever (it stands in audit records); the name is the
//! metrics label and what `panward` prints. Ranges: 1-99 kernel and
//! connection, 100-199 identity, 200-299 framing and protocol, 300-399 policy,
//! 400-499 scanning, 500-599 audit, 600-699 upstream.

macro_rules! reasons {
    ($( $(#[$doc:meta])* $name:ident = $code:literal, $label:literal, $http:literal; )*) => {
        /// Why something was decided, refused, closed or counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u16)]
        pub enum Reason { $( $(#[$doc])* $name = $code, )* }

        impl Reason {
            /// Every reason, in order of its code.
            pub const ALL: &'static [Reason] = &[ $( Reason::$name, )* ];

            /// The stable number.
            pub const fn code(self) -> u16 { self as u16 }

            /// The stable name: snake case, used as metrics label and in docs.
            pub const fn label(self) -> &'static str {
                match self { $( Reason::$name => $label, )* }
            }

            /// HTTP status of an answer that is not an MCP message; 0 = the
            /// connection is closed without one.
            pub const fn http_status(self) -> u16 {
                match self { $( Reason::$name => $http, )* }
            }

            /// The reason with this number, if there is one.
            pub const fn from_code(code: u16) -> Option<Reason> {
                match code { $( $code => Some(Reason::$name), )* _ => None }
            }
        }
    };
}

reasons! {
    /// Nothing was refused.
    Ok = 0, "ok", 200;

    /// Kernel: connection to a covered destination seen by a hook.
    Seen = 1, "seen", 0;
    /// Kernel: connection steered to the gateway.
    Steered = 2, "steered", 0;
    /// Kernel: the gateway's own upstream connection, let through.
    Bypassed = 3, "bypassed", 0;
    /// Kernel: no gateway socket in the map; the fail mode applied.
    NoSocket = 4, "no_socket", 0;
    /// Kernel: gateway heartbeat too old; the fail mode applied.
    Stale = 5, "stale", 0;
    /// Kernel: bpf_sk_assign refused the socket; the fail mode applied.
    AssignError = 6, "assign_error", 0;
    /// Kernel: UDP (QUIC) towards a covered destination refused.
    UdpDenied = 7, "udp_denied", 0;
    /// Kernel: connection from a network namespace without a listener.
    UnknownNetns = 8, "unknown_netns", 0;
    /// Kernel: no hand-over entry for an accepted connection.
    TupleMiss = 9, "tuple_miss", 0;
    /// Connection made to the gateway's own port, not redirected.
    DirectToGateway = 10, "direct_to_gateway", 0;
    /// Accepted connection whose peer is one of our own upstream sockets.
    OwnTuple = 11, "own_tuple", 0;
    /// Original destination is not covered by any configured server.
    UnknownDestination = 12, "unknown_destination", 0;
    /// Connection limit reached.
    TooManyConnections = 13, "too_many_connections", 503;
    /// TLS handshake failed.
    TlsHandshake = 14, "tls_handshake", 0;
    /// Peer was silent for longer than the limit.
    IdleTimeout = 15, "idle_timeout", 408;
    /// Gateway is draining.
    Draining = 16, "draining", 503;

    /// No acceptable evidence was presented.
    NoEvidence = 100, "no_evidence", 401;
    /// Token cannot be parsed.
    TokenMalformed = 101, "token_malformed", 401;
    /// Token's algorithm is not allowed (includes `none`).
    TokenAlgorithm = 102, "token_algorithm", 401;
    /// Token's key is unknown.
    TokenUnknownKey = 103, "token_unknown_key", 401;
    /// Token's signature does not verify.
    TokenSignature = 104, "token_signature", 401;
    /// Token's issuer is not configured.
    TokenIssuer = 105, "token_issuer", 401;
    /// Token is for another audience.
    TokenAudience = 106, "token_audience", 401;
    /// Token has expired.
    TokenExpired = 107, "token_expired", 401;
    /// Token is not valid yet.
    TokenNotYetValid = 108, "token_not_yet_valid", 401;
    /// A claim that is required is missing or of the wrong type.
    TokenClaims = 109, "token_claims", 401;
    /// Keys of the issuer cannot be had now.
    KeysUnavailable = 110, "keys_unavailable", 503;
    /// Client certificate is not trusted, expired or unreadable.
    CertificateInvalid = 111, "certificate_invalid", 403;
    /// Client certificate is revoked.
    CertificateRevoked = 112, "certificate_revoked", 403;
    /// Kernel knows no local process for this connection.
    ProcessUnknown = 113, "process_unknown", 401;
    /// MCP session belongs to another identity.
    SessionIdentity = 114, "session_identity", 403;

    /// HTTP head cannot be parsed.
    HttpMalformed = 200, "http_malformed", 400;
    /// HTTP head, target or header is over its limit.
    HttpTooLarge = 201, "http_too_large", 431;
    /// Length and transfer coding disagree, or are given twice.
    HttpFraming = 202, "http_framing", 400;
    /// HTTP version or feature that is not supported.
    HttpUnsupported = 203, "http_unsupported", 501;
    /// Request body is over `request_body_bytes_max`.
    BodyTooLarge = 204, "body_too_large", 413;
    /// Body ended before its stated end.
    BodyTruncated = 205, "body_truncated", 400;
    /// Body is not JSON, or breaks a limit of depth or size.
    JsonMalformed = 206, "json_malformed", 400;
    /// A key that decides appears twice.
    JsonDuplicateKey = 207, "json_duplicate_key", 400;
    /// JSON that is not a JSON-RPC 2.0 message.
    JsonRpcInvalid = 208, "jsonrpc_invalid", 400;
    /// Content type that an MCP endpoint does not take.
    ContentType = 209, "content_type", 415;
    /// MCP header and body say different things.
    HeaderMismatch = 210, "header_mismatch", 400;
    /// Bytes after the end of a message that cannot be a next one.
    TrailingBytes = 211, "trailing_bytes", 400;
    /// Protocol upgrade (WebSocket, CONNECT) refused.
    UpgradeRefused = 212, "upgrade_refused", 501;

    /// No policy permits it.
    PolicyDefaultDeny = 300, "policy_default_deny", 403;
    /// A policy forbids it.
    PolicyForbid = 301, "policy_forbid", 403;
    /// A policy failed to evaluate.
    PolicyError = 302, "policy_error", 403;
    /// Needs an approval that was not given.
    ApprovalNeeded = 303, "approval_needed", 403;
    /// The policy set is empty.
    PolicyEmpty = 304, "policy_empty", 403;

    /// A card number was masked.
    Masked = 400, "masked", 200;
    /// Content coding that cannot be inspected.
    Uninspectable = 401, "uninspectable", 502;
    /// A finding whose policy is to block.
    FindingBlocked = 402, "finding_blocked", 403;

    /// The audit log cannot take the record.
    AuditUnavailable = 500, "audit_unavailable", 503;
    /// The audit queue is full.
    AuditOverload = 501, "audit_overload", 503;

    /// Upstream refused the connection or cannot be reached.
    UpstreamConnect = 600, "upstream_connect", 502;
    /// Upstream sent something that cannot be framed.
    UpstreamMalformed = 601, "upstream_malformed", 502;
    /// Upstream closed before the end of its answer.
    UpstreamTruncated = 602, "upstream_truncated", 502;
    /// Upstream did not answer in time.
    UpstreamTimeout = 603, "upstream_timeout", 504;
    /// Credential for the upstream cannot be read.
    CredentialUnavailable = 604, "credential_unavailable", 503;
    /// Client went away before its answer was complete.
    ClientGone = 605, "client_gone", 0;
}
