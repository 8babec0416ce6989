//! SSE events: where they end, and which bytes are data.

use proptest::prelude::*;
use wire::WireError;
use wire::sse::{EventScanner, SseMark};

use crate::properties::sse::{hold, scan};

/// Data of each complete event.
fn data(input: &str) -> Vec<String> {
    let scanned = scan(input.as_bytes(), input.len(), 1 << 20);
    assert_eq!(scanned.error, None);
    scanned
        .events
        .into_iter()
        .map(|(data, _)| String::from_utf8(data).unwrap())
        .collect()
}

#[test]
fn all_line_ends_give_the_same_events() {
    for end in ["\n", "\r\n", "\r"] {
        let text = [
            "event: message",
            "id: 7",
            "data: {\"a\":",
            "data:1}",
            "",
            ": ping",
            "",
            "",
        ];
        assert_eq!(data(&text.join(end)), ["{\"a\":1}", ""], "{end:?}");
    }
}

#[test]
fn only_data_fields_are_data() {
    for (line, value) in [
        ("data: x", "x"),
        ("data:x", "x"),
        ("data:  x", " x"),
        ("data:", ""),
        ("data: ", ""),
        ("data", ""),
        ("data x", ""),
        ("datax: y", ""),
        (" data: y", ""),
        ("Data: y", ""),
        ("dat: y", ""),
        (": data: y", ""),
        ("retry: 500", ""),
        ("id: data: y", ""),
        ("data: data: y", "data: y"),
    ] {
        assert_eq!(data(&format!("{line}\n\n")), [value], "{line}");
    }
}

#[test]
fn a_priming_event_is_an_event_without_data() {
    assert_eq!(data("id: 1\nretry: 500\ndata:\n\ndata: {}\n\n"), ["", "{}"]);
}

#[test]
fn a_byte_order_mark_is_skipped_at_the_start_only() {
    assert_eq!(data("\u{feff}data: x\n\n\u{feff}data: y\n\n"), ["x", ""]);
}

#[test]
fn an_event_ends_as_soon_as_it_can() {
    // CR line ends: waiting for a possible LF would hold the event back.
    let mut scanner = EventScanner::new(100);
    let mut marks = Vec::new();
    scanner
        .push(b"data: x\r\n\r", &mut |m| marks.push(m))
        .unwrap();
    assert_eq!(marks, [SseMark::Data(6..7), SseMark::EventEnd(10)]);
    marks.clear();
    scanner
        .push(b"\ndata: y\n\n", &mut |m| marks.push(m))
        .unwrap();
    assert_eq!(marks, [SseMark::Data(7..8), SseMark::EventEnd(10)]);
}

#[test]
fn the_bound_is_on_one_event() {
    let event = "data: 12345\n";
    let one = scan(format!("{event}\n").as_bytes(), 100, event.len());
    assert_eq!((one.error, one.events.len()), (None, 1));
    let many = scan(format!("{event}\n").repeat(50).as_bytes(), 7, event.len());
    assert_eq!((many.error, many.events.len()), (None, 50));
    let over = scan(
        format!("{event}\ndata: 123456\n\n").as_bytes(),
        100,
        event.len(),
    );
    assert_eq!(
        (over.error, over.events.len()),
        (Some(WireError::TooLarge("event_bytes_max")), 1)
    );
}

#[test]
fn between_events_means_that_nothing_is_open() {
    let mut scanner = EventScanner::new(100);
    assert!(scanner.is_between_events());
    scanner.push(b"data", &mut |_| {}).unwrap();
    assert!(!scanner.is_between_events());
    scanner.push(b": x\n\n", &mut |_| {}).unwrap();
    assert!(scanner.is_between_events());
}

proptest! {
    #[test]
    fn cuts_change_nothing(
        text in "(\u{feff})?((data|id|event|retry|dat|datas|)(:| |: |:  )[a-z:]{0,9}(\r\n|\n|\r)|(\r\n|\n|\r)){0,20}",
        step in any::<u8>(),
    ) {
        hold(&[&[step][..], text.as_bytes()].concat());
    }

    #[test]
    fn cuts_change_nothing_in_noise(
        bytes in prop::collection::vec(prop::sample::select(&b"data: \r\n\r\nx"[..]), 0..60),
        step in any::<u8>(),
    ) {
        hold(&[&[step][..], &bytes].concat());
    }
}
