//! Bodies: how long they are, which bytes are payload, where they end.

use proptest::prelude::*;
use wire::WireError;
use wire::http1::{BodyEvent, BodyLength, BodyReader, Limits};

use crate::heads::{request, response};
use crate::properties::http1::read;

fn answer_length(text: &str, method: &str) -> BodyLength {
    BodyLength::of_response(text.as_bytes(), &response(text).unwrap(), method.as_bytes()).unwrap()
}

#[test]
fn requests_are_delimited_by_rfc_9112_section_6_3() {
    for (headers, length) in [
        ("", BodyLength::Empty),
        ("Content-Length: 0\r\n", BodyLength::Exact(0)),
        ("content-length:12\r\n", BodyLength::Exact(12)),
        ("Content-Length: 007\r\n", BodyLength::Exact(7)),
        (
            "Content-Length: 18446744073709551615\r\n",
            BodyLength::Exact(u64::MAX),
        ),
        ("Transfer-Encoding: Chunked\r\n", BodyLength::Chunked),
    ] {
        let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n");
        let head = request(&text).unwrap();
        assert_eq!(
            BodyLength::of_request(text.as_bytes(), &head),
            Ok(length),
            "{headers}"
        );
    }
}

#[test]
fn responses_are_delimited_by_rfc_9112_section_6_3() {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    assert_eq!(answer_length(text, "POST"), BodyLength::Exact(5));
    assert_eq!(answer_length(text, "HEAD"), BodyLength::Empty);
    let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(answer_length(text, "GET"), BodyLength::Chunked);
    assert_eq!(answer_length(text, "HEAD"), BodyLength::Empty);
    for status in ["200 OK", "202 Accepted", "404 Not Found"] {
        let text = format!("HTTP/1.1 {status}\r\n\r\n");
        assert_eq!(answer_length(&text, "GET"), BodyLength::UntilClose);
    }
    for head in [
        "100 Continue\r\n",
        "204 No Content\r\nContent-Length: 0\r\n",
        "204 X\r\n",
    ] {
        assert_eq!(
            answer_length(&format!("HTTP/1.1 {head}\r\n"), "POST"),
            BodyLength::Empty
        );
    }
    let text = "HTTP/1.1 304 Not Modified\r\nContent-Length: 90\r\n\r\n";
    assert_eq!(answer_length(text, "GET"), BodyLength::Empty);
}

#[test]
fn the_bytes_after_a_body_are_left() {
    let limits = Limits::default();
    for (length, body) in [
        (BodyLength::Empty, ""),
        (BodyLength::Exact(0), ""),
        (BodyLength::Exact(5), "hello"),
        (BodyLength::Chunked, "5;x=\"y z\"\r\nhello\r\n0\r\n\r\n"),
        (
            BodyLength::Chunked,
            "5\r\nhello\r\n000;last\r\nA: b\r\nC:\r\n\r\n",
        ),
    ] {
        let input = format!("{body}GET / HTTP/1.1\r\n");
        for step in 1..=input.len() {
            let read = read(length, input.as_bytes(), step, &limits);
            assert_eq!(
                (read.consumed, read.ends, read.error),
                (body.len(), 1, None)
            );
            assert_eq!(
                read.payload,
                if body.is_empty() { &b""[..] } else { b"hello" }
            );
        }
    }
}

#[test]
fn a_body_until_close_ends_at_close_only() {
    let mut reader = BodyReader::new(BodyLength::UntilClose, &Limits::default());
    let mut events = Vec::new();
    assert_eq!(reader.push(b"abc", &mut |e| events.push(e)), Ok(3));
    assert_eq!(events, [BodyEvent::Data(0..3)]);
    assert!(!reader.is_done());
    assert_eq!(reader.eof(), Ok(()));
    assert!(reader.is_done());
}

