//! How long a receiver that failed is left alone.

use signet_net::Doubling;
use std::time::Duration;

const PAUSE: Doubling =
    Doubling { first: Duration::from_millis(250), longest: Duration::from_secs(30) };

/// A quarter of a second that doubles to half a minute, less up to half of it by `random`, so that
/// many gateways do not come back at once.
pub(crate) fn pause(tries: u32, random: u16) -> Duration {
    let full = PAUSE.doubled(tries);
    full - full / 2 * u32::from(random) / u32::from(u16::MAX)
}

/// Any number; without randomness all gateways wait alike.
pub(crate) fn random() -> u16 {
    let mut bytes = [0; 2];
    let _ = aws_lc_rs::rand::fill(&mut bytes);
    u16::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_half_a_minute_and_are_spread() {
        for (tries, random, ms) in [
            (0, 0, 250),
            (0, u16::MAX, 125),
            (1, 0, 500),
            (3, 0, 2_000),
            (7, 0, 30_000),
            (u32::MAX, 0, 30_000),
            (u32::MAX, u16::MAX, 15_000),
        ] {
            assert_eq!(pause(tries, random), Duration::from_millis(ms), "{tries} {random}");
        }
    }
}
