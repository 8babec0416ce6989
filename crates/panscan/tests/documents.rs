//! Packed content: found through base64 and as a body, never masked, never clean when
//! it could not be read.
#![cfg(feature = "decode")]

mod base64;

use panscan::codec::{Encoding, encode};
use panscan::{Caps, Carrier, Finding, Layer, Scanner, Settings, Stream, Undecodable};

const CARD: &str = "4111111111111111";

fn b64(bytes: &[u8]) -> String {
    base64::base64(bytes, false, true)
}

fn scan_with(
    scanner: &Scanner,
    carrier: Carrier,
    text: &[u8],
    size: usize,
) -> (Vec<Finding>, Option<Undecodable>) {
    let mut st = Stream::new(carrier);
    let mut found = Vec::new();
    for piece in text.chunks(size) {
        scanner.scan(&mut st, piece, &mut |f| found.push(f));
    }
    scanner.finish(&mut st, &mut |f| found.push(f));
    (found, st.undecodable())
}

/// What is found and said of `content` as a body, and as a blob: the same for all cuts.
#[track_caller]
fn seen(content: &[u8]) -> (usize, Option<Undecodable>) {
    let scanner = Scanner::new(Settings::default());
    let blob = format!("{{\"uri\":\"x\",\"blob\":\"{}\"}}", b64(content));
    let mut all = Vec::new();
    for size in [1, 7, 100, usize::MAX] {
        for (carrier, text) in [(Carrier::Text, content), (Carrier::Json, blob.as_bytes())] {
            let (found, why) = scan_with(&scanner, carrier, text, size);
            for f in &found {
                assert!(!f.maskable() && !f.masked, "{f:?}");
                assert!(carrier == Carrier::Text || f.start == 19, "{f:?}");
            }
            all.push((found.len(), why));
        }
    }
    assert!(all.iter().all(|s| *s == all[0]), "{all:?}");
    all[0]
}

struct Member<'a>(&'a str, &'a [u8], bool);

