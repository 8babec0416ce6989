//! Answers a client can act on: `WWW-Authenticate` (RFC 6750, RFC 9728 section
//! 5.1) and the protected resource metadata document (RFC 9728 section 2).
//!
//! In transparent mode the client keeps the server's URL, so both speak in the
//! server's name: the metadata's `resource` is the URL the client uses.

use std::fmt::Write as _;

use gateway_common::Reason;
use url::Url;

const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Path at which the metadata of the server at `server_url` is served
/// (RFC 9728 section 3.1: inserted before the path).
pub fn metadata_path(server_url: &Url) -> String {
    format!("{WELL_KNOWN}{}", server_url.path().trim_end_matches('/'))
}

/// URL at which the metadata of the server at `server_url` is served.
pub fn metadata_url(server_url: &Url) -> String {
    format!(
        "{}{}",
        server_url.origin().ascii_serialization(),
        metadata_path(server_url)
    )
}

/// Value of `WWW-Authenticate` for a 401 of the server at `server_url`.
/// `reason` is that of the refusal; a token that was refused adds
/// `error="invalid_token"`, no evidence at all adds no error (RFC 6750, 3.1).
pub fn challenge(server_url: &Url, scopes: &[String], reason: Reason) -> String {
    let mut value = format!("Bearer resource_metadata=\"{}\"", metadata_url(server_url));
    let scope = scopes
        .iter()
        .filter(|scope| is_scope(scope))
        .cloned()
        .collect::<Vec<_>>();
    if !scope.is_empty() {
        let _ = write!(value, ", scope=\"{}\"", scope.join(" "));
    }
    if reason != Reason::NoEvidence && reason.http_status() == 401 {
        let _ = write!(
            value,
            ", error=\"invalid_token\", error_description=\"{}\"",
            reason.label()
        );
    }
    value
}

/// The metadata document, JSON.
pub fn metadata_document(
    server_url: &Url,
    authorization_servers: &[String],
    scopes: &[String],
) -> String {
    let mut document = serde_json::json!({
        "resource": server_url.as_str(),
        "authorization_servers": authorization_servers,
        "bearer_methods_supported": ["header"],
    });
    if !scopes.is_empty() {
        document["scopes_supported"] = serde_json::json!(scopes);
    }
    document.to_string()
}

/// A scope token of RFC 6749 section 3.3: nothing that could end the quoted string.
fn is_scope(scope: &str) -> bool {
    !scope.is_empty()
        && scope
            .bytes()
            .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a literal URL")
    }

    #[test]
    fn metadata_sits_before_the_path_of_the_server() {
        let server = url("https://mcp.example:8443/mcp");
        assert_eq!(
            metadata_url(&server),
            "https://mcp.example:8443/.well-known/oauth-protected-resource/mcp"
        );
        assert_eq!(
            metadata_path(&url("http://a/")),
            "/.well-known/oauth-protected-resource"
        );
    }

    #[test]
    fn no_evidence_has_no_error_and_a_bad_token_has() {
        let server = url("https://mcp.example/mcp");
        let scopes = ["mcp:tools".to_string(), "bad\"scope".to_string()];
        assert_eq!(
            challenge(&server, &scopes, Reason::NoEvidence),
            "Bearer resource_metadata=\"https://mcp.example/.well-known/\
             oauth-protected-resource/mcp\", scope=\"mcp:tools\""
        );
        assert!(
            challenge(&server, &[], Reason::TokenExpired)
                .ends_with(", error=\"invalid_token\", error_description=\"token_expired\"")
        );
    }

    #[test]
    fn a_hostile_path_cannot_end_the_quoted_string() {
        let server = url("https://mcp.example/a\"b\r\nc");
        let value = challenge(&server, &[], Reason::NoEvidence);
        assert_eq!(value.matches('"').count(), 2);
        assert!(!value.contains(['\r', '\n']));
    }

    #[test]
    fn document_names_the_resource_the_client_uses() {
        let server = url("https://mcp.example/mcp");
        let text = metadata_document(&server, &["https://idp.example".into()], &["a".into()]);
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(document["resource"], "https://mcp.example/mcp");
        assert_eq!(document["authorization_servers"][0], "https://idp.example");
        assert_eq!(document["scopes_supported"][0], "a");
    }
}
