//! Finds and masks payment card numbers in byte streams.
//!
//! A PAN is a digit sequence, in whatever form its characters are written, that matches
//! the IIN x length table ([`iin`]), passes Luhn and stands in a valid boundary;
//! `scalar.rs` is the specification of all three. The crate knows nothing of sockets, files or MCP: bytes go in,
//! [`Finding`]s with absolute offsets and an equally long replacement come out.
//!
//! Invariants
//! - Cuts never matter: a stream gives the same findings however it is chunked.
//! - Same length: a replacement has exactly the length of what it replaces, and a
//!   JSON number is replaced by a number, so framing and types survive.
//! - Nothing found again: output masked in [`Mode::Strict`] scans clean.
//! - No raw PAN comes out: a [`Finding`] holds only masked digits.
//!
//! Bounds
//! - [`HOLD_BYTES_MAX`]: bytes a [`Stream`] may keep from leaving.
//! - [`CONTEXT_BYTES`]: bytes looked at to the left of a candidate.
//! - A digit run of 20 and more is no card, and neither is any part of it.
//! - From its first digit on, a number ends within 208 bytes in whatever form it is
//!   written, and the bracket of an array or object of digits stands within 232: what
//!   goes on is no finding. Track data is removed up to 228 bytes.
//! - One character: 24 bytes, 8 backslashes, two further rounds of percent encoding, one
//!   `&amp;`, 7 digits in an entity. A JSON number: 40 bytes before its exponent.
//! - A word of cards: within 64 bytes before the number, in JSON only where it speaks of
//!   that value (`scope.rs`).
//! - A code (CVV, PIN): its name within 24 bytes before it, or a card within 40.
//! - [`json_path`]: 64 levels. [`Via`]: three layers.
//! - Layers: three ([`Caps::layers`]); what is decompressed grows to 64 MiB and 200 times
//!   what came at most ([`Caps`]); a document (zip, PDF) is read up to 16 MiB, 4096
//!   members, 256 findings; a multipart body three deep, 1000 parts. Beyond a bound a
//!   stream is [`Stream::undecodable`], and so is what is broken or encrypted.
//! - [`HOLD_ENCODED_MAX`]: bytes held while something encoded is open. Base64 is looked
//!   for from 18 characters on; a run of base64 characters at the end of what was fed is
//!   held until it goes on, up to 192 bytes.
//! - No allocation after [`Scanner::new`], but for a run of base64 that is being read,
//!   findings that wait for their release, the list of findings inside
//!   [`Scanner::mask_in_place`] (at most one for each 3 bytes of text) and the string of
//!   [`json_path`].

mod arch;
mod array;
#[cfg(feature = "decode")]
pub mod body;
mod boundary;
mod candidate;
mod caps;
#[cfg(feature = "decode")]
pub mod codec;
mod decode;
mod events;
mod fields;
mod finding;
mod grade;
mod hold;
pub mod iin;
mod json;
mod layers;
mod layout;
mod luhn;
mod mask;
#[cfg(feature = "decode")]
mod media;
#[cfg(feature = "decode")]
mod multipart;
mod number;
mod path;
mod sad;
mod scalar;
mod scope;
mod settings;
mod sieve;
mod special;
mod stream;
mod test_pans;
mod token;
mod track;
mod trigger;
mod undecodable;
mod unicode;
mod words;

pub use arch::Tier;
pub use caps::Caps;
pub use events::{DEPTH_MAX, Split, TAIL_BYTES, TAIL_DIGITS, TAILS_MAX, Tails};
pub use fields::{FieldError, FieldRule, FieldStream, Fields};
pub use finding::{Confidence, Finding, Kind, Layer, Shown, Via, names_card};
pub use iin::Brand;
pub use layers::{HOLD_ENCODED_MAX, Scanner, Stream};
pub use path::json_path;
pub use settings::{AllowError, AllowList, MaskFormat, Mode, Settings};
pub use stream::Carrier;
pub use undecodable::Undecodable;

/// The scanner of plain text alone: no base64, UTF-16 or packed content.
pub mod plain {
    pub use crate::stream::{Scanner, Stream};
}

/// Most bytes that are fed and not yet released at any time.
pub const HOLD_BYTES_MAX: usize = 256;

/// Bytes to the left of a candidate that can change the verdict on it.
pub const CONTEXT_BYTES: usize = 96;
