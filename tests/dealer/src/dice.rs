//! Repeatable random numbers: a small generator of our own, so that a seed gives the same numbers
//! on every machine and with every version of every crate.

/// SplitMix64 (Steele, Lea and Flood, 2014). Good enough to simulate; never for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Independent streams for each `stream` of one seed.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut dice = Self(seed ^ stream.wrapping_mul(0xA24B_AED4_963E_E407));
        dice.next();
        dice
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from `from` to `to`, both included.
    pub(crate) fn between(&mut self, from: u64, to: u64) -> u64 {
        let span = to.saturating_sub(from).saturating_add(1);
        from + self.next() % span.max(1)
    }

    /// True with this probability. Always rolls, so that one setting does not shift the others.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        const RESOLUTION: u64 = 1_000_000;
        let roll = self.next() % RESOLUTION;
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        let roll = roll as f64;
        roll < probability * RESOLUTION as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_means_the_same_for_ever() {
        let mut dice = Dice::new(1, 2);
        let first: Vec<u64> = (0..3).map(|_| dice.between(1, 6)).collect();
        let mut again = Dice::new(1, 2);
        assert_eq!(first, (0..3).map(|_| again.between(1, 6)).collect::<Vec<_>>());
        assert_ne!(Dice::new(1, 2).next(), Dice::new(1, 3).next());
        assert_ne!(Dice::new(1, 2).next(), Dice::new(2, 2).next());
    }

    #[test]
    fn probabilities_hold_at_their_ends_and_roughly_between() {
        let mut dice = Dice::new(7, 0);
        assert!((0..1000).all(|_| !dice.happens(0.0)));
        assert!((0..1000).all(|_| dice.happens(1.0)));
        let hits = (0..10_000).filter(|_| dice.happens(0.25)).count();
        assert!((2200..2800).contains(&hits), "{hits}");
    }
}
