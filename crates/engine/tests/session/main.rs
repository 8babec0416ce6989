//! What a client, a server and the log see of one connection.

mod findings;
mod rig;

use engine::{Input, Mode};
use gateway_common::Reason;
use rig::{Rig, call, json_answer, post, result};

const PAN: &str = "4111111111111111";
const MASKED: &str = "411111******1111";

#[test]
fn a_clean_call_is_byte_identical_both_ways() {
    let mut rig = Rig::new(Mode::Enforce);
    let request = call("lookup", r#"{"id":12}"#);
    rig.client(request.as_bytes());
    assert_eq!(rig.forwarded(), request);
    let answer = json_answer(&result("hello 1234"));
    rig.server(answer.as_bytes());
    rig.commit();
    rig.commit();
    assert_eq!(rig.sent(), answer);
    assert_eq!(rig.closed, None);
}

#[test]
fn no_answer_byte_leaves_before_the_call_is_on_disk() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.client(call("lookup", "{}").as_bytes());
    rig.server(json_answer(&result("x")).as_bytes());
    assert_eq!(rig.sent(), "");
    rig.commit();
    assert!(!rig.sent().is_empty());
}

#[test]
fn the_last_byte_waits_for_the_result_record() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.client(call("lookup", "{}").as_bytes());
    rig.commit();
    let answer = json_answer(&result("x"));
    rig.server(answer.as_bytes());
    assert_eq!(rig.sent(), answer[..answer.len() - 1]);
    rig.commit();
    assert_eq!(rig.sent(), "}");
}

#[test]
fn the_terminating_chunk_waits_for_the_result_record() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.client(call("lookup", "{}").as_bytes());
    rig.commit();
    let body = result("x");
    rig.server(
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        )
        .as_bytes(),
    );
    assert!(rig.sent().ends_with(&format!("{body}\r\n")));
    rig.commit();
    assert_eq!(rig.sent(), "0\r\n\r\n");
}

#[test]
fn a_card_in_an_answer_is_masked_wherever_the_stream_is_cut() {
    let answer = json_answer(&result(&format!("card {PAN} ok")));
    let wanted = answer.replace(PAN, MASKED);
    for cut in 1..answer.len() {
        let mut rig = Rig::new(Mode::Enforce);
        rig.client(call("lookup", "{}").as_bytes());
        rig.commit();
        rig.server(&answer.as_bytes()[..cut]);
        assert!(
            !rig.to_client.windows(8).any(|w| w == b"41111111"),
            "cut {cut}"
        );
        rig.server(&answer.as_bytes()[cut..]);
        rig.commit();
        assert_eq!(rig.sent(), wanted, "cut {cut}");
        assert!(!rig.disk_has(PAN));
        assert!(rig.disk_has(MASKED));
    }
}

#[test]
fn a_card_in_arguments_is_masked_before_the_server_and_the_record() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.client(call("refund", &format!(r#"{{"card":"{PAN}"}}"#)).as_bytes());
    let forwarded = rig.forwarded();
    assert!(forwarded.contains(MASKED) && !forwarded.contains(PAN));
    rig.commit();
    assert!(rig.disk_has(MASKED) && !rig.disk_has(PAN));
}

#[test]
fn a_chunked_request_keeps_its_framing_and_is_masked_across_chunks() {
    let mut rig = Rig::new(Mode::Enforce);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"refund","arguments":{{"card":"{PAN}"}}}}}}"#
    );
    let (a, b) = body.split_at(body.find("1111").unwrap() + 6);
    let head = "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    rig.client(
        format!(
            "{head}{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n",
            a.len(),
            b.len()
        )
        .as_bytes(),
    );
    let masked = body.replace(PAN, MASKED);
    let (a, b) = masked.split_at(a.len());
    assert_eq!(
        rig.forwarded(),
        format!(
            "{head}{:x}\r\n{a}\r\n{:x}\r\n{b}\r\n0\r\n\r\n",
            a.len(),
            b.len()
        )
    );
}

fn sse(events: &[&str]) -> String {
    let mut all =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_string();
    for event in events {
        all.push_str(&format!("{:x}\r\n{event}\r\n", event.len()));
    }
    all
}

