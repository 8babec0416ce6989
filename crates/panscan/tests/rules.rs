//! Each boundary rule of the specification, with what it takes and what it leaves.

mod kit;

use kit::{leaves, masks, scan, scan_with};
use panscan::{Brand, Carrier, Confidence, Kind, MaskFormat, Mode, Scanner, Settings};

#[test]
fn tokens() {
    for (text, want) in [
        ("4111111111111111", "411111******1111"),
        ("5555555555554444", "555555******4444"),
        ("378282246310005", "378282*****0005"),
        ("6011111111111117", "601111******1117"),
        ("30569309025904", "305693****5904"),
        ("3530111333300000", "353011******0000"),
        ("2223003122003222", "222300******3222"),
        ("6205500000000000004", "620550*********0004"),
        ("pan_4111111111111111", "pan_411111******1111"),
        ("4111111111111111_x", "411111******1111_x"),
        ("abc4111111111111111xyz", "abc411111******1111xyz"),
        ("(4111111111111111)", "(411111******1111)"),
        ("pay 4111111111111111.", "pay 411111******1111."),
        (
            "4111111111111111,5555555555554444",
            "411111******1111,555555******4444",
        ),
        (
            "4111111111111111 5555555555554444",
            "411111******1111 555555******4444",
        ),
        ("12 4111111111111111 7", "12 411111******1111 7"),
        ("2026-11-25 4111111111111111", "2026-11-25 411111******1111"),
        ("?pan=4111111111111111&x=1", "?pan=411111******1111&x=1"),
        ("-4111111111111111", "-411111******1111"),
    ] {
        masks(Carrier::Text, text, want);
        masks(
            Carrier::Json,
            &format!("\"{text}\""),
            &format!("\"{want}\""),
        );
    }
}

#[test]
fn not_cards() {
    for text in [
        "4111111111111112",                         // Luhn
        "0111111111111116",                         // no such IIN
        "41111111111111",                           // no such length for the brand
        "4111111111111",                            // 13 digits and no card word (also EAN-13)
        "1764075902123",                            // epoch, milliseconds
        "1764075902123456789",                      // epoch, nanoseconds
        "20261125130502",                           // date and time
        "41111111111111111111",                     // 20 digits
        "94111111111111111",                        // inside a longer run
        "0x4111111111111111",                       // hex
        "deadbeef4111111111111111cafebabe",         // hex token of 32
        "4111111111111111abcdef0123456789abcdef01", // hex token of 40
        "1.4111111111111111",                       // fraction
        "4111111111111111.25",                      // integer part
        "+4111111111111111",                        // phone
        "4444444444444444",                         // all the same
        "0000000000000000",
        "NO9386011117947",             // IBAN
        "DE89 3704 0044 0532 0130 00", // IBAN in print
        "DE89370400440532013000",
        "192.168.100.200",
        "41111111-1111-1111-1111-111111111111",
        "deadbeef-4111-1111-1111-1111deadbeef",
        "411111******1111",
        "XXXX-XXXX-XXXX-1111",
        "1,234,567,890,123",
        "4111\\t1111\\t1111\\t1111",
        "4111, 1111, 1111, 1111",
        "4111\n1111\n1111\n1111",
        "4111111111\n111111",
        "11 22 33 44 55 66 77 88",
        "4111 1111 1111 1111 1111 1111 1111", // a series of seven
        "1 2 3 4111 1111 1111 1111",          // and from the other side
        "**** 4111 1111 1111 11",
    ] {
        leaves(text);
    }
}

#[test]
fn groups() {
    for (text, want) in [
        ("4111 1111 1111 1111", "4111 11** **** 1111"),
        ("4111-1111-1111-1111", "4111-11**-****-1111"),
        ("4111.1111.1111.1111", "4111.11**.****.1111"),
        ("4111/1111/1111/1111", "4111/11**/****/1111"),
        ("4111  1111  1111  1111", "4111  11**  ****  1111"),
        (
            "4111\u{a0}1111\u{a0}1111\u{a0}1111",
            "4111\u{a0}11**\u{a0}****\u{a0}1111",
        ),
        (
            "4111\u{2009}1111\u{2009}1111\u{2009}1111",
            "4111\u{2009}11**\u{2009}****\u{2009}1111",
        ),
        (
            "4111\u{2013}1111\u{2013}1111\u{2013}1111",
            "4111\u{2013}11**\u{2013}****\u{2013}1111",
        ),
        (
            "4111\u{200b}1111\u{200b}1111\u{200b}1111",
            "4111\u{200b}11**\u{200b}****\u{200b}1111",
        ),
        ("4111 \u{200b}1111 1111 1111", "4111 \u{200b}11** **** 1111"),
        ("411111\u{ad}1111111111", "411111\u{ad}******1111"),
        ("3782 822463 10005", "3782 82**** *0005"),
        ("3056 930902 5904", "3056 93**** 5904"),
        ("41111111 11111111", "411111** ****1111"),
        ("411111 1111111111", "411111 ******1111"),
        ("41 11 11 11 11 11 11 11", "41 11 11 ** ** ** 11 11"),
        (
            "4-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1",
            "4-1-1-1-1-1-*-*-*-*-*-*-1-1-1-1",
        ),
        ("4111-1111 1111.1111", "4111-11** ****.1111"),
        ("4111 1111 1111 1111 12/28", "4111 11** **** 1111 12/28"),
        ("4111 1111 1111 1111 123", "4111 11** **** 1111 123"),
        (
            "4111 1111 1111 1111 5555 5555 5555 4444",
            "4111 11** **** 1111 5555 55** **** 4444",
        ),
        (
            "order 12 4111 1111 1111 1111",
            "order 12 4111 11** **** 1111",
        ),
        ("x4111 1111 1111 1111y", "x4111 11** **** 1111y"),
        ("* 4111 1111 1111 1111", "* 4111 11** **** 1111"),
        ("**4111 1111 1111 1111**", "**4111 11** **** 1111**"),
        (
            "４１１１１１１１１１１１１１１１",
            "４１１１１１＊＊＊＊＊＊１１１１",
        ),
    ] {
        masks(Carrier::Text, text, want);
        masks(
            Carrier::Json,
            &format!("\"{text}\""),
            &format!("\"{want}\""),
        );
    }
}

