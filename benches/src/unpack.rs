//! Content encodings: the decoder alone beside the decoder with the scanner behind it.
//!
//! Apart from the goals: inflating costs several times what scanning does, and how fast
//! it goes is the decoder's affair.

use std::hint::black_box;

use panscan::codec::{Decoder, Encoding, encode};
use panscan::{Caps, Scanner, Settings, Stream};

use crate::clock::{median, time};
use crate::corpus::{Corpus, Text, corpus};
use crate::peers::CHUNK;

/// One encoding of one text.
#[derive(Clone, Debug)]
pub struct Unpacked {
    /// `gzip`, `zstd`, `br`.
    pub encoding: &'static str,
    /// Bytes of the text, and of what it is packed into.
    pub bytes: (usize, usize),
    /// Median seconds on the CPU of the decoder alone.
    pub alone: f64,
    /// Median seconds with the scanner.
    pub scanned: f64,
    /// How many times as long it takes with the scanner: median of the rounds.
    pub times: f64,
    /// Cards found, and put in.
    pub found: (u64, u64),
}

/// Every encoding of MCP JSON, so many rounds.
///
/// # Panics
/// When a decoder or the scanner does not give what went in.
pub fn measure(bytes: usize, rounds: usize) -> Vec<Unpacked> {
    let text = corpus(Corpus::Mcp(100), bytes);
    let encodings = [
        ("gzip", Encoding::Gzip),
        ("zstd", Encoding::Zstd),
        ("br", Encoding::Brotli),
    ];
    let one = |(name, encoding)| one(name, encoding, &text, rounds);
    encodings.map(one).into()
}

fn one(name: &'static str, encoding: Encoding, text: &Text, rounds: usize) -> Unpacked {
    let packed = encode(encoding, &text.bytes);
    let scanner = Scanner::new(Settings::default());
    let (mut alone, mut scanned, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let mut found = 0;
    for round in 0..rounds {
        let bare = || time(|| unpack(encoding, &packed, |piece| piece.len()));
        let with = || time(|| scan(&scanner, encoding, &packed, text));
        // Now this one first, now that one.
        let ((len, bare), (count, with)) = if round % 2 == 0 {
            let bare = bare();
            (bare, with())
        } else {
            let with = with();
            (bare(), with)
        };
        assert_eq!(len, text.bytes.len(), "{name} gives another text");
        assert!(count >= text.plain, "{name}: {count} of {}", text.plain);
        found = count;
        alone.push(bare.cpu);
        scanned.push(with.cpu);
        times.push(with.cpu / bare.cpu.max(1e-9));
    }
    Unpacked {
        encoding: name,
        bytes: (text.bytes.len(), packed.len()),
        alone: median(&mut alone),
        scanned: median(&mut scanned),
        times: median(&mut times),
        found: (found, text.plain),
    }
}

/// Feeds it in pieces as they come from a socket; the sum of what `use_it` says.
fn unpack(encoding: Encoding, packed: &[u8], mut use_it: impl FnMut(&[u8]) -> usize) -> usize {
    let caps = Caps {
        bytes: u64::MAX,
        ratio: u32::MAX,
        ..Caps::default()
    };
    let mut decoder = Decoder::new(encoding, &caps);
    let mut sum = 0;
    for piece in packed.chunks(CHUNK) {
        let fed = decoder.push_to(piece, &mut |text| sum += use_it(black_box(text)));
        assert_eq!(fed, Ok(()), "{encoding:?}");
    }
    assert_eq!(decoder.finish(), Ok(()), "{encoding:?}");
    sum
}

fn scan(scanner: &Scanner, encoding: Encoding, packed: &[u8], text: &Text) -> u64 {
    let mut stream = Stream::new(text.carrier);
    let mut found = 0;
    let released = unpack(encoding, packed, |piece| {
        let mut sink = |finding| {
            found += 1;
            black_box(finding);
        };
        scanner.scan(&mut stream, piece, &mut sink) as usize
    });
    black_box(released);
    scanner.finish(&mut stream, &mut |_| found += 1);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_text_is_found_as_the_plain_one_is() {
        for row in measure(300 << 10, 1) {
            assert!(row.bytes.1 < row.bytes.0 / 2, "{row:?}");
            assert!(row.times > 1.0 && row.found.0 >= row.found.1, "{row:?}");
        }
    }
}
