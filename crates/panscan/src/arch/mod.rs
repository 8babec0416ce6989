//! 64 bytes at a time: what each of them is, and the check digit of a candidate. The
//! only `unsafe` of the crate is in the x86 tiers; [`Plain`] is the same in safe code.
//!
//! A tier changes the speed, never the findings: `sieve.rs` and `json.rs` are written
//! once over [`Lanes`], and the tests run every available tier against `scalar.rs`.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
mod class;
#[cfg(target_arch = "x86_64")]
pub(crate) mod x86;

/// An instruction set that the scanner can run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// No prefilter at all: the specification.
    Scalar,
    /// The prefilter in portable code.
    Plain,
    /// x86-64 baseline.
    Sse2,
    /// x86-64 with AVX2 and BMI2.
    Avx2,
    /// x86-64 with AVX-512 F, BW, VL, VBMI and VBMI2 (Ice Lake, Zen 4).
    Avx512,
}

impl Tier {
    /// The fastest tier of this processor.
    pub fn best() -> Tier {
        *Tier::all_available().last().unwrap_or(&Tier::Plain)
    }

    /// Every tier of this processor, the slowest first.
    pub fn all_available() -> &'static [Tier] {
        #[cfg(target_arch = "x86_64")]
        {
            let all = &[
                Tier::Scalar,
                Tier::Plain,
                Tier::Sse2,
                Tier::Avx2,
                Tier::Avx512,
            ];
            if !x86::has_avx2() {
                return &all[..3];
            }
            if !avx512::is_here() {
                return &all[..4];
            }
            all
        }
        #[cfg(not(target_arch = "x86_64"))]
        &[Tier::Scalar, Tier::Plain]
    }
}

/// What the bytes of a block are: bit i is about byte i.
#[derive(Clone, Copy, Default)]
pub(crate) struct Classes {
    pub(crate) digits: u64,
    /// ASCII that joins digits: space, `-`, `.`, `/`, `+`, `_`.
    pub(crate) seps: u64,
    /// 0x80 and above.
    pub(crate) high: u64,
    /// Byte i and the one behind it may begin a character written in several bytes
    /// (`decode.rs`): `\u`, `\x`, `\/`, `%` and hex, `&` and a letter or `#`.
    pub(crate) leads: u64,
    /// Byte i and the next two may be part of the name of a code (`sad.rs`).
    pub(crate) names: u64,
    /// Byte i is a bracket that may open an array or object of digits (`array.rs`), or a
    /// digit with the letter of an exponent behind it (`number.rs`).
    pub(crate) extras: u64,
    /// Byte i is a backslash, and so is the one behind it.
    pub(crate) doubles: u64,
    /// Byte i is no backslash, and the one behind it is a quote.
    pub(crate) quotes: u64,
}

/// Bytes that are looked at to tell the [`Classes`] of a block.
pub(crate) const BLOCK_BYTES: usize = 66;

/// What is asked of every block.
#[derive(Clone, Copy)]
pub(crate) struct PlainClasses {
    pub(crate) digits: u64,
    pub(crate) seps: u64,
    pub(crate) extras: u64,
}

/// Pairs that end the plain path: [`Classes::leads`] and, in JSON, [`Classes::doubles`].
pub(crate) fn watch(json: bool) -> u8 {
    class::LEADS | if json { class::DOUBLE } else { 0 }
}

impl Classes {
    /// What is left where nothing but the plain classes is there.
    #[inline(always)]
    fn plain(&self, watch: u8) -> Option<PlainClasses> {
        let doubles = if watch & class::DOUBLE != 0 {
            self.doubles
        } else {
            0
        };
        (self.high | self.leads | self.names | doubles == 0).then_some(PlainClasses {
            digits: self.digits,
            seps: self.seps,
            extras: self.extras,
        })
    }
}

/// The bytes from a candidate on.
#[derive(Clone, Copy)]
pub(crate) struct Window {
    pub(crate) digits: u64,
    pub(crate) seps: u64,
    pub(crate) spaces: u64,
}

/// Masks of eight blocks at once.
pub(crate) trait Wide: Copy {
    fn load(masks: &[u64; 8]) -> Self;
    fn store(self) -> [u64; 8];
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    /// What is in `self` and not in `other`.
    fn without(self, other: Self) -> Self;
    /// Each mask moved down by `by` (1-63), the bits of the other one coming in on top.
    fn down(self, behind: Self, by: u32) -> Self;
    /// Each mask moved up by `by` (1-63), the top bits of the other one coming in below.
    fn up(self, before: Self, by: u32) -> Self {
        before.down(self, 64 - by)
    }
    fn is_zero(self) -> bool;
}

impl Wide for [u64; 8] {
    #[inline(always)]
    fn load(masks: &[u64; 8]) -> Self {
        *masks
    }
    #[inline(always)]
    fn store(self) -> [u64; 8] {
        self
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] & other[i])
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] | other[i])
    }
    #[inline(always)]
    fn without(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] & !other[i])
    }
    #[inline(always)]
    fn down(self, behind: Self, by: u32) -> Self {
        std::array::from_fn(|i| self[i] >> by | behind[i] << (64 - by))
    }
    #[inline(always)]
    fn is_zero(self) -> bool {
        self.iter().fold(0, |a, b| a | b) == 0
    }
}

/// One instruction set.
pub(crate) trait Lanes {
    type Wide: Wide;

