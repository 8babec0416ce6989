//! Packed content in a build without decoders: it cannot be read, and that is said.

use super::Scanner;
use super::sniff::Pack;
use crate::finding::Finding;
use crate::undecodable::Undecodable;

/// One packed content.
pub(crate) struct Packed;

impl Packed {
    pub(crate) fn new(_: &Scanner, _: Pack, _: u8) -> Packed {
        Packed
    }

    pub(crate) fn undecodable(&self) -> Option<Undecodable> {
        Some(Undecodable::Encoding)
    }

    pub(crate) fn feed(&mut self, _: &Scanner, _: &[u8], _: &mut Vec<Finding>) {}

    pub(crate) fn finish(&mut self, _: &Scanner, _: &mut Vec<Finding>) {}
}
