//! SSE2 and AVX2 lanes.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8,
    _mm_set1_epi8, _mm_sub_epi8, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8,
    _mm256_movemask_epi8, _mm256_set1_epi8, _mm256_sub_epi8,
};

use super::Lanes;
use crate::json::StringState;

/// Four vectors of 16 bytes.
pub(crate) struct Sse2([__m128i; 4]);

impl Sse2 {
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

    /// Bytes in `first..first + count`.
    #[inline(always)]
    fn within(&self, first: u8, count: u8) -> u64 {
        // SAFETY: SSE2 is part of every x86-64 processor.
        self.mask(|v| unsafe {
            let off = _mm_sub_epi8(v, _mm_set1_epi8(first as i8));
            _mm_cmpeq_epi8(_mm_min_epu8(off, _mm_set1_epi8(count as i8 - 1)), off)
        })
    }
}

impl Lanes for Sse2 {
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
    fn equal(&self, byte: u8) -> u64 {
        // SAFETY: SSE2 is part of every x86-64 processor.
        self.mask(|v| unsafe { _mm_cmpeq_epi8(v, _mm_set1_epi8(byte as i8)) })
    }
    #[inline(always)]
    fn digits(&self) -> u64 {
        self.within(b'0', 10)
    }
    #[inline(always)]
    fn high(&self) -> u64 {
        self.mask(|v| v)
    }
    #[inline(always)]
    fn marks(&self) -> u64 {
        self.within(b'-', 3)
    }
}

/// Two vectors of 32 bytes. Private to this module, and made only inside functions
/// that enable AVX2, which [`find_avx2`] and [`advance_avx2`] are the only doors to.
struct Avx2([__m256i; 2]);

impl Avx2 {
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

    /// Bytes in `first..first + count`.
    #[inline(always)]
    fn within(&self, first: u8, count: u8) -> u64 {
        // SAFETY: an `Avx2` exists only where AVX2 is enabled (see the type).
        self.mask(|v| unsafe {
            let off = _mm256_sub_epi8(v, _mm256_set1_epi8(first as i8));
            _mm256_cmpeq_epi8(_mm256_min_epu8(off, _mm256_set1_epi8(count as i8 - 1)), off)
        })
    }
}

impl Lanes for Avx2 {
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
    fn equal(&self, byte: u8) -> u64 {
        // SAFETY: an `Avx2` exists only where AVX2 is enabled (see the type).
        self.mask(|v| unsafe { _mm256_cmpeq_epi8(v, _mm256_set1_epi8(byte as i8)) })
    }
    #[inline(always)]
    fn digits(&self) -> u64 {
        self.within(b'0', 10)
    }
    #[inline(always)]
    fn high(&self) -> u64 {
        self.mask(|v| v)
    }
    #[inline(always)]
    fn marks(&self) -> u64 {
        self.within(b'-', 3)
    }
}

/// [`crate::skip::find`] with AVX2. Safe to call where AVX2 and popcnt are enabled;
/// elsewhere the caller has to have detected them.
#[target_feature(enable = "avx2,popcnt,bmi1")]
pub(crate) fn find_avx2(buf: &[u8], from: usize, json: bool) -> Option<usize> {
    crate::skip::find::<Avx2>(buf, from, json)
}

/// [`StringState::advance`] with AVX2; the same rule.
#[target_feature(enable = "avx2,popcnt,bmi1")]
pub(crate) fn advance_avx2(state: &mut StringState, bytes: &[u8]) {
    state.advance::<Avx2>(bytes);
}
