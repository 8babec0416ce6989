//! Content with text inside that cannot be altered in place: compressed data and
//! documents. What is found there is reported as not maskable, at its beginning.
//!
//! Compressed data is read as it comes. A document is kept until it ends, since its
//! directory is there: up to [`DOCUMENT_BYTES_MAX`].

use super::sniff::Pack;
use super::{Scanner, Stream, pdf, zip};
use crate::codec::{Decoder, Encoding};
use crate::finding::{Finding, Layer};
use crate::undecodable::Undecodable;

/// Largest document that is read.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 16 << 20;

/// Findings that are reported of one content: one is enough to deny it.
pub(crate) const FINDINGS_MAX: usize = 256;

/// One packed content.
pub(crate) struct Packed {
    layer: Layer,
    way: Way,
    reported: usize,
    failed: Option<Undecodable>,
}

enum Way {
    Stream {
        decoder: Decoder,
        inner: Box<Stream>,
        /// It only may be what it looks like: errors say that it is not.
        weak: bool,
    },
    Document {
        pdf: bool,
        bytes: Vec<u8>,
        /// Layers around what is in it.
        depth: u8,
    },
}

impl Packed {
    pub(crate) fn new(scanner: &Scanner, pack: Pack, depth: u8) -> Packed {
        let (layer, encoding) = match pack {
            Pack::Gzip => (Layer::Gzip, Some(Encoding::Gzip)),
            Pack::Zlib => (Layer::Deflate, Some(Encoding::Zlib)),
            Pack::Zstd => (Layer::Zstd, Some(Encoding::Zstd)),
            Pack::Zip => (Layer::Zip, None),
            Pack::Pdf => (Layer::Pdf, None),
        };
        let way = match encoding {
            Some(encoding) => Way::Stream {
                decoder: Decoder::new(encoding, scanner.caps()),
                inner: Box::new(Stream::unknown(depth + 1)),
                weak: pack == Pack::Zlib,
            },
            None => Way::Document {
                pdf: pack == Pack::Pdf,
                bytes: Vec::new(),
                depth: depth + 1,
            },
        };
        Packed {
            layer,
            way,
            reported: 0,
            failed: None,
        }
    }

    pub(crate) fn undecodable(&self) -> Option<Undecodable> {
        match &self.way {
            Way::Stream { inner, .. } => self.failed.or(inner.undecodable()),
            Way::Document { .. } => self.failed,
        }
    }

    pub(crate) fn feed(&mut self, scanner: &Scanner, input: &[u8], found: &mut Vec<Finding>) {
        if self.failed.is_some() {
            return;
        }
        let (layer, reported) = (self.layer, &mut self.reported);
        let mut sink = |f| report(f, layer, reported, found);
        let done = match &mut self.way {
            Way::Stream {
                decoder,
                inner,
                weak,
            } => {
                let done = decoder.push_to(input, &mut |text| {
                    scanner.scan(inner, text, &mut sink);
                });
                done.or_else(|why| pass(why, *weak))
            }
            Way::Document { bytes, .. } if bytes.len() + input.len() > DOCUMENT_BYTES_MAX => {
                *bytes = Vec::new();
                Err(Undecodable::SizeCap)
            }
            Way::Document { bytes, .. } => {
                bytes.extend_from_slice(input);
                Ok(())
            }
        };
        self.failed = self.failed.or(done.err());
    }

    pub(crate) fn finish(&mut self, scanner: &Scanner, found: &mut Vec<Finding>) {
        let (layer, reported) = (self.layer, &mut self.reported);
        let mut sink = |f| report(f, layer, reported, found);
        let done = match &mut self.way {
            Way::Stream {
                decoder,
                inner,
                weak,
            } => {
                scanner.finish(inner, &mut sink);
                decoder.finish().or_else(|why| pass(why, *weak))
            }
            Way::Document { .. } if self.failed.is_some() => Ok(()),
            Way::Document { pdf, bytes, depth } => {
                let bytes = std::mem::take(bytes);
                if *pdf {
                    pdf::scan(scanner, &bytes, *depth, &mut sink)
                } else {
                    zip::scan(scanner, &bytes, *depth, &mut sink)
                }
            }
        };
        self.failed = self.failed.or(done.err());
    }
}

fn pass(why: Undecodable, weak: bool) -> Result<(), Undecodable> {
    match why {
        Undecodable::Compressed if weak => Ok(()),
        why => Err(why),
    }
}

fn report(mut finding: Finding, layer: Layer, reported: &mut usize, found: &mut Vec<Finding>) {
    *reported += 1;
    if *reported > FINDINGS_MAX {
        return;
    }
    finding.start = 0;
    finding.end = 1;
    finding.rewritable = false;
    finding.masked = false;
    finding.via = finding.via.under(layer);
    found.push(finding);
}
