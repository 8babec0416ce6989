//! What the scanner reports. Holds the masked form only: the digits that were
//! hidden are not in here, so neither `Debug` nor a record can leak them.

use std::fmt;

use crate::HOLD_BYTES_MAX;
use crate::iin::Brand;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A card number.
    Pan,
    /// Track 1 of a magnetic stripe, replaced whole (PCI DSS 3.3.1.1).
    Track1,
    /// Track 2 of a magnetic stripe, replaced whole (PCI DSS 3.3.1.1).
    Track2,
    /// A card verification code (CVV2, CVC2, CID ...), replaced whole (PCI DSS 3.3.1.2).
    Cvv,
    /// A PIN, replaced whole (PCI DSS 3.3.1.3).
    Pin,
    /// A value that a field rule of the operator names, replaced whole.
    Field,
}

impl Kind {
    /// Stable lower-case name for records: `pan`, `track1`, `track2`, `cvv`, `pin`, `field`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Pan => "pan",
            Kind::Track1 => "track1",
            Kind::Track2 => "track2",
            Kind::Cvv => "cvv",
            Kind::Pin => "pin",
            Kind::Field => "field",
        }
    }
}

macro_rules! layers {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// One way in which the bytes of a number were wrapped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Layer { $($(#[$doc])* $variant),+ }
        impl Layer {
            /// Stable lower-case name for records.
            pub fn name(self) -> &'static str {
                match self { $(Layer::$variant => $name),+ }
            }
        }
    };
}

layers! {
    /// `\\u0034`, also with the backslashes of JSON in JSON.
    JsonEscape = "json-escape",
    /// `%34`, also encoded again.
    Percent = "percent",
    /// `&#52;` and named entities.
    Entity = "entity",
    /// Decimal digits that are not ASCII.
    Unicode = "unicode",
    /// The groups are elements of one array or object.
    Array = "array",
    /// Over several events of one stream.
    Split = "split",
    /// Base64, either alphabet.
    Base64 = "base64",
    /// UTF-16, either byte order.
    Utf16 = "utf16",
    /// Another legacy charset.
    Charset = "charset",
    /// gzip.
    Gzip = "gzip",
    /// deflate, zlib or raw.
    Deflate = "deflate",
    /// Brotli.
    Brotli = "brotli",
    /// Zstandard.
    Zstd = "zstd",
    /// A member of a zip archive (also docx, xlsx).
    Zip = "zip",
    /// A stream of a PDF document.
    Pdf = "pdf",
}

impl Layer {
    /// Can bytes inside this layer be replaced by as many others, in place?
    pub fn keeps_length(self) -> bool {
        !matches!(
            self,
            Layer::Gzip | Layer::Deflate | Layer::Brotli | Layer::Zstd | Layer::Zip | Layer::Pdf
        )
    }
}

/// The layers around a number, the outermost first. Holds [`Via::LAYERS_MAX`]: what is
/// deeper is not read, so there is nothing to name.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Via([Option<Layer>; Via::LAYERS_MAX]);

impl Via {
    /// Most layers that are read.
    pub const LAYERS_MAX: usize = 3;

    /// The layers, the outermost first.
    pub fn layers(&self) -> impl Iterator<Item = Layer> + '_ {
        self.0.iter().flatten().copied()
    }

    /// Nothing around it: plain digits in the bytes that were fed.
    pub fn is_plain(&self) -> bool {
        self.0[0].is_none()
    }

    /// With one more layer inside the others. A layer that is there already is not
    /// named twice, and neither is a fourth.
    #[must_use]
    pub fn inside(mut self, layer: Layer) -> Via {
        if !self.layers().any(|l| l == layer)
            && let Some(free) = self.0.iter_mut().find(|slot| slot.is_none())
        {
            *free = Some(layer);
        }
        self
    }

    /// With `layer` around all the others; the innermost is dropped if there are too many.
    #[must_use]
    pub fn under(self, layer: Layer) -> Via {
        self.layers()
            .fold(Via::default().inside(layer), Via::inside)
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, layer) in self.layers().enumerate() {
            f.write_str(if i == 0 { "" } else { ">" })?;
            f.write_str(layer.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

/// How sure the scanner is. Ordered: `Low < Medium < High`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// A regional brand, or a number beside a word such as `imei` or `trace_id`.
    Low,
    /// A rarer length: 13, 14 or 19 digits, JCB of 15, Maestro and UnionPay at odd lengths.
    Medium,
    /// A card grouping, track data, or 16 digits (Amex 15) of a major brand.
    High,
}

impl Confidence {
    /// Stable lower-case name for records: `low`, `medium`, `high`.
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }
}

/// One place where a card number (or a track) stands.
#[derive(Clone)]
pub struct Finding {
    /// Absolute offset of the first byte in the stream.
    pub start: u64,
    /// Absolute offset behind the last byte. `end - start <= HOLD_BYTES_MAX`.
    pub end: u64,
    /// What it is.
    pub kind: Kind,
    /// Whose number range it is in.
    pub brand: Brand,
    /// How sure.
    pub confidence: Confidence,
    /// Whether the mode asks for the bytes to be replaced.
    pub masked: bool,
    /// A number that card schemes and payment providers publish for tests.
    pub test_pan: bool,
    /// What the digits were wrapped in.
    pub via: Via,
    pub(crate) replacement: [u8; HOLD_BYTES_MAX],
    pub(crate) shown: Shown,
}

impl Finding {
    /// What to write over `start..end`: exactly as long.
    pub fn replacement(&self) -> &[u8] {
        let len = (self.end - self.start) as usize;
        &self.replacement[..len.min(HOLD_BYTES_MAX)]
    }

    /// Whether [`Finding::replacement`] can be written over the bytes. Where it cannot
    /// (the number is inside something compressed) the caller denies or holds.
    pub fn maskable(&self) -> bool {
        self.via.layers().all(Layer::keeps_length)
    }

    /// The masked number without separators, for records: `411111******1111`.
    /// Of a track this is the masked number in it; of a CVV, PIN or field it is `***`.
    pub fn shown(&self) -> &Shown {
        &self.shown
    }
}

/// Does a path of JSON name a card: `$.payment.card.number`? For callers that know the path
/// of a [`Confidence::Medium`] finding ([`crate::json_path`]) where [`crate::Mode::Balanced`]
/// saw no card word in the 64 bytes before it.
pub fn names_card(path: &str) -> bool {
    crate::words::card_anywhere(path.as_bytes())
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finding")
            .field("start", &self.start)
            .field("end", &self.end)
            .field("kind", &self.kind)
            .field("brand", &self.brand)
            .field("confidence", &self.confidence)
            .field("masked", &self.masked)
            .field("test_pan", &self.test_pan)
            .field("via", &self.via)
            .field("shown", &self.shown)
            .finish()
    }
}

/// A masked number, at most 19 ASCII characters, digits and `*`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shown {
    pub(crate) text: [u8; 19],
    pub(crate) len: u8,
}

impl Shown {
    /// The masked number as text.
    pub fn as_str(&self) -> &str {
        let len = usize::from(self.len).min(self.text.len());
        std::str::from_utf8(&self.text[..len]).unwrap_or("")
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
