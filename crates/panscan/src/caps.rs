//! Bounds of decoding.

/// What decoding may cost at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// Decompressed bytes for each compressed one, at most (the first MiB is free).
    pub ratio: u32,
    /// Decompressed bytes of one layer, at most.
    pub bytes: u64,
    /// Decoding layers, at most. Content encodings of a body are counted apart.
    pub layers: u8,
}

impl Default for Caps {
    /// Ratio 200, 64 MiB, three layers.
    fn default() -> Caps {
        Caps {
            ratio: 200,
            bytes: 64 << 20,
            layers: 3,
        }
    }
}
