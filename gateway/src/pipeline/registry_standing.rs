//! A registry that does not confirm its view any longer is said, once, and so is that it does
//! again. Nobody is admitted in between (`signet_registry::admission`).

use super::Pipeline;
use crate::registry_view::RegistryView;
use signet_events::About;
use std::{sync::Arc, time::Duration};

const UNKNOWN: &str = "its thread does not say why";

/// What was said of it last.
#[derive(Debug, Default)]
pub(super) struct RegistryStanding {
    /// The age of the view when it was looked at last, once it was too old.
    away: Option<Duration>,
}

/// What is to be said.
#[derive(Debug, PartialEq, Eq)]
enum Say {
    Away,
    /// After so long.
    Back(Duration),
}

impl RegistryStanding {
    /// `age`: time since the registry confirmed its view.
    fn look(&mut self, age: Duration, age_max: Duration) -> Option<Say> {
        let stale = age > age_max;
        match (self.away, stale) {
            (None, true) => {
                self.away = Some(age);
                Some(Say::Away)
            }
            (Some(last), true) => {
                self.away = Some(last.max(age));
                None
            }
            (Some(last), false) => {
                self.away = None;
                Some(Say::Back(last))
            }
            (None, false) => None,
        }
    }

    pub(super) fn tell(&mut self, pipeline: &Pipeline, registry: &RegistryView) {
        let (code, words) = match self.look(registry.age(), registry.age_max()) {
            None => return,
            Some(Say::Away) => {
                let fault = registry.fault().unwrap_or_else(|| Arc::from(UNKNOWN));
                ("registry.away", away_words(&fault, registry.fail_closed_sessions))
            }
            Some(Say::Back(after)) => ("registry.back", back_words(after)),
        };
        pipeline.events.gateway(code, About::object("registry"), words);
    }
}

fn away_words(fault: &str, ends_sessions: bool) -> String {
    let sessions = match ends_sessions {
        true => "and every session ends",
        false => "and sessions that are on go on",
    };
    format!("nobody is admitted {sessions} until it answers and takes down what it must: {fault}")
}

fn back_words(after: Duration) -> String {
    format!("it answers again, after {} s; desks are admitted", after.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_said_once() {
        use Say::{Away, Back};
        let s = Duration::from_secs;
        let table = [
            (0, None),
            (10, None),
            (11, Some(Away)),
            (12, None),
            (60, None),
            (0, Some(Back(s(60)))),
            (3, None),
            (15, Some(Away)),
            (1, Some(Back(s(15)))),
            (1, None),
        ];
        let mut standing = RegistryStanding::default();
        for (n, (age, want)) in table.into_iter().enumerate() {
            assert_eq!(standing.look(s(age), s(10)), want, "{n}");
        }
    }

    #[test]
    fn the_words_say_what_follows() {
        assert!(away_words("disk full (registry.database)", false).contains("go on until"));
        assert!(away_words("disk full (registry.database)", true).contains("session ends"));
        assert!(back_words(Duration::from_secs(61)).contains("61 s"));
    }
}
