//! Streams of server-sent events: lines of data of one event are one text, string
//! fields go on over events.
#![cfg(feature = "decode")]

#[allow(dead_code)]
mod laws;

use panscan::body::{Body, Content, Verdict, scan_body};
use panscan::{Caps, Layer, Scanner, Settings, Stream};
use proptest::prelude::*;

/// What a stream gives that is fed in pieces of `size` and ends where the text does.
fn stream(text: &str, size: usize) -> (String, usize) {
    let scanner = Scanner::new(Settings::default());
    let (mut st, mut found) = (Stream::events(), Vec::new());
    for piece in text.as_bytes().chunks(size) {
        scanner.scan(&mut st, piece, &mut |f| found.push(f));
    }
    scanner.finish(&mut st, &mut |f| found.push(f));
    let mut out = text.as_bytes().to_vec();
    for f in &found {
        assert!(f.masked && f.maskable(), "{text:?}: {f:?}");
        out[f.start as usize..f.end as usize].copy_from_slice(f.replacement());
    }
    let out = String::from_utf8(out).expect("masks keep UTF-8");
    (out, found.len())
}

fn body(text: &str) -> Body {
    let scanner = Scanner::new(Settings::default());
    let content = Content {
        media_type: "text/event-stream",
        encoding: "",
    };
    scan_body(&scanner, &content, text.as_bytes(), &[], &Caps::default())
}

#[test]
fn lines_of_one_event_are_one_text() {
    for (text, want) in [
        (
            "data: 41111111\ndata: 11111111\n\n",
            "data: 411111**\ndata: ****1111\n\n",
        ),
        (
            "data: card 41111111\r\ndata:11111111 ok\r\n\r\n",
            "data: card 411111**\r\ndata:****1111 ok\r\n\r\n",
        ),
        (
            "id: 7\rdata: 4111 1111\rdata:  1111 1111\r\r",
            "id: 7\rdata: 4111 11**\rdata:  **** 1111\r\r",
        ),
        (
            "data: {\"card\":[4,1,1,1,1,1,1,1,\ndata: 1,1,1,1,1,1,1,1]}\n\n",
            "data: {\"card\":[4,1,1,1,1,1,0,0,\ndata: 0,0,0,0,1,1,1,1]}\n\n",
        ),
        (
            "data: {\"a\":\"x\",\ndata: \"b\":\"4111 1111 1111 1111\"}\n\n",
            "data: {\"a\":\"x\",\ndata: \"b\":\"4111 11** **** 1111\"}\n\n",
        ),
        (
            "event: 4111 1111 1111 1111\n: 4111-1111-1111-1111\ndata: {}\nid: 4111 1111 1111 1111\n",
            "event: 4111 11** **** 1111\n: 4111-11**-****-1111\ndata: {}\nid: 4111 11** **** 1111\n",
        ),
    ] {
        for size in 1..text.len() {
            let (out, found) = stream(text, size);
            assert_eq!(out, want, "pieces of {size}");
            assert!(found >= 1);
            assert_eq!(stream(&out, size).1, 0, "found again in {out:?}");
        }
    }
}

#[test]
fn other_lines_and_events_do_not_join() {
    for text in [
        "data: 41111111\n\ndata: x\n\ndata: 11111111\n\n",
        "data: 41111111\nid: 1\ndata: 11111111\n\n",
        "id: 41111111\ndata: 11111111\n\n",
        "data: 41111111\ndata:\ndata: 11111111\n\n",
        "data: 41111111\n11111111\n\n",
        "retry: 3000\ndata: {\"n\":1}\n\n",
    ] {
        for size in [1, 3, text.len()] {
            assert_eq!(stream(text, size), (text.to_owned(), 0));
        }
    }
    // The id is no part of the number.
    let (out, _) = stream("id: 5\ndata: 4111111111111111\n\n", 4);
    assert!(!out.contains("4111111111111111"), "{out}");
}

#[test]
fn a_field_goes_on_over_events() {
    let delta = |text: &str| format!("data: {{\"delta\":{{\"text\":\"{text}\"}}}}\n\n");
    let text = delta("card 4111 11") + &delta("11 1111") + ": ping\n\n" + &delta(" 1111 ok");
    let got = body(&text);
    assert_eq!(got.verdict, Verdict::Masked);
    let out = String::from_utf8(got.bytes).expect("UTF-8");
    let want = delta("card 4111 11") + &delta("** ****") + ": ping\n\n" + &delta(" 1111 ok");
    assert_eq!(out, want);
    let [located] = &got.findings[..] else {
        panic!("{:?}", got.findings)
    };
    let finding = &located.finding;
    assert_eq!(finding.shown().as_str(), "411111******1111");
    assert!(finding.via.layers().any(|l| l == Layer::Split));
    assert_eq!(finding.start as usize, text.find("4111").expect("there"));
    assert_eq!(
        &text[..finding.end as usize].rfind("1111"),
        &Some(finding.end as usize - 4)
    );
    assert!(located.path.ends_with("delta.text"), "{}", located.path);
    assert_eq!(body(&want).verdict, Verdict::Clean);
}

fn line() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just("4111111111111111".to_owned()),
        Just("41111111".to_owned()),
        Just("11111111".to_owned()),
        Just("{\"a\":\"4111 1111 1111 1111\"}".to_owned()),
        Just("[\"4111\",\"1111\",".to_owned()),
        Just("\"1111\",\"1111\"]".to_owned()),
        Just("4111 1111 ".to_owned()),
        Just("1111 1111".to_owned()),
        Just("NDExMTExMTEx".to_owned()),
        Just("MTExMTExMQ==".to_owned()),
        Just("\\u0034111".to_owned()),
        "[0-9 a{}\":]{0,20}",
    ];
    let name = prop_oneof![
        6 => Just("data: "), 2 => Just("data:"), 1 => Just("id: "), 1 => Just(": "),
        1 => Just("data"), 1 => Just("")
    ];
    let end = prop_oneof![5 => Just("\n"), 2 => Just("\r\n"), 1 => Just("\r"), 2 => Just("\n\n")];
    (name, text, end).prop_map(|(name, text, end)| format!("{name}{text}{end}"))
}

proptest! {
    #![proptest_config(laws::quick!(200))]

    #[test]
    fn cuts_never_matter(lines in proptest::collection::vec(line(), 0..12), size in 1usize..40) {
        let text = lines.concat();
        let whole = stream(&text, text.len().max(1));
        prop_assert_eq!(stream(&text, size), whole.clone());
        prop_assert_eq!(stream(&text, 1), whole.clone());
        prop_assert_eq!(stream(&whole.0, 7), (whole.0.clone(), 0));
        let once = body(&text);
        if once.verdict == Verdict::Masked {
            let again = String::from_utf8(once.bytes).expect("UTF-8");
            prop_assert_eq!(body(&again).verdict, Verdict::Clean, "{}", again);
        }
    }
}
