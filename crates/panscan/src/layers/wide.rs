//! The two loops that every byte goes through, 32 and 64 bytes at a time: the search
//! for base64 runs worth reading, and decoding. With AVX2 where it is there; the
//! portable form is the same in plain code, and the tests hold one to the other.

use super::base64::{self, NOT, VALUE};
use super::run::{LINE, LONG, SHORT};

/// What 64 bytes are, bit i for byte i.
#[derive(Clone, Copy)]
struct Masks {
    /// May be in a run: base64, or the start of an escape.
    part: u64,
    /// One of `ILMNO`.
    sign: u64,
    /// The start of an escape.
    escape: u64,
}

fn masks(block: &[u8; 64]) -> Masks {
    let (mut part, mut sign, mut escape) = (0, 0, 0);
    for (i, byte) in block.iter().enumerate() {
        let escapes = matches!(byte, b'\\' | b'%');
        part |= u64::from(escapes || VALUE[usize::from(*byte)] != NOT) << i;
        escape |= u64::from(escapes) << i;
        sign |= u64::from(matches!(byte, b'I' | b'L'..=b'O')) << i;
    }
    Masks { part, sign, escape }
}

/// Where in `text` a run begins that has to be read byte by byte: one that is or may
/// become worth reading, or reaches the end of the text.
pub(crate) fn find(text: &[u8]) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    if x86::is_available() {
        // SAFETY: what the function needs was detected.
        return unsafe { x86::find(text) };
    }
    find_with(text, masks)
}

/// Decodes from the front of `text` into `out` in whole groups, until another character
/// comes or a bound. Returns the groups.
pub(crate) fn decode(text: &[u8], out: &mut [u8]) -> usize {
    let mut groups = 0;
    #[cfg(target_arch = "x86_64")]
    if x86::is_available() {
        // SAFETY: what the function needs was detected.
        groups = unsafe { x86::decode(text, out) };
    }
    groups + base64::decode_groups(&text[groups * 4..], &mut out[groups * 3..])
}

#[inline(always)]
fn find_with(text: &[u8], masks: impl Fn(&[u8; 64]) -> Masks) -> Option<usize> {
    let at = |pos: usize| match text.get(pos..).and_then(|t| t.first_chunk::<64>()) {
        Some(block) => masks(block),
        None => {
            let mut block = [0; 64];
            let rest = text.get(pos..).unwrap_or(&[]);
            block[..rest.len().min(64)].copy_from_slice(&rest[..rest.len().min(64)]);
            masks(&block)
        }
    };
    // Blocks stand side by side, so that one does not wait for the answer of another.
    let (mut base, mut open) = (0, 0);
    while base < text.len() {
        let part = at(base).part;
        // Bit i: SHORT bytes from i on are in a run.
        let two = part & part >> 1;
        let four = two & two >> 2;
        let eight = four & four >> 4;
        let sixteen = eight & eight >> 8;
        let starts = sixteen & two >> 16;
        const { assert!(SHORT == 18) };
        let start = if open > 0 && open + part.trailing_ones() as usize >= SHORT {
            base - open
        } else if starts != 0 {
            base + starts.trailing_zeros() as usize
        } else {
            let there = (text.len() - base).min(64);
            let ends = (part << (64 - there)).leading_ones() as usize;
            open = if ends == there { open + ends } else { ends };
            base += there;
            continue;
        };
        let first = at(start);
        let mut len = first.part.trailing_ones() as usize;
        let (mut sign, mut escape) = (u128::from(first.sign), u128::from(first.escape));
        if len == 64 {
            let second = at(start + 64);
            len += second.part.trailing_ones() as usize;
            sign |= u128::from(second.sign) << 64;
            escape |= u128::from(second.escape) << 64;
        }
        let end = start + len;
        if len >= LONG
            || end == text.len()
            || escape & ((1 << len) - 1) != 0
            || is_worth(&text[start..], len, sign)
        {
            return Some(start);
        }
        (base, open) = (end, 0);
    }
    (open > 0).then(|| text.len() - open)
}

/// Is the run of `len` bytes in front of `text` to be read? True too often rather than
/// too rarely.
#[inline(always)]
fn is_worth(text: &[u8], len: usize, sign: u128) -> bool {
    let groups = sign & sign >> 4 & sign >> 8;
    // The third group has to be inside the run.
    let inside = groups & ((1u128 << len.saturating_sub(8)) - 1);
    if inside != 0 || may_be_content(text) {
        return true;
    }
    let next = text.get(len);
    matches!(next, Some(b'\n' | b'\r')) && len >= LINE as usize && len.is_multiple_of(4)
}

