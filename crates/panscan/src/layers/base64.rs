//! Base64 (RFC 4648), both alphabets at once: `+` and `-` are 62, `/` and `_` are 63.
//! What was written is kept where it does not change, so nothing is lost by that.

/// Value of each byte; [`NOT`] for what is no base64 character.
pub(crate) const VALUE: [u8; 256] = values();
pub(crate) const NOT: u8 = 0xFF;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

const fn values() -> [u8; 256] {
    let mut table = [NOT; 256];
    let mut i = 0;
    while i < 64 {
        table[STANDARD[i] as usize] = i as u8;
        i += 1;
    }
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table
}

/// The values of a character at each place of a group of four, shifted to where they
/// belong in the three bytes (little-endian in the word); the top bit: no character.
const PLACES: [[u32; 256]; 4] = places();
const INVALID: u32 = 1 << 31;

const fn places() -> [[u32; 256]; 4] {
    let mut table = [[INVALID; 256]; 4];
    let mut i = 0;
    while i < 256 {
        let v = VALUE[i] as u32;
        if VALUE[i] != NOT {
            table[0][i] = v << 2;
            table[1][i] = v >> 4 | (v & 15) << 12;
            table[2][i] = v >> 2 << 8 | (v & 3) << 22;
            table[3][i] = v << 16;
        }
        i += 1;
    }
    table
}

/// Decodes groups of four from the front of `text` into `out` until a group has
/// another character in it or `out` is full. Returns the groups taken.
pub(crate) fn decode_groups(text: &[u8], out: &mut [u8]) -> usize {
    let mut groups = 0;
    let [first, second, third, fourth] = &PLACES;
    for (group, bytes) in text
        .as_chunks::<4>()
        .0
        .iter()
        .zip(out.as_chunks_mut::<3>().0)
    {
        let [a, b, c, d] = group.map(usize::from);
        let word = first[a] | second[b] | third[c] | fourth[d];
        if word & INVALID != 0 {
            break;
        }
        let [x, y, z, _] = word.to_le_bytes();
        *bytes = [x, y, z];
        groups += 1;
    }
    groups
}

/// The three bytes of a group.
pub(crate) fn join(group: [u8; 4]) -> [u8; 3] {
    let [a, b, c, d] = group;
    [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]
}

/// The character for `value`, in the alphabet that `url` names.
pub(crate) fn character(value: u8, url: bool) -> u8 {
    match value & 63 {
        62 if url => b'-',
        63 if url => b'_',
        value => STANDARD[usize::from(value)],
    }
}

/// Sextets that hold the bytes `from..to`, as a range of sextet numbers.
pub(crate) fn sextets_of(from: u64, to: u64) -> (u64, u64) {
    (from * 4 / 3, (to * 4).div_ceil(3))
}

/// Writes `bytes`, which begin at byte number `from`, over `sextets`, which begin at
/// sextet number `first`.
pub(crate) fn overlay(sextets: &mut [u8], first: u64, from: u64, bytes: &[u8]) {
    let mut bit = from * 8 - first * 6;
    for byte in bytes {
        for k in (0..8).rev() {
            let (at, low) = ((bit / 6) as usize, 5 - bit % 6);
            if let Some(sextet) = sextets.get_mut(at) {
                *sextet = *sextet & !(1 << low) | (byte >> k & 1) << low;
            }
            bit += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn groups_of_both_alphabets() {
        let mut out = [0; 6];
        assert_eq!(decode_groups(b"+/-_NDEx", &mut out), 2);
        assert_eq!(out[..3], [0xFB, 0xFF, 0xBF]);
        assert_eq!(&out[3..], b"411");
        assert_eq!(decode_groups(b"NDE=", &mut out), 0);
        assert_eq!(decode_groups(b"NDEx", &mut [0; 2]), 0);
    }

    proptest! {
        #[test]
        fn overlay_is_what_encoding_gives(
            text in proptest::collection::vec(any::<u8>(), 3..40),
            new in any::<[u8; 3]>(),
            at in 0usize..37,
        ) {
            let at = at.min(text.len() - 3);
            let sextets = |bytes: &[u8]| -> Vec<u8> {
                let mut padded = bytes.to_vec();
                padded.resize(bytes.len().div_ceil(3) * 3, 0);
                padded.chunks(3).flat_map(|c| {
                    [c[0] >> 2, (c[0] & 3) << 4 | c[1] >> 4, (c[1] & 15) << 2 | c[2] >> 6, c[2] & 63]
                }).collect()
            };
            let mut got = sextets(&text);
            let (first, last) = sextets_of(at as u64, at as u64 + 3);
            overlay(&mut got[first as usize..last as usize], first, at as u64, &new);
            let mut changed = text.clone();
            changed[at..at + 3].copy_from_slice(&new);
            prop_assert_eq!(got, sextets(&changed));
        }
    }
}