#[test]
fn clean_events_leave_at_once_and_one_with_a_card_after_its_record() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.client(call("stream", "{}").as_bytes());
    rig.commit();
    rig.server(sse(&["event: message\ndata: {\"a\":1}\n\n"]).as_bytes());
    assert!(rig.sent().contains("data: {\"a\":1}\n\n"));
    let event = format!("data: {{\"t\":\"{PAN}\"}}\n\n");
    rig.server(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes());
    assert!(
        !rig.sent().contains("data"),
        "the event waits for its record"
    );
    rig.commit();
    assert!(rig.sent().contains(MASKED));
    rig.server(b"0\r\n\r\n");
    assert_eq!(rig.sent(), "");
    rig.commit();
    assert_eq!(rig.sent(), "0\r\n\r\n");
}

#[test]
fn a_forbidden_tool_never_reaches_the_server() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.client(call("delete", "{}").as_bytes());
    assert_eq!(rig.sent(), "", "the denial waits for its record");
    rig.commit();
    let sent = rig.sent();
    assert!(sent.starts_with("HTTP/1.1 200 OK\r\n"), "{sent}");
    let body = sent.split("\r\n\r\n").nth(1).unwrap();
    let value: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(value["id"], 1);
    assert_eq!(value["result"]["isError"], true);
    assert_eq!(rig.forwarded(), "");
    assert_eq!(
        rig.counts.decided.borrow()[0],
        (audit::Verdict::Deny, Reason::PolicyForbid)
    );
}

#[test]
fn an_unpermitted_method_is_a_json_rpc_error_and_an_approval_is_held_back() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.client(
        post(r#"{"jsonrpc":"2.0","id":"r","method":"resources/read","params":{"uri":"a:b"}}"#)
            .as_bytes(),
    );
    rig.commit();
    assert!(rig.sent().contains(r#""error":{"code":40301"#));
    rig.client(call("wire", "{}").as_bytes());
    rig.commit();
    assert!(rig.sent().contains("needs an approval"));
    assert_eq!(rig.forwarded(), "");
}

#[test]
fn malformed_requests_are_refused_and_recorded() {
    for (bytes, reason) in [
        (
            "GET / HTTP/1.1\nHost: x\n\n".to_string(),
            Reason::HttpMalformed,
        ),
        (post("{\"jsonrpc\":\"2.0\""), Reason::JsonMalformed),
        (
            post(r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#),
            Reason::JsonDuplicateKey,
        ),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
                .to_string(),
            Reason::HttpFraming,
        ),
    ] {
        let mut rig = Rig::new(Mode::Enforce);
        rig.client(bytes.as_bytes());
        rig.give(Input::DownstreamEnd);
        rig.commit();
        let sent = rig.sent();
        assert!(sent.contains(reason.label()), "{bytes:?}: {sent}");
        assert_eq!(rig.forwarded(), "");
        assert!(rig.closed.is_some());
        assert!(!rig.disk.bytes().is_empty());
    }
}

#[test]
fn without_identity_nothing_is_forwarded() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.identity = Err(Reason::TokenExpired);
    rig.client(call("lookup", "{}").as_bytes());
    rig.commit();
    let sent = rig.sent();
    assert!(sent.starts_with("HTTP/1.1 401"), "{sent}");
    assert!(sent.contains("www-authenticate: Bearer"));
    assert_eq!(rig.forwarded(), "");
}

#[test]
fn a_log_that_cannot_be_written_stops_the_answer() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.disk.broken = true;
    rig.client(call("lookup", "{}").as_bytes());
    rig.server(json_answer(&result("x")).as_bytes());
    rig.commit();
    assert_eq!(rig.sent(), "");
    rig.client(b"");
    let mut second = Rig::new(Mode::Enforce);
    second.disk.broken = true;
    second.commit();
}