/// Whether what stands here may begin something readable, by its first six bytes.
#[inline(always)]
fn may_be_content(text: &[u8]) -> bool {
    let mut bytes = [0u8; 6];
    let Some(head) = text.first_chunk::<8>() else {
        return true;
    };
    if base64::decode_groups(head, &mut bytes) < 2 {
        return true; // an escape in it
    }
    // Most of what is at random begins with a byte that begins nothing.
    if matches!(bytes[0], 0x80..=0x88 | 0x8A..=0xC1 | 0xF5..=0xFD)
        || matches!(bytes[0], 0xC2..=0xF4) && bytes[1] & 0xC0 != 0x80
    {
        return false;
    }
    let [first, second, ..] = bytes;
    let packed = matches!(
        (first, second),
        (0x1F, 0x8B)
            | (0x28, 0xB5)
            | (0x89 | b'%', b'P')
            | (0x78, _)
            | (0xFF, 0xD8 | 0xFE)
            | (0xFE, 0xFF)
            | (b'P', b'K')
            | (b'R' | b'G', b'I')
    );
    if packed || bytes[..4].contains(&0) {
        return true;
    }
    let control = |b: &u8| *b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r' | 0x1B);
    if bytes.iter().any(control) {
        return false;
    }
    bytes.is_ascii()
        || match std::str::from_utf8(&bytes) {
            Ok(_) => true,
            Err(error) => error.error_len().is_none(),
        }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Masks;

    pub(super) fn is_available() -> bool {
        std::arch::is_x86_feature_detected!("avx2")
            && std::arch::is_x86_feature_detected!("bmi1")
            && std::arch::is_x86_feature_detected!("popcnt")
            && std::arch::is_x86_feature_detected!("lzcnt")
    }

    /// Classes of bytes by their high nibble; a byte is in a class if its low nibble is too.
    const SYMBOL: u8 = 1; // 2x
    const DIGIT: u8 = 2; // 3x
    const LETTER: u8 = 4; // 4x, 6x
    const UPPER_END: u8 = 8; // 5x
    const LOWER_END: u8 = 16; // 7x
    const SIGN: u8 = 32; // 4x: ILMNO
    const ESCAPE_SYMBOL: u8 = 64; // 2x: %
    const ESCAPE_SLASH: u8 = 128; // 5x: backslash
    const BASE64: u8 = SYMBOL | DIGIT | LETTER | UPPER_END | LOWER_END;
    const PART: u8 = BASE64 | ESCAPE_SYMBOL | ESCAPE_SLASH;

    const HIGH: [u8; 16] = {
        let mut table = [0; 16];
        table[2] = SYMBOL | ESCAPE_SYMBOL;
        table[3] = DIGIT;
        table[4] = LETTER | SIGN;
        table[5] = UPPER_END | ESCAPE_SLASH;
        table[6] = LETTER;
        table[7] = LOWER_END;
        table
    };

    const LOW: [u8; 16] = {
        let mut table = [0; 16];
        let mut i = 0;
        while i < 16 {
            if i <= 9 {
                table[i] |= DIGIT;
            }
            if i >= 1 {
                table[i] |= LETTER;
            }
            if i <= 10 {
                table[i] |= UPPER_END | LOWER_END;
            }
            if matches!(i, 9 | 12..=15) {
                table[i] |= SIGN;
            }
            if matches!(i, 11 | 13 | 15) {
                table[i] |= SYMBOL;
            }
            i += 1;
        }
        table[5] |= ESCAPE_SYMBOL;
        table[12] |= ESCAPE_SLASH;
        table[15] |= UPPER_END; // underscore
        table
    };

    #[target_feature(enable = "avx2")]
    fn twice(table: &[u8; 16]) -> __m256i {
        // SAFETY: the load reads the 16 bytes of `table`.
        _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
    }

    /// The classes of 32 bytes.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn classes(bytes: __m256i) -> __m256i {
        // A byte of 0x80 and above selects nothing in the low table.
        let low = _mm256_shuffle_epi8(twice(&LOW), bytes);
        let nibble = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), _mm256_set1_epi8(15));
        _mm256_and_si256(low, _mm256_shuffle_epi8(twice(&HIGH), nibble))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn any_of(classes: __m256i, class: u8) -> u64 {
        let picked = _mm256_and_si256(classes, _mm256_set1_epi8(class as i8));
        let none = _mm256_cmpeq_epi8(picked, _mm256_setzero_si256());
        u64::from(!(_mm256_movemask_epi8(none) as u32))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn masks(block: &[u8; 64]) -> Masks {
        let half = |i: usize| {
            // SAFETY: 32 of the 64 bytes, from 0 or 32 on.
            classes(unsafe { _mm256_loadu_si256(block.as_ptr().add(i * 32).cast()) })
        };
        let (a, b) = (half(0), half(1));
        let both = |class: u8| any_of(a, class) | any_of(b, class) << 32;
        Masks {
            part: both(PART),
            sign: both(SIGN),
            escape: both(ESCAPE_SYMBOL | ESCAPE_SLASH),
        }
    }

    #[target_feature(enable = "avx2,bmi1,popcnt,lzcnt")]
    pub(super) fn find(text: &[u8]) -> Option<usize> {
        super::find_with(text, |block| masks(block))
    }

    /// [`super::decode`] in steps of 8 groups, while 32 bytes are there on both sides.
    #[target_feature(enable = "avx2")]
    pub(super) fn decode(text: &[u8], out: &mut [u8]) -> usize {
        let mut groups = 0;
        loop {
            let (from, to) = (groups * 4, groups * 3);
            let input = text.get(from..).and_then(|t| t.first_chunk::<32>());
            let output = out.get_mut(to..).and_then(|o| o.first_chunk_mut::<32>());
            let (Some(input), Some(output)) = (input, output) else {
                return groups;
            };
            // SAFETY: 32 bytes are read.
            let bytes = unsafe { _mm256_loadu_si256(input.as_ptr().cast()) };
            if any_of(classes(bytes), BASE64) != 0xFFFF_FFFF {
                return groups;
            }
            let packed = pack(values(bytes));
            // SAFETY: 32 bytes are written; the last eight are junk that is written over.
            unsafe { _mm256_storeu_si256(output.as_mut_ptr().cast(), packed) };
            groups += 8;
        }
    }

    /// Values of 32 base64 characters: a shift by their high nibble, and what differs
    /// from that for three of the symbols.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn values(bytes: __m256i) -> __m256i {
        const SHIFT: [u8; 16] = {
            let mut table = [0u8; 16];
            table[2] = 19; // `+`
            table[3] = 4;
            table[4] = 0u8.wrapping_sub(65);
            table[5] = 0u8.wrapping_sub(65);
            table[6] = 0u8.wrapping_sub(71);
            table[7] = 0u8.wrapping_sub(71);
            table
        };
        let nibble = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), _mm256_set1_epi8(15));
        let shift = _mm256_shuffle_epi8(twice(&SHIFT), nibble);
        let but = |byte: u8, more: i8| {
            let is = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte as i8));
            _mm256_and_si256(is, _mm256_set1_epi8(more))
        };
        let symbols = _mm256_or_si256(_mm256_or_si256(but(b'-', -2), but(b'/', -3)), but(b'_', 33));
        _mm256_add_epi8(bytes, _mm256_add_epi8(shift, symbols))
    }

    /// 32 values of 6 bits to 24 bytes.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn pack(values: __m256i) -> __m256i {
        let pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x0140_0140));
        let words = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x0001_1000));
        let order = _mm256_setr_epi8(
            2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1, 2, 1, 0, 6, 5, 4, 10, 9, 8, 14,
            13, 12, -1, -1, -1, -1,
        );
        let bytes = _mm256_shuffle_epi8(words, order);
        _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn runs_that_matter() {
        for (text, want) in [
            (&b"a b c d e f g h i "[..], None),
            (b"x NDExMTExMTExMTExMTEx ", Some(2)),
            (b"short word", Some(6)),
            (b"word, 0123456789abcdef0123456789abcdef and more.", None),
            (b"word, 0123456789abcdef0123456789abcdef", Some(6)),
            (b"", None),
            (b"\"\\/9j\\/4AAQSkZJRgABAQ\"", Some(1)),
            (b"//host/blob/NDExMTExMTExMTExMTEx?", Some(0)),
        ] {
            assert_eq!(find(text), want, "{}", String::from_utf8_lossy(text));
        }
    }

    proptest! {
        #[test]
        fn every_tier_finds_the_same(text in r#"([A-Za-z0-9]{1,40}|[ILMNO4x]{4,80}|[-+/_%\\ "=\n]{1,3}|[a-f0-9]{60,70}){0,12}"#) {
            prop_assert_eq!(find(text.as_bytes()), find_with(text.as_bytes(), masks));
        }

        #[test]
        fn every_tier_decodes_the_same(text in r"[A-Za-z0-9+/_-]{0,200}[ =.]?[A-Za-z0-9+/_-]{0,40}", room in 0usize..200) {
            let (mut a, mut b) = (vec![0; room], vec![0; room]);
            let groups = decode(text.as_bytes(), &mut a);
            prop_assert_eq!(groups, base64::decode_groups(text.as_bytes(), &mut b));
            prop_assert_eq!(&a[..groups * 3], &b[..groups * 3]);
        }

        #[test]
        fn nothing_worth_reading_is_passed_over(
            text in r#"(eJ[wyzx]|eA[EF]|eF[4X]|NDEx|MTEx|SGk|QQ[AB]C|[A-Za-z0-9+/_-]{1,6}){4,40}"#,
        ) {
            let run = text.as_bytes();
            let padded = [b" ", run, b" "].concat();
            let values: Vec<u8> = run.iter().map(|b| VALUE[usize::from(*b)]).collect();
            if run.len() >= SHORT && super::super::run::is_readable(&values) {
                prop_assert_eq!(find(&padded), Some(1));
            }
        }
    }
}
