//! How an answer ended, seen in passing.

use wire::jsonrpc::{Outcome, OutcomeScanner};

use crate::properties::jsonrpc::outcome;

#[test]
fn outcomes_are_seen_at_every_cut() {
    for (body, expected) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"isError"}]}}"#,
            Outcome::Result,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"isError":true}],"isError":false}}"#,
            Outcome::Result,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[],"isError" : true}}"#,
            Outcome::ToolError,
        ),
        (
            r#" {"result":{"isError":true,"content":[{"a":{"b":[1,2]}}]},"id":1}"#,
            Outcome::ToolError,
        ),
        (
            r#"{"result":{"\u0069sE\u0072ror":true}}"#,
            Outcome::ToolError,
        ),
        (
            r#"{"result":{"\u0069\u0073\u0045\u0072\u0072\u006f\u0072":true}}"#,
            Outcome::ToolError,
        ),
        (
            r#"{"result":{"isErrorX":true,"xisError":true,"isError\"":true}}"#,
            Outcome::Result,
        ),
        (
            r#"{"result":{"a":"\\","isError":true}}"#,
            Outcome::ToolError,
        ),
        (r#"{"result":{"a":"\",\"isError\":true"}}"#, Outcome::Result),
        (
            r#"{"result":{"a":{"isError":true},"b":[true]}}"#,
            Outcome::Result,
        ),
        (
            r#"{"id":1,"error":{"message":"m","code":-32602}}"#,
            Outcome::Error(-32602),
        ),
        (
            r#"{"id":1,"error":{"code": 40301 ,"data":{"code":1}}}"#,
            Outcome::Error(40301),
        ),
        (r#"{"id":1,"error":{"code":"x"}}"#, Outcome::Error(0)),
        (r#"{"id":1,"error":{"code":1.5}}"#, Outcome::Error(0)),
        (
            r#"{"id":1,"error":{"code":99999999999999999999}}"#,
            Outcome::Error(0),
        ),
        (
            r#"{"id":1,"error":{"code":-9223372036854775808}}"#,
            Outcome::Error(i64::MIN),
        ),
        (r#"{"id":1,"error":null,"result":{}}"#, Outcome::Result),
        (
            r#"{"method":"notifications/progress","params":{"result":{"isError":true}}}"#,
            Outcome::Unknown,
        ),
        (
            r#"{"method":"x","params":{"error":{"code":1}}}"#,
            Outcome::Unknown,
        ),
        (
            r#"[{"id":1,"result":{}},{"id":2,"result":{"isError":true}}]"#,
            Outcome::ToolError,
        ),
        (
            r#"[{"id":1,"error":{"code":-1}},{"id":2,"result":{}}]"#,
            Outcome::Error(-1),
        ),
        ("", Outcome::Unknown),
        ("not json", Outcome::Unknown),
    ] {
        for step in 1..=body.len().max(1) {
            assert_eq!(
                outcome(body.as_bytes(), step),
                expected,
                "{body} in pushes of {step}"
            );
        }
    }
}

#[test]
fn state_stays_small_and_an_outcome_is_known_early() {
    assert!(std::mem::size_of::<OutcomeScanner>() <= 128);
    let mut scanner = OutcomeScanner::new();
    scanner.push(br#"{"id":1,"result":{"content":[{"text":""#);
    assert_eq!(scanner.outcome(), Outcome::Result);
    scanner.push(&vec![b'x'; 1 << 20]);
    scanner.push(br#""}],"isError":true}}"#);
    assert_eq!(scanner.outcome(), Outcome::ToolError);
}
