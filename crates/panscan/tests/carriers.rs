//! Digits and separators in every form that a character can have.

mod kit;

use kit::{leaves, masks, masks_in_both, scan};
use panscan::{Carrier, Layer};

const PAN: &str = "4111111111111111";

/// `digits` with every one written by `form`.
fn written(digits: &str, form: impl Fn(char) -> String) -> String {
    digits.chars().map(form).collect()
}

#[track_caller]
fn masks_written(form: impl Fn(char) -> String, star: &str) {
    let text = written(PAN, &form);
    let want = written("411111", &form) + &star.repeat(6) + &written("1111", &form);
    masks(Carrier::Text, &text, &want);
    let (json, wanted) = (
        format!("{{\"a\":\"{text}\"}}"),
        format!("{{\"a\":\"{want}\"}}"),
    );
    masks(Carrier::Json, &json, &wanted);
    if serde_json::from_str::<serde_json::Value>(&json).is_ok() {
        serde_json::from_str::<serde_json::Value>(&wanted).expect("still JSON");
    }
}

#[test]
fn json_escapes_behind_any_backslashes() {
    for backslashes in [1, 2, 4, 8] {
        let b = "\\".repeat(backslashes);
        masks_written(|c| format!("{b}u{:04x}", c as u32), &format!("{b}u002a"));
    }
    masks_written(|c| format!("\\\\x{:02x}", c as u32), "\\\\x2a");
    for backslashes in [1, 2, 3, 4, 7] {
        let b = "\\".repeat(backslashes);
        masks_in_both(
            &format!("4111{b}/1111{b}/1111{b}/1111"),
            &format!("4111{b}/11**{b}/****{b}/1111"),
        );
    }
    masks_in_both(r"411\\u0031111111111111", r"411\\u003111******1111");
    // A path, not an escape.
    masks(
        Carrier::Text,
        r"C:\u4111111111111111",
        r"C:\u411111******1111",
    );
    masks(
        Carrier::Json,
        r#""C:\\u4111111111111111""#,
        r#""C:\\u411111******1111""#,
    );
    // A real escape: a Chinese character and twelve digits.
    let text = r#""\u4111111111111111""#;
    assert!(scan(Carrier::Json, text).1.is_empty());
    assert!(
        scan(Carrier::Json, r#""\n4111\n1111\n1111\n1111""#)
            .1
            .is_empty()
    );
}

#[test]
fn percent_encoding() {
    for (percent, star) in [("%", "%2A"), ("%25", "%252A"), ("%2525", "%25252A")] {
        masks_written(|c| format!("{percent}{:02X}", c as u32), star);
        masks_in_both(
            &format!("4111{percent}201111{percent}201111{percent}201111"),
            &format!("4111{percent}2011**{percent}20****{percent}201111"),
        );
    }
    for (text, want) in [
        ("4111%2D1111%2d1111%2D1111", "4111%2D11**%2d****%2D1111"),
        ("4111+1111+1111+1111", "4111+11**+****+1111"),
        ("card=%34111111111111111&x=1", "card=%3411111******1111&x=1"),
        (
            "4111%C2%A01111%C2%A01111%C2%A01111",
            "4111%C2%A011**%C2%A0****%C2%A01111",
        ),
        ("4111%E2%80%8B111111111111", "4111%E2%80%8B11******1111"),
        // The digits behind a percent sign may be meant as they are.
        ("100%4111111111111111", "100%411111******1111"),
        ("%378282246310005", "%378282*****0005"),
        ("%454111111111111111", "%45411111******1111"),
        ("4111111111111111%31", "411111******1111%31"),
        ("4111 1111 1111 1111%31", "4111 11** **** 1111%31"),
        (
            "%378282246310005%378282246310005-",
            "%378282*****0005%378282*****0005-",
        ),
        ("pan%3D4111111111111111%26", "pan%3D411111******1111%26"),
    ] {
        masks_in_both(text, want);
    }
    masks_written(|c| format!("%D9%{:02X}", c as u32 - 0x30 + 0xA0), "%2A%2A");
    // Three times is one too many: said in docs/EVASION.md.
    leaves(&written(PAN, |c| format!("%252525{:02X}", c as u32)));
}

#[test]
fn html_entities() {
    masks_written(|c| format!("&#{};", c as u32), "&#42;");
    masks_written(|c| format!("&#{:05};", c as u32), "&#00042;");
    masks_written(|c| format!("&#x{:x};", c as u32), "&#x2a;");
    masks_written(|c| format!("&#x{:04X};", c as u32), "&#x002a;");
    masks_written(|c| format!("&amp;#{};", c as u32), "&amp;#42;");
    masks_written(|c| format!("\\u0026#{};", c as u32), "\\u0026#42;");
    masks_written(|c| format!("&#{};", c as u32 - 0x30 + 0x660), "&#0042;");
    for gap in [
        "&nbsp;",
        "&#32;",
        "&#x20;",
        "&ndash;",
        "&#8211;",
        "&amp;nbsp;",
        "\\u0026nbsp;",
    ] {
        masks_in_both(
            &format!("4111{gap}1111{gap}1111{gap}1111"),
            &format!("4111{gap}11**{gap}****{gap}1111"),
        );
    }
    masks_in_both(
        "4111&shy;1111&#8203;11111111",
        "4111&shy;11**&#8203;****1111",
    );
    masks_in_both("&#4111111111111111;", "&#411111******1111;");
    masks_in_both("&lt;4111111111111111&gt;", "&lt;411111******1111&gt;");
    leaves("4111&lt;1111&lt;1111&lt;1111");
}

#[test]
fn digits_of_every_script() {
    for zero in [
        0x660, 0x6F0, 0x966, 0x9E6, 0xE50, 0x1040, 0x17E0, 0xFF10, 0x1D7CE, 0x1D7F6, 0x1FBF0,
    ] {
        let digit = |c: char| {
            char::from_u32(zero + c as u32 - 0x30)
                .expect("a digit")
                .to_string()
        };
        let star = match digit('0').len() {
            3 => "＊".to_owned(),
            n => "*".repeat(n),
        };
        masks_written(digit, &star);
        masks_written(
            |c| {
                digit(c)
                    .encode_utf16()
                    .map(|u| format!("\\u{u:04x}"))
                    .collect()
            },
            &"\\u002a".repeat(digit('0').encode_utf16().count()),
        );
    }
    masks_in_both("٤١١١ 1111 1111 ١١١١", "٤١١١ 11** **** ١١١١");
    masks_in_both("4️⃣1111111111111️⃣11", "4️⃣11111******11️⃣11");
    leaves("²111111111111111");
}

#[test]
fn spaces_dashes_and_what_cannot_be_seen() {
    for gap in [
        "\u{2007}",
        "\u{202f}",
        "\u{3000}",
        "\u{1680}",
        "\u{2010}",
        "\u{2212}",
        "\u{ff0d}",
        "_",
        "\u{2024}",
        " \u{200d}",
        "\u{feff}-",
        "\u{2060}",
        "\u{336}",
    ] {
        masks_in_both(
            &format!("4111{gap}1111{gap}1111{gap}1111"),
            &format!("4111{gap}11**{gap}****{gap}1111"),
        );
    }
    leaves("41111111_11111111");
    leaves("41111111+11111111");
    leaves("4111:1111:1111:1111");
}

#[test]
fn a_finding_names_its_layers() {
    for (text, layers) in [
        ("4111111111111111", &[][..]),
        (
            "4111\\u0031111111111111"[..].trim_end_matches('1'),
            &[Layer::JsonEscape],
        ),
        ("%34%31%31%31111111111111", &[Layer::Percent]),
        ("&#52;111111111111111", &[Layer::Entity]),
        ("\\u0026#52;111111111111111", &[Layer::Entity]),
        ("４111111111111111", &[Layer::Unicode]),
        (
            "４%31&#49;1111111111111",
            &[Layer::Unicode, Layer::Percent, Layer::Entity],
        ),
    ] {
        let mut text = text.to_owned();
        while scan(Carrier::Text, &text).1.is_empty() && text.len() < 60 {
            text.push('1');
        }
        let (_, found) = scan(Carrier::Text, &text);
        let via: Vec<Layer> = found[0].via.layers().collect();
        assert_eq!(via, layers, "{text}");
        assert!(found[0].maskable());
    }
}
