//! AVX-512 lanes: one vector a block, its masks in mask registers.

use std::arch::x86_64::{
    __m512i, _mm_add_epi64, _mm_cvtsi128_si32, _mm_madd_epi16, _mm_maddubs_epi16, _mm_set1_epi16,
    _mm_set1_epi32, _mm_setr_epi8, _mm_unpackhi_epi64, _mm256_broadcastsi128_si256,
    _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_mask_shuffle_epi8,
    _mm256_maskz_sub_epi8, _mm256_sad_epu8, _mm256_set1_epi8, _mm256_setzero_si256,
    _mm512_and_si512, _mm512_andnot_si512, _mm512_castsi512_si256, _mm512_cmpeq_epi8_mask,
    _mm512_cmplt_epu8_mask, _mm512_loadu_si512, _mm512_mask2_permutex2var_epi8,
    _mm512_maskz_compress_epi8, _mm512_maskz_permutex2var_epi8, _mm512_min_epu8,
    _mm512_movepi8_mask, _mm512_or_si512, _mm512_permutex2var_epi8, _mm512_permutexvar_epi8,
    _mm512_set1_epi8, _mm512_set1_epi64, _mm512_shrdv_epi64, _mm512_storeu_si512, _mm512_sub_epi8,
    _mm512_ternarylogic_epi64, _mm512_test_epi8_mask, _mm512_test_epi64_mask,
    _mm512_testn_epi8_mask, _mm512_xor_si512, _pext_u64,
};

use super::{BLOCK_BYTES, Classes, Lanes, PlainClasses, Wide, Window, class};
use crate::json::StringState;
use crate::sieve::Sieve;

/// Does this processor have what the tier needs?
pub(crate) fn is_here() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512bw")
        && std::arch::is_x86_feature_detected!("avx512vl")
        && std::arch::is_x86_feature_detected!("avx512vbmi")
        && std::arch::is_x86_feature_detected!("avx512vbmi2")
        && super::x86::has_avx2()
}

/// [`Sieve::scan`] with AVX-512. Safe to call where the features are enabled; elsewhere
/// the caller has to have asked [`is_here`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")]
#[target_feature(enable = "avx2,popcnt,bmi1,bmi2,lzcnt")]
pub(crate) fn scan(sieve: &mut Sieve<'_>) {
    sieve.scan::<Avx512>();
}

/// [`StringState::advance`] with AVX-512; the same rule.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,avx512vbmi2")]
#[target_feature(enable = "avx2,popcnt,bmi1,bmi2,lzcnt")]
pub(crate) fn advance(state: &mut StringState, bytes: &[u8]) {
    state.advance::<Avx512>(bytes);
}

/// Named only inside [`scan`] and [`advance`], which enable all features that the
/// intrinsics in this file need.
pub(crate) struct Avx512;

#[inline(always)]
fn load(bytes: &[u8; 64]) -> __m512i {
    // SAFETY: 64 readable bytes; the load has no alignment need. Features: `Avx512`.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// The 64 bytes that begin at the first, the second and the third.
#[inline(always)]
fn thirds(bytes: &[u8; BLOCK_BYTES]) -> (__m512i, __m512i, __m512i) {
    let [block @ .., _, _] = bytes;
    let [_, next @ .., _] = bytes;
    let [_, _, last @ ..] = bytes;
    (load(block), load(next), load(last))
}

/// Where [`class::NAMES`] has three letters in a row.
#[inline(always)]
fn names(byte: __m512i, after: __m512i, third: __m512i) -> __m512i {
    let [first, second, third_of] = &class::NAMES;
    let (low, high) = table(second);
    // The low six bits tell letters from letters; one of the three is looked up whole.
    let letters = |table: &'static [u8; 128]| {
        let [_, table] = table.as_chunks::<64>().0 else {
            unreachable!("128 bytes are two times 64")
        };
        load(table)
    };
    // SAFETY: features: see `Avx512`.
    unsafe {
        _mm512_ternarylogic_epi64::<0x80>(
            _mm512_permutexvar_epi8(byte, letters(first)),
            _mm512_permutex2var_epi8(low, after, high),
            _mm512_permutexvar_epi8(third, letters(third_of)),
        )
    }
}

/// [`class::FIRST`] or [`class::SECOND`].
#[inline(always)]
fn table(of: &'static [u8; 128]) -> (__m512i, __m512i) {
    let [low, high] = of.as_chunks::<64>().0 else {
        unreachable!("128 bytes are two times 64")
    };
    (load(low), load(high))
}