#[test]
fn observe_mode_changes_no_byte_and_records_the_verdict() {
    let mut rig = Rig::new(Mode::Observe);
    let request = call("delete", &format!(r#"{{"card":"{PAN}"}}"#));
    rig.client(request.as_bytes());
    assert_eq!(rig.forwarded(), request);
    let answer = json_answer(&result(PAN));
    rig.server(answer.as_bytes());
    assert_eq!(rig.sent(), answer);
    rig.commit();
    assert!(!rig.disk_has(PAN));
    assert_eq!(rig.counts.decided.borrow()[0].1, Reason::PolicyForbid);
}

#[test]
fn observe_mode_passes_a_server_that_speaks_first() {
    let mut rig = Rig::new(Mode::Observe);
    rig.session.connect_early();
    rig.server(b"220 mail ready\r\n");
    assert_eq!(rig.sent(), "220 mail ready\r\n");
    rig.client(b"EHLO x\r\n");
    assert_eq!(rig.forwarded(), "EHLO x\r\n");
    rig.server(b"250 ok\r\n");
    assert_eq!(rig.sent(), "250 ok\r\n");
    assert_eq!((rig.closed, rig.connects), (None, 1));
}

#[test]
fn observe_mode_passes_what_a_client_began_when_the_server_speaks() {
    let request = call("lookup", "{}");
    for cut in [10, request.len() - 3] {
        let mut rig = Rig::new(Mode::Observe);
        rig.session.connect_early();
        rig.client(&request.as_bytes()[..cut]);
        rig.server(b"banner");
        rig.client(&request.as_bytes()[cut..]);
        assert_eq!(
            (rig.forwarded(), rig.sent()),
            (request.clone(), "banner".into())
        );
    }
}

#[test]
fn observe_mode_lets_a_listening_client_hear_the_server() {
    let mut rig = Rig::new(Mode::Observe);
    rig.session.connect_early();
    rig.give(Input::DownstreamEnd);
    rig.server(b"the time is 12:00\n");
    rig.give(Input::UpstreamEnd(Reason::Ok));
    assert_eq!(rig.sent(), "the time is 12:00\n");
    assert_eq!(rig.closed, Some((Reason::Ok, false)));
}

#[test]
fn observe_mode_gives_up_reading_and_changes_nothing() {
    // What the server answers, and what enforcement could not pass on.
    let upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\u{1}frame";
    let hints = format!(
        "HTTP/1.1 103 Early Hints\r\n\r\n{}",
        json_answer(&result("x"))
    );
    let behind = format!("{}HTTP/1.1 408 Timeout\r\n\r\n", json_answer(&result("x")));
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nnot hex";
    for answer in [upgrade, "no http at all\r\n\r\n", &hints, &behind, chunks] {
        let mut rig = Rig::new(Mode::Observe);
        rig.client(call("lookup", "{}").as_bytes());
        rig.forwarded();
        for part in answer.as_bytes().chunks(7) {
            rig.server(part);
        }
        assert_eq!(rig.sent(), answer);
        assert_eq!(rig.closed, None, "{answer}");
    }
}

#[test]
fn observe_mode_answers_nothing_itself() {
    let waiting =
        "POST /mcp HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    let mut rig = Rig::new(Mode::Observe);
    rig.client(waiting.as_bytes());
    assert_eq!((rig.forwarded(), rig.sent()), (waiting.into(), "".into()));
    // A half request: the rest never comes, or not in time.
    let half = &call("lookup", "{}")[..90];
    for late in [Input::DownstreamEnd, Input::Tick] {
        let mut rig = Rig::new(Mode::Observe);
        rig.profile.limits.request_ns_max = 0;
        rig.client(half.as_bytes());
        rig.give(late);
        assert_eq!((rig.forwarded(), rig.sent()), (half.into(), "".into()));
        assert_eq!(rig.closed, None);
    }
}

#[test]
fn observe_mode_ends_as_the_server_ended() {
    let whole = json_answer(&result("x"));
    for (reason, abort) in [(Reason::Ok, false), (Reason::UpstreamTruncated, true)] {
        let mut rig = Rig::new(Mode::Observe);
        rig.client(call("lookup", "{}").as_bytes());
        rig.server(&whole.as_bytes()[..whole.len() - 4]);
        rig.give(Input::UpstreamEnd(reason));
        assert_eq!(rig.sent(), whole[..whole.len() - 4]);
        assert_eq!(rig.closed, Some((reason, abort)));
    }
}

#[test]
fn an_answer_cut_short_is_never_completed() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.client(call("lookup", "{}").as_bytes());
    rig.commit();
    let answer = json_answer(&result("x"));
    rig.server(&answer.as_bytes()[..answer.len() - 5]);
    rig.give(Input::UpstreamEnd(Reason::Ok));
    rig.commit();
    assert_eq!(rig.closed, Some((Reason::UpstreamTruncated, true)));
}

#[test]
fn a_server_that_cannot_be_reached_is_a_502() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.client(call("lookup", "{}").as_bytes());
    rig.give(Input::UpstreamEnd(Reason::UpstreamConnect));
    rig.commit();
    assert!(rig.sent().starts_with("HTTP/1.1 502"));
}

#[test]
fn an_encoded_answer_is_refused() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.client(call("lookup", "{}").as_bytes());
    rig.server(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc");
    rig.commit();
    let sent = rig.sent();
    assert!(
        sent.starts_with("HTTP/1.1 502") && sent.contains("uninspectable"),
        "{sent}"
    );
}

