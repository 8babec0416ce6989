//! 64 bytes at a time: which of them are digits, separators, quotes. The only
//! `unsafe` of the crate is in the two x86 tiers; [`Plain`] is the same in safe code.
//!
//! A tier changes the speed, never the findings: `skip.rs` and `json.rs` are written
//! once over [`Lanes`], and the tests run every available tier against `scalar.rs`.

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
    /// x86-64 with AVX2.
    Avx2,
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
            if std::arch::is_x86_feature_detected!("avx2")
                && std::arch::is_x86_feature_detected!("popcnt")
                && std::arch::is_x86_feature_detected!("bmi1")
            {
                return &[Tier::Scalar, Tier::Plain, Tier::Sse2, Tier::Avx2];
            }
            &[Tier::Scalar, Tier::Plain, Tier::Sse2]
        }
        #[cfg(not(target_arch = "x86_64"))]
        &[Tier::Scalar, Tier::Plain]
    }
}

/// 64 bytes; each answer has bit i for byte i.
pub(crate) trait Lanes {
    fn load(block: &[u8; 64]) -> Self;
    fn equal(&self, byte: u8) -> u64;
    fn digits(&self) -> u64;
    /// Bytes of 0x80 and above.
    fn high(&self) -> u64;
    /// `-`, `.` or `/` (0x2D-0x2F).
    #[allow(dead_code)] // the prefilter asks for it once it counts digits again
    fn marks(&self) -> u64;
}

/// Safe, portable.
pub(crate) struct Plain([u8; 64]);

impl Plain {
    #[inline(always)]
    fn mask(&self, is: impl Fn(u8) -> bool) -> u64 {
        self.0
            .iter()
            .enumerate()
            .fold(0, |m, (i, b)| m | u64::from(is(*b)) << i)
    }
}

impl Lanes for Plain {
    #[inline(always)]
    fn load(block: &[u8; 64]) -> Plain {
        Plain(*block)
    }
    #[inline(always)]
    fn equal(&self, byte: u8) -> u64 {
        self.mask(|b| b == byte)
    }
    #[inline(always)]
    fn digits(&self) -> u64 {
        self.mask(|b| b.wrapping_sub(b'0') < 10)
    }
    #[inline(always)]
    fn high(&self) -> u64 {
        self.mask(|b| b >= 0x80)
    }
    #[inline(always)]
    fn marks(&self) -> u64 {
        self.mask(|b| b.wrapping_sub(b'-') < 3)
    }
}
