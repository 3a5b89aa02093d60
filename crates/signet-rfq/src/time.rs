use std::ops::{Add, Sub};

/// Milliseconds since the Unix epoch, UTC. The resolution of FIX `UTCTimestamp` as Signet sends it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct UtcMillis(pub i64);

impl UtcMillis {
    /// Milliseconds from `earlier` to `self`; negative when `earlier` is later.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<i64> for UtcMillis {
    type Output = Self;
    fn add(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }
}

impl Sub<i64> for UtcMillis {
    type Output = Self;
    fn sub(self, ms: i64) -> Self {
        Self(self.0.saturating_sub(ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_stays_within_the_range() {
        let t = UtcMillis(1_000);
        assert_eq!(
            (t + 5, t - 5, t.since(UtcMillis(400))),
            (UtcMillis(1_005), UtcMillis(995), 600)
        );
        assert_eq!(
            (UtcMillis(i64::MAX) + 1, UtcMillis(i64::MIN) - 1),
            (UtcMillis(i64::MAX), UtcMillis(i64::MIN))
        );
    }
}