#[test]
fn the_token_that_was_evidence_stays_here() {
    let mut rig = Rig::new(Mode::Enforce);
    let request = call("lookup", "{}").replace(
        "Host: x\r\n",
        "Host: x\r\nAuthorization: Bearer secret-token\r\nAccept-Encoding: gzip\r\n",
    );
    rig.client(request.as_bytes());
    let forwarded = rig.forwarded();
    assert!(!forwarded.contains("secret-token"));
    assert!(
        forwarded
            .to_lowercase()
            .contains("accept-encoding: identity\r\n")
    );
    rig.commit();
    assert!(!rig.disk_has("secret-token"));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut rig = Rig::new(Mode::Enforce);
    let one = call("a", "{}");
    rig.client(format!("{one}{one}").as_bytes());
    assert_eq!(rig.forwarded(), one);
    let answer = json_answer(&result("x"));
    rig.server(answer.as_bytes());
    rig.commit();
    rig.commit();
    assert_eq!(rig.forwarded(), one);
    rig.server(answer.as_bytes());
    rig.commit();
    rig.commit();
    assert_eq!(rig.sent(), format!("{answer}{answer}"));
}

#[test]
fn chunk_extensions_and_trailers_are_refused_both_ways() {
    let head = "POST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let size = format!("{:x}", body.len());
    for raw in [
        format!("{head}{size};card={PAN}\r\n{body}\r\n0\r\n\r\n"),
        format!("{head}{size}\r\n{body}\r\n0\r\nX-Card: {PAN}\r\n\r\n"),
    ] {
        let mut rig = Rig::new(Mode::Enforce);
        rig.client(raw.as_bytes());
        rig.commit();
        assert_eq!(rig.forwarded(), "");
        assert!(rig.sent().starts_with("HTTP/1.1 4"));
    }
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    for raw in [
        format!("{head}2;{PAN}\r\n{{}}\r\n0\r\n\r\n"),
        format!("{head}2\r\n{{}}\r\n0\r\nX-Card: {PAN}\r\n\r\n"),
    ] {
        let mut rig = Rig::new(Mode::Enforce);
        rig.client(call("lookup", "{}").as_bytes());
        rig.server(raw.as_bytes());
        rig.commit();
        rig.commit();
        assert!(!rig.sent().contains(PAN));
        assert_eq!(rig.closed.map(|c| c.0), Some(Reason::UpstreamMalformed));
    }
}

#[test]
fn a_server_that_never_answers_is_a_504() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.profile.limits.answer_ns_max = 1;
    rig.client(call("lookup", "{}").as_bytes());
    rig.give(Input::Tick);
    rig.commit();
    assert!(rig.sent().starts_with("HTTP/1.1 504"));
}

#[test]
fn a_client_that_hangs_up_is_recorded_as_gone() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.client(call("lookup", "{}").as_bytes());
    rig.commit();
    rig.give(Input::DownstreamGone);
    rig.commit();
    assert_eq!(rig.counts.ended.borrow()[..], [Reason::ClientGone]);
}

fn delta(text: &str) -> String {
    let event = format!(
        "data: {{\"method\":\"notifications/message\",\"params\":{{\"data\":\"{text}\"}}}}\n\n"
    );
    format!("{:x}\r\n{event}\r\n", event.len())
}

fn streaming(rig: &mut Rig) {
    rig.client(call("stream", "{}").as_bytes());
    rig.commit();
    rig.server(sse(&[]).as_bytes());
    rig.sent();
}

#[test]
fn a_card_over_two_events_is_masked_in_both_and_recorded() {
    let mut rig = Rig::new(Mode::Enforce);
    streaming(&mut rig);
    let clean = delta("the number is");
    rig.server(clean.as_bytes());
    assert_eq!(rig.sent(), clean);
    let (first, second) = (delta("41111111"), delta("11111111"));
    rig.server(first.as_bytes());
    assert!(
        !rig.to_client_has("data"),
        "digits at the end of an event wait"
    );
    rig.server(second.as_bytes());
    assert!(
        !rig.to_client_has("data"),
        "and then for the record of the mask"
    );
    rig.commit();
    assert_eq!(rig.sent(), delta("411111**") + &delta("****1111"));
    assert!(rig.disk_has(MASKED));
    assert!(
        rig.disk
            .records()
            .iter()
            .any(|r| r.kind == audit::Kind::McpMask)
    );
}

