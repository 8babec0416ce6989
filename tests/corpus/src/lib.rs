//! A labelled corpus of card numbers in every carrier an inline gateway meets, hard
//! negatives beside them, and a scorer.
//!
//! Nothing here is shared with `panscan`: the brand table ([`card`]) is written from the
//! public ranges, Luhn, encoders ([`encode`]) and decoders ([`decode`]) are this crate's
//! own, so that a mistake in one does not hide in the other. Only [`library`] touches
//! `panscan`, to drive it; [`program`] drives any executable that speaks the same JSON
//! lines (`panward scan --jsonl`).
//!
//! Numbers: every one begins with the BIN of a number that a scheme, an acquirer or a
//! payment provider publishes for tests (Visa 411111, 401288, 424242, 400005, 422222;
//! Mastercard 555555, 510510, 520082, 222300, 222240; Amex 378282, 371449, 378734;
//! Discover 601111, 601100, 644564; JCB 353011, 356600, 356999; Diners 305693, 385200,
//! 362272, 360066; `UnionPay` 620000, 620550, 817199; Maestro 675964, 677179, 501800,
//! 630400, 679999; `RuPay` 607384; Mir 220000; Elo 506699, 636297; Hipercard 606282; Hiper
//! 637095; Troy 979203; UATP 135410; Verve 506099, 506146; Dankort 501971, 501955; `UzCard`
//! 860006; Napas 970419), and the digits behind it are drawn from a fixed seed. Brands
//! without a published test number (edges of ranges, T-Union, `LankaPay`, ...) use the first
//! prefix of the range with `0000` behind it.
//!
//! Invariants
//! - The same seed gives the same bytes, on every machine.
//! - A case says what a scanner has to find, how often and, where the bytes stand as they
//!   are in the body, at which offsets.
//!
//! What it does not do: measure speed, or show that no real card looks different.

pub mod card;
pub mod case;
pub mod clean;
pub mod decode;
pub mod encode;
pub mod library;
mod negatives;
mod positives;
pub mod program;
mod rng;
pub mod score;

pub use case::{Case, Class, Expect, generate};
pub use rng::Rng;

/// Seed of the committed goals.
pub const SEED: u64 = 0x5EED_CA2D;
