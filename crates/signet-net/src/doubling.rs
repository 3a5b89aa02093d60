//! Pauses that double. Pure.

use std::time::Duration;

/// A pause that doubles each time that something is tried in vain, up to a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubling {
    /// The first pause.
    pub first: Duration,
    /// The longest one.
    pub longest: Duration,
}

impl Doubling {
    /// The pause when it has doubled so many times.
    #[must_use]
    pub fn doubled(self, times: u32) -> Duration {
        let factor = 1u32.checked_shl(times).unwrap_or(u32::MAX);
        self.first.saturating_mul(factor).min(self.longest)
    }

    /// The same in whole milliseconds, for clocks that count in them.
    #[must_use]
    pub fn doubled_ms(self, times: u32) -> i64 {
        i64::try_from(self.doubled(times).as_millis()).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_to_its_bound_and_stays_there() {
        let ms = Duration::from_millis;
        let usual = Doubling { first: ms(250), longest: ms(30_000) };
        let exact = Doubling { first: ms(1_000), longest: ms(8_000) };
        let endless = Doubling { first: ms(1), longest: Duration::MAX };
        let never = Doubling { first: ms(500), longest: ms(100) };
        for (pause, times, want) in [
            (usual, 0, ms(250)),
            (usual, 1, ms(500)),
            (usual, 6, ms(16_000)),
            (usual, 7, ms(30_000)),
            (usual, 31, ms(30_000)),
            (usual, 32, ms(30_000)),
            (usual, u32::MAX, ms(30_000)),
            (exact, 2, ms(4_000)),
            (exact, 3, ms(8_000)),
            (exact, 4, ms(8_000)),
            (endless, 31, ms(1 << 31)),
            (endless, 32, ms(u64::from(u32::MAX))),
            (never, 0, ms(100)),
            (never, 5, ms(100)),
        ] {
            assert_eq!(pause.doubled(times), want, "{pause:?} {times}");
            let want_ms = i64::try_from(want.as_millis()).unwrap();
            assert_eq!(pause.doubled_ms(times), want_ms, "{pause:?} {times}");
        }
        let longest = Doubling { first: Duration::MAX, longest: Duration::MAX };
        assert_eq!((longest.doubled(3), longest.doubled_ms(3)), (Duration::MAX, i64::MAX));
    }
}
