//! Field masks: by key, by path, by kind; nested, streamed, same length and type.

use panscan::{FieldError, FieldRule, FieldStream, Fields, Finding, HOLD_BYTES_MAX, Kind};
use proptest::prelude::*;

fn rules() -> Fields {
    Fields::new(&[
        FieldRule::cardholder_name(),
        FieldRule::expiry(),
        FieldRule::service_code(),
        FieldRule::key("secret"),
        FieldRule::path("items[*].name").expect("a path"),
        FieldRule::path("list[1]").expect("a path"),
        FieldRule::path("$.top").expect("a path"),
    ])
}

/// Masked in the given cuts; checks what a caller relies on.
fn run(text: &[u8], cuts: &[usize]) -> (Vec<u8>, bool, usize) {
    let fields = rules();
    let mut st = FieldStream::new();
    let (mut out, mut released, mut pieces) = (Vec::new(), 0, 0);
    let (mut rest, mut lens) = (text, cuts.iter().cycle());
    while !rest.is_empty() {
        let len = (*lens.next().expect("cuts")).clamp(1, rest.len());
        let (chunk, tail) = rest.split_at(len);
        rest = tail;
        let mut found: Vec<Finding> = Vec::new();
        out.extend_from_slice(chunk);
        let release = fields.scan(&mut st, chunk, &mut |f| found.push(f));
        assert!(release <= out.len() as u64 && release >= released);
        assert!(out.len() as u64 - release <= HOLD_BYTES_MAX as u64);
        for piece in found {
            assert!(piece.start >= released && piece.kind == Kind::Field && piece.masked);
            out[piece.start as usize..piece.end as usize].copy_from_slice(piece.replacement());
            pieces += 1;
        }
        released = release;
    }
    assert_eq!(fields.finish(&mut st), text.len() as u64);
    (out, st.lost(), pieces)
}