#[test]
fn a_close_within_a_body_is_a_truncation() {
    for (length, body) in [
        (BodyLength::Exact(6), "hello"),
        (BodyLength::Chunked, ""),
        (BodyLength::Chunked, "5\r\nhel"),
        (BodyLength::Chunked, "5\r\nhello\r\n"),
        (BodyLength::Chunked, "5\r\nhello\r\n0\r\n"),
        (BodyLength::Chunked, "5\r\nhello\r\n0\r\n\r"),
    ] {
        let mut reader = BodyReader::new(length, &Limits::default());
        assert_eq!(reader.push(body.as_bytes(), &mut |_| {}), Ok(body.len()));
        assert_eq!(reader.eof(), Err(WireError::Truncated("body")), "{body:?}");
    }
    let mut reader = BodyReader::new(BodyLength::Exact(5), &Limits::default());
    assert_eq!(reader.push(b"hello", &mut |_| {}), Ok(5));
    assert_eq!(reader.eof(), Ok(()));
}

#[test]
fn the_last_chunk_is_marked_where_it_begins() {
    let body = b"5\r\nhello\r\n00;x\r\n\r\n";
    let whole = read(BodyLength::Chunked, body, body.len(), &Limits::default());
    assert_eq!(whole.last_chunk, Some(10));
    // Begun in an earlier push: offset 0 of the push that completes its line.
    let mut reader = BodyReader::new(BodyLength::Chunked, &Limits::default());
    reader
        .push(&body[..11], &mut |e| assert_eq!(e, BodyEvent::Data(3..8)))
        .unwrap();
    let mut events = Vec::new();
    reader.push(&body[11..], &mut |e| events.push(e)).unwrap();
    assert_eq!(events, [BodyEvent::LastChunk(0), BodyEvent::End]);
    // A chunk that only begins with a zero is not the last.
    let read = read(
        BodyLength::Chunked,
        b"05\r\nhello\r\n",
        1,
        &Limits::default(),
    );
    assert_eq!((read.last_chunk, read.payload), (None, b"hello".to_vec()));
}

#[test]
fn trailers_can_be_refused() {
    let limits = Limits {
        trailer_bytes_max: 0,
        ..Limits::default()
    };
    let ok = read(BodyLength::Chunked, b"0\r\n\r\n", 5, &limits);
    assert_eq!((ok.ends, ok.error), (1, None));
    let refused = read(BodyLength::Chunked, b"0\r\nA: b\r\n\r\n", 11, &limits);
    assert_eq!(
        refused.error,
        Some(WireError::TooLarge("trailer_bytes_max"))
    );
}

proptest! {
    #[test]
    fn chunked_bodies_give_back_their_payload(
        pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..300), "(;[a-z]{1,5}(=[a-z0-9]{1,5})?){0,2}", 0_usize..3), 0..8),
        trailers in prop::collection::vec(("[A-Za-z-]{1,8}", "[ -~]{0,20}"), 0..3),
        rest in prop::collection::vec(any::<u8>(), 0..20),
        step in 1_usize..400,
    ) {
        let mut body = Vec::new();
        let mut payload = Vec::new();
        for (piece, extension, zeros) in &pieces {
            let size = format!("{}{:X}{extension}\r\n", "0".repeat(*zeros), piece.len());
            body.extend_from_slice(size.as_bytes());
            body.extend_from_slice(piece);
            body.extend_from_slice(b"\r\n");
            payload.extend_from_slice(piece);
        }
        let last_chunk = body.len();
        body.extend_from_slice(b"0\r\n");
        for (name, value) in &trailers {
            body.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
        }
        body.extend_from_slice(b"\r\n");
        let len = body.len();
        body.extend_from_slice(&rest);
        let whole = read(BodyLength::Chunked, &body, body.len(), &Limits::default());
        prop_assert_eq!(whole.error, None);
        prop_assert_eq!(&whole.payload, &payload);
        prop_assert_eq!((whole.consumed, whole.last_chunk, whole.ends), (len, Some(last_chunk), 1));
        let cut = read(BodyLength::Chunked, &body, step, &Limits::default());
        prop_assert_eq!(&cut.payload, &payload);
        prop_assert_eq!((cut.consumed, cut.ends), (len, 1));
    }
}
