//! The one source of chance: SplitMix64, so that a seed means the same run on every machine.

/// A deterministic generator. Everything that is left to chance in a run is drawn from one of these.
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The generator of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from `from` on and below `to`.
    pub(crate) fn within(&mut self, from: i64, to: i64) -> i64 {
        let span = u64::try_from(to.saturating_sub(from)).unwrap_or(1).max(1);
        from + i64::try_from(self.bits() % span).unwrap_or(0)
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn chance(&mut self, percent: i64) -> bool {
        self.within(0, 100) < percent
    }

    /// An index below `len`; 0 of nothing.
    pub(crate) fn pick(&mut self, len: usize) -> usize {
        usize::try_from(self.within(0, i64::try_from(len).unwrap_or(1))).unwrap_or(0)
    }
}
