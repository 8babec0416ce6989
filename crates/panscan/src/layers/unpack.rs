//! Content with text inside that cannot be altered in place: compressed data and
//! documents. What is found there is reported as not maskable, at its beginning.

use super::sniff::Pack;
use super::{Scanner, Stream};
use crate::decode::{Decoder, Encoding};
use crate::finding::Finding;
use crate::undecodable::Undecodable;

/// One packed content.
pub(crate) struct Packed {
    decoder: Decoder,
    inner: Stream,
    /// It only may be what it looks like: errors say that it is not.
    weak: bool,
    failed: Option<Undecodable>,
}

impl Packed {
    pub(crate) fn new(scanner: &Scanner, pack: Pack, depth: u8) -> Result<Packed, Undecodable> {
        let encoding = match pack {
            Pack::Gzip => Encoding::Gzip,
            Pack::Zlib => Encoding::Zlib,
            Pack::Zstd => Encoding::Zstd,
            Pack::Zip | Pack::Pdf => return Err(Undecodable::Document),
        };
        Ok(Packed {
            decoder: Decoder::new(encoding, scanner.caps()),
            inner: Stream::unknown(depth + 1),
            weak: pack == Pack::Zlib,
            failed: None,
        })
    }

    pub(crate) fn undecodable(&self) -> Option<Undecodable> {
        self.failed.or(self.inner.undecodable())
    }

    pub(crate) fn feed(&mut self, scanner: &Scanner, bytes: &[u8], found: &mut Vec<Finding>) {
        if self.failed.is_some() {
            return;
        }
        let inner = &mut self.inner;
        let done = self.decoder.push_to(bytes, &mut |text| {
            scanner.scan(inner, text, &mut |f| found.push(unmaskable(f)));
        });
        self.note(done);
    }

    pub(crate) fn finish(&mut self, scanner: &Scanner, found: &mut Vec<Finding>) {
        let done = self.decoder.finish();
        self.note(done);
        scanner.finish(&mut self.inner, &mut |f| found.push(unmaskable(f)));
    }

    fn note(&mut self, done: Result<(), Undecodable>) {
        match done {
            Err(Undecodable::Compressed) if self.weak => {}
            Err(why) => self.failed = self.failed.or(Some(why)),
            Ok(()) => {}
        }
    }
}

fn unmaskable(mut finding: Finding) -> Finding {
    finding.start = 0;
    finding.end = 1;
    finding.rewritable = false;
    finding.masked = false;
    finding
}