#[test]
fn digits_at_the_end_of_an_event_wait_their_time_and_leave() {
    for hide in [false, true] {
        let mut rig = Rig::new(Mode::Enforce);
        rig.profile.hide_tails = hide;
        streaming(&mut rig);
        rig.server(delta("41111111").as_bytes());
        let due = rig.session.deadline(&rig.profile.limits).unwrap();
        assert!(due - rig.now_ns <= 200_000_000);
        rig.now_ns = due;
        rig.give(Input::Tick);
        let (first, second) = match hide {
            false => ("41111111", "********"),
            true => ("411111**", "111111**"),
        };
        assert_eq!(rig.sent(), delta(first));
        rig.server(delta("11111111").as_bytes());
        rig.commit();
        rig.now_ns += 300_000_000;
        rig.give(Input::Tick);
        assert_eq!(rig.sent(), delta(second));
    }
}

#[test]
fn the_last_event_of_a_stream_waits_for_nothing() {
    let mut rig = Rig::new(Mode::Enforce);
    streaming(&mut rig);
    let event = delta("order 41111111");
    rig.server(event.as_bytes());
    assert!(!rig.to_client_has("data"));
    rig.server(b"0\r\n\r\n");
    assert_eq!(rig.sent(), event);
    rig.commit();
    assert_eq!(rig.sent(), "0\r\n\r\n");
}

#[test]
fn observe_mode_holds_no_event() {
    let mut rig = Rig::new(Mode::Observe);
    streaming(&mut rig);
    for part in ["41111111", "11111111"] {
        rig.server(delta(part).as_bytes());
        assert_eq!(rig.sent(), delta(part));
    }
    assert_eq!(*rig.counts.found.borrow(), 1);
}

/// A gzip of `{"card":"4111111111111111"}` in base64: a card that no mask reaches.
const PACKED: &str = "H4sIAAAAAAACA6tWSk4sSlGyUjIxRAVKtQAZN5iHGwAAAA==";

#[test]
fn a_card_in_base64_is_masked_inside() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.client(call("lookup", "{}").as_bytes());
    rig.commit();
    // "card 4111111111111111." in base64.
    let answer = json_answer(&result("Y2FyZCA0MTExMTExMTExMTExMTExLg=="));
    rig.server(answer.as_bytes());
    rig.commit();
    let sent = rig.sent();
    assert_eq!(sent.len(), answer.len());
    // "card 411111******1111."
    assert!(sent.contains("Y2FyZCA0MTExMTEqKioqKioxMTExLg=="), "{sent}");
}

#[test]
fn a_card_that_cannot_be_masked_is_blocked_both_ways() {
    let mut rig = Rig::new(Mode::Enforce);
    rig.client(call("store", &format!(r#"{{"blob":"{PACKED}"}}"#)).as_bytes());
    rig.commit();
    assert_eq!(rig.forwarded(), "");
    assert!(rig.sent().contains("finding_blocked"));
    assert!(!rig.disk_has(PACKED));
    rig.client(call("lookup", "{}").as_bytes());
    rig.commit();
    let answer = json_answer(&result(PACKED));
    // At once: nothing of it has left, so the client is told why.
    rig.server(answer.as_bytes());
    rig.commit();
    let sent = rig.sent();
    assert!(
        sent.starts_with("HTTP/1.1 403") && sent.contains("finding_blocked"),
        "{sent}"
    );
    assert_eq!(rig.closed, Some((Reason::FindingBlocked, false)));
    // In parts: what has left cannot be taken back; it is cut, never completed.
    let mut rig = Rig::new(Mode::Enforce);
    rig.client(call("lookup", "{}").as_bytes());
    rig.commit();
    let (first, rest) = answer.split_at(answer.find("H4sI").unwrap());
    rig.server(first.as_bytes());
    assert!(!rig.sent().is_empty());
    rig.server(rest.as_bytes());
    rig.commit();
    assert_eq!(rig.sent(), "");
    assert_eq!(rig.closed, Some((Reason::FindingBlocked, true)));
}

#[test]
fn what_cannot_be_read_is_not_passed() {
    let mut rig = Rig::new(Mode::Enforce);
    // The head of a gzip member, and nothing that follows from it.
    let broken = "H4sIAAAAAAAC/wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    rig.client(call("store", &format!(r#"{{"blob":"{broken}"}}"#)).as_bytes());
    rig.commit();
    assert_eq!(rig.forwarded(), "");
    assert!(rig.sent().contains("uninspectable"));
}
