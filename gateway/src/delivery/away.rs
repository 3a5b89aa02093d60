//! Since when a receiver fails, and whether that was said.

use std::time::{Duration, Instant};

/// A receiver that fails for longer is said to be away: most are back at once after a restart.
const AWAY_AFTER: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(crate) struct Away {
    since: Option<Instant>,
    said: bool,
}

/// What is to be said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Say {
    Nothing,
    Away,
    Back,
}

impl Away {
    pub(crate) fn failed(&mut self, now: Instant) -> Say {
        let since = *self.since.get_or_insert(now);
        if !self.said && now.duration_since(since) >= AWAY_AFTER {
            self.said = true;
            return Say::Away;
        }
        Say::Nothing
    }

    pub(crate) fn works(&mut self) -> Say {
        self.since = None;
        if std::mem::take(&mut self.said) { Say::Back } else { Say::Nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_away_when_it_fails_for_long_and_that_is_said_once() {
        let (mut away, start) = (Away::default(), Instant::now());
        let at = |s| start + Duration::from_secs(s);
        assert_eq!(away.works(), Say::Nothing);
        assert_eq!(away.failed(at(0)), Say::Nothing);
        assert_eq!(away.failed(at(4)), Say::Nothing);
        assert_eq!(away.failed(at(5)), Say::Away);
        assert_eq!(away.failed(at(60)), Say::Nothing);
        assert_eq!(away.works(), Say::Back);
        assert_eq!(away.works(), Say::Nothing);
        assert_eq!(away.failed(at(61)), Say::Nothing);
    }
}
