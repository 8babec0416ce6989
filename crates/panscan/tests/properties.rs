//! Property tests of `laws::hold` on texts that are full of cards and near-cards.

mod laws;

use panscan::{Carrier, HOLD_BYTES_MAX, MaskFormat, Scanner, Settings, Stream, Tier};
use proptest::prelude::*;

const PIECES: &[&str] = &[
    "4111111111111111",
    "5555555555554444",
    "378282246310005",
    "4222222222222",
    "6205500000000000004",
    "4111 1111 1111 1111",
    "4242-4242-4242-4242",
    "3782 822463 10005",
    "4111  1111  1111  1111",
    "41 11 11 11 11 11 11 11",
    "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "4111\u{a0}1111\u{a0}1111\u{a0}1111",
    "4111\u{200b}111111111111",
    "４１１１１１１１１１１１１１１１",
    "\\u0034111111111111111",
    "4111\\u00a01111\\u00a01111\\u00a01111",
    "4111\\/1111\\/1111\\/1111",
    "4111111111111112",
    "4111111111111111=2812101123456",
    "4111111111111111^DOE/J^2812101123456",
    "DE89 3704 0044 0532 0130 00",
    "NO9386011117947",
    "0x",
    "+",
    "deadbeef",
    "1764075902123",
    "2026-11-25T13:05:02",
    "41111111-1111-1111-1111-111111111111",
    "411111******1111",
    "4111",
    "1111",
    "4242",
    "1234",
    "12/28",
    "123",
    "7",
    "0",
    "card ",
    "imei:",
    "\"",
    "\\",
    "\\\"",
    "\":",
    "\\u00",
    "\\u0034",
    "u0034",
    " ",
    "  ",
    "-",
    ".",
    "/",
    "_",
    ",",
    "\t",
    "\n",
    "*",
    "**",
    "x",
    "{\"n\":",
    "}",
    "[",
    "]",
    "\u{a0}",
    "\u{200b}",
    "\u{2013}",
    "é",
    "年",
    "．",
    "🙂",
    "a b c ",
    "\\\\u0034",
    "\\\\\\\\u0031",
    "\\ud835\\udfd8",
    "\\u0026#52;",
    "%34",
    "%2534",
    "%31%31%31%31",
    "%20",
    "%C2%A0",
    "%",
    "%2",
    "%4",
    "%25",
    "%2525",
    "&#52;",
    "&#x31;&#49;&#49;",
    "&amp;#49;",
    "&nbsp;",
    "&",
    "&#",
    "&amp",
    ";",
    "#",
    "٤١١١",
    "𝟘",
    "९",
    "4%31%31%31%31%31%31%31%31%31%31%31%31%31%31%31",
    "&#52;111111111111111",
    "%34111 1111 1111 1111",
    "%378282246310005",
    "4111+1111+1111+1111",
    "+",
    "4111_1111_1111_1111",
    "4️⃣111111111111111",
    "4.111111111111111e15",
    "4111111111111111e0",
    "0.4111111111111111E+16",
    "5.1051051051051e15",
    "e15",
    "[4,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
    "[\"4111\",\"1111\",\"1111\",\"1111\"]",
    "[\\\"4111\\\",\\\"1111\\\",\\\"1111\\\",\\\"1111\\\"]",
    "{\"a\":\"3782\",\"b\":\"822463\",\"c\":\"10005\"}",
    "{\"card\":[4111,1111,1111,1111]}",
    "[\"4111\", ",
    "\"1111\", ",
    "\"1111\"]",
    "[",
    "\"cvv\":\"123\"",
    "\"cvv\":123",
    "cvv=123&",
    "cvv ",
    "pin: 1234",
    "pin",
    "cvc code is ",
    "%3D2812101123456",
    "\\u003d2812101123456",
    "^DOE\\/JANE^2812101123456?",
];

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => proptest::sample::select(PIECES).prop_map(str::to_owned),
        2 => "[0-9]{1,21}",
        1 => "[0-9 ./-]{1,40}",
        1 => "[ -~]{1,30}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(piece(), 0..40).prop_map(|p| p.concat())
}

fn carrier() -> impl Strategy<Value = Carrier> {
    prop_oneof![Just(Carrier::Json), Just(Carrier::Text)]
}

fn format() -> impl Strategy<Value = MaskFormat> {
    prop_oneof![
        Just(MaskFormat::First6Last4),
        Just(MaskFormat::Last4),
        Just(MaskFormat::Bin8Last4)
    ]
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        piece().prop_map(serde_json::Value::from),
        (0u64..u64::MAX).prop_map(serde_json::Value::from),
        Just(serde_json::json!(4_111_111_111_111_111u64)),
        Just(serde_json::json!(378_282_246_310_005u64)),
        Just(serde_json::json!({"card": 4_222_222_222_222u64})),
        Just(serde_json::json!({"cvv": 123, "pin": "1234"})),
        Just(serde_json::json!([
            4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1
        ])),
        Just(serde_json::json!(["4111", "1111", "1111", "1111"])),
        Just(serde_json::json!({"card": [4111, 1111, 1111, 1111]})),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            proptest::collection::vec((piece(), inner), 0..6).prop_map(|m| {
                // Numbered: two keys that are masked alike would fall into one.
                let named = m
                    .into_iter()
                    .enumerate()
                    .map(|(i, (k, v))| (format!("{k}#{i}"), v));
                serde_json::Value::Object(named.collect())
            }),
        ]
    })
}

