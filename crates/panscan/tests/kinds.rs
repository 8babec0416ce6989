//! What is not one run of digits: JSON numbers in every form, arrays and objects of
//! digits, codes and PINs, tracks.

mod kit;

use kit::{leaves, masks, masks_in_both, scan, scan_with};
use panscan::{Carrier, Kind, Layer, MaskFormat, Scanner, Settings};

/// Digits of the masked text that is JSON, and that it still is.
#[track_caller]
fn masks_json(text: &str, want: &str) {
    masks(Carrier::Json, text, want);
    let value = |t: &str| serde_json::from_str::<serde_json::Value>(t).expect("JSON");
    let (before, after) = (value(text), value(want));
    assert_eq!(
        std::mem::discriminant(&before),
        std::mem::discriminant(&after)
    );
}

#[track_caller]
fn leaves_json(text: &str) {
    for carrier in [Carrier::Json, Carrier::Text] {
        let (out, found) = scan(carrier, text);
        assert!(found.is_empty(), "{carrier:?} {text}: {found:?}");
        assert_eq!(out, text);
    }
}

#[test]
fn numbers_by_value() {
    for (number, want) in [
        ("4111111111111111", "4111110000001111"),
        ("4111111111111111.0", "4111110000001111.0"),
        ("4111111111111111.000", "4111110000001111.000"),
        ("4111111111111111e0", "4111110000001111e0"),
        ("4.111111111111111e15", "4.111110000001111e15"),
        ("4.111111111111111E+15", "4.111110000001111E+15"),
        ("-4.1111111111111110e15", "-4.1111100000011110e15"),
        ("41111111.11111111e8", "41111100.00001111e8"),
        ("41111111111111110e-1", "41111100000011110e-1"),
        ("0.4111111111111111e16", "0.4111110000001111e16"),
        ("5.1051051051051e15", "5.1051000000051e15"),
        ("3.78282246310005E14", "3.78282000000005E14"),
    ] {
        for (left, right) in [
            ("", ""),
            ("{\"n\":", "}"),
            ("[1, ", ",2]"),
            ("{\"a\": ", "\n}"),
        ] {
            let text = format!("{left}{number}{right}");
            masks_json(&text, &format!("{left}{want}{right}"));
        }
        // JSON in JSON, and JSON as text.
        masks_json(
            &format!("{{\"t\":\"{{\\\"n\\\": {number}}}\"}}"),
            &format!("{{\"t\":\"{{\\\"n\\\": {want}}}\"}}"),
        );
        masks(
            Carrier::Text,
            &format!("{{\"n\":{number}}}"),
            &format!("{{\"n\":{want}}}"),
        );
    }
    for number in [
        "4111111111111111.5",
        "4111111111111111e1",
        "4.111111111111111e14",
        "4.111111111111111e16",
        "4.111111111111111",
        "0.4111111111111111",
        "4.111111111111111e-15",
        "1.7640759021234567e18",
    ] {
        let text = format!("{{\"n\":{number}}}");
        assert!(scan(Carrier::Json, &text).1.is_empty(), "{text}");
    }
    leaves("4.111111111111111e15");
    leaves("4111111111111111.0");
}

#[test]
fn numbers_never_begin_with_zero_and_fail_luhn() {
    let scanner = Scanner::new(Settings {
        mask: MaskFormat::Last4,
        ..Settings::default()
    });
    for text in [
        "{\"n\":4111111111111111}",
        "{\"n\":4.111111111111111e15}",
        "{\"n\":0.4111111111111111e16}",
        "{\"n\":5.1051051051051e15}",
        "{\"card\":[4111,1111,1111,1111]}",
    ] {
        let (out, found) = scan_with(&scanner, Carrier::Json, text);
        assert_eq!(found.len(), 1, "{text}");
        serde_json::from_str::<serde_json::Value>(&out).expect("JSON");
        assert!(scan(Carrier::Json, &out).1.is_empty(), "{out}");
        assert!(!out.contains("41111"), "{out}");
    }
}