#[test]
fn values_of_named_fields() {
    for (text, want) in [
        (
            r#"{"cardholder_name":"JANE DOE","a":"JANE"}"#,
            r#"{"cardholder_name":"********","a":"JANE"}"#,
        ),
        (
            r#"{"nameOnCard" : "J\n\"É\u00c9"}"#,
            r#"{"nameOnCard" : "*************"}"#,
        ),
        (
            r#"{"EXP-MONTH":12,"expYear":2028}"#,
            r#"{"EXP-MONTH":10,"expYear":1000}"#,
        ),
        (r#"{"expiry":-12.50e3}"#, r#"{"expiry":-10.00e0}"#),
        (
            r#"{"expiry":null,"serviceCode":true}"#,
            r#"{"expiry":null,"serviceCode":true}"#,
        ),
        (
            r#"{"secret":{"a":"bc","d":[1,"e",{"f":23}]},"a":"bc"}"#,
            r#"{"secret":{"a":"**","d":[1,"*",{"f":10}]},"a":"bc"}"#,
        ),
        (
            r#"{"items":[{"name":"a"},{"name":"b","x":{"name":"c"}}],"name":"d"}"#,
            r#"{"items":[{"name":"*"},{"name":"*","x":{"name":"c"}}],"name":"d"}"#,
        ),
        (r#"{"list":["a","b","c"]}"#, r#"{"list":["a","*","c"]}"#),
        (
            r#"{"top":"a","x":{"top":"b"}}"#,
            r#"{"top":"*","x":{"top":"b"}}"#,
        ),
        (r#"{"\u0073ecret":"ab"}"#, r#"{"\u0073ecret":"**"}"#),
        (
            "{\"secret\":\"a\"}\n{\"secret\":\"b\"}",
            "{\"secret\":\"*\"}\n{\"secret\":\"*\"}",
        ),
        (
            r#"{"secret":"","expiry":""}"#,
            r#"{"secret":"","expiry":""}"#,
        ),
    ] {
        for cut in 1..text.len() {
            let (out, lost, pieces) = run(text.as_bytes(), &[cut, 1]);
            assert_eq!(String::from_utf8_lossy(&out), want, "cut at {cut}");
            assert!(!lost);
            let (again, _, none) = run(&out, &[cut]);
            assert_eq!(
                (again == out, none),
                (true, 0),
                "{pieces} pieces, then none"
            );
        }
        let nested = |t: &str| serde_json::json!({ "text": t }).to_string();
        if !text.starts_with("{\"top") && !text.contains('\n') {
            let (out, _, _) = run(nested(text).as_bytes(), &[3]);
            let inner: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
            let inner = inner["text"].as_str().expect("text");
            let value = |t: &str| serde_json::from_str::<serde_json::Value>(t).expect("JSON");
            assert!(!value(inner).to_string().contains("JANE DOE"));
            assert_eq!(out.len(), nested(text).len());
        }
    }
    let deep = serde_json::json!({"t": serde_json::json!({"t": "{\"secret\":\"x y\",\"n\":1}"}).to_string()});
    let (out, _, _) = run(deep.to_string().as_bytes(), &[5]);
    assert!(String::from_utf8_lossy(&out).contains(r#"{\\\"secret\\\":\\\"***\\\",\\\"n\\\":1}"#));
}

#[test]
fn what_is_no_json_is_said() {
    assert!(run(b"card of JANE", &[4]).1);
    assert!(run("[".repeat(65).as_bytes(), &[64]).1);
    assert!(!run("[".repeat(64).as_bytes(), &[64]).1);
    assert!(!run(b"{\"text\":\"not json {\\\"secret\\\":\\\"a\\\"}\"}", &[9]).1);
}

#[test]
fn paths() {
    for text in ["", "$", "a..b", "a[", "a[x]", "[-1]", "."] {
        assert_eq!(FieldRule::path(text), Err(FieldError), "{text}");
    }
    assert_eq!(
        FieldRule::path("$.a[0].b").expect("a path").name(),
        "$.a[0].b"
    );
    assert!(Fields::new(&[]).is_empty());
}

#[test]
fn the_fuzz_corpus_holds() {
    let dir = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fuzz/corpus/panscan_fields"
    );
    let mut files = 0;
    for entry in std::fs::read_dir(dir).expect("the corpus is committed") {
        let data = std::fs::read(entry.expect("an entry").path()).expect("a file");
        let whole = run(&data, &[data.len()]);
        for cut in 1..data.len() {
            assert_eq!(run(&data, &[cut]).0, whole.0);
        }
        assert_eq!(run(&whole.0, &[1]).2, 0);
        files += 1;
    }
    assert!(files > 0);
}

proptest! {
    #[test]
    fn cuts_never_matter(
        parts in proptest::collection::vec(proptest::sample::select(vec![
            "{", "}", "[", "]", ",", ":", "\"", "\\\"", "\\\\\"", "\"secret\":", "\"a\"", "12.5", "true", " ",
            "\\u0041", "\\", "é", "\"{\\\"secret\\\":\\\"x\\\"}\"", "\"items\":[{\"name\":\"q\"}]",
        ]), 0..40),
        cuts in proptest::collection::vec(1usize..20, 1..4),
    ) {
        let text = parts.concat();
        let whole = run(text.as_bytes(), &[text.len().max(1)]);
        let cut = run(text.as_bytes(), &cuts);
        prop_assert_eq!(&whole.0, &cut.0);
        prop_assert_eq!(whole.1, cut.1);
    }

    #[test]
    fn json_stays_json(values in proptest::collection::vec(("[ -~é]{0,12}", -1.0e6f64..1.0e6), 1..6)) {
        let items: Vec<_> = values
            .iter()
            .map(|(s, n)| serde_json::json!({"secret": s, "expiry": n, "a": s, "t": serde_json::json!({"secret": s}).to_string()}))
            .collect();
        let text = serde_json::Value::from(items).to_string();
        let (out, lost, _) = run(text.as_bytes(), &[7]);
        prop_assert!(!lost);
        let value: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        for (item, (s, _)) in value.as_array().expect("array").iter().zip(&values) {
            prop_assert!(item["secret"].as_str().expect("s").bytes().all(|b| b == b'*'));
            prop_assert!(item["expiry"].is_number());
            prop_assert_eq!(item["a"].as_str(), Some(s.as_str()));
            let inner: serde_json::Value = serde_json::from_str(item["t"].as_str().expect("t")).expect("JSON");
            prop_assert!(inner["secret"].as_str().expect("s").bytes().all(|b| b == b'*'));
        }
    }
}
