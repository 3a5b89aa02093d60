//! `[response]`: what the gateway answers repeated failures with by itself.

use super::{Config, ConfigError, value};
use crate::response::{Dealers, Networks, People};
use serde::Deserialize;
use signet_registry::{CounterBack, LockoutKind, LockoutTerms};
use std::time::Duration;

/// Each has a default that an honest peer does not reach; 0 failures or challenges set one off.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponseSection {
    /// Refused Logons of one person, with a certificate in force, that lock the person out.
    pub person_failures: u32,
    /// Refused handshakes and Logons of one network that lock it out.
    pub network_failures: u32,
    /// Within this time.
    pub failure_minutes: u32,
    /// How long the first lock-out after failures lasts; each further one within a day lasts twice
    /// as long.
    pub lockout_minutes: u32,
    pub lockout_max_minutes: u32,
    /// Challenges declined, not answered or answered wrongly that lock a person out.
    pub fatigue_challenges: u32,
    pub fatigue_minutes: u32,
    /// How long; 0: until an administrator lifts it.
    pub fatigue_lockout_minutes: u32,
    /// Messages of one dealer that contradict what is so, or cannot be read, that cut its line.
    pub dealer_faults: u32,
    pub dealer_minutes: u32,
    /// What follows when the counter of a security key goes back: `"lock"` or `"refuse"`. Its
    /// answer is refused in any case.
    pub counter_went_back: CounterBack,
}

impl Default for ResponseSection {
    fn default() -> Self {
        Self {
            person_failures: 20,
            network_failures: 100,
            failure_minutes: 10,
            lockout_minutes: 5,
            lockout_max_minutes: 240,
            fatigue_challenges: 8,
            fatigue_minutes: 10,
            fatigue_lockout_minutes: 60,
            dealer_faults: 20,
            dealer_minutes: 10,
            counter_went_back: CounterBack::Lock,
        }
    }
}

fn minutes(n: u32) -> Duration {
    Duration::from_secs(60 * u64::from(n))
}

fn count(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

impl ResponseSection {
    pub fn people(&self) -> People {
        People::new(
            (count(self.person_failures), minutes(self.failure_minutes)),
            (count(self.fatigue_challenges), minutes(self.fatigue_minutes)),
        )
    }

    pub fn networks(&self) -> Networks {
        Networks::new(
            count(self.network_failures),
            minutes(self.failure_minutes),
            minutes(self.lockout_minutes),
            minutes(self.lockout_max_minutes),
        )
    }

    pub fn dealers(&self) -> Dealers {
        Dealers::new(count(self.dealer_faults), minutes(self.dealer_minutes))
    }

    /// How long a lock-out of a person lasts. One by a signal is the provider's to end, through an
    /// administrator.
    pub fn terms(&self, kind: LockoutKind) -> LockoutTerms {
        let ms = |minutes: u32| i64::from(minutes) * 60_000;
        let (first, max) = match kind {
            LockoutKind::Failures => (self.lockout_minutes, self.lockout_max_minutes),
            LockoutKind::Fatigue => {
                (self.fatigue_lockout_minutes, self.fatigue_lockout_minutes.max(24 * 60))
            }
            LockoutKind::Signal => (0, 0),
        };
        LockoutTerms { first_ms: ms(first), max_ms: ms(max) }
    }
}

impl Config {
    pub(crate) fn check_response(&self) -> Result<(), ConfigError> {
        let r = &self.response;
        for (name, n) in [
            ("person_failures", r.person_failures),
            ("network_failures", r.network_failures),
            ("fatigue_challenges", r.fatigue_challenges),
            ("dealer_faults", r.dealer_faults),
        ] {
            if n > 1_000 {
                return Err(value(format!("response.{name}"), "0 (off) to 1000"));
            }
        }
        for (name, n) in [
            ("failure_minutes", r.failure_minutes),
            ("lockout_minutes", r.lockout_minutes),
            ("lockout_max_minutes", r.lockout_max_minutes),
            ("fatigue_minutes", r.fatigue_minutes),
            ("dealer_minutes", r.dealer_minutes),
        ] {
            if !(1..=10_080).contains(&n) {
                return Err(value(format!("response.{name}"), "1 to 10080"));
            }
        }
        if r.fatigue_lockout_minutes > 10_080 {
            let why = "0 (until it is lifted) to 10080";
            return Err(value("response.fatigue_lockout_minutes", why));
        }
        if r.lockout_max_minutes < r.lockout_minutes {
            return Err(value("response.lockout_max_minutes", "at least lockout_minutes"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_that_goes_back_locks_the_key_unless_the_firm_says_otherwise() {
        for (text, want) in [
            ("", Some(CounterBack::Lock)),
            ("person_failures = 3", Some(CounterBack::Lock)),
            ("counter_went_back = 'lock'", Some(CounterBack::Lock)),
            ("counter_went_back = 'refuse'", Some(CounterBack::Refuse)),
            // What does not exist: to believe the answer all the same.
            ("counter_went_back = 'allow'", None),
            ("counter_went_back = 'off'", None),
            ("counter_went_back = 'Lock'", None),
            ("counter_went_back = 0", None),
            ("counter_went_back = false", None),
        ] {
            let read = toml::from_str::<ResponseSection>(text).ok();
            assert_eq!(read.map(|r| r.counter_went_back), want, "{text}");
        }
    }
}
