//! What follows from what was measured.

/// What the system says of its own clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    /// A program keeps it synchronised.
    pub synchronised: bool,
    /// It is at most so far from UTC, by that program's word, microseconds.
    pub max_error_us: i64,
}

/// What one time server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// UTC minus our clock, microseconds.
    pub offset_us: i64,
    /// How long the answer took. The offset is uncertain by half of it.
    pub round_trip_us: i64,
}

/// How the gateway's clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// Within the limit, by a time server.
    Measured { offset_us: i64, uncertain_us: i64 },
    /// Within the limit, by the system's word.
    Kept { max_error_us: i64 },
    /// Beyond the limit, by a time server.
    Off { offset_us: i64 },
    /// No time server answers, and the system does not say that it is within the limit.
    Unsynchronised,
}

/// What is told when it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockKind {
    Good,
    Off,
    Unsynchronised,
}

/// A time server that answered quickest counts; without one, the system's word.
pub fn judge(kernel: Option<Kernel>, measures: &[Measure], max_us: i64) -> ClockState {
    let quickest = measures.iter().min_by_key(|m| m.round_trip_us);
    let Some(m) = quickest else {
        return match kernel {
            Some(k) if k.synchronised && k.max_error_us <= max_us => {
                ClockState::Kept { max_error_us: k.max_error_us }
            }
            _ => ClockState::Unsynchronised,
        };
    };
    let uncertain_us = m.round_trip_us.max(0) / 2;
    // Within the limit only if it is so wherever the answer was delayed.
    let worst = m.offset_us.saturating_abs().saturating_add(uncertain_us);
    let least = m.offset_us.saturating_abs().saturating_sub(uncertain_us);
    if worst <= max_us {
        ClockState::Measured { offset_us: m.offset_us, uncertain_us }
    } else if least > max_us {
        ClockState::Off { offset_us: m.offset_us }
    } else {
        ClockState::Unsynchronised
    }
}

impl ClockState {
    /// Whether it is known to be within the limit.
    pub fn is_good(self) -> bool {
        self.kind() == ClockKind::Good
    }

    /// Whose word it is.
    pub fn source(self) -> &'static str {
        match self {
            Self::Measured { .. } | Self::Off { .. } => "time server",
            Self::Kept { .. } => "system",
            Self::Unsynchronised => "none",
        }
    }

    /// UTC minus the gateway's clock, where it was measured.
    pub fn offset_us(self) -> Option<i64> {
        match self {
            Self::Measured { offset_us, .. } | Self::Off { offset_us } => Some(offset_us),
            Self::Kept { .. } | Self::Unsynchronised => None,
        }
    }

    pub fn kind(self) -> ClockKind {
        match self {
            Self::Measured { .. } | Self::Kept { .. } => ClockKind::Good,
            Self::Off { .. } => ClockKind::Off,
            Self::Unsynchronised => ClockKind::Unsynchronised,
        }
    }

    /// Code of the event.
    pub fn code(self) -> &'static str {
        match self.kind() {
            ClockKind::Good => "clock.synchronised",
            ClockKind::Off => "clock.offset",
            ClockKind::Unsynchronised => "clock.unsynchronised",
        }
    }

    pub fn words(self) -> String {
        match self {
            Self::Measured { offset_us, uncertain_us } => {
                format!("UTC minus the gateway's clock is {offset_us} µs ± {uncertain_us}")
            }
            Self::Kept { max_error_us } => {
                format!("the system keeps its clock within {max_error_us} µs of UTC")
            }
            Self::Off { offset_us } => {
                format!("UTC minus the gateway's clock is {offset_us} µs: beyond the limit")
            }
            Self::Unsynchronised => {
                "nothing shows that the clock is within the limit: no time server \
                answers soon enough to tell, or none answers and the system does not say it"
                    .into()
            }
        }
    }
}

/// How far a desk's clock is from the gateway's, from the SendingTime (52) of its messages. A
/// message is late by its journey, so of several the one that came nearest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeskClock {
    samples: u32,
    nearest_ms: i64,
    told: bool,
}

/// Messages before anything is said.
const SAMPLES_MIN: u32 = 5;

impl DeskClock {
    /// A message that its desk stamped so long before (or, below zero, after) it arrived. `Some`:
    /// the desk's clock is beyond the limit, by so many milliseconds, told once.
    pub fn message(&mut self, late_ms: i64, max_ms: i64) -> Option<i64> {
        let nearer = late_ms.saturating_abs() < self.nearest_ms.saturating_abs();
        if self.samples == 0 || nearer {
            self.nearest_ms = late_ms;
        }
        self.samples = self.samples.saturating_add(1);
        let beyond = self.samples >= SAMPLES_MIN && self.nearest_ms.saturating_abs() > max_ms;
        (beyond && !std::mem::replace(&mut self.told, true)).then_some(self.nearest_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: i64 = 1_000_000;

    #[test]
    fn the_quickest_server_counts_and_without_one_the_system() {
        let kernel = |synchronised, max_error_us| Some(Kernel { synchronised, max_error_us });
        let m = |offset_us, round_trip_us| Measure { offset_us, round_trip_us };
        let measured = |offset_us, uncertain_us| ClockState::Measured { offset_us, uncertain_us };
        let (off, unknown) =
            (|offset_us| ClockState::Off { offset_us }, ClockState::Unsynchronised);
        for (k, servers, state) in [
            (None, vec![], unknown),
            (kernel(false, 10), vec![], unknown),
            (kernel(true, 10), vec![], ClockState::Kept { max_error_us: 10 }),
            (kernel(true, MAX + 1), vec![], unknown),
            (None, vec![m(500, 2_000)], measured(500, 1_000)),
            (kernel(false, 0), vec![m(-500, 2_000)], measured(-500, 1_000)),
            // A server that answers late is not believed before one that answers soon.
            (None, vec![m(9_000_000, 50_000), m(10, 400)], measured(10, 200)),
            (kernel(true, 0), vec![m(1_500_000, 1_000)], off(1_500_000)),
            (kernel(true, 0), vec![m(-1_500_000, 1_000)], off(-1_500_000)),
            // It may be within the limit or beyond it.
            (kernel(true, 0), vec![m(900_000, 400_000)], unknown),
            (None, vec![m(i64::MIN, 0)], off(i64::MIN)),
            (None, vec![m(0, -5)], measured(0, 0)),
        ] {
            assert_eq!(judge(k, &servers, MAX), state, "{k:?} {servers:?}");
        }
    }

    #[test]
    fn a_desk_is_judged_by_the_message_that_came_nearest_and_told_once() {
        let told = |late: &[i64]| -> Vec<i64> {
            let mut clock = DeskClock::default();
            late.iter().filter_map(|l| clock.message(*l, 1_000)).collect()
        };
        let nothing: [i64; 0] = [];
        assert_eq!(told(&[20, 20, 20, 20, 20, 20]), nothing);
        // One that is late by its journey is not a clock that is wrong.
        assert_eq!(told(&[5_000, 20, 5_000, 5_000, 5_000, 5_000, 5_000]), nothing);
        assert_eq!(told(&[3_000, 3_200, 3_000, 3_000]), nothing, "too few");
        assert_eq!(told(&[3_000, 3_200, 2_900, 3_000, 3_000, 3_000, 3_000]), [2_900]);
        assert_eq!(told(&[-4_000, -4_100, -4_000, -4_000, -4_000, -4_000]), [-4_000]);
        assert_eq!(told(&[i64::MIN; 6]), [i64::MIN]);
    }
}
