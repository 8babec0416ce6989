//! Why bytes could not be read. What cannot be read cannot be called clean: the
//! caller denies or holds.

use std::fmt;

/// The first reason why something in a stream or body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Undecodable {
    /// Compressed data is broken, cut short, or has something behind its end.
    Compressed,
    /// A content encoding that is not known here.
    Encoding,
    /// More than three decoding layers.
    TooDeep,
    /// Decompressed data grows beyond the allowed ratio.
    RatioCap,
    /// Decompressed data grows beyond the allowed size.
    SizeCap,
    /// A character set that is not known here, or text that is not in it.
    Charset,
    /// An archive or document that is encrypted, broken or of an unknown form.
    Document,
    /// An image where the settings deny what cannot be looked into.
    Opaque,
}

impl Undecodable {
    /// Stable lower-case name for records.
    pub fn name(self) -> &'static str {
        match self {
            Undecodable::Compressed => "compressed",
            Undecodable::Encoding => "encoding",
            Undecodable::TooDeep => "too_deep",
            Undecodable::RatioCap => "ratio_cap",
            Undecodable::SizeCap => "size_cap",
            Undecodable::Charset => "charset",
            Undecodable::Document => "document",
            Undecodable::Opaque => "opaque",
        }
    }
}

impl fmt::Display for Undecodable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Undecodable::Compressed => "compressed data is broken or cut short",
            Undecodable::Encoding => "unknown content encoding",
            Undecodable::TooDeep => "more than three decoding layers",
            Undecodable::RatioCap => "decompressed data exceeds the ratio cap",
            Undecodable::SizeCap => "decompressed data exceeds the size cap",
            Undecodable::Charset => "unknown or broken character set",
            Undecodable::Document => "document is encrypted, broken or of an unknown form",
            Undecodable::Opaque => "image content is denied",
        })
    }
}

impl std::error::Error for Undecodable {}
