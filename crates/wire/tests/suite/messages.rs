//! JSON-RPC messages: what is read from them, and what is refused.

use proptest::prelude::*;
use wire::WireError::{self, DuplicateKey, Json, NotJsonRpc, TooLarge};
use wire::jsonrpc::{Kind, Limits, Message, Payload, parse};

use crate::properties::jsonrpc::hold;

fn single(body: &str) -> Message {
    match parse(body.as_bytes(), &Limits::default()) {
        Ok(Payload::Single(message)) => message,
        other => panic!("{other:?} from {body}"),
    }
}

fn refusal(body: &str) -> WireError {
    parse(body.as_bytes(), &Limits::default()).expect_err(body)
}

#[test]
fn a_tool_call_is_read() {
    let body = r#" {"jsonrpc":"2.0","id":1e0,"method":"tools/call","params":{"name":"pay",
        "arguments":{"pan": 4111111111111111, "n": 1.10}, "_meta":{"progressToken":"t\u0031",
        "io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientInfo":{"name":"c"}}}} "#;
    let m = single(body);
    let raw = |span: Option<wire::Span>| span.map(|s| &body[s.range()]);
    assert_eq!(m.kind, Kind::Request);
    assert_eq!(&body[m.span.range()], body.trim());
    assert_eq!(raw(m.id), Some("1e0"));
    assert_eq!(m.method.as_deref(), Some("tools/call"));
    assert_eq!(m.name.as_deref(), Some("pay"));
    assert_eq!(
        raw(m.arguments),
        Some(r#"{"pan": 4111111111111111, "n": 1.10}"#)
    );
    assert_eq!(raw(m.progress_token), Some(r#""t\u0031""#));
    assert_eq!(m.meta_protocol_version.as_deref(), Some("2026-07-28"));
    assert_eq!(m.client_name.as_deref(), Some("c"));
    assert!(raw(m.params).is_some_and(|p| p.starts_with("{\"name\"") && p.ends_with("}}")));
    assert_eq!((m.uri, m.error_code, m.is_error), (None, None, None));
}

#[test]
fn escapes_are_resolved_in_what_decides() {
    let m = single(
        r#"{"\u006asonrpc":"2\u002e0","id":"a","metho\u0064":"tools\/call","params":{"n\u0061me":"p\u0061\ud83d\ude00y"}}"#,
    );
    assert_eq!(m.method.as_deref(), Some("tools/call"));
    assert_eq!(m.name.as_deref(), Some("pa\u{1f600}y"));
}

#[test]
fn other_kinds_are_told_apart() {
    let m = single(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    assert_eq!((m.kind, m.id, m.params), (Kind::Notification, None, None));
    let m = single(r#"{"jsonrpc":"2.0","id":"x","result":{"isError":true,"a":1,"a":2}}"#);
    assert_eq!((m.kind, m.is_error), (Kind::Response, Some(true)));
    let m = single(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"m"}}"#);
    assert_eq!((m.kind, m.error_code), (Kind::ErrorResponse, Some(-32700)));
    let m = single(
        r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","clientInfo":{"name":"claude","version":"1"}}}"#,
    );
    assert_eq!(m.client_name.as_deref(), Some("claude"));
    assert_eq!(m.protocol_version.as_deref(), Some("2025-06-18"));
    let m = single(
        r#"{"jsonrpc":"2.0","id":0,"method":"resources/read","params":{"uri":"file:///a"}}"#,
    );
    assert_eq!(m.uri.as_deref(), Some("file:///a"));
    let m = single(r#"{"jsonrpc":"2.0","id":0,"method":"ping","params":null}"#);
    assert_eq!(m.params, None);
}

#[test]
fn only_the_outer_keys_decide() {
    // The same words deeper down, or in strings, are data.
    let m = single(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"name":"b","method":"c","params":{"name":"d"},"_meta":{"progressToken":9}},"x":"{\"name\":\"e\"}"}}"#,
    );
    assert_eq!(m.name.as_deref(), Some("a"));
    assert_eq!(m.progress_token, None);
    let m = single(
        r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"isError":true}],"x":{"code":1}}}"#,
    );
    assert_eq!((m.is_error, m.error_code), (None, None));
}

#[test]
fn a_batch_keeps_its_order_and_its_messages_apart() {
    let body = r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}},
        {"jsonrpc":"2.0","method":"notifications/x"},{"jsonrpc":"2.0","id":2,"result":{}}]"#;
    let payload = parse(body.as_bytes(), &Limits::default()).unwrap();
    let kinds: Vec<_> = payload.messages().iter().map(|m| m.kind).collect();
    assert_eq!(kinds, [Kind::Request, Kind::Notification, Kind::Response]);
    assert_eq!(payload.messages()[1].name, None);
    assert!(matches!(payload, Payload::Batch(_)));
    let one = r#"[{"jsonrpc":"2.0","method":"m"}]"#;
    assert!(
        matches!(parse(one.as_bytes(), &Limits::default()), Ok(Payload::Batch(m)) if m.len() == 1)
    );
}

#[test]
fn keys_that_decide_may_not_come_twice() {
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","m\u0065thod":"b"}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{},"params":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","\u006eame":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a","uri":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments":{},"arguments":{}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments":{"x":1,"x":2}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments":[{"x":{"y":1,"z":0,"\u0079":2}}]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"_meta":{"progressToken":1,"progressToken":2}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","other":1,"other":2}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"isError":false,"isError":true}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"code":2}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"arguments":{"\ud800":1,"\uD800":2}}}"#,
    ] {
        assert!(matches!(refusal(body), DuplicateKey(_)), "{body}");
    }
}

