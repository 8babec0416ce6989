//! What only looks like a card number, a code or a track: byte-identical.

mod kit;

use kit::{leaves, scan};
use panscan::{Carrier, Confidence, Mode, Scanner, Settings};

#[test]
fn identifiers_stay() {
    for text in [
        // Tokens and hashes.
        "sk_live_4111111111111111abcdef99",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MTExIn0.4111",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "9e107d9d372bb6826bd81d3542a419d6",
        "sha256:4111111111111111111111111111111111111111111111111111111111111111",
        "0x4111111111111111",
        "0X4111111111111111",
        "550e8400-e29b-41d4-a716-446655440000",
        "41111111-1111-1111-1111-111111111111",
        "urn:uuid:41111111-1111-1111-1111-111111111111",
        // Numbers of other kinds.
        "490154203237518",
        "356938035643809",
        "8944500102198304826",
        "GB29NWBK60161331926819",
        "DE89370400440532013000",
        "9780306406157",
        "978-0-306-40615-7",
        "4006381333931",
        "ean 4006381333931",
        "credit note, ean: 4006381333931",
        "(01)04012345123456(17)260101(10)4111",
        "00340123450000000018",
        "+4915112345678901",
        "+1 (415) 555-2671",
        "0041 44 668 18 00",
        // Serials: odd lengths glued to letters, also where these are a card word.
        "serial FD38272379330807",
        "CC69756797281560",
        // Fifteen digits that begin with a 1.
        "user 135410000000003",
        // Resources of a cloud.
        "i-c6290609691188498",
        "arn:aws:ec2:eu-west-1:vol-6290609691188498c",
        // Parcels.
        "9400 1410 6739 5508 9270 18",
        "9400-1410-6739-5508-9270-18",
        "9400 1058 5007 5781 3137 71",
        // Times.
        "1764075902123",
        "1764075902123456",
        "1764075902123456789",
        "20261125130502",
        "20261125130502123",
        "2026-11-25T13:05:02.123456789Z",
        "4111-11-11T11:11:11.1111",
        // Amounts, floats, versions, addresses.
        "4,111,111,111,111,111",
        "4.111.111.111.111.111",
        "4'111'111'111'111'111",
        "4 111 111 111 111 111",
        "4111111111111111.25",
        "0.4111111111111111",
        "3.141592653589793",
        "-122.41941550000001",
        "192.168.100.200",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "10.0.26100.4652",
        "v4.111.1111.1111",
        // Repeated digits and masked numbers.
        "4444444444444444",
        "0000 0000 0000 0000",
        "1111111111111111",
        "411111******1111",
        "4111 11** **** 1111",
        "411111XXXXXX1111",
        "************1111",
        "4111 1111 1111 1111******3897",
        "0xb566ee42_4111_1111_1111_1111_70182fb79f20",
        "id_4111_1111_1111_1111_x",
        "30 31 32 33 34 35  36 37 38 ... 3c 3d",
        "**** **** **** 1111",
        "\\u0034\\u0031\\u002a\\u002a1111",
        "%34%31%2A%2A1111",
        // Columns, series, lists.
        "4111, 1111, 1111, 1111",
        "4111;1111;1111;1111",
        "4111|1111|1111|1111",
        "4111\\t1111\\t1111\\t1111",
        "1 2 3 4 5 6 7 8 9 10 11 12",
        "4111 1111 1111 1111 1111 1111 1111 1111",
        "01 02 03 04 05 06 07 08",
        // Percent signs, entities and escapes of other things.
        "100% 4111",
        "&#4111;&#1111;&#1111;&#1111;",
        "%E4%B8%AD%E6%96%87",
        "\\u4e2d\\u6587\\u5341\\u4111",
        "a%20b%20c%201234%205678",
        "&copy;2026&nbsp;1234",
    ] {
        leaves(text);
    }
}

#[test]
fn json_of_other_numbers_stays() {
    for text in [
        r#"{"imei":"490154203237518","n":1}"#,
        r#"{"timestamp":1764075902123,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#,
        r#"{"lat":52.520008,"lon":13.404954,"alt":4.111111111111111}"#,
        r#"{"id":9007199254740993,"parent":1234567890123456}"#,
        r#"[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]"#,
        r#"[2019,2020,2021,2022]"#,
        r#"{"a":1,"b":2,"c":3,"d":4}"#,
        r#"{"rows":[["4111","1111"],["1111","1111"]]}"#,
        r#"{"version":"4.1.1.1","ports":[4111,1111,1111,1111]}"#,
        r#"[1e15,2.5e10,4.1e15]"#,
        "[1, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1]",
        r#"{"pinned":true,"ping":1234,"shipping":"1234"}"#,
        // A word of cards speaks of its own value only.
        r#"[{"content":"paid by visa"},{"id":"612408150198377502","n":1}]"#,
        r#"[{"content":"paid by visa","id":612408150198377502}]"#,
        r#"{"text":"[{\"t\":\"credit\"},{\"id\":\"612408150198377502\"}]"}"#,
        r#"{"uuid":"0b5c41d2-9cc4-4e6b-a1f0-8448d5c4180b","arn":"arn:aws:iam::684282538157:role/of"}"#,
    ] {
        for carrier in [Carrier::Json, Carrier::Text] {
            let (out, found) = scan(carrier, text);
            assert!(found.is_empty(), "{carrier:?} {text}: {found:?}");
            assert_eq!(out, text);
        }
    }
}

