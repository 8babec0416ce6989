//! Edits of heads: what is not edited stays byte for byte.

use wire::WireError;
use wire::http1::{Edit, rewrite};

use crate::heads::{request, response};

const HEAD: &str = "POST /mcp HTTP/1.1\r\nhost:  a\r\nAccept-Encoding: gzip\r\nX-Odd:b \r\n\
                    accept-encoding: br\r\nAuthorization: Bearer t\r\n\r\n";

fn edited(edits: &[Edit<'_>]) -> String {
    let head = request(HEAD).unwrap();
    String::from_utf8(rewrite(HEAD.as_bytes(), &head.headers, edits).unwrap()).unwrap()
}

#[test]
fn no_edit_changes_no_byte() {
    assert_eq!(edited(&[]), HEAD);
    assert_eq!(edited(&[Edit::Remove("x-absent")]), HEAD);
}

#[test]
fn remove_drops_every_line_of_the_name() {
    assert_eq!(
        edited(&[Edit::Remove("Accept-Encoding")]),
        "POST /mcp HTTP/1.1\r\nhost:  a\r\nX-Odd:b \r\nAuthorization: Bearer t\r\n\r\n"
    );
}

#[test]
fn set_replaces_in_place_and_drops_repeats() {
    assert_eq!(
        edited(&[Edit::Set("ACCEPT-ENCODING", b"identity")]),
        "POST /mcp HTTP/1.1\r\nhost:  a\r\nAccept-Encoding: identity\r\nX-Odd:b \r\n\
         Authorization: Bearer t\r\n\r\n"
    );
}

#[test]
fn set_adds_at_the_end_what_is_not_there() {
    let added = HEAD.replace("\r\n\r\n", "\r\nX-New: 1\r\n\r\n");
    assert_eq!(edited(&[Edit::Set("X-New", b"1")]), added);
}

#[test]
fn of_two_edits_of_one_name_the_last_counts() {
    let removed = HEAD.replace("X-Odd:b \r\n", "");
    assert_eq!(
        edited(&[Edit::Set("x-odd", b"1"), Edit::Remove("X-Odd")]),
        removed
    );
    let set = HEAD.replace("X-Odd:b ", "X-Odd: 2");
    assert_eq!(
        edited(&[Edit::Set("x-odd", b"1"), Edit::Set("X-Odd", b"2")]),
        set
    );
    let added = HEAD.replace("\r\n\r\n", "\r\nN: 2\r\n\r\n");
    assert_eq!(edited(&[Edit::Set("n", b"1"), Edit::Set("N", b"2")]), added);
}

#[test]
fn the_target_can_be_replaced() {
    assert_eq!(
        edited(&[Edit::SetTarget(b"/x?y=1")]),
        HEAD.replace("/mcp", "/x?y=1")
    );
    let text = "HTTP/1.1 200 OK\r\n\r\n";
    let head = response(text).unwrap();
    let refused = rewrite(text.as_bytes(), &head.headers, &[Edit::SetTarget(b"/x")]);
    assert!(matches!(refused, Err(WireError::Malformed(_))));
}

#[test]
fn a_head_without_headers_can_be_edited() {
    let text = "HTTP/1.1 200 OK\r\n\r\nbody";
    let head = response(text).unwrap();
    let set = rewrite(text.as_bytes(), &head.headers, &[Edit::Set("A", b"b")]).unwrap();
    assert_eq!(set, b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n");
}

#[test]
fn injections_are_refused() {
    let head = request(HEAD).unwrap();
    for edit in [
        Edit::Set("a", b"b\r\nEvil: 1"),
        Edit::Set("a", b"b\nc"),
        Edit::Set("a", b"b\rc"),
        Edit::Set("a", b"b\0c"),
        Edit::Set("a", b" b"),
        Edit::Set("a: b\r\nc", b"d"),
        Edit::Set("", b"d"),
        Edit::Remove("a b"),
        Edit::SetTarget(b"/a HTTP/1.1\r\nEvil: 1"),
        Edit::SetTarget(b"http://b/"),
        Edit::SetTarget(b""),
    ] {
        let refused = rewrite(HEAD.as_bytes(), &head.headers, &[edit]);
        assert!(matches!(refused, Err(WireError::Injection(_))), "{edit:?}");
    }
}
