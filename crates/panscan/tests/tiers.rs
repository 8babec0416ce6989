//! Every instruction set finds what the specification finds, and reads no byte that it
//! was not given.

mod guard;
#[allow(dead_code)] // a part of it
mod laws;

use guard::Guarded;
use laws::{Seen, stream};
use panscan::{Carrier, Scanner, Settings, Tier};
use proptest::prelude::*;

/// What cards, near-cards and triggers are made of, so that they run into each other.
const PIECES: &[&str] = &[
    "4111111111111111",
    "4111111111111112",
    "5555555555554444",
    "378282246310005",
    "30569309025904",
    "4222222222222",
    "6205500000000000004",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111  1111  1111  1111",
    "3782 822463 10005",
    "41 11 11 11 11 11 11 11",
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "4  1  1  1  1  1  1  1  1  1  1  1  1  1  1  1",
    "41111111 11111111",
    "411111 1111111111",
    "4111 1111 1111 1111 123",
    "4111.1111/1111+1111",
    "4111_1111_1111_1111",
    "6 2 0 5 5 0 0 0 0 0 0 0 0 0 0 0 0 0 4",
    "4111\u{a0}1111\u{2009}1111\u{2013}1111",
    "4111\u{200b}111111111111",
    "４１１１１１１１１１１１１１１１",
    "٤١١١١١١١١١١١١١١١",
    "\\u0034111111111111111",
    "\\\\u00341111\\\\u00201111 1111 111\\u0031",
    "\\u00e94111111111111111",
    "4111\\/1111\\/1111\\/1111",
    "%34111111111111111",
    "%204111111111111111",
    "4%31%31%31111111111111",
    "4111%201111%201111%201111",
    "&#52;111111111111111",
    "4111&nbsp;1111&nbsp;1111&nbsp;1111",
    "4111111111111111=2812101123456",
    "%B4111111111111111^DOE/J^2812101123456?",
    "{\"n\":4111111111111111}",
    "{\"n\":4111111111111111.0}",
    "[\"4111 1111 1111 1111\",\"\\\"\\\\\"]",
    "[\"4111\",\"1111\",\"1111\",\"1111\"]",
    "[4,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
    "{\"a\":\"4111\", \"b\":\"1111\", \"c\":\"1111\", \"d\":\"1111\"}",
    "[12,34,56]",
    "{\\\"a\\\": [\\n \\\"41111111\\\",\\\"11111111\\\"]}",
    "4.111111111111111e15",
    ":41111111111111110e-1,",
    "0004111111111111111.0,",
    "\"cvv\":\"123\"",
    "cvv2=1234",
    "PIN: 4321",
    "security code is 999 ",
    "\"cid\":\\u00312",
    "cc",
    "v=",
    "e",
    "e1",
    "[",
    "]",
    "{",
    "}",
    "[\"",
    "\",\"",
    "4111111111111111%31",
    "DE89 3704 0044 0532 0130 00",
    "1764075902123",
    "2026-11-25 13:05:02",
    "12345678901234567890123",
    "deadbeef",
    "0x",
    "+",
    "4111",
    "1111",
    "11",
    "4",
    "1",
    "0",
    " ",
    "  ",
    "   ",
    "-",
    ".",
    "/",
    "_",
    "\"",
    "\\",
    "\\\\",
    "\\\"",
    "\\u",
    "\\u00",
    "%",
    "%4",
    "&",
    "&#",
    ";",
    "*",
    ",",
    "\n",
    "x",
    "é",
    "年",
    "\u{a0}",
    "\u{200b}",
    "the quick brown fox jumps over the lazy dog and on it goes to the end of the line; ",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => proptest::sample::select(PIECES).prop_map(|p| p.as_bytes().to_vec()),
        1 => "[0-9]{1,21}".prop_map(String::into_bytes),
        1 => "[0-9 ./+_-]{1,40}".prop_map(String::into_bytes),
        1 => r#"[\\"u0]{1,24}"#.prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => (0usize..200).prop_map(|n| vec![b'a'; n]),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn scanner(tier: Tier) -> Scanner {
    Scanner::with_tier(Settings::default(), tier)
}

fn tiers() -> impl Iterator<Item = (Tier, Scanner)> {
    let all = Tier::all_available().iter().skip(1);
    all.map(|tier| (*tier, scanner(*tier)))
}

fn carrier() -> impl Strategy<Value = Carrier> {
    prop_oneof![Just(Carrier::Json), Just(Carrier::Text)]
}

