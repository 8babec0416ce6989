//! Streaming decoders of content encodings, with caps, and one-shot encoders.
//!
//! Compressed bytes go in as they come; what they give comes out in pieces of at most
//! [`STEP_BYTES`]. A decoder holds its window and one such piece, nothing else.
//!
//! Invariants
//! - Cuts never matter: the same bytes give the same text or the same error.
//! - No input passes unread: what stands behind the end of the compressed data is an
//!   error, but for further gzip members and zstd frames, which are read on.
//! - A bomb stops within one piece of its cap.
//!
//! Backends: zlib-rs (no C in the parser of untrusted bytes, as fast as zlib-ng), the
//! `brotli` crate (safe Rust), libzstd (about twice the speed of the Rust decoder,
//! fuzzed continuously by its makers; the only C here).

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, InBuffer, Operation, OutBuffer};

use crate::caps::Caps;
use crate::undecodable::Undecodable;

/// Output handed over at once, at most.
pub const STEP_BYTES: usize = 16 * 1024;

/// Output that needs no ratio: small bodies of repeated text compress very well.
pub const RATIO_FREE_BYTES: u64 = 1 << 20;

/// Largest zstd window, as a power of two: 8 MiB (RFC 8878 3.1.1.1.2 recommends
/// support for no more; RFC 9659 makes it the bound of the content encoding).
pub const WINDOW_LOG_MAX: u32 = 23;

/// A content encoding (RFC 9110 8.4.1, RFC 7932, RFC 8878).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `gzip`, `x-gzip`; any number of members.
    Gzip,
    /// `deflate` as it is defined: zlib (RFC 1950).
    Zlib,
    /// `deflate` as some send it: no header at all (RFC 1951).
    Deflate,
    /// `br`.
    Brotli,
    /// `zstd`; any number of frames.
    Zstd,
}

/// The encodings of a `Content-Encoding` value, in the order they were put on.
/// More than `caps.layers` of them are [`Undecodable::TooDeep`].
pub fn encodings(value: &str, caps: &Caps) -> Result<Vec<Encoding>, Undecodable> {
    let mut list = Vec::new();
    for name in value.split(',').map(|n| n.trim().to_ascii_lowercase()) {
        list.push(match name.as_str() {
            "" | "identity" => continue,
            "gzip" | "x-gzip" => Encoding::Gzip,
            "deflate" => Encoding::Zlib,
            "br" => Encoding::Brotli,
            "zstd" => Encoding::Zstd,
            _ => return Err(Undecodable::Encoding),
        });
        if list.len() > usize::from(caps.layers) {
            return Err(Undecodable::TooDeep);
        }
    }
    Ok(list)
}

enum Inner {
    /// `deflate`: zlib or raw, the first two bytes tell. One byte may be waiting.
    Unsure(Option<u8>),
    Flate(Box<Decompress>),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    Zstd(Box<zstd::stream::raw::Decoder<'static>>),
}

/// Where the compressed data stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// At the start of a member or frame.
    Start,
    Inside,
}

/// Takes one encoding off, as the bytes come.
pub struct Decoder {
    encoding: Encoding,
    inner: Inner,
    at: At,
    taken: u64,
    given: u64,
    ratio: u64,
    bytes: u64,
    failed: Option<Undecodable>,
    buffer: Box<[u8]>,
}

impl Decoder {
    /// A decoder at the start of the data.
    pub fn new(encoding: Encoding, caps: &Caps) -> Decoder {
        Decoder {
            encoding,
            inner: inner(encoding),
            at: At::Start,
            taken: 0,
            given: 0,
            ratio: u64::from(caps.ratio),
            bytes: caps.bytes,
            failed: None,
            buffer: vec![0; STEP_BYTES].into_boxed_slice(),
        }
    }

