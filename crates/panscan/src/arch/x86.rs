//! SSE2 and AVX2 lanes.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi8, _mm_add_epi64, _mm_and_si128, _mm_cmpeq_epi8, _mm_cmpgt_epi8,
    _mm_cvtsi32_si128, _mm_cvtsi128_si32, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8,
    _mm_sad_epu8, _mm_set1_epi8, _mm_setr_epi8, _mm_setzero_si128, _mm_sub_epi8,
    _mm_unpackhi_epi64, _mm256_and_si256, _mm256_andnot_si256, _mm256_cmpeq_epi8,
    _mm256_loadu_si256, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8,
    _mm256_sll_epi64, _mm256_srl_epi64, _mm256_storeu_si256, _mm256_sub_epi8, _mm256_testz_si256,
    _pext_u64,
};

use super::{BLOCK_BYTES, Classes, Lanes, Plain, PlainClasses, Wide, Window};
use crate::json::StringState;
use crate::sieve::Sieve;

/// Does this processor have what the AVX2 tier needs?
pub(crate) fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
        && std::arch::is_x86_feature_detected!("popcnt")
        && std::arch::is_x86_feature_detected!("bmi1")
        && std::arch::is_x86_feature_detected!("bmi2")
        && std::arch::is_x86_feature_detected!("lzcnt")
}

/// Four vectors of 16 bytes.
pub(crate) struct Sse2([__m128i; 4]);

impl Sse2 {
    #[inline(always)]
    fn load(block: &[u8; 64]) -> Sse2 {
        let at = |i: usize| {
            let part: &[u8; 16] = block[i..].first_chunk().expect("i is at most 48 of 64");
            // SAFETY: `part` is 16 readable bytes; the load has no alignment need.
            unsafe { _mm_loadu_si128(part.as_ptr().cast()) }
        };
        Sse2([at(0), at(16), at(32), at(48)])
    }

    #[inline(always)]
    fn mask(&self, compare: impl Fn(__m128i) -> __m128i) -> u64 {
        let bits = |v: __m128i| {
            // SAFETY: SSE2 is part of every x86-64 processor.
            let bits = unsafe { _mm_movemask_epi8(compare(v)) };
            u64::from(bits as u32)
        };
        let [a, b, c, d] = self.0;
        bits(a) | bits(b) << 16 | bits(c) << 32 | bits(d) << 48
    }

    #[inline(always)]
    fn equal(&self, byte: u8) -> u64 {
        // SAFETY: SSE2 is part of every x86-64 processor.
        self.mask(|v| unsafe { _mm_cmpeq_epi8(v, _mm_set1_epi8(byte as i8)) })
    }

    /// Bytes in `first..first + count`.
    #[inline(always)]
    fn within(&self, first: u8, count: u8) -> u64 {
        // SAFETY: SSE2 is part of every x86-64 processor.
        self.mask(|v| unsafe {
            let off = _mm_sub_epi8(v, _mm_set1_epi8(first as i8));
            _mm_cmpeq_epi8(_mm_min_epu8(off, _mm_set1_epi8(count as i8 - 1)), off)
        })
    }

    #[inline(always)]
    fn seps(&self) -> u64 {
        self.equal(b' ') | self.within(b'-', 3) | self.equal(b'+') | self.equal(b'_')
    }
}

impl Sse2 {
    /// The letter, in either case.
    #[inline(always)]
    fn letter(&self, letter: u8) -> u64 {
        self.equal(letter) | self.equal(letter - 32)
    }

    /// A superset of what [`class::NAMES`] has.
    #[inline(always)]
    fn names(&self, after: &Sse2, third: &Sse2) -> u64 {
        let (v, i, c) = (after.letter(b'v'), after.letter(b'i'), after.letter(b'c'));
        let (first_c, er) = (self.letter(b'c'), self.letter(b'e') | self.letter(b'r'));
        let likely = first_c & v | self.letter(b'p') & i | er & (c | i);
        let likely = likely | first_c & (c | i | after.letter(b's') | after.letter(b'a'));
        if likely == 0 {
            return 0;
        }
        let end = |letters: &[u8]| letters.iter().fold(0, |m, l| m | third.letter(*l));
        likely & end(b"vcnduf")
    }
}

impl Lanes for Sse2 {
    type Wide = [u64; 8];
    type Quotes = u64;

    #[inline(always)]
    fn no_quotes() -> u64 {
        0
    }

    #[inline(always)]
    fn is_odd(quotes: u64) -> bool {
        quotes.count_ones() % 2 == 1
    }

    #[inline(always)]
    fn plain(bytes: &[u8; BLOCK_BYTES], watch: u8, quotes: &mut u64) -> Option<PlainClasses> {
        let classes = Sse2::classes(bytes);
        let plain = classes.plain(watch)?;
        if bytes[64] >= 0x80 {
            return None;
        }
        *quotes ^= classes.quotes;
        Some(plain)
    }

