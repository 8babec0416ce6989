//! Decoders: every cut gives the same, bombs stop, nothing passes unread.
#![cfg(feature = "decode")]

use panscan::codec::{Decoder, Encoding, STEP_BYTES, encode, encodings};
use panscan::{Caps, Undecodable};

const ALL: [Encoding; 5] = [
    Encoding::Gzip,
    Encoding::Zlib,
    Encoding::Deflate,
    Encoding::Brotli,
    Encoding::Zstd,
];

fn decode(
    encoding: Encoding,
    data: &[u8],
    size: usize,
    caps: &Caps,
) -> (Vec<u8>, Result<(), Undecodable>) {
    // The name `deflate` covers both.
    let named = if encoding == Encoding::Deflate {
        Encoding::Zlib
    } else {
        encoding
    };
    let mut decoder = Decoder::new(named, caps);
    let mut out = Vec::new();
    for piece in data.chunks(size) {
        if let Err(why) = decoder.push(piece, &mut out) {
            assert_eq!(decoder.push(b"x", &mut out), Err(why), "an error stays");
            return (out, Err(why));
        }
    }
    let done = decoder.finish();
    if done.is_ok() && !data.is_empty() {
        assert_eq!(decoder.encoding(), encoding);
    }
    (out, done)
}

fn text() -> Vec<u8> {
    (0..5000u32)
        .flat_map(|i| format!("{} line {}\n", i * 7919 % 5003, i).into_bytes())
        .collect()
}

#[test]
fn each_encoding_comes_back_however_it_is_cut() {
    let text = text();
    for encoding in ALL {
        let data = encode(encoding, &text);
        assert!(data.len() < text.len());
        for size in [1, 2, 3, 17, 1000, usize::MAX] {
            let (out, done) = decode(encoding, &data, size, &Caps::default());
            assert_eq!(done, Ok(()), "{encoding:?} {size}");
            assert!(out == text, "{encoding:?} {size}");
        }
        let empty = encode(encoding, b"");
        assert_eq!(
            decode(encoding, &empty, 1, &Caps::default()),
            (vec![], Ok(())),
            "{encoding:?}"
        );
        assert_eq!(
            decode(encoding, b"", 1, &Caps::default()).1,
            Ok(()),
            "{encoding:?}"
        );
    }
}

#[test]
fn cut_short_or_followed_by_something_is_an_error() {
    let text = text();
    for encoding in ALL {
        let data = encode(encoding, &text);
        for len in [1, 5, data.len() / 2, data.len() - 1] {
            let (_, done) = decode(encoding, &data[..len], 7, &Caps::default());
            assert_eq!(done, Err(Undecodable::Compressed), "{encoding:?} {len}");
        }
        for size in [1, usize::MAX] {
            let more = [&data[..], b"trailing"].concat();
            let (_, done) = decode(encoding, &more, size, &Caps::default());
            assert_eq!(done, Err(Undecodable::Compressed), "{encoding:?} {size}");
        }
    }
}

#[test]
fn members_and_frames_go_on() {
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let data = [
            encode(encoding, b"4111 1111 "),
            encode(encoding, b"1111 1111"),
        ]
        .concat();
        for size in [1, 3, usize::MAX] {
            let (out, done) = decode(encoding, &data, size, &Caps::default());
            assert_eq!((&out[..], done), (&b"4111 1111 1111 1111"[..], Ok(())));
        }
    }
}

#[test]
fn broken_data_is_an_error() {
    for encoding in ALL {
        let mut data = encode(encoding, &text());
        let middle = data.len() / 2;
        for byte in &mut data[middle..middle + 40] {
            *byte ^= 0x5A;
        }
        let (_, done) = decode(encoding, &data, 64, &Caps::default());
        // Raw deflate and brotli have no checksum: they may come to some end.
        if !matches!(encoding, Encoding::Deflate | Encoding::Brotli) {
            assert_eq!(done, Err(Undecodable::Compressed), "{encoding:?}");
        }
    }
    let junk: Vec<u8> = (0..200).map(|i| (i * 89 % 251) as u8).collect();
    assert_eq!(
        decode(Encoding::Gzip, &junk, 9, &Caps::default()).1,
        Err(Undecodable::Compressed)
    );
    assert_eq!(
        decode(Encoding::Zstd, &junk, 9, &Caps::default()).1,
        Err(Undecodable::Compressed)
    );
}

/// 10 GB of zeros as gzip members of 16 MiB each, made as they are fed.
#[test]
fn a_bomb_stops_early_and_gives_little() {
    let member = encode(Encoding::Gzip, &vec![0; 16 << 20]);
    for (caps, want) in [
        (Caps::default(), Undecodable::RatioCap),
        (
            Caps {
                ratio: 100_000,
                ..Caps::default()
            },
            Undecodable::SizeCap,
        ),
    ] {
        let mut decoder = Decoder::new(Encoding::Gzip, &caps);
        let (mut given, mut largest, mut fed) = (0u64, 0, 0u64);
        let mut stopped = None;
        for _ in 0..640 {
            fed += member.len() as u64;
            let pushed = decoder.push_to(&member, &mut |piece| {
                given += piece.len() as u64;
                largest = largest.max(piece.len());
            });
            if let Err(why) = pushed {
                stopped = Some(why);
                break;
            }
        }
        assert_eq!(stopped, Some(want));
        assert!(largest <= STEP_BYTES);
        let bound = match want {
            Undecodable::SizeCap => caps.bytes,
            _ => (1 << 20) + u64::from(caps.ratio) * fed,
        };
        assert!(given <= bound + STEP_BYTES as u64, "{given} of {bound}");
    }
}

#[test]
fn caps_bind_at_their_bounds() {
    let text = vec![b'x'; 100_000];
    for encoding in ALL {
        let data = encode(encoding, &text);
        for (bytes, want) in [(100_000, Ok(())), (99_999, Err(Undecodable::SizeCap))] {
            let caps = Caps {
                bytes,
                ..Caps::default()
            };
            assert_eq!(decode(encoding, &data, 10, &caps).1, want, "{encoding:?}");
        }
    }
}

#[test]
fn names_of_encodings() {
    let caps = Caps::default();
    assert_eq!(encodings("", &caps), Ok(vec![]));
    assert_eq!(encodings("identity", &caps), Ok(vec![]));
    assert_eq!(
        encodings(" GZIP , br", &caps),
        Ok(vec![Encoding::Gzip, Encoding::Brotli])
    );
    assert_eq!(
        encodings("x-gzip,deflate,zstd", &caps).map(|l| l.len()),
        Ok(3)
    );
    assert_eq!(
        encodings("gzip,gzip,gzip,gzip", &caps),
        Err(Undecodable::TooDeep)
    );
    for name in ["compress", "aes128gcm", "gzip;q=1", "dcz"] {
        assert_eq!(encodings(name, &caps), Err(Undecodable::Encoding), "{name}");
    }
}