    /// What was found: [`Encoding::Deflate`] where `deflate` had no zlib header.
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Decodes `input`; text is appended to `out`. After an error every further call
    /// gives the same error.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Undecodable> {
        self.push_to(input, &mut |piece| out.extend_from_slice(piece))
    }

    /// The same; text goes to `sink` in pieces of at most [`STEP_BYTES`].
    pub fn push_to(
        &mut self,
        input: &[u8],
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<(), Undecodable> {
        if let Some(why) = self.failed {
            return Err(why);
        }
        let done = self.run(input, sink);
        self.failed = done.err();
        done
    }

    /// The end of the data: an error if it is cut short. No data at all is fine.
    pub fn finish(&mut self) -> Result<(), Undecodable> {
        match (self.failed, self.at, &self.inner) {
            (Some(why), ..) => Err(why),
            (None, At::Start, Inner::Unsure(Some(_))) | (None, At::Inside, _) => {
                Err(Undecodable::Compressed)
            }
            (None, At::Start, _) => Ok(()),
        }
    }

    fn run(&mut self, input: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<(), Undecodable> {
        if let Inner::Unsure(first) = self.inner {
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(());
            };
            let Some((head, second)) = first.map(|f| (f, byte)) else {
                self.inner = Inner::Unsure(Some(byte));
                return self.run(rest, sink);
            };
            self.choose(head, second);
            self.steps(&[head], sink)?;
        }
        self.steps(input, sink)
    }

    /// Zlib has its method, window and a check in the first two bytes (RFC 1950 2.2).
    fn choose(&mut self, head: u8, second: u8) {
        let zlib = head & 0x0F == 8
            && head >> 4 <= 7
            && (u16::from(head) << 8 | u16::from(second)).is_multiple_of(31);
        if !zlib {
            self.encoding = Encoding::Deflate;
        }
        self.inner = Inner::Flate(Box::new(Decompress::new(zlib)));
    }

    fn steps(&mut self, mut input: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<(), Undecodable> {
        loop {
            if input.is_empty() && self.at == At::Start {
                return Ok(());
            }
            let (used, made, ended) = self.step(input)?;
            self.taken += used as u64;
            self.given += made as u64;
            if self.given > self.bytes {
                return Err(Undecodable::SizeCap);
            }
            if self.given > RATIO_FREE_BYTES.saturating_add(self.ratio.saturating_mul(self.taken)) {
                return Err(Undecodable::RatioCap);
            }
            input = input.get(used..).unwrap_or(&[]);
            if made > 0 {
                sink(self.buffer.get(..made).unwrap_or(&[]));
            }
            self.at = if ended { At::Start } else { At::Inside };
            if ended {
                self.next_member(input)?;
            } else if made < STEP_BYTES && input.is_empty() {
                return Ok(());
            } else if used == 0 && made == 0 {
                return Err(Undecodable::Compressed);
            }
        }
    }

    /// What may stand behind the end of one compressed stream.
    fn next_member(&mut self, rest: &[u8]) -> Result<(), Undecodable> {
        match self.encoding {
            Encoding::Gzip => self.inner = inner(Encoding::Gzip),
            Encoding::Zstd => {}
            _ if !rest.is_empty() => return Err(Undecodable::Compressed),
            // More bytes in a later call run into a decoder that is at its end.
            _ => {}
        }
        Ok(())
    }

    /// Bytes used, bytes made (in `self.buffer`), and whether a stream ended there.
    fn step(&mut self, input: &[u8]) -> Result<(usize, usize, bool), Undecodable> {
        let broken = Undecodable::Compressed;
        let out = &mut self.buffer;
        match &mut self.inner {
            Inner::Unsure(_) => Err(broken),
            Inner::Flate(flate) => {
                let (in_before, out_before) = (flate.total_in(), flate.total_out());
                let status = flate
                    .decompress(input, out, FlushDecompress::None)
                    .map_err(|_| broken)?;
                let used = (flate.total_in() - in_before) as usize;
                let made = (flate.total_out() - out_before) as usize;
                let ended = status == Status::StreamEnd;
                let again = ended && used == 0 && made == 0 && !input.is_empty();
                if again {
                    Err(broken)
                } else {
                    Ok((used, made, ended))
                }
            }
            Inner::Brotli(state) => {
                let (mut left, mut used) = (input.len(), 0);
                let (mut space, mut made, mut total) = (out.len(), 0, 0);
                let result = BrotliDecompressStream(
                    &mut left, &mut used, input, &mut space, &mut made, out, &mut total, state,
                );
                match result {
                    BrotliResult::ResultFailure => Err(broken),
                    BrotliResult::ResultSuccess if made == 0 && used == 0 && !input.is_empty() => {
                        Err(broken)
                    }
                    BrotliResult::ResultSuccess => Ok((used, made, true)),
                    _ => Ok((used, made, false)),
                }
            }
            Inner::Zstd(zstd) => {
                let mut from = InBuffer::around(input);
                let mut to = OutBuffer::around(&mut out[..]);
                let left = zstd.run(&mut from, &mut to).map_err(|_| broken)?;
                Ok((from.pos(), to.pos(), left == 0))
            }
        }
    }
}

/// No bytes of the data in it.
impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("encoding", &self.encoding)
            .field("taken", &self.taken)
            .field("given", &self.given)
            .field("failed", &self.failed)
            .finish()
    }
}

fn inner(encoding: Encoding) -> Inner {
    match encoding {
        Encoding::Gzip => Inner::Flate(Box::new(Decompress::new_gzip(15))),
        Encoding::Zlib => Inner::Unsure(None),
        Encoding::Deflate => Inner::Flate(Box::new(Decompress::new(false))),
        // Strict: no windows beyond the 16 MiB of RFC 7932.
        Encoding::Brotli => Inner::Brotli(Box::new(BrotliState::new_strict(
            StandardAlloc::default(),
            StandardAlloc::default(),
            StandardAlloc::default(),
        ))),
        Encoding::Zstd => {
            let mut zstd = zstd::stream::raw::Decoder::new()
                .expect("a decoder without a dictionary needs memory only");
            zstd.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))
                .expect("the window bound is within libzstd's own");
            Inner::Zstd(Box::new(zstd))
        }
    }
}

/// `text` in this encoding. The size differs from what the peer would have made of
/// it; the text in it is what counts.
pub fn encode(encoding: Encoding, text: &[u8]) -> Vec<u8> {
    use std::io::Write;
    const MEMORY: &str = "writing to memory does not fail";
    let level = flate2::Compression::new(6);
    match encoding {
        Encoding::Gzip => {
            let mut out = flate2::write::GzEncoder::new(Vec::new(), level);
            out.write_all(text).expect(MEMORY);
            out.finish().expect(MEMORY)
        }
        Encoding::Zlib => {
            let mut out = flate2::write::ZlibEncoder::new(Vec::new(), level);
            out.write_all(text).expect(MEMORY);
            out.finish().expect(MEMORY)
        }
        Encoding::Deflate => {
            let mut out = flate2::write::DeflateEncoder::new(Vec::new(), level);
            out.write_all(text).expect(MEMORY);
            out.finish().expect(MEMORY)
        }
        Encoding::Brotli => {
            let mut out = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 22);
            out.write_all(text).expect(MEMORY);
            out.into_inner()
        }
        Encoding::Zstd => zstd::stream::encode_all(text, 3).expect(MEMORY),
    }
}