/// The same with every leaf replaced by its type.
fn shape(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(shape).collect::<Vec<_>>().join(",")
            )
        }
        serde_json::Value::Object(map) => {
            // Keys are masked too, and may change their order: only the types count.
            let mut items: Vec<_> = map.values().map(shape).collect();
            items.sort();
            format!("{{{}}}", items.join(","))
        }
        serde_json::Value::String(_) => "s".into(),
        other if other.is_u64() => "n".into(),
        other => other.to_string(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn cuts_tiers_and_outputs_agree(
        carrier in carrier(),
        format in format(),
        text in text(),
        cuts in proptest::collection::vec(1usize..90, 1..6),
    ) {
        laws::hold(carrier, format, text.as_bytes(), &cuts);
        laws::hold(carrier, format, text.as_bytes(), &[1]);
    }

    #[test]
    fn long_texts_and_large_chunks(
        carrier in carrier(),
        texts in proptest::collection::vec(text(), 20..40),
        cuts in proptest::collection::vec(300usize..4000, 1..4),
    ) {
        laws::hold(carrier, MaskFormat::First6Last4, texts.concat().as_bytes(), &cuts);
    }

    #[test]
    fn any_bytes(
        carrier in carrier(),
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        cuts in proptest::collection::vec(1usize..200, 1..4),
    ) {
        laws::hold(carrier, MaskFormat::Last4, &bytes, &cuts);
    }

    #[test]
    fn json_stays_json_of_the_same_shape(value in value(), escaped in any::<bool>()) {
        let mut text = value.to_string();
        if escaped {
            text = text.chars().map(|c| if c.is_ascii() { c.to_string() } else {
                c.encode_utf16(&mut [0; 2]).iter().map(|u| format!("\\u{u:04x}")).collect()
            }).collect();
        }
        laws::hold(Carrier::Json, MaskFormat::First6Last4, text.as_bytes(), &[7]);
        let mut buf = text.clone().into_bytes();
        Scanner::new(Settings::default()).mask_in_place(Carrier::Json, &mut buf, &mut |_| ());
        let masked: serde_json::Value = serde_json::from_slice(&buf).expect("masked JSON parses");
        prop_assert_eq!(shape(&value), shape(&masked));
    }
}

#[test]
fn each_single_cut() {
    let text = "a \"card\": 4111 1111 1111 1111, \\u00344242\\u00a04242 x 378282246310005.5 \
                4111111111111111=2812101123456? NO9386011117947 4111111111111111-";
    for carrier in [Carrier::Json, Carrier::Text] {
        for cut in 1..text.len() {
            laws::hold(
                carrier,
                MaskFormat::First6Last4,
                text.as_bytes(),
                &[cut, text.len()],
            );
        }
    }
}

#[test]
fn every_block_boundary_in_every_tier() {
    for pad in 0..200 {
        for card in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1",
        ] {
            let text = format!("{}{card}{}", "x".repeat(pad), "y".repeat(pad % 70));
            let found = laws::hold(
                Carrier::Text,
                MaskFormat::First6Last4,
                text.as_bytes(),
                &[64],
            );
            assert_eq!(found.len(), 1, "at {pad}");
        }
    }
}

#[test]
fn holds_only_what_may_go_on() {
    let scanner = Scanner::new(Settings::default());
    let held = |text: &str| {
        let mut st = Stream::new(Carrier::Text);
        scanner.scan(&mut st, text.as_bytes(), &mut |_| ());
        st.held()
    };
    assert_eq!(held("no digits at all"), 0);
    assert_eq!(held("a card 4111 11"), 7);
    assert_eq!(held("a card 4111 11 and more"), 0);
    assert_eq!(
        held(&"1".repeat(10_000)),
        0,
        "a run of 20 and more is no card"
    );
    assert!(held(&"4 ".repeat(10_000)) <= HOLD_BYTES_MAX);
    assert!(held(&format!("4{}", "\u{200b}".repeat(10_000))) <= HOLD_BYTES_MAX);
}

#[test]
fn finish_separates_texts_and_keeps_the_offset() {
    let scanner = Scanner::new(Settings::default());
    let mut st = Stream::new(Carrier::Json);
    let mut found = Vec::new();
    for text in ["\"4111 1111", " 1111 1111\"", "\"4111 1111 1111 1111\""] {
        scanner.scan(&mut st, text.as_bytes(), &mut |f| found.push(f.start));
        scanner.finish(&mut st, &mut |f| found.push(f.start));
        assert_eq!(st.held(), 0);
    }
    assert_eq!(found, [22]);
    assert_eq!(st.offset(), 42);
}

#[test]
fn the_fuzz_corpus_holds() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/panscan");
    let mut files = 0;
    for entry in std::fs::read_dir(dir).expect("the corpus is committed") {
        let data = std::fs::read(entry.expect("an entry").path()).expect("a file");
        laws::hold(Carrier::Json, MaskFormat::First6Last4, &data, &[3]);
        laws::hold(Carrier::Text, MaskFormat::Last4, &data, &[5, 61]);
        files += 1;
    }
    assert!(files > 0);
    assert!(Tier::all_available().len() >= 2);
}