fn whole(scanner: &Scanner, carrier: Carrier, text: &[u8]) -> Vec<Seen> {
    stream(scanner, carrier, std::iter::once(text)).0
}

/// A text of which every part of 64 bytes has something to find.
fn dense_text(len: usize) -> Vec<u8> {
    let pieces = PIECES.iter().cycle();
    let mut text: Vec<u8> = Vec::new();
    for (i, piece) in pieces.enumerate() {
        if text.len() >= len {
            break;
        }
        text.extend_from_slice(piece.as_bytes());
        text.extend_from_slice([",", " ", "\"", "\n"][i % 4].as_bytes());
    }
    text.truncate(len);
    text
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1024,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn tiers_equal_the_specification(
        carrier in carrier(),
        text in text(),
        cuts in proptest::collection::vec(1usize..700, 1..6),
    ) {
        let want = whole(&scanner(Tier::Scalar), carrier, &text);
        for (tier, scanner) in tiers() {
            prop_assert_eq!(&whole(&scanner, carrier, &text), &want, "{:?}: {}", tier, text.escape_ascii());
            let mut lens = cuts.iter().cycle();
            let mut rest = &text[..];
            let pieces = std::iter::from_fn(|| {
                let len = lens.next().map_or(1, |l| (*l).min(rest.len()));
                let (piece, tail) = rest.split_at(len);
                rest = tail;
                (!piece.is_empty()).then_some(piece)
            });
            let got = stream(&scanner, carrier, pieces).0;
            prop_assert_eq!(&got, &want, "{:?} cut {:?}: {}", tier, cuts, text.escape_ascii());
        }
    }
}

/// Groups joined by separators of several bytes, glued to what is before them, wherever
/// two cuts fall.
#[test]
fn glued_groups_with_wide_separators_at_every_two_cuts() {
    let text = format!(
        "{}4111111111111111cvv2=1234A4111\u{a0}1111\u{2009}1111\u{2013}1111\"cvv\":\"123\"",
        "x 12 ".repeat(4)
    );
    let text = text.as_bytes();
    for carrier in [Carrier::Text, Carrier::Json] {
        let want = whole(&scanner(Tier::Scalar), carrier, text);
        for (tier, scanner) in tiers() {
            for first in 1..text.len() {
                for second in first..text.len() {
                    let pieces = [&text[..first], &text[first..second], &text[second..]];
                    let got = stream(&scanner, carrier, pieces.into_iter()).0;
                    assert_eq!(got, want, "{tier:?} {carrier:?} cut {first} {second}");
                }
            }
        }
    }
}

#[test]
fn every_length_and_alignment() {
    let plain = scanner(Tier::Scalar);
    let tiers: Vec<_> = tiers().collect();
    let text = dense_text(1400);
    for len in 0..=4 * 64 {
        for shift in 0..64 {
            // Another part of the text for each length, at each alignment.
            let part = &text[shift + 3 * len..shift + 4 * len];
            let carrier = if len % 2 == 0 {
                Carrier::Json
            } else {
                Carrier::Text
            };
            let want = whole(&plain, carrier, part);
            for (tier, scanner) in &tiers {
                let got = whole(scanner, carrier, part);
                assert_eq!(got, want, "{tier:?}, {len} bytes at {shift}");
            }
        }
    }
}

#[test]
fn every_cut() {
    let text = dense_text(1100);
    for carrier in [Carrier::Json, Carrier::Text] {
        let want = whole(&scanner(Tier::Scalar), carrier, &text);
        assert!(want.len() > 20, "something to find");
        for (tier, scanner) in tiers() {
            for cut in 0..=text.len() {
                let (a, b) = text.split_at(cut);
                let got = stream(&scanner, carrier, [a, b].into_iter()).0;
                assert_eq!(got, want, "{tier:?} cut at {cut}");
            }
        }
    }
}

#[test]
fn no_byte_outside_the_buffer_is_read() {
    let plain = scanner(Tier::Scalar);
    let text = dense_text(1500);
    let mut pages = Guarded::new(8192);
    for (tier, scanner) in tiers() {
        for len in 0..=4 * 64 + 1 {
            for at in [0, 300, 700, 1100] {
                let part = &text[at..at + len];
                let want = whole(&plain, Carrier::Json, part);
                for place in [guard::At::Start, guard::At::End] {
                    let there = pages.hold(part, place);
                    let got = whole(&scanner, Carrier::Json, there);
                    assert_eq!(got, want, "{tier:?}, {len} bytes");
                }
            }
        }
    }
}