/// The rule of [`Avx512`].
#[derive(Clone, Copy)]
pub(crate) struct Avx512Masks(__m512i);

impl Wide for Avx512Masks {
    #[inline(always)]
    fn load(masks: &[u64; 8]) -> Self {
        // SAFETY: 64 readable bytes; features: see `Avx512`.
        Avx512Masks(unsafe { _mm512_loadu_si512(masks.as_ptr().cast()) })
    }
    #[inline(always)]
    fn store(self) -> [u64; 8] {
        let mut masks = [0; 8];
        // SAFETY: 64 bytes; features: see `Avx512`.
        unsafe { _mm512_storeu_si512(masks.as_mut_ptr().cast(), self.0) };
        masks
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: features: see `Avx512`.
        Avx512Masks(unsafe { _mm512_and_si512(self.0, other.0) })
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: features: see `Avx512`.
        Avx512Masks(unsafe { _mm512_or_si512(self.0, other.0) })
    }
    #[inline(always)]
    fn without(self, other: Self) -> Self {
        // SAFETY: features: see `Avx512`.
        Avx512Masks(unsafe { _mm512_andnot_si512(other.0, self.0) })
    }
    #[inline(always)]
    fn down(self, behind: Self, by: u32) -> Self {
        // SAFETY: features: see `Avx512`.
        Avx512Masks(unsafe {
            _mm512_shrdv_epi64(self.0, behind.0, _mm512_set1_epi64(i64::from(by)))
        })
    }
    #[inline(always)]
    fn is_zero(self) -> bool {
        // SAFETY: features: see `Avx512`.
        unsafe { _mm512_test_epi64_mask(self.0, self.0) == 0 }
    }
}

impl Lanes for Avx512 {
    type Wide = Avx512Masks;
    type Quotes = __m512i;

    #[inline(always)]
    fn no_quotes() -> __m512i {
        // SAFETY: features: see `Avx512`.
        unsafe { _mm512_set1_epi8(0) }
    }

    #[inline(always)]
    fn is_odd(quotes: __m512i) -> bool {
        // SAFETY: features: see `Avx512`.
        unsafe { _mm512_movepi8_mask(quotes).count_ones() % 2 == 1 }
    }

    #[inline(always)]
    fn plain(bytes: &[u8; BLOCK_BYTES], watch: u8, quotes: &mut __m512i) -> Option<PlainClasses> {
        let (first_low, first_high) = table(&class::FIRST);
        let (second_low, second_high) = table(&class::SECOND);
        let (byte, after, third) = thirds(bytes);
        let names = names(byte, after, third);
        // SAFETY: features: see `Avx512`.
        unsafe {
            let one = _mm512_permutex2var_epi8(first_low, byte, first_high);
            let two = _mm512_permutex2var_epi8(second_low, after, second_high);
            let pair = _mm512_and_si512(one, two);
            // What is watched for, any bit of a name, a byte of 0x80 and above.
            let watch = _mm512_set1_epi8(watch as i8);
            let top = _mm512_set1_epi8(i8::MIN);
            let high = _mm512_ternarylogic_epi64::<0xE0>(top, byte, after);
            let odd = _mm512_ternarylogic_epi64::<0xF8>(names, pair, watch);
            let odd = _mm512_or_si512(odd, high);
            if _mm512_test_epi8_mask(odd, odd) != 0 {
                return None;
            }
            *quotes = _mm512_xor_si512(*quotes, pair);
            let has = |of, bits: u8| _mm512_test_epi8_mask(of, _mm512_set1_epi8(bits as i8));
            Some(PlainClasses {
                digits: has(one, class::DIGIT),
                seps: has(one, class::SEP),
                extras: has(pair, class::EXTRAS),
            })
        }
    }