#[test]
fn a_word_close_to_an_unusual_length_counts() {
    for text in [
        r#"{"card":"4222222222222"}"#,
        r#"{"card":{"id":7,"number":4222222222222}}"#,
        r#"{"cards":["x","4222222222222"]}"#,
        r#"{"text":"the card is 4222222222222"}"#,
        r#"{"text":"my \"visa\" one: 4222222222222"}"#,
        r#"{"text":"{\"card\":{\"number\":\"4222222222222\"}}"}"#,
        r#"{"text":"{\n  \"card\": {\n    \"number\": 4222222222222\n  }\n}"}"#,
        r#"{"text":"card:\n4222222222222"}"#,
        r#"{"text":"card_4222222222222 ok"}"#,
    ] {
        let (out, found) = scan(Carrier::Json, text);
        assert_eq!(found.len(), 1, "{text}");
        let (_, again) = scan(Carrier::Json, &out);
        assert!(again.is_empty(), "{out}: {again:?}");
    }
    // Glued to letters these are cards all the same.
    for text in [
        "pan_4111111111111111",
        "x4111111111111111y",
        "a4111111111111111",
        "a378282246310005",
        "usd-4111111111111111abcdef",
    ] {
        assert_eq!(scan(Carrier::Text, text).1.len(), 1, "{text}");
    }
    // A card with its expiry behind it is no parcel.
    for text in ["4111 1111 1111 1111 2028 12", "4111 1111 1111 1111 12 28"] {
        assert_eq!(scan(Carrier::Text, text).1.len(), 1, "{text}");
    }
}

#[test]
fn what_a_mask_shows_leads_to_no_other_number() {
    for text in [
        "{\"card\":[4111,1111,1111,1111]}pin\t4%31%31%31%31%31%31%31%31%31%31%31%31%31%31%31u0034",
        "4%31%31%31%31%31%31%31%31%31%31%31%31%31%31%314242-4242-4242-4242&nbsp;4242-4242-4242-4242 ",
        "4111_1111_1111_1111_4111111111111111=2812101123456",
        "%344891554088951%378282246310005 ",
        "\"cvv\":\"123\"41 11 11 11 11 11 11 11%34771531352150card ",
        "4111111111111111=2812101123456cvc code is 4083399153792card ",
    ] {
        let (out, found) = scan(Carrier::Text, text);
        assert!(!found.is_empty(), "{text}");
        let (_, again) = scan(Carrier::Text, &out);
        assert!(again.is_empty(), "found again in {out}: {again:?}");
    }
}

#[test]
fn a_path_can_name_a_card() {
    assert!(panscan::names_card("$.payment.card.number") && panscan::names_card("$.rows[0].pan"));
    assert!(!panscan::names_card("$.company.id") && !panscan::names_card("$"));
}

#[test]
fn the_name_of_a_number_lowers_and_raises() {
    let confidence = |text: &str| {
        let (_, found) = scan(Carrier::Text, text);
        found.first().map(|f| f.confidence)
    };
    use Confidence::{High, Low, Medium};
    for (text, want) in [
        ("4111111111111111", Some(High)),
        ("\"imei\":\"4111111111111111\"", Some(Low)),
        ("order_id=4111111111111111", Some(Low)),
        ("request_id: 4111111111111111", Some(Low)),
        ("\"timestamp\": 4111111111111111", Some(Low)),
        ("tracking number 4111111111111111", Some(Low)),
        // Only its own name counts against it, and a card word beside it wins.
        ("\"order_id\":7,\"number\":\"4111111111111111\"", Some(High)),
        ("order_id=7&n=4111111111111111", Some(High)),
        ("order paid by card 4111111111111111", Some(High)),
        // A card layout stays what it is.
        ("imei 4111 1111 1111 1111", Some(High)),
        ("\"trace_id\":\"4111-1111-1111-1111\"", Some(High)),
        // Unusual lengths take a card word, and no name of another number.
        ("4222222222222", None),
        ("card 4222222222222", Some(Medium)),
        ("\"pan\": \"4222222222222\"", Some(Medium)),
        ("{\"card\":1,\"ean\":\"4222222222222\"}", None),
        ("company 4222222222222", None),
    ] {
        assert_eq!(confidence(text), want, "{text}");
    }
    let balanced = Scanner::new(Settings {
        mode: Mode::Balanced,
        ..Settings::default()
    });
    let (out, found) = kit::scan_with(&balanced, Carrier::Text, "order_id=4111111111111111");
    assert_eq!(out, "order_id=4111111111111111");
    assert_eq!(found.len(), 1, "reported all the same");
}