    #[inline(always)]
    fn classes(bytes: &[u8; BLOCK_BYTES]) -> Classes {
        let [block @ .., _, _] = bytes;
        let [_, next @ .., _] = bytes;
        let [_, _, last @ ..] = bytes;
        let (byte, after) = (Sse2::load(block), Sse2::load(next));
        let (backslashes, percents, ands) = (byte.equal(b'\\'), byte.equal(b'%'), byte.equal(b'&'));
        let (mut escapes, mut doubles) = (0, 0);
        if backslashes != 0 {
            escapes = backslashes & (after.equal(b'u') | after.equal(b'x') | after.equal(b'/'));
            doubles = backslashes & after.equal(b'\\');
        }
        let digits = byte.within(b'0', 10);
        Classes {
            digits,
            seps: byte.seps(),
            high: byte.mask(|v| v),
            leads: percents | ands | escapes,
            names: byte.names(&after, &Sse2::load(last)),
            extras: byte.equal(b'[')
                | byte.equal(b'{')
                | digits & (after.equal(b'e') | after.equal(b'E')),
            doubles,
            quotes: after.equal(b'"') & !backslashes,
        }
    }

    #[inline(always)]
    fn is_quiet(bytes: &[u8; 256]) -> bool {
        let loud = |block: &[u8; 64]| {
            let byte = Sse2::load(block);
            byte.within(b'0', 10) | byte.mask(|v| v)
        };
        let (blocks, _) = bytes.as_chunks::<64>();
        blocks.iter().fold(0, |any, block| any | loud(block)) == 0
    }

    #[inline(always)]
    fn window(bytes: &[u8; 64]) -> Window {
        let byte = Sse2::load(bytes);
        Window {
            digits: byte.within(b'0', 10),
            seps: byte.seps(),
            spaces: byte.equal(b' '),
        }
    }

    #[inline(always)]
    fn check(bytes: &[u8; 64], keep: u64, len: u32) -> (u32, bool) {
        let digits = packed(bytes, keep, len);
        (head(&digits), luhn(&digits, len))
    }

    #[inline(always)]
    fn squeeze(mask: u64, keep: u64) -> u64 {
        Plain::squeeze(mask, keep)
    }

    #[inline(always)]
    fn quoting(block: &[u8; 64]) -> (u64, u64) {
        let byte = Sse2::load(block);
        (byte.equal(b'"'), byte.equal(b'\\'))
    }
}

/// The first `len` digits (values) of those that `keep` selects, zeros behind.
#[inline(always)]
fn packed(bytes: &[u8; 64], keep: u64, len: u32) -> [u8; 32] {
    let mut digits = [0u8; 32];
    if keep & ((1 << len) - 1) == (1 << len) - 1 {
        let (head, _) = bytes.split_at(32);
        for (i, (slot, byte)) in digits.iter_mut().zip(head).enumerate() {
            *slot = if i < len as usize {
                byte.wrapping_sub(b'0')
            } else {
                0
            };
        }
        return digits;
    }
    let mut keep = keep;
    for slot in digits.iter_mut().take(len as usize) {
        *slot = bytes[(keep.trailing_zeros() & 63) as usize].wrapping_sub(b'0');
        keep &= keep.wrapping_sub(1);
    }
    digits
}

#[inline(always)]
fn head(digits: &[u8; 32]) -> u32 {
    let [a, b, c, d, ..] = digits.map(u32::from);
    (a * 10 + b) * 100 + c * 10 + d
}

/// Luhn of up to 32 digit values with zeros behind.
#[inline(always)]
fn luhn(digits: &[u8; 32], len: u32) -> bool {
    // SAFETY: SSE2 is part of every x86-64 processor; both loads are within `digits`.
    unsafe {
        let even = if len.is_multiple_of(2) {
            _mm_setr_epi8(-1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0)
        } else {
            _mm_setr_epi8(0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1)
        };
        let part = |v: __m128i| {
            let over = _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8(4)), _mm_set1_epi8(9));
            // What a doubled digit adds to the digit itself.
            let more = _mm_and_si128(even, _mm_sub_epi8(v, over));
            _mm_sad_epu8(_mm_add_epi8(v, more), _mm_setzero_si128())
        };
        let low = _mm_loadu_si128(digits.as_ptr().cast());
        let high = _mm_loadu_si128(digits.as_ptr().add(16).cast());
        let sums = _mm_add_epi64(part(low), part(high));
        let sum = _mm_cvtsi128_si32(_mm_add_epi64(sums, _mm_unpackhi_epi64(sums, sums)));
        super::is_tens(sum as u32)
    }
}