#[test]
fn json_numbers_stay_numbers_of_the_same_length() {
    for (text, want) in [
        (r#"{"n":4111111111111111}"#, r#"{"n":4111110000001111}"#),
        (r#"[4111111111111111, 1]"#, r#"[4111110000001111, 1]"#),
        (r#"{"n":4111111111111111.0}"#, r#"{"n":4111110000001111.0}"#),
        (r#"{"n":-378282246310005 }"#, r#"{"n":-378282000000005 }"#),
        (r#"{"card":4222222222222}"#, r#"{"card":1000000002222}"#),
        (r#"4111111111111111"#, r#"4111110000001111"#),
    ] {
        let (out, findings) = scan(Carrier::Json, text);
        assert_eq!(findings.len(), 1, "{text}");
        serde_json::from_str::<serde_json::Value>(&out).expect("masked JSON parses");
        let shape = |s: &str| s.replace(|c: char| c.is_ascii_digit(), "9");
        assert_eq!(shape(&out), shape(want), "{out}");
        assert_eq!(out[out.len() - 3..], want[want.len() - 3..]);
        assert!(scan(Carrier::Json, &out).1.is_empty(), "{out}");
    }
    for text in [
        r#"{"n":4111111111111111.5}"#,
        r#"{"n":0.4111111111111111}"#,
        "[4111,1111,1111,1111]",
    ] {
        assert!(scan(Carrier::Json, text).1.is_empty(), "{text}");
    }
}

#[test]
fn json_strings_keys_and_escapes() {
    for (text, want) in [
        (r#"{"4111111111111111":1}"#, r#"{"411111******1111":1}"#),
        (
            r#"{"a":"\"4111111111111111\""}"#,
            r#"{"a":"\"411111******1111\""}"#,
        ),
        (r#"["\\",4111111111111111]"#, r#"["\\",4111110000001111]"#),
        (
            r#""\u0034\u0031\u0031\u0031\u0031\u0031\u0031\u0031\u0031\u0031\u0031\u0031\u0031\u0031\u0031\u0031""#,
            r#""\u0034\u0031\u0031\u0031\u0031\u0031\u002a\u002a\u002a\u002a\u002a\u002a\u0031\u0031\u0031\u0031""#,
        ),
        (r#""411\u0031111111111111""#, r#""411\u003111******1111""#),
        (
            r#""4111\u00a01111\u00a01111\u00a01111""#,
            r#""4111\u00a011**\u00a0****\u00a01111""#,
        ),
        (r#""4111\/1111\/1111\/1111""#, r#""4111\/11**\/****\/1111""#),
        (
            r#""caf\u00e94111111111111111""#,
            r#""caf\u00e9411111******1111""#,
        ),
        (
            r#"{"text":"{\"n\":4111111111111111}"}"#,
            r#"{"text":"{\"n\":4111110000001111}"}"#,
        ),
        (
            r#"{"text":"{\"n\": 4111111111111111,\"m\":1}"}"#,
            r#"{"text":"{\"n\": 4111110000001111,\"m\":1}"}"#,
        ),
    ] {
        masks(Carrier::Json, text, want);
        serde_json::from_str::<serde_json::Value>(want).expect("still JSON");
    }
    // An escaped backslash and then letters and digits: no escape, and no 16 digits.
    let text = r#""\\u003411111111111111""#;
    assert_eq!(scan(Carrier::Json, text).1.len(), 0);
    // Text in JSON form stays JSON as well.
    masks(
        Carrier::Text,
        r#"{"n": 4111111111111111}"#,
        r#"{"n": 4111110000001111}"#,
    );
}

#[test]
fn tracks_go_whole() {
    let (out, findings) = scan(Carrier::Text, ";4111111111111111=28121011234567890?");
    assert_eq!(out, format!(";{}?", "*".repeat(34)));
    assert_eq!(findings[0].kind, Kind::Track2);
    assert_eq!(findings[0].shown().as_str(), "411111******1111");
    let (out, findings) = scan(Carrier::Text, "%B4111111111111111^DOE/JANE^2812101123456?");
    assert_eq!(out, format!("%B{}?", "*".repeat(39)));
    assert_eq!(findings[0].kind, Kind::Track1);
    // No real month, no service code: a card number, and no track.
    let (out, _) = scan(Carrier::Text, "4111111111111111=2899101123");
    assert_eq!(out, "411111******1111=2899101123");
    let (out, _) = scan(Carrier::Text, "4111111111111111^2");
    assert_eq!(out, "411111******1111^2");
}

#[test]
fn formats() {
    let mut settings = Settings {
        mask: MaskFormat::Last4,
        ..Settings::default()
    };
    let (out, _) = scan_with(
        &Scanner::new(settings.clone()),
        Carrier::Text,
        "4111 1111 1111 1111",
    );
    assert_eq!(out, "**** **** **** 1111");
    let (out, _) = scan_with(
        &Scanner::new(settings.clone()),
        Carrier::Json,
        "4111111111111111",
    );
    assert!(out.starts_with('1') && out.ends_with("1111"), "{out}");
    settings.mask = MaskFormat::Bin8Last4;
    let (out, found) = scan_with(
        &Scanner::new(settings),
        Carrier::Text,
        "4111111111111111 378282246310005 card 4222222222222",
    );
    assert_eq!(out, "41111111****1111 378282*****0005 card *********2222");
    assert_eq!(found[2].shown().to_string(), "*********2222");
}

#[test]
fn confidence_and_modes() {
    let balanced = Scanner::new(Settings {
        mode: Mode::Balanced,
        ..Settings::default()
    });
    for (text, confidence, masked) in [
        ("4111111111111111", Confidence::High, true),
        ("378282246310005", Confidence::High, true),
        ("4222-2222-2222-2", Confidence::High, true),
        ("imei 4111 1111 1111 1111", Confidence::High, true),
        ("6205500000000000004", Confidence::Medium, false),
        ("card 6205500000000000004", Confidence::Medium, true),
        ("pan: 4222222222222", Confidence::Medium, true),
        ("trace_id=4111111111111111", Confidence::Low, false),
        ("2200000000000053", Confidence::Low, false),
    ] {
        let (_, found) = scan_with(&balanced, Carrier::Text, text);
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(
            (found[0].confidence, found[0].masked),
            (confidence, masked),
            "{text}"
        );
        let (_, strict) = scan(Carrier::Text, text);
        assert!(strict[0].masked, "{text}");
    }
    // `pan` is a word of its own or it is none.
    assert!(scan(Carrier::Text, "company 4222222222222").1.is_empty());
}

#[test]
fn findings_name_brand_and_test_numbers_and_hide_digits() {
    let (_, found) = scan(Carrier::Text, "4111111111111111 and 6759649826438453");
    assert_eq!(
        (found[0].brand, found[1].brand),
        (Brand::Visa, Brand::Maestro)
    );
    assert!(found[0].test_pan && found[1].test_pan);
    assert_eq!((found[0].start, found[0].end), (0, 16));
    let debug = format!("{:?} {}", found[0], found[0].shown());
    assert!(
        !debug.contains("4111111111111111") && debug.contains("411111******1111"),
        "{debug}"
    );
}

#[test]
fn unionpay_without_luhn_is_an_option() {
    let on = Scanner::new(Settings {
        unionpay_without_luhn: true,
        ..Settings::default()
    });
    for (text, want) in [
        ("6200 0000 0000 0001", Some("6200 00** **** 0001")),
        ("card 6200000000000001", Some("card 620000******0001")),
        ("6200000000000001", None),
        ("{\"card\":6200000000000001}", None),
        ("4111 1111 1111 1112", None),
    ] {
        assert_eq!(scan(Carrier::Text, text).1.len(), 0, "{text}");
        let (out, found) = scan_with(&on, Carrier::Text, text);
        assert_eq!(out, want.unwrap_or(text));
        assert_eq!(found.len(), usize::from(want.is_some()));
        assert!(scan_with(&on, Carrier::Text, &out).1.is_empty(), "{out}");
    }
}

#[test]
fn a_record_with_a_token_shows_the_last_four_only() {
    let scanner = Scanner::new(Settings {
        record_last4: true,
        ..Settings::default()
    });
    let (out, found) = scan_with(&scanner, Carrier::Text, "4111111111111111");
    assert_eq!(out, "411111******1111");
    assert_eq!(found[0].shown().as_str(), "************1111");
}

#[test]
fn allow_listed_ids_are_left() {
    let mut settings = Settings::default();
    settings.allow.insert("4111111111111111").expect("a number");
    assert!(settings.allow.insert("4111 1111").is_err() && settings.allow.insert("1").is_err());
    assert!(!format!("{settings:?}").contains("4111"));
    let scanner = Scanner::new(settings);
    let text = "4111111111111111 4111-1111-1111-1111 5555555555554444";
    let (out, found) = scan_with(&scanner, Carrier::Text, text);
    assert_eq!(out, "4111111111111111 4111-1111-1111-1111 555555******4444");
    assert_eq!(found.len(), 1);
}
