//! Heads: what is accepted, with which spans; what is refused, and how.

use proptest::prelude::*;
use wire::WireError;
use wire::http1::{HeadParser, Limits, RequestHead, ResponseHead};

use crate::properties::http1 as property;

pub(crate) fn request(text: &str) -> Result<RequestHead, WireError> {
    property::request(text.as_bytes(), text.len(), &Limits::default())
        .map(|head| head.expect("a complete head"))
}

pub(crate) fn response(text: &str) -> Result<ResponseHead, WireError> {
    property::response(text.as_bytes(), text.len(), &Limits::default())
        .map(|head| head.expect("a complete head"))
}

#[test]
fn a_request_gives_its_parts_as_sent() {
    let text = "POST /mcp?a=b HTTP/1.1\r\nhOsT: example.test\r\nX-Empty:\r\n\
                Accept:  application/json, text/event-stream \t\r\nX-Empty: 2\r\n\r\n{}";
    let buf = text.as_bytes();
    let head = request(text).unwrap();
    assert_eq!(head.len, text.len() - 2);
    assert_eq!(head.method.of(buf), b"POST");
    assert_eq!(head.target.of(buf), b"/mcp?a=b");
    assert_eq!(head.minor_version, 1);
    let names: Vec<_> = head.headers.iter().map(|h| h.name.of(buf)).collect();
    assert_eq!(names, [&b"hOsT"[..], b"X-Empty", b"Accept", b"X-Empty"]);
    assert_eq!(head.header(buf, "host"), Some(&b"example.test"[..]));
    assert_eq!(head.header(buf, "x-empty"), Some(&b""[..]));
    assert_eq!(
        head.header(buf, "ACCEPT"),
        Some(&b"application/json, text/event-stream"[..])
    );
    assert_eq!(
        head.all(buf, "x-empty").collect::<Vec<_>>(),
        [&b""[..], b"2"]
    );
    assert_eq!(head.single(buf, "host"), Ok(Some(&b"example.test"[..])));
    assert_eq!(head.single(buf, "x-none"), Ok(None));
    assert!(matches!(
        head.single(buf, "x-empty"),
        Err(WireError::Malformed(_))
    ));
    assert!(head.has_token(buf, "accept", "Text/Event-Stream"));
    let lines: Vec<_> = head.headers.iter().map(|h| h.line.of(buf)).collect();
    assert_eq!(lines[1], b"X-Empty:\r\n");
    assert_eq!(
        lines[2],
        b"Accept:  application/json, text/event-stream \t\r\n"
    );
}

#[test]
fn a_response_gives_its_status_and_headers() {
    let text = "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let head = response(text).unwrap();
    assert_eq!(
        (head.status, head.minor_version, head.len),
        (404, 0, text.len())
    );
    assert_eq!(
        head.header(text.as_bytes(), "content-length"),
        Some(&b"0"[..])
    );
    assert_eq!(response("HTTP/1.1 200\r\n\r\n").unwrap().status, 200);
    assert_eq!(response("HTTP/1.1 202 \r\n\r\n").unwrap().headers, []);
}

#[test]
fn a_connection_lives_on_by_version_and_token() {
    for (head, lives) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", true),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n",
            false,
        ),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n",
            false,
        ),
        ("GET / HTTP/1.0\r\n\r\n", false),
        ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true),
        (
            "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
            false,
        ),
    ] {
        assert_eq!(
            request(head).unwrap().keep_alive(head.as_bytes()),
            lives,
            "{head}"
        );
    }
    let text = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    assert!(!response(text).unwrap().keep_alive(text.as_bytes()));
}

#[test]
fn continue_and_upgrade_are_seen() {
    let text = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\n\r\n";
    assert!(request(text).unwrap().expects_continue(text.as_bytes()));
    let text = "POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n";
    assert!(!request(text).unwrap().expects_continue(text.as_bytes()));
    let text = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert!(request(text).unwrap().wants_upgrade(text.as_bytes()));
    let text = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n";
    assert!(!request(text).unwrap().wants_upgrade(text.as_bytes()));
}

