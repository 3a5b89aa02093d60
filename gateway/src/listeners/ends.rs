//! Certificates and revocation lists that end soon, or have ended, and lists that cannot be used:
//! said before connections fail for it, and again every day. Lists that are good again are said
//! once.

use super::{
    crl::CrlFiles,
    lists::{ListFiles, list_facts, looked_at, unusable_lists},
};
use crate::{
    config::{Config, certificates},
    events::EventSink,
};
use signet_events::About;
use signet_identity::{CertificateFacts, ServerIdentity};
use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
    time::Duration,
};
use time::OffsetDateTime;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(24 * 3_600);
/// Certificates and lists that are told apart.
const KNOWN_MAX: usize = 10_000;
/// However long it is good for, nobody needs to hear of its end earlier.
const SOON_MAX: time::Duration = time::Duration::days(30);
/// A tenth of its time is left: whoever renews it is late.
const PARTS: i32 = 10;

/// Something with a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ends {
    /// What it is, for a person.
    pub what: String,
    pub is_list: bool,
    pub from: OffsetDateTime,
    pub until: OffsetDateTime,
}

/// How it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Good,
    Soon,
    Over,
}

/// How something that is good for this time stands.
pub(crate) fn standing(
    from: OffsetDateTime,
    until: OffsetDateTime,
    now: OffsetDateTime,
) -> Standing {
    let soon = ((until - from) / PARTS).min(SOON_MAX);
    match until - now {
        left if left <= time::Duration::ZERO => Standing::Over,
        left if left <= soon => Standing::Soon,
        _ => Standing::Good,
    }
}

impl Ends {
    /// Code of its event; `None`: nothing is to be said.
    fn code(&self, now: OffsetDateTime) -> Option<&'static str> {
        match (self.is_list, standing(self.from, self.until, now)) {
            (_, Standing::Good) => None,
            (true, Standing::Soon) => Some("crl.ends_soon"),
            (true, Standing::Over) => Some("crl.stale"),
            (false, Standing::Soon) => Some("certificate.ends_soon"),
            (false, Standing::Over) => Some("certificate.ended"),
        }
    }
}