fn zip(members: &[Member<'_>], flags: u16) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for Member(name, text, deflate) in members {
        let data = if *deflate {
            encode(Encoding::Deflate, text)
        } else {
            text.to_vec()
        };
        let method: u16 = if *deflate { 8 } else { 0 };
        let local = out.len() as u32;
        let mut common = Vec::new();
        common.extend(20u16.to_le_bytes());
        common.extend(flags.to_le_bytes());
        common.extend(method.to_le_bytes());
        common.extend([0; 8]);
        common.extend((data.len() as u32).to_le_bytes());
        common.extend((text.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend(0u16.to_le_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(data);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(local.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let at = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((members.len() as u16).to_le_bytes());
    out.extend((members.len() as u16).to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend(0u16.to_le_bytes());
    out
}

#[test]
fn compressed_blobs() {
    let text = format!("some text, and {CARD} in it");
    for encoding in [Encoding::Gzip, Encoding::Zlib, Encoding::Zstd] {
        let packed = encode(encoding, text.as_bytes());
        let blob = format!("see {}", b64(&packed));
        let (found, why) = scan_with(
            &Scanner::new(Settings::default()),
            Carrier::Text,
            blob.as_bytes(),
            5,
        );
        assert_eq!((found.len(), why), (1, None), "{encoding:?}");
        assert!(found[0].via.layers().any(|l| l == Layer::Base64));
    }
    assert_eq!(seen(&encode(Encoding::Gzip, text.as_bytes())), (1, None));
    assert_eq!(seen(&encode(Encoding::Zstd, text.as_bytes())), (1, None));
    assert_eq!(
        seen(&encode(Encoding::Gzip, b"nothing to see in here")),
        (0, None)
    );
    let mut cut = encode(Encoding::Gzip, text.repeat(30).as_bytes());
    cut.truncate(cut.len() - 9);
    assert_eq!(seen(&cut).1, Some(Undecodable::Compressed));
    let twice = encode(Encoding::Gzip, &encode(Encoding::Zstd, text.as_bytes()));
    assert_eq!(seen(&twice), (1, None));
    let mut deep = text.into_bytes();
    for _ in 0..4 {
        deep = encode(Encoding::Gzip, &deep);
    }
    assert_eq!(seen(&deep), (0, Some(Undecodable::TooDeep)));
}

#[test]
fn zip_members_stored_and_deflated() {
    let text = format!("the number is {CARD}.");
    for deflate in [false, true] {
        let archive = zip(
            &[
                Member("a.txt", b"nothing", deflate),
                Member("b.txt", text.as_bytes(), deflate),
            ],
            0,
        );
        assert_eq!(seen(&archive), (1, None));
    }
}

#[test]
fn office_text_is_read_as_it_is_seen() {
    let split = "<w:document><w:body><w:p><w:r><w:t>4111 1111</w:t></w:r><w:r><w:t xml:space=\"preserve\"> 1111 1111</w:t></w:r></w:p></w:body></w:document>";
    assert_eq!(
        seen(&zip(
            &[Member("word/document.xml", split.as_bytes(), true)],
            0
        )),
        (1, None)
    );
    let shared = format!("<sst><si><t>name</t></si><si><t>{CARD}</t></si></sst>");
    let sheet = "<row><c r=\"A1\"><v>41111111</v></c><c r=\"B1\"><v>11111111</v></c></row>";
    let members = [
        Member("xl/sharedStrings.xml", shared.as_bytes(), true),
        Member("xl/worksheets/sheet1.xml", sheet.as_bytes(), true),
    ];
    assert_eq!(seen(&zip(&members, 0)), (1, None), "cells do not join");
}

#[test]
fn archives_that_cannot_be_read() {
    let text = format!("the number is {CARD}.").repeat(20);
    let archive = |flags| zip(&[Member("a.txt", text.as_bytes(), true)], flags);
    assert_eq!(
        seen(&archive(1)).1,
        Some(Undecodable::Document),
        "encrypted"
    );
    let whole = archive(0);
    assert_eq!(
        seen(&whole[..whole.len() - 30]).1,
        Some(Undecodable::Document),
        "cut short"
    );
    let mut broken = whole.clone();
    broken[35] = 0xFF; // a block type that does not exist
    assert_eq!(seen(&broken).1, Some(Undecodable::Compressed));
}

fn pdf(dictionary: &str, content: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "%PDF-1.7\n1 0 obj\n<< /Length {} {dictionary}>>\nstream\n",
        content.len()
    )
    .into_bytes();
    out.extend(content);
    out.extend(b"\nendstream\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n");
    out
}

#[test]
fn pdf_text_plain_and_deflated() {
    for shown in [
        "BT /F1 12 Tf (4111 1111 1111 1111) Tj ET",
        "BT (4111) Tj (1111) Tj (11111111) Tj ET",
        "BT [(4111) -12 (1111) 3 (1111) -20 (1111)] TJ ET",
        "BT <34313131313131313131313131313131> Tj ET",
        "BT (4111\\0611111111111\\061) Tj ET",
    ] {
        assert_eq!(seen(&pdf("", shown.as_bytes())), (1, None), "{shown}");
        let deflated = encode(Encoding::Zlib, shown.as_bytes());
        assert_eq!(
            seen(&pdf("/Filter /FlateDecode ", &deflated)),
            (1, None),
            "{shown}"
        );
    }
    let plain = encode(Encoding::Zlib, b"BT (hello) Tj ET");
    assert_eq!(seen(&pdf("/Filter /FlateDecode ", &plain)), (0, None));
    assert_eq!(
        seen(&pdf("/Filter /LZWDecode ", b"xyz")).1,
        Some(Undecodable::Document)
    );
    assert_eq!(
        seen(&pdf("/Filter /FlateDecode ", b"xyz")).1,
        Some(Undecodable::Compressed)
    );
    let mut encrypted = pdf("", b"BT (x) Tj ET");
    encrypted.extend(b"trailer << /Encrypt 2 0 R >>");
    assert_eq!(seen(&encrypted).1, Some(Undecodable::Document));
}

#[test]
fn images_pass_unless_they_are_denied() {
    let image = [&b"\x89PNG\r\n\x1a\n"[..], &[0; 100]].concat();
    assert_eq!(seen(&image), (0, None));
    let blob = b64(&image);
    let strict = Scanner::new(Settings::default()).deny_images(true);
    for (carrier, text) in [
        (Carrier::Text, &image[..]),
        (Carrier::Text, blob.as_bytes()),
    ] {
        assert_eq!(
            scan_with(&strict, carrier, text, 9).1,
            Some(Undecodable::Opaque)
        );
    }
}

#[test]
fn a_bomb_in_a_blob_stops_at_its_cap() {
    let bomb = encode(Encoding::Gzip, &vec![b'a'; 32 << 20]);
    let text = format!("\"{}\"", b64(&bomb));
    let scanner = Scanner::new(Settings::default());
    assert_eq!(
        scan_with(&scanner, Carrier::Json, text.as_bytes(), 4096).1,
        Some(Undecodable::RatioCap)
    );
    let caps = Caps {
        ratio: 10_000,
        bytes: 1 << 20,
        layers: 3,
    };
    let scanner = Scanner::new(Settings::default()).with_caps(caps);
    assert_eq!(
        scan_with(&scanner, Carrier::Json, text.as_bytes(), 4096).1,
        Some(Undecodable::SizeCap)
    );
}