#[test]
fn limits_hold_to_the_byte() {
    let text = "GET /12345678 HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n";
    let fits = Limits {
        head_bytes_max: text.len(),
        headers_max: 2,
        target_bytes_max: 9,
        ..Limits::default()
    };
    let parse = |limits: &Limits| HeadParser::new().request(text.as_bytes(), limits);
    assert!(parse(&fits).unwrap().is_some());
    for (name, tight) in [
        (
            "head_bytes_max",
            Limits {
                head_bytes_max: text.len() - 1,
                ..fits.clone()
            },
        ),
        (
            "headers_max",
            Limits {
                headers_max: 1,
                ..fits.clone()
            },
        ),
        (
            "target_bytes_max",
            Limits {
                target_bytes_max: 8,
                ..fits.clone()
            },
        ),
    ] {
        assert_eq!(parse(&tight), Err(WireError::TooLarge(name)));
    }
    // Without an end in sight it stops at the bound, not later.
    let endless = vec![b'a'; fits.head_bytes_max];
    assert_eq!(
        HeadParser::new().request(&endless, &fits),
        Err(WireError::TooLarge("head_bytes_max"))
    );
}

#[test]
fn the_next_head_starts_afresh() {
    let text = b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut parser = HeadParser::new();
    let limits = Limits::default();
    let first = parser.request(text, &limits).unwrap().unwrap();
    let rest = &text[first.len..];
    let second = parser.request(rest, &limits).unwrap().unwrap();
    assert_eq!(second.target.of(rest), b"/2");
    assert_eq!(second.len, rest.len());
}

#[test]
fn what_was_looked_at_is_not_looked_at_again() {
    // A parser that went back would stumble over what the bytes have become.
    let limits = Limits::default();
    let mut parser = HeadParser::new();
    let mut text = b"GET / HTTP/1.1\r\nHost: a\r\nX: ".to_vec();
    for _ in 0..1000 {
        assert_eq!(parser.request(&text, &limits), Ok(None));
        text.fill(0);
        text.push(b'x');
    }
    // A cut CRLF is the one place where a byte is seen twice.
    text.push(b'\r');
    assert_eq!(parser.request(&text, &limits), Ok(None));
    text.push(b'x');
    assert_eq!(
        parser.request(&text, &limits),
        Err(WireError::Malformed("bare cr in head"))
    );
}

proptest! {
    #[test]
    fn generated_heads_come_back_whole(
        method in "[A-Z]{1,7}",
        target in "/[a-z0-9/?=&%.-]{0,40}",
        fields in prop::collection::vec(("[A-Za-z0-9-]{1,12}", "([!-~]([ !-~]{0,30}[!-~])?)?"), 0..12),
        step in 1_usize..40,
    ) {
        prop_assume!(method != "CONNECT");
        let mut text = format!("{method} {target} HTTP/1.1\r\nHost: a\r\n");
        let fields: Vec<_> =
            fields.into_iter().filter(|(n, _)| !n.eq_ignore_ascii_case("host")).collect();
        for (name, value) in &fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let buf = text.as_bytes();
        let head = property::request(buf, step, &Limits::default()).unwrap().unwrap();
        prop_assert_eq!(head.method.of(buf), method.as_bytes());
        prop_assert_eq!(head.target.of(buf), target.as_bytes());
        prop_assert_eq!(head.headers.len(), fields.len() + 1);
        for (header, (name, value)) in head.headers[1..].iter().zip(&fields) {
            prop_assert_eq!(header.name.of(buf), name.as_bytes());
            prop_assert_eq!(header.value.of(buf), value.as_bytes());
        }
        prop_assert_eq!(property::request(buf, buf.len(), &Limits::default()).unwrap(), Some(head));
    }

    #[test]
    fn cuts_change_nothing_in_broken_input(
        mut text in "(POST|GET|HTTP/1.1) (/|200|\\*) (HTTP/1.[01]|OK)(\r\n(Host: a|Content-Length: [0-9]{1,3}|Transfer-Encoding: chunked|[a-zA-Z:]{1,8})){0,4}\r\n\r\n([0-9a-f;]{1,3}\r\n[a-z]{0,9}\r\n){0,3}(0\r\n\r\n)?",
        position in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        step in any::<u8>(),
    ) {
        property::hold(&[&[step][..], text.as_bytes()].concat());
        let mut bytes = std::mem::take(&mut text).into_bytes();
        let at = position.index(bytes.len());
        bytes[at] = byte;
        property::hold(&[&[step][..], &bytes].concat());
    }
}