#[test]
fn keys_that_differ_by_case_only_are_refused() {
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"a","Method":"b"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","PARAMS":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","param\u017f":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","Name":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","argument\u017f":{}}}"#,
    ] {
        assert!(matches!(refusal(body), DuplicateKey(_)), "{body}");
    }
}

#[test]
fn json_that_is_no_message_is_refused() {
    for body in [
        "1",
        "null",
        "\"a\"",
        "[]",
        "{}",
        "[1]",
        "[[]]",
        "[{}]",
        "[{\"jsonrpc\":\"2.0\",\"method\":\"m\"},1]",
        r#"{"id":1,"method":"a"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"a"}"#,
        r#"{"jsonrpc":2.0,"id":1,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":{},"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":true,"method":"a"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":[]}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","params":"x"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"a","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1}}"#,
        r#"{"jsonrpc":"2.0","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":null,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":"x"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":null}}"#,
    ] {
        assert!(
            matches!(refusal(body), NotJsonRpc(_)),
            "{body}: {}",
            refusal(body)
        );
    }
}

#[test]
fn what_is_not_json_is_refused() {
    let around = |value: &str| {
        format!(r#"{{"jsonrpc":"2.0","method":"m","params":{{"arguments":{value}}}}}"#)
    };
    for value in [
        "",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "tru",
        "True",
        "nul",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\\u123\"",
        "\"\u{1}\"",
        "\"\t\"",
        "\"\n\"",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "[1}",
        "{\"a\":1]",
        "[",
        "// c\n1",
        "1 /* c */",
        "\u{feff}1",
        "\u{a0}1",
        "\u{c}1",
    ] {
        assert!(matches!(refusal(&around(value)), Json(_)), "{value}");
    }
    assert!(matches!(refusal(""), Json(_)));
    assert!(matches!(refusal(&format!("{} x", around("1"))), Json(_)));
    assert!(matches!(refusal(&around("1").repeat(2)), Json(_)));
    for value in [
        "-0",
        "0.10",
        "1E+9",
        "1e999",
        "\"\\ud800\"",
        "\"\u{7f}\u{2028}\"",
        " [ ] ",
        "{ }",
    ] {
        single(&around(value));
    }
    let bad_utf8 = [
        br#"{"jsonrpc":"2.0","method":"m","params":{"a":""#,
        &[0xc0, 0x80][..],
        b"\"}}",
    ]
    .concat();
    assert!(matches!(parse(&bad_utf8, &Limits::default()), Err(Json(_))));
    let lone = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"\ud800"}}"#;
    assert!(matches!(refusal(lone), Json(_)));
}

#[test]
fn limits_hold() {
    let nested = |depth: usize| {
        let value = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"jsonrpc":"2.0","method":"m","params":{{"arguments":{value}}}}}"#)
    };
    single(&nested(62));
    assert_eq!(refusal(&nested(63)), Json("depth_max"));
    assert_eq!(refusal(&"{\"a\":".repeat(1 << 18)), Json("depth_max"));
    let tight = Limits {
        members_max: 4,
        batch_messages_max: 1,
        ..Limits::default()
    };
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":1}}"#;
    assert_eq!(parse(body.as_bytes(), &tight), Err(TooLarge("members_max")));
    let body = r#"[{"jsonrpc":"2.0","method":"m"},{"jsonrpc":"2.0","method":"m"}]"#;
    assert_eq!(
        parse(body.as_bytes(), &tight),
        Err(TooLarge("batch_messages_max"))
    );
    // Members of a result are not counted: answers may be large.
    let body = r#"{"jsonrpc":"2.0","id":1,"result":{"a":{"b":1,"c":2},"d":3,"e":4}}"#;
    assert!(parse(body.as_bytes(), &tight).is_ok());
}

/// Any JSON value, as text with arbitrary white space.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,4})?",
        "\"([ !#-\\[\\]-~\u{e9}\u{1f600}]|\\\\[\"\\\\/bfnrt]|\\\\u[0-9a-fA-F]{4}){0,12}\"",
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6)
                .prop_map(|v| format!("[ {}]", v.join(",\n"))),
            prop::collection::vec(("[a-z]{1,6}|isError|code|name|result", inner), 0..6).prop_map(
                |v| {
                    let members: Vec<_> = v.iter().map(|(k, v)| format!("\"{k}\" : {v}")).collect();
                    format!("{{\t{}}}", members.join(","))
                }
            ),
        ]
    })
}

proptest! {
    #[test]
    fn generated_messages_agree_with_serde_json(
        value in json(),
        section in prop::sample::select(&["params", "result", "error", "other"][..]),
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        step in any::<u8>(),
    ) {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"{section}":{value}}}"#);
        hold(&[&[step][..], body.as_bytes()].concat());
        let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"arguments":{value}}}}}"#);
        hold(&[&[step][..], call.as_bytes()].concat());
        for text in [body, call, value] {
            let mut broken = text.into_bytes();
            let at = position.index(broken.len());
            broken[at] = byte;
            hold(&[&[step][..], &broken].concat());
            broken.truncate(at);
            hold(&[&[step][..], &broken].concat());
        }
    }

    #[test]
    fn arguments_keep_their_spelling(value in json()) {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"arguments":{value}}}}}"#);
        match parse(body.as_bytes(), &Limits::default()) {
            Ok(Payload::Single(m)) => {
                prop_assert_eq!(m.arguments.map(|s| s.of(body.as_bytes())), Some(value.as_bytes()));
            }
            Err(DuplicateKey(_)) => {}
            other => prop_assert!(false, "{:?}", other),
        }
    }
}