/// Two vectors of 32 bytes. Made only inside functions that enable AVX2, which
/// [`scan`] and [`advance`] are the only doors to.
pub(crate) struct Avx2([__m256i; 2]);

impl Avx2 {
    #[inline(always)]
    fn load(block: &[u8; 64]) -> Avx2 {
        let at = |i: usize| {
            let part: &[u8; 32] = block[i..].first_chunk().expect("i is at most 32 of 64");
            // SAFETY: `part` is 32 readable bytes, the load has no alignment need, and
            // only functions that enable AVX2 name this type (see the type).
            unsafe { _mm256_loadu_si256(part.as_ptr().cast()) }
        };
        Avx2([at(0), at(32)])
    }

    #[inline(always)]
    fn mask(&self, compare: impl Fn(__m256i) -> __m256i) -> u64 {
        let bits = |v: __m256i| {
            // SAFETY: an `Avx2` exists only where AVX2 is enabled (see the type).
            let bits = unsafe { _mm256_movemask_epi8(compare(v)) };
            u64::from(bits as u32)
        };
        let [a, b] = self.0;
        bits(a) | bits(b) << 32
    }

    #[inline(always)]
    fn equal(&self, byte: u8) -> u64 {
        // SAFETY: an `Avx2` exists only where AVX2 is enabled (see the type).
        self.mask(|v| unsafe { _mm256_cmpeq_epi8(v, _mm256_set1_epi8(byte as i8)) })
    }

    /// Bytes in `first..first + count`.
    #[inline(always)]
    fn within(&self, first: u8, count: u8) -> u64 {
        // SAFETY: an `Avx2` exists only where AVX2 is enabled (see the type).
        self.mask(|v| unsafe {
            let off = _mm256_sub_epi8(v, _mm256_set1_epi8(first as i8));
            _mm256_cmpeq_epi8(_mm256_min_epu8(off, _mm256_set1_epi8(count as i8 - 1)), off)
        })
    }

    #[inline(always)]
    fn seps(&self) -> u64 {
        self.equal(b' ') | self.within(b'-', 3) | self.equal(b'+') | self.equal(b'_')
    }
}

impl Avx2 {
    /// The letter, in either case.
    #[inline(always)]
    fn letter(&self, letter: u8) -> u64 {
        self.equal(letter) | self.equal(letter - 32)
    }

    /// A superset of what [`class::NAMES`] has.
    #[inline(always)]
    fn names(&self, after: &Avx2, third: &Avx2) -> u64 {
        let (v, i, c) = (after.letter(b'v'), after.letter(b'i'), after.letter(b'c'));
        let (first_c, er) = (self.letter(b'c'), self.letter(b'e') | self.letter(b'r'));
        let likely = first_c & v | self.letter(b'p') & i | er & (c | i);
        let likely = likely | first_c & (c | i | after.letter(b's') | after.letter(b'a'));
        if likely == 0 {
            return 0;
        }
        let end = |letters: &[u8]| letters.iter().fold(0, |m, l| m | third.letter(*l));
        likely & end(b"vcnduf")
    }
}

impl Lanes for Avx2 {
    type Wide = Avx2Masks;
    type Quotes = u64;

    #[inline(always)]
    fn no_quotes() -> u64 {
        0
    }

    #[inline(always)]
    fn is_odd(quotes: u64) -> bool {
        quotes.count_ones() % 2 == 1
    }

    #[inline(always)]
    fn plain(bytes: &[u8; BLOCK_BYTES], watch: u8, quotes: &mut u64) -> Option<PlainClasses> {
        let classes = Avx2::classes(bytes);
        let plain = classes.plain(watch)?;
        if bytes[64] >= 0x80 {
            return None;
        }
        *quotes ^= classes.quotes;
        Some(plain)
    }

    #[inline(always)]
    fn classes(bytes: &[u8; BLOCK_BYTES]) -> Classes {
        let [block @ .., _, _] = bytes;
        let [_, next @ .., _] = bytes;
        let [_, _, last @ ..] = bytes;
        let (byte, after) = (Avx2::load(block), Avx2::load(next));
        let (backslashes, percents, ands) = (byte.equal(b'\\'), byte.equal(b'%'), byte.equal(b'&'));
        let (mut escapes, mut doubles) = (0, 0);
        if backslashes != 0 {
            escapes = backslashes & (after.equal(b'u') | after.equal(b'x') | after.equal(b'/'));
            doubles = backslashes & after.equal(b'\\');
        }
        let digits = byte.within(b'0', 10);
        Classes {
            digits,
            seps: byte.seps(),
            high: byte.mask(|v| v),
            leads: percents | ands | escapes,
            names: byte.names(&after, &Avx2::load(last)),
            extras: byte.equal(b'[')
                | byte.equal(b'{')
                | digits & (after.equal(b'e') | after.equal(b'E')),
            doubles,
            quotes: after.equal(b'"') & !backslashes,
        }
    }