    #[inline(always)]
    fn classes(bytes: &[u8; BLOCK_BYTES]) -> Classes {
        let (first_low, first_high) = table(&class::FIRST);
        let (second_low, second_high) = table(&class::SECOND);
        let (byte, after, third) = thirds(bytes);
        let names = names(byte, after, third);
        // SAFETY: features: see `Avx512`.
        unsafe {
            let has = |of, bits: u8| _mm512_test_epi8_mask(of, _mm512_set1_epi8(bits as i8));
            let top = _mm512_set1_epi8(i8::MIN);
            let ascii = _mm512_testn_epi8_mask(byte, top);
            let ascii_after = _mm512_testn_epi8_mask(after, top);
            // A byte of 0x80 and above stays itself: it has the bit of `QUOTE`, and
            // what other bits it has are taken off again.
            let one = _mm512_mask2_permutex2var_epi8(first_low, byte, ascii, first_high);
            let two = _mm512_maskz_permutex2var_epi8(ascii_after, second_low, after, second_high);
            let pair = _mm512_and_si512(one, two);
            Classes {
                digits: has(one, class::DIGIT) & ascii,
                seps: has(one, class::SEP) & ascii,
                high: !ascii,
                leads: has(pair, class::LEADS) & ascii,
                names: _mm512_test_epi8_mask(names, names),
                extras: has(pair, class::EXTRAS) & ascii,
                doubles: has(pair, class::DOUBLE) & ascii,
                quotes: _mm512_movepi8_mask(pair),
            }
        }
    }

    #[inline(always)]
    fn is_quiet(bytes: &[u8; 256]) -> bool {
        // SAFETY: features: see `Avx512`.
        unsafe {
            let zero = _mm512_set1_epi8(b'0' as i8);
            let (mut least, mut high) = (_mm512_set1_epi8(-1), _mm512_set1_epi8(0));
            for block in bytes.as_chunks::<64>().0 {
                let byte = load(block);
                least = _mm512_min_epu8(least, _mm512_sub_epi8(byte, zero));
                high = _mm512_or_si512(high, byte);
            }
            let digits = _mm512_cmplt_epu8_mask(least, _mm512_set1_epi8(10));
            digits | _mm512_movepi8_mask(high) == 0
        }
    }

    #[inline(always)]
    fn window(bytes: &[u8; 64]) -> Window {
        let byte = load(bytes);
        // SAFETY: features: see `Avx512`.
        unsafe {
            let within = |first: u8, count: u8| {
                let off = _mm512_sub_epi8(byte, _mm512_set1_epi8(first as i8));
                _mm512_cmplt_epu8_mask(off, _mm512_set1_epi8(count as i8))
            };
            let equal = |to: u8| _mm512_cmpeq_epi8_mask(byte, _mm512_set1_epi8(to as i8));
            let spaces = equal(b' ');
            Window {
                digits: within(b'0', 10),
                seps: spaces | within(b'-', 3) | equal(b'+') | equal(b'_'),
                spaces,
            }
        }
    }

    #[inline(always)]
    fn check(bytes: &[u8; 64], keep: u64, len: u32) -> (u32, bool) {
        let byte = load(bytes);
        // SAFETY: features: see `Avx512`.
        unsafe {
            let packed = _mm512_castsi512_si256(_mm512_maskz_compress_epi8(keep, byte));
            let here = (1u32 << len).wrapping_sub(1);
            let digits = _mm256_maskz_sub_epi8(here, packed, _mm256_set1_epi8(b'0' as i8));
            // Every second digit from the last one back: the even ones of an even count.
            let second = 0x5555_5555u32 << (len & 1);
            let doubled = _mm256_broadcastsi128_si256(_mm_setr_epi8(
                0, 2, 4, 6, 8, 1, 3, 5, 7, 9, 0, 0, 0, 0, 0, 0,
            ));
            let parts = _mm256_mask_shuffle_epi8(digits, second, doubled, digits);
            let sums = _mm256_sad_epu8(parts, _mm256_setzero_si256());
            let sums = _mm_add_epi64(
                _mm256_castsi256_si128(sums),
                _mm256_extracti128_si256::<1>(sums),
            );
            let sum = _mm_cvtsi128_si32(_mm_add_epi64(sums, _mm_unpackhi_epi64(sums, sums))) as u32;
            let pairs = _mm_maddubs_epi16(_mm256_castsi256_si128(digits), _mm_set1_epi16(0x010A));
            let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x0001_0064));
            (_mm_cvtsi128_si32(fours) as u32, super::is_tens(sum))
        }
    }

    #[inline(always)]
    fn squeeze(mask: u64, keep: u64) -> u64 {
        // SAFETY: features: see `Avx512`.
        unsafe { _pext_u64(mask, keep) }
    }

    #[inline(always)]
    fn quoting(block: &[u8; 64]) -> (u64, u64) {
        let byte = load(block);
        // SAFETY: features: see `Avx512`.
        unsafe {
            let equal = |to: u8| _mm512_cmpeq_epi8_mask(byte, _mm512_set1_epi8(to as i8));
            (equal(b'"'), equal(b'\\'))
        }
    }
}