/// Says what is due: each at once, and then once a day.
#[derive(Default)]
struct Said(HashMap<(String, &'static str), Duration>);

impl Said {
    /// What is to be said at this time since the start.
    fn due<'a>(
        &mut self,
        all: &'a [Ends],
        now: OffsetDateTime,
        at: Duration,
    ) -> Vec<(&'static str, &'a Ends)> {
        self.0.retain(|_, said| at.saturating_sub(*said) < DAY);
        let mut due = Vec::new();
        for e in all {
            let Some(code) = e.code(now) else { continue };
            if self.is_due(&e.what, code, at) {
                due.push((code, e));
            }
        }
        due
    }

    /// Whether this is to be said, and then not for a day.
    fn is_due(&mut self, what: &str, code: &'static str, at: Duration) -> bool {
        let key = (what.to_owned(), code);
        let due = self.0.len() < KNOWN_MAX && !self.0.contains_key(&key);
        if due {
            self.0.insert(key, at);
        }
        due
    }

    /// What was said of this setting is over: the next time it is said at once.
    fn forget(&mut self, setting: &str, code: &'static str) {
        let of_it = |what: &str| what.strip_prefix(setting).is_some_and(|w| w.starts_with(": "));
        self.0.retain(|(what, c), _| *c != code || !of_it(what));
    }
}

/// The settings of which a list could not be used when they were looked at last.
#[derive(Default)]
struct Unusable(BTreeSet<&'static str>);

impl Unusable {
    /// These are now; of which all lists are good again.
    fn good_again(&mut self, now: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
        let before = std::mem::replace(&mut self.0, now.collect());
        before.difference(&self.0).copied().collect()
    }
}

/// Looks for ever.
pub(crate) async fn watch(events: EventSink, config: Config, identity: ServerIdentity) {
    let (mut said, began) = (Said::default(), tokio::time::Instant::now());
    let (mut lists, mut bad) = (ListFiles::new(), Unusable::default());
    loop {
        let (c, i, before) = (config.clone(), identity.clone(), std::mem::take(&mut lists));
        // Files are read beside trading.
        let read = move || {
            let lists = looked_at(&c, before);
            (everything(&c, &i, &lists), unusable_lists(&lists), lists)
        };
        if let Ok((all, unusable, read)) = tokio::task::spawn_blocking(read).await {
            lists = read;
            for (code, e) in said.due(&all, OffsetDateTime::now_utc(), began.elapsed()) {
                tracing::warn!(alert = true, code, what = e.what, until = %e.until, "it ends");
                events.gateway(code, About::object(&e.what), format!("until {}", e.until));
            }
            let code = "crl.unusable";
            for key in bad.good_again(unusable.iter().map(|(key, _)| *key)) {
                said.forget(key, code);
                let (code, words) = ("crl.usable", "every list can be read and used again");
                tracing::info!(code, key, "{words}");
                events.gateway(code, About::object(key), words);
            }
            for (key, words) in unusable {
                if said.is_due(&format!("{key}: {words}"), code, began.elapsed()) {
                    tracing::warn!(alert = true, code, key, "{words}");
                    events.gateway(code, About::object(key), words);
                }
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The gateway's own certificate, every authority, and every revocation list of the configuration.
fn everything(
    config: &Config,
    identity: &ServerIdentity,
    lists: &[(&'static str, CrlFiles)],
) -> Vec<Ends> {
    let own = identity.certified_key();
    let own = own.cert.iter().map(|c| ("tls.certificate".to_owned(), c.clone().into_owned()));
    let of_file = |(key, path): (String, PathBuf)| {
        // What cannot be read is said by whoever needs it.
        let all = certificates(&path).unwrap_or_default();
        all.into_iter().map(move |c| (key.clone(), c)).collect::<Vec<_>>()
    };
    let certificates = own.chain(config.authorities().into_iter().flat_map(of_file));
    let facts = certificates.filter_map(|(key, c)| {
        let f = CertificateFacts::from_certificate(&c).ok()?;
        let what = format!("{key}: {}", f.subject);
        Some(Ends { what, is_list: false, from: f.not_before, until: f.not_after })
    });
    let lists = list_facts(lists).into_iter().map(|(key, f)| Ends {
        what: format!("{key}: {}", f.issuer),
        is_list: true,
        from: f.this_update,
        until: f.next_update,
    });
    facts.chain(lists).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(s).unwrap()
    }

    const DAY_S: i64 = 24 * 3_600;

    #[test]
    fn a_list_that_cannot_be_used_is_said_once_a_day() {
        let (mut said, code) = (Said::default(), "crl.unusable");
        for (hours, want) in [(0, true), (1, false), (23, false), (24, true), (25, false)] {
            let since = Duration::from_secs(hours * 3_600);
            assert!(said.due(&[], at(0), since).is_empty());
            assert_eq!(said.is_due("desks.crl: not a list", code, since), want, "{hours}");
        }
        assert!(said.is_due("admin.crl: not a list", code, DAY));
    }

    #[test]
    fn lists_that_are_good_again_are_said_once_and_what_follows_at_once() {
        let mut bad = Unusable::default();
        let table: [(&[&'static str], &[&str]); 7] = [
            (&[], &[]),
            (&["desks.crl", "desks.crl", "admin.crl"], &[]),
            // One of two files of a setting is still bad.
            (&["desks.crl"], &["admin.crl"]),
            (&["desks.crl"], &[]),
            (&[], &["desks.crl"]),
            (&[], &[]),
            (&["desks.crl"], &[]),
        ];
        for (now, good) in table {
            assert_eq!(bad.good_again(now.iter().copied()), good, "{now:?}");
        }
        let (mut said, code) = (Said::default(), "crl.unusable");
        let words = ["desks.crl: not a list", "desks.crl2: not a list"];
        for what in words {
            assert!(said.is_due(what, code, DAY) && said.is_due(what, "crl.stale", DAY));
        }
        said.forget("desks.crl", code);
        assert!(said.is_due(words[0], code, DAY) && !said.is_due(words[1], code, DAY));
        assert!(!said.is_due(words[0], "crl.stale", DAY));
    }

    #[test]
    fn table_of_standings() {
        for (days, now_s, want) in [
            (10, 0, Standing::Good),
            (10, 9 * DAY_S - 1, Standing::Good),
            (10, 9 * DAY_S, Standing::Soon),
            (10, 10 * DAY_S - 1, Standing::Soon),
            (10, 10 * DAY_S, Standing::Over),
            (10, 99 * DAY_S, Standing::Over),
            // Ten years: thirty days, not a year.
            (3_650, 3_620 * DAY_S - 1, Standing::Good),
            (3_650, 3_620 * DAY_S, Standing::Soon),
            // Never good: its end is before its beginning.
            (-1, -2 * DAY_S, Standing::Good),
            (-1, 0, Standing::Over),
        ] {
            assert_eq!(standing(at(0), at(days * DAY_S), at(now_s)), want, "{days} {now_s}");
        }
    }

    #[test]
    fn each_is_said_at_once_and_again_after_a_day_and_when_it_is_over() {
        let one = |what: &str, is_list, until: i64| Ends {
            what: what.into(),
            is_list,
            from: at(0),
            until: at(until * DAY_S),
        };
        let all = [one("a", false, 10), one("b", true, 10), one("c", true, 100)];
        let mut said = Said::default();
        let mut due = |now_s, since_s| {
            let due = said.due(&all, at(now_s), Duration::from_secs(since_s));
            due.into_iter().map(|(code, e)| format!("{code} {}", e.what)).collect::<Vec<_>>()
        };
        let soon = ["certificate.ends_soon a", "crl.ends_soon b"];
        let over = ["certificate.ended a", "crl.stale b"];
        assert!(due(DAY_S, 0).is_empty());
        assert_eq!(due(9 * DAY_S, 10), soon);
        assert!(due(9 * DAY_S + 600, 610).is_empty());
        assert_eq!(due(10 * DAY_S - 1, 10 + 24 * 3_600), soon);
        assert_eq!(due(10 * DAY_S, 20 + 24 * 3_600), over);
        assert!(due(10 * DAY_S, 30 + 24 * 3_600).is_empty());
    }
}
