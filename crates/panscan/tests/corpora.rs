//! The committed fuzz corpora of the layers, and random input, as ordinary tests.

#![cfg(feature = "decode")]

mod laws;
mod wrap;

use panscan::codec::{Encoding, encode};
use panscan::{Carrier, MaskFormat};
use proptest::prelude::*;

fn base64_holds(data: &[u8]) {
    if let Some((text, cut)) = wrap::wrapped(data) {
        laws::hold(
            Carrier::Json,
            MaskFormat::First6Last4,
            text.as_bytes(),
            &[cut, 97],
        );
    }
}

fn each(name: &str, law: fn(&[u8])) {
    let dir = format!("{}/../../fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut files = 0;
    for entry in std::fs::read_dir(dir).expect("the corpus is committed") {
        law(&std::fs::read(entry.expect("an entry").path()).expect("a file"));
        files += 1;
    }
    assert!(files > 0);
}

#[test]
fn the_corpora_hold() {
    each("panscan_base64", base64_holds);
    each("panscan_decode", wrap::decoders_hold);
    each("panscan_body", wrap::body_holds);
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"4111111111111111".to_vec()),
        Just(b"5555 5555 5555 4444".to_vec()),
        Just("３７８２８２２４６３１０００５".as_bytes().to_vec()),
        Just(b"{\"pan\": 4111111111111111}".to_vec()),
        Just("4111\u{a0}1111\u{a0}1111\u{a0}1111".as_bytes().to_vec()),
        Just(
            b"4\x001\x001\x001\x001\x001\x001\x001\x001\x001\x001\x001\x001\x001\x001\x001\0"
                .to_vec()
        ),
        Just(b"NDExMTExMTExMTExMTExMQ==".to_vec()),
        Just(b"some words, and ".to_vec()),
        Just(encode(Encoding::Gzip, b"card 4111111111111111")),
        proptest::collection::vec(any::<u8>(), 0..60),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(laws::quick!(300))]
    #[test]
    fn base64_of_anything(how in any::<[u8; 2]>(), text in text()) {
        base64_holds(&[&how[..], &text].concat());
    }

    #[test]
    fn bodies_of_anything(how in 0u8..32, size in any::<u8>(), text in text()) {
        wrap::body_holds(&[&[how, size][..], &text].concat());
    }

    #[test]
    fn encoded_bodies(kind in 0usize..4, how in 0u8..8, size in any::<u8>(), text in text()) {
        let encoding = [Encoding::Gzip, Encoding::Zlib, Encoding::Brotli, Encoding::Zstd][kind];
        let raw = encode(encoding, &text);
        let how = how | (4 + kind as u8) << 3;
        wrap::body_holds(&[&[how, size][..], &raw].concat());
        wrap::decoders_hold(&[&[size][..], &raw].concat());
    }
}
