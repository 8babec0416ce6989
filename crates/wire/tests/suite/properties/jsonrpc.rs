//! JSON-RPC: what serde_json calls JSON we do too, and the sniffer that sees an
//! answer stream by agrees with the parser that reads it whole.

use serde::de::IgnoredAny;
use wire::WireError;
use wire::jsonrpc::{Kind, Limits, Message, Outcome, OutcomeScanner, Payload, parse};

/// The first byte says where to cut, the rest is the body.
pub(crate) fn hold(data: &[u8]) {
    let Some((cut, body)) = data.split_first() else {
        return;
    };
    let parsed = parse(body, &Limits::default());
    compare_validity(body, &parsed);
    let whole = outcome(body, body.len().max(1));
    assert_eq!(whole, outcome(body, usize::from(*cut % 16) + 1));
    let Ok(payload) = parsed else { return };
    for message in payload.messages() {
        check_spans(body, message);
    }
    if let Payload::Single(message) = payload {
        assert_eq!(whole, expected_outcome(&message));
    }
}

/// The grammar of RFC 8259. `IgnoredAny` checks the grammar alone (no number
/// range, no lone surrogates), but not UTF-8.
fn compare_validity(body: &[u8], parsed: &Result<Payload, WireError>) {
    let valid = std::str::from_utf8(body)
        .is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok());
    match parsed {
        Ok(_) => assert!(valid, "accepted what is not JSON"),
        Err(WireError::Json("depth_max" | "lone surrogate in a string that decides")) => {}
        Err(WireError::Json(what)) => assert!(!valid, "refused JSON: {what}"),
        Err(_) => {}
    }
}

fn check_spans(body: &[u8], message: &Message) {
    let spans = [
        message.id,
        message.params,
        message.arguments,
        message.progress_token,
    ];
    for span in spans.into_iter().flatten().chain([message.span]) {
        assert!(!span.is_empty());
        let text = std::str::from_utf8(span.of(body)).expect("spans keep to characters");
        assert!(
            serde_json::from_str::<IgnoredAny>(text).is_ok(),
            "a span is one JSON value"
        );
    }
}

fn expected_outcome(message: &Message) -> Outcome {
    match (message.kind, message.is_error) {
        (Kind::Request | Kind::Notification, _) => Outcome::Unknown,
        (Kind::Response, Some(true)) => Outcome::ToolError,
        (Kind::Response, _) => Outcome::Result,
        (Kind::ErrorResponse, _) => Outcome::Error(message.error_code.unwrap_or(0)),
    }
}

/// The outcome of a body that comes in pushes of `step` bytes.
pub(crate) fn outcome(body: &[u8], step: usize) -> Outcome {
    let mut scanner = OutcomeScanner::new();
    for chunk in body.chunks(step) {
        scanner.push(chunk);
    }
    scanner.outcome()
}