    #[inline(always)]
    fn is_quiet(bytes: &[u8; 256]) -> bool {
        let loud = |block: &[u8; 64]| {
            let byte = Avx2::load(block);
            byte.within(b'0', 10) | byte.mask(|v| v)
        };
        let (blocks, _) = bytes.as_chunks::<64>();
        blocks.iter().fold(0, |any, block| any | loud(block)) == 0
    }

    #[inline(always)]
    fn window(bytes: &[u8; 64]) -> Window {
        let byte = Avx2::load(bytes);
        Window {
            digits: byte.within(b'0', 10),
            seps: byte.seps(),
            spaces: byte.equal(b' '),
        }
    }

    #[inline(always)]
    fn check(bytes: &[u8; 64], keep: u64, len: u32) -> (u32, bool) {
        let digits = packed(bytes, keep, len);
        (head(&digits), luhn(&digits, len))
    }

    #[inline(always)]
    fn squeeze(mask: u64, keep: u64) -> u64 {
        // SAFETY: named only where BMI2 is enabled (see the type).
        unsafe { _pext_u64(mask, keep) }
    }

    #[inline(always)]
    fn quoting(block: &[u8; 64]) -> (u64, u64) {
        let byte = Avx2::load(block);
        (byte.equal(b'"'), byte.equal(b'\\'))
    }
}

/// Two vectors of four masks. The rule of [`Avx2`].
#[derive(Clone, Copy)]
pub(crate) struct Avx2Masks(__m256i, __m256i);

impl Wide for Avx2Masks {
    #[inline(always)]
    fn load(masks: &[u64; 8]) -> Self {
        let [low @ .., _, _, _, _] = masks;
        let [_, _, _, _, high @ ..] = masks;
        // SAFETY: each is 32 readable bytes; features: see the type.
        unsafe {
            Avx2Masks(
                _mm256_loadu_si256(low.as_ptr().cast()),
                _mm256_loadu_si256(high.as_ptr().cast()),
            )
        }
    }
    #[inline(always)]
    fn store(self) -> [u64; 8] {
        let mut masks = [0; 8];
        let (low, high) = masks.split_at_mut(4);
        // SAFETY: each is 32 bytes; features: see the type.
        unsafe {
            _mm256_storeu_si256(low.as_mut_ptr().cast(), self.0);
            _mm256_storeu_si256(high.as_mut_ptr().cast(), self.1);
        }
        masks
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: features: see the type.
        unsafe {
            Avx2Masks(
                _mm256_and_si256(self.0, other.0),
                _mm256_and_si256(self.1, other.1),
            )
        }
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: features: see the type.
        unsafe {
            Avx2Masks(
                _mm256_or_si256(self.0, other.0),
                _mm256_or_si256(self.1, other.1),
            )
        }
    }
    #[inline(always)]
    fn without(self, other: Self) -> Self {
        // SAFETY: features: see the type.
        unsafe {
            Avx2Masks(
                _mm256_andnot_si256(other.0, self.0),
                _mm256_andnot_si256(other.1, self.1),
            )
        }
    }
    #[inline(always)]
    fn down(self, behind: Self, by: u32) -> Self {
        // SAFETY: features: see the type.
        unsafe {
            let (by, rest) = (
                _mm_cvtsi32_si128(by as i32),
                _mm_cvtsi32_si128(64 - by as i32),
            );
            let one = |here, behind| {
                _mm256_or_si256(_mm256_srl_epi64(here, by), _mm256_sll_epi64(behind, rest))
            };
            Avx2Masks(one(self.0, behind.0), one(self.1, behind.1))
        }
    }
    #[inline(always)]
    fn is_zero(self) -> bool {
        // SAFETY: features: see the type.
        unsafe {
            let any = _mm256_or_si256(self.0, self.1);
            _mm256_testz_si256(any, any) == 1
        }
    }
}

/// [`Sieve::scan`] with AVX2. Safe to call where the features are enabled; elsewhere the
/// caller has to have asked [`has_avx2`].
#[target_feature(enable = "avx2,popcnt,bmi1,bmi2,lzcnt")]
pub(crate) fn scan(sieve: &mut Sieve<'_>) {
    sieve.scan::<Avx2>();
}

/// [`StringState::advance`] with AVX2; the same rule.
#[target_feature(enable = "avx2,popcnt,bmi1,bmi2,lzcnt")]
pub(crate) fn advance(state: &mut StringState, bytes: &[u8]) {
    state.advance::<Avx2>(bytes);
}
