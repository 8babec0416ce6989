//! Answers that the gateway makes itself, as real MCP clients want them.
//!
//! A denied `tools/call` is a result with `isError`, the only form that every
//! official SDK hands to the model; any other denied request is a JSON-RPC
//! error with a code outside the reserved range; 401 and 403 are for identity
//! only. Nothing here repeats what the client sent, but for the JSON-RPC id,
//! which is taken from the masked body.

use bytes::Bytes;
use gateway_common::Reason;

/// Code of a JSON-RPC error that means "denied by policy".
pub const RPC_DENIED: i64 = 40301;

/// Code of a JSON-RPC error that means "needs an approval".
pub const RPC_APPROVAL: i64 = 40302;

/// What a denial says.
pub(crate) struct Denial<'a> {
    pub(crate) reason: Reason,
    /// Policies that determined it.
    pub(crate) policies: &'a [String],
    /// Reference that an operator can look up.
    pub(crate) reference: &'a str,
}

impl Denial<'_> {
    fn text(&self) -> String {
        let rule = match self.policies.first() {
            Some(id) => format!("policy {id}"),
            None => "policy (nothing permits it)".to_string(),
        };
        match self.reason {
            Reason::ApprovalNeeded => format!(
                "Held by {rule}: this call needs an approval that has not been given. Reference {}.",
                self.reference
            ),
            _ => format!(
                "Denied by {rule}. Do not retry; ask the owner of the policy. Reference {}.",
                self.reference
            ),
        }
    }

    fn meta(&self) -> String {
        let ids: Vec<String> = self.policies.iter().map(|p| json_string(p)).collect();
        format!(
            r#"{{"reason":{},"policies":[{}],"reference":{}}}"#,
            json_string(self.reason.label()),
            ids.join(","),
            json_string(self.reference)
        )
    }

    /// The JSON-RPC answer for one request. `id` is raw JSON.
    pub(crate) fn message(&self, id: &[u8], is_tool_call: bool, modern: bool) -> Vec<u8> {
        let text = json_string(&self.text());
        let body = if is_tool_call {
            let complete = if modern {
                r#","resultType":"complete""#
            } else {
                ""
            };
            format!(
                r#""result":{{"content":[{{"type":"text","text":{text}}}],"isError":true{complete},"_meta":{{"panward.dev/decision":{}}}}}"#,
                self.meta()
            )
        } else {
            let code = if self.reason == Reason::ApprovalNeeded {
                RPC_APPROVAL
            } else {
                RPC_DENIED
            };
            format!(
                r#""error":{{"code":{code},"message":{text},"data":{}}}"#,
                self.meta()
            )
        };
        let mut message = br#"{"jsonrpc":"2.0","id":"#.to_vec();
        message.extend_from_slice(id);
        message.push(b',');
        message.extend_from_slice(body.as_bytes());
        message.push(b'}');
        message
    }
}

/// A JSON answer with this status. `close` adds `Connection: close`.
pub(crate) fn json(status: u16, body: &[u8], extra: &[(&str, &str)], close: bool) -> Bytes {
    let mut head = format!("HTTP/1.1 {status} {}\r\n", phrase(status));
    if !body.is_empty() {
        head.push_str("content-type: application/json\r\n");
    }
    head.push_str(&format!("content-length: {}\r\n", body.len()));
    for (name, value) in extra {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if close {
        head.push_str("connection: close\r\n");
    }
    head.push_str("\r\n");
    let mut all = head.into_bytes();
    all.extend_from_slice(body);
    Bytes::from(all)
}

/// The answer for something that is not a decided MCP request: malformed,
/// unidentified, too large, unavailable.
pub(crate) fn refusal(reason: Reason, reference: &str, challenge: Option<&str>) -> Bytes {
    let status = match reason.http_status() {
        0 => 400,
        status => status,
    };
    let code = match status {
        400 | 413 | 431 | 415 => -32600,
        401 | 403 => RPC_DENIED,
        _ => -32603,
    };
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":null,"error":{{"code":{code},"message":{},"data":{{"reason":{},"reference":{}}}}}}}"#,
        json_string(&format!(
            "refused by the gateway: {}",
            reason.label().replace('_', " ")
        )),
        json_string(reason.label()),
        json_string(reference),
    );
    let mut extra: Vec<(&str, &str)> = Vec::new();
    if let (401, Some(challenge)) = (status, challenge) {
        extra.push(("www-authenticate", challenge));
    }
    if status == 503 {
        extra.push(("retry-after", "1"));
    }
    json(status, body.as_bytes(), &extra, true)
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Refused",
    }
}

/// A JSON string literal (RFC 8259, section 7).
pub(crate) fn json_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denials_are_json_whatever_the_policy_is_called() {
        let denial = Denial {
            reason: Reason::PolicyForbid,
            policies: &["a\"b\\\n\u{1}".to_string()],
            reference: "7-1",
        };
        for tool in [true, false] {
            let message = denial.message(b"\"x\"", tool, true);
            let value: serde_json::Value = serde_json::from_slice(&message).unwrap();
            assert_eq!(value["id"], "x");
            assert_eq!(value["result"]["isError"].as_bool(), tool.then_some(true));
            assert_eq!(
                value["error"]["code"].as_i64(),
                (!tool).then_some(RPC_DENIED)
            );
        }
    }

    #[test]
    fn a_401_carries_the_challenge() {
        let bytes = refusal(Reason::TokenExpired, "1-1", Some("Bearer realm=\"x\""));
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.starts_with("HTTP/1.1 401 Unauthorized\r\n"));
        assert!(text.contains("\r\nwww-authenticate: Bearer realm=\"x\"\r\n"));
    }
}