    /// [`Classes::quotes`], one block laid over the other.
    type Quotes: Copy;
    fn no_quotes() -> Self::Quotes;
    /// Is their number odd?
    fn is_odd(quotes: Self::Quotes) -> bool;

    /// Classes of a block of ASCII in which there are no names, and no pair is of a class
    /// in `watch`. `None`: ask for [`Self::classes`], no quote was counted.
    fn plain(
        bytes: &[u8; BLOCK_BYTES],
        watch: u8,
        quotes: &mut Self::Quotes,
    ) -> Option<PlainClasses>;

    /// Everything there is to know.
    fn classes(bytes: &[u8; BLOCK_BYTES]) -> Classes;

    /// Is there neither a digit nor a byte of 0x80 and above in these?
    fn is_quiet(bytes: &[u8; 256]) -> bool;

    /// The same for a candidate's bytes.
    fn window(bytes: &[u8; 64]) -> Window;

    /// Of the bytes that `keep` selects (digits) the first four as a number, and
    /// whether the first `len` (12-19) pass Luhn.
    fn check(bytes: &[u8; 64], keep: u64, len: u32) -> (u32, bool);

    /// The bits of `mask` that `keep` selects, moved together.
    fn squeeze(mask: u64, keep: u64) -> u64;

    /// Quotes and backslashes of a block.
    fn quoting(block: &[u8; 64]) -> (u64, u64);
}

/// Is the sum of 19 digits a multiple of ten?
#[inline(always)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
fn is_tens(sum: u32) -> bool {
    debug_assert!(sum < 1024);
    sum * 205 / 2048 * 10 == sum
}

/// Safe, portable.
pub(crate) struct Plain;

impl Plain {
    #[inline(always)]
    fn mask(block: &[u8; 64], is: impl Fn(u8) -> bool) -> u64 {
        block
            .iter()
            .enumerate()
            .fold(0, |m, (i, b)| m | u64::from(is(*b)) << i)
    }
}

impl Lanes for Plain {
    type Wide = [u64; 8];
    type Quotes = bool;

    #[inline(always)]
    fn no_quotes() -> bool {
        false
    }

    #[inline(always)]
    fn is_odd(quotes: bool) -> bool {
        quotes
    }

    #[inline(always)]
    fn plain(bytes: &[u8; BLOCK_BYTES], watch: u8, quotes: &mut bool) -> Option<PlainClasses> {
        let classes = Plain::classes(bytes);
        let plain = classes.plain(watch)?;
        *quotes ^= classes.quotes.count_ones() % 2 == 1;
        Some(plain)
    }

    #[inline(always)]
    fn classes(bytes: &[u8; BLOCK_BYTES]) -> Classes {
        let mut classes = Classes::default();
        for (i, three) in bytes.windows(3).enumerate() {
            let &[byte, after, third] = three else {
                continue;
            };
            let (one, two) = (class::first(byte), class::second(after));
            let bit = |is: bool| u64::from(is) << i;
            classes.digits |= bit(one & class::DIGIT != 0);
            classes.seps |= bit(one & class::SEP != 0);
            classes.high |= bit(byte >= 0x80);
            classes.leads |= bit(one & two & class::LEADS != 0);
            classes.names |= bit(class::is_name(byte, after, third));
            classes.extras |= bit(one & two & class::EXTRAS != 0);
            classes.doubles |= bit(one & two & class::DOUBLE != 0);
            classes.quotes |= bit(one & two & class::QUOTE != 0);
        }
        classes
    }

    #[inline(always)]
    fn is_quiet(bytes: &[u8; 256]) -> bool {
        !bytes
            .iter()
            .fold(false, |any, b| any | (b.is_ascii_digit() | (*b >= 0x80)))
    }

    #[inline(always)]
    fn window(bytes: &[u8; 64]) -> Window {
        Window {
            digits: Plain::mask(bytes, |b| b.is_ascii_digit()),
            seps: Plain::mask(bytes, |b| class::first(b) & class::SEP != 0),
            spaces: Plain::mask(bytes, |b| b == b' '),
        }
    }

    #[inline(always)]
    fn check(bytes: &[u8; 64], keep: u64, len: u32) -> (u32, bool) {
        let mut digits = [0u8; 32];
        let mut keep = keep;
        for slot in digits.iter_mut().take(len as usize) {
            let at = keep.trailing_zeros();
            *slot = bytes.get(at as usize).map_or(0, |b| b.wrapping_sub(b'0'));
            keep &= keep.wrapping_sub(1);
        }
        let head = digits[..4].iter().fold(0, |n, d| n * 10 + u32::from(*d));
        let digits = digits.get(..len as usize).unwrap_or(&[]);
        (head, crate::luhn::passes(digits))
    }

    #[inline(always)]
    fn squeeze(mask: u64, keep: u64) -> u64 {
        if keep == u64::MAX {
            return mask;
        }
        let (mut out, mut rest, mut to) = (0, keep, 0);
        while rest != 0 {
            let at = rest.trailing_zeros();
            out |= (mask >> at & 1) << to;
            to += 1;
            rest &= rest - 1;
        }
        out
    }

    #[inline(always)]
    fn quoting(block: &[u8; 64]) -> (u64, u64) {
        (
            Plain::mask(block, |b| b == b'"'),
            Plain::mask(block, |b| b == b'\\'),
        )
    }
}