#[test]
fn arrays_of_digits() {
    for (text, want) in [
        (
            r#"["4111","1111","1111","1111"]"#,
            r#"["4111","11**","****","1111"]"#,
        ),
        (
            "{\"a\":[\n  \"4111\",\n  \"1111\",\n  \"1111\",\n  \"1111\"\n]}",
            "{\"a\":[\n  \"4111\",\n  \"11**\",\n  \"****\",\n  \"1111\"\n]}",
        ),
        (
            r#"["3782", "822463", "10005"]"#,
            r#"["3782", "82****", "*0005"]"#,
        ),
        (r#"["41111111","11111111"]"#, r#"["411111**","****1111"]"#),
        (r#"["411111","1111111111"]"#, r#"["411111","******1111"]"#),
        (
            "[4,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
            "[4,1,1,1,1,1,0,0,0,0,0,0,1,1,1,1]",
        ),
        (
            r#"["4","1","1","1","1","1","1","1","1","1","1","1","1","1","1","1"]"#,
            r#"["4","1","1","1","1","1","*","*","*","*","*","*","1","1","1","1"]"#,
        ),
        (
            r#"["41","11","11","11","11","11","11","11"]"#,
            r#"["41","11","11","**","**","**","11","11"]"#,
        ),
        (
            r#"{"p1":"4111","p2":"1111","p3":"1111","p4":"1111"}"#,
            r#"{"p1":"4111","p2":"11**","p3":"****","p4":"1111"}"#,
        ),
        (
            r#"{"card":[4111,1111,1111,1111]}"#,
            r#"{"card":[4111,1100,1000,1111]}"#,
        ),
        (
            r#"["\u0034111","1111","1111","1111"]"#,
            r#"["\u0034111","11**","****","1111"]"#,
        ),
    ] {
        masks_json(text, want);
        let nested = |t: &str| serde_json::json!({ "text": t }).to_string();
        masks_json(&nested(text), &nested(want));
        let (_, found) = scan(Carrier::Json, text);
        assert!(found[0].via.layers().any(|l| l == Layer::Array), "{text}");
        assert_eq!(
            found[0].shown().as_str().len(),
            if text.contains("3782") { 15 } else { 16 }
        );
    }
    for text in [
        "[4111,1111,1111,1111]",
        "[4111,1111,1111,1111,1]",
        r#"["4111","1111","1111","1111","x"]"#,
        r#"["x","4111","1111","1111","1111"]"#,
        r#"["4111","1111","1111","1112"]"#,
        r#"["41111","11111","111111"]"#,
        r#"[41,111,1111,11111,11]"#,
        r#"{"a":4111,"b":1111,"c":1111,"d":1111}"#,
        "[4,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,9,9,9,9]",
        "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]",
        "[[4111],[1111],[1111],[1111]]",
        r#"["4111",1111,"1111","1111"]"#,
        "[4.1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]",
        "[2021, 2022, 2023, 2024]",
    ] {
        leaves_json(text);
    }
}

#[test]
fn codes_by_their_own_name() {
    for (text, want) in [
        (r#"{"cvv":"123"}"#, r#"{"cvv":"***"}"#),
        (r#"{"cvv2": "1234"}"#, r#"{"cvv2": "****"}"#),
        (r#"{"cvv":123}"#, r#"{"cvv":100}"#),
        (r#"{"cardCvc": 1234 }"#, r#"{"cardCvc": 1000 }"#),
        (r#"{"securityCode":"987"}"#, r#"{"securityCode":"***"}"#),
        (
            r#"{"card_verification_value":"987"}"#,
            r#"{"card_verification_value":"***"}"#,
        ),
        (
            r#"{"name":"cvv","value":"123"}"#,
            r#"{"name":"cvv","value":"***"}"#,
        ),
        (
            r#"{"name": "cvv", "value": 123}"#,
            r#"{"name": "cvv", "value": 100}"#,
        ),
        (r#"{"pin":"1234"}"#, r#"{"pin":"****"}"#),
        (r#"{"pin":1234}"#, r#"{"pin":1000}"#),
        (
            r#"{"t":"{\"cvv\":\"123\"}"}"#,
            r#"{"t":"{\"cvv\":\"***\"}"}"#,
        ),
        (r#"{"t":"{\"cvv\":123}"}"#, r#"{"t":"{\"cvv\":100}"}"#),
        (
            r#"{"cvv":"\u0031\u0032\u0033"}"#,
            r#"{"cvv":"******************"}"#,
        ),
    ] {
        masks_json(text, want);
    }
    for (text, want) in [
        ("cvv=123", "cvv=***"),
        ("a=1&cvv=123&b=2", "a=1&cvv=***&b=2"),
        ("CVV: 123", "CVV: ***"),
        ("X-Card-CVC: 1234", "X-Card-CVC: ****"),
        ("cvv code is 123.", "cvv code is ***."),
        ("(CVC2 123)", "(CVC2 ***)"),
        ("**CVV**: 123", "**CVV**: ***"),
        ("<cvv>123</cvv>", "<cvv>***</cvv>"),
        ("name=\"cvv\" value=\"123\"", "name=\"cvv\" value=\"***\""),
        ("| cvv | 123 |", "| cvv | *** |"),
        ("cvv%3D123%26", "cvv%3D***%26"),
        ("pin=1234", "pin=****"),
        ("PIN: 1234", "PIN: ****"),
        (
            "credit card, security code: 123",
            "credit card, security code: ***",
        ),
    ] {
        masks(Carrier::Text, text, want);
        let json = |t: &str| serde_json::json!({ "t": t }).to_string();
        masks_json(&json(text), &json(want));
    }
    let (_, found) = scan(Carrier::Json, r#"{"cvv":"123","pin":"9876"}"#);
    let kinds: Vec<_> = found
        .iter()
        .map(|f| (f.kind, f.shown().as_str().to_owned()))
        .collect();
    assert_eq!(
        kinds,
        [(Kind::Cvv, "***".into()), (Kind::Pin, "***".into())]
    );
    assert!(!format!("{found:?}").contains("987"));
}

#[test]
fn codes_behind_a_card() {
    for (text, want) in [
        (
            "4111111111111111 exp 12/28 cvv 123",
            "411111******1111 exp 12/28 cvv ***",
        ),
        (
            "4111-1111-1111-1111, 12/2028, security code 123",
            "4111-11**-****-1111, 12/2028, security code ***",
        ),
        ("378282246310005 cid 1234", "378282*****0005 cid ****"),
        ("4111111111111111 pin 123456", "411111******1111 pin ******"),
        (
            "4111111111111111 (cvv on the back) 123",
            "411111******1111 (cvv on the back) ***",
        ),
    ] {
        masks_in_both(text, want);
    }
    masks_json(
        r#"{"number":4111111111111111,"cid":123}"#,
        r#"{"number":4111110000001111,"cid":100}"#,
    );
}

#[test]
fn not_codes() {
    for text in [
        "123",
        "cvv",
        "cvv: 12",
        "cvv: 12345",
        "cvv: 12.50",
        "cvv: 123-4567",
        "cvv: 123abc",
        "cvv: 2028/12",
        "cvv: ***",
        "cvv, 123",
        "pin 1234",
        "pin: 12",
        "pin: 560001",
        "pin=123456789",
        "spin=1234",
        "mapping: 1234",
        "pinned: 1234",
        "security code: 123",
        "verification code: 1234",
        "your code is 1234",
        "cid=1234",
        "order 1234",
        "status: 200",
        "port=8080",
        "4111111111111111x and then a long way to go before the cvv we know 123"
            .trim_start_matches("4111111111111111x"),
    ] {
        leaves(text);
    }
    leaves_json(r#"{"pin":13}"#);
    leaves_json(r#"{"cvv":100}"#);
    leaves_json(r#"{"cvv":"","number":"123"}"#);
    leaves_json(r#"{"cvv":null,"n":123}"#);
    leaves_json(r#"{"cvv":true,"status":200}"#);
    leaves_json(r#"{"type":"cvv","max":123}"#);
}

#[test]
fn tracks_in_every_form() {
    let plain = ";4111111111111111=28121011234567890?";
    for (text, end) in [
        (plain.to_owned(), "?"),
        (plain.replace('=', "\\u003d"), "?"),
        (plain.replace('=', "%3D"), "?"),
        (plain.replace('=', "&#61;"), "?"),
        (plain.replace('=', "D").replace('?', "F"), "F"),
        ("%B4111111111111111^DOE/JANE^2812101123456?".to_owned(), "?"),
        (
            "%B4111111111111111^DOE\\/JANE^2812101123456?".to_owned(),
            "?",
        ),
        (
            "%B4111111111111111\\u005eDOE\\/JANE\\u005e2812101123456?".to_owned(),
            "?",
        ),
        (
            "%25B4111111111111111%5EDOE%2FJANE%5E2812101123456%3F".to_owned(),
            "%3F",
        ),
        ("\\u0034111111111111111=2812101123456;".to_owned(), ";"),
    ] {
        for carrier in [Carrier::Text, Carrier::Json] {
            let quoted = format!("\"{text}\"");
            let (out, found) = scan(carrier, &quoted);
            assert_eq!(found.len(), 1, "{text}");
            assert!(
                matches!(found[0].kind, Kind::Track1 | Kind::Track2),
                "{text}"
            );
            let rest: String = out.chars().filter(|c| c.is_ascii_digit()).collect();
            assert!(rest.len() <= 4, "{out}");
            assert!(out.ends_with(&format!("*{end}\"")), "{out}");
            assert!(scan(carrier, &out).1.is_empty(), "{out}");
            serde_json::from_str::<serde_json::Value>(&out).expect("JSON");
        }
    }
}
