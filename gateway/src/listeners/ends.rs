//! Certificates and revocation lists that end soon, or have ended: said before connections fail for
//! it, and again every day.

use super::lists::list_facts;
use crate::{
    config::{Config, certificates},
    events::EventSink,
};
use signet_events::About;
use signet_identity::{CertificateFacts, ServerIdentity};
use std::{collections::HashMap, path::PathBuf, time::Duration};
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
            let key = (e.what.clone(), code);
            if self.0.len() < KNOWN_MAX && !self.0.contains_key(&key) {
                self.0.insert(key, at);
                due.push((code, e));
            }
        }
        due
    }
}

/// Looks for ever.
pub(crate) async fn watch(events: EventSink, config: Config, identity: ServerIdentity) {
    let (mut said, began) = (Said::default(), tokio::time::Instant::now());
    loop {
        let (c, i) = (config.clone(), identity.clone());
        // Files are read beside trading.
        if let Ok(all) = tokio::task::spawn_blocking(move || everything(&c, &i)).await {
            for (code, e) in said.due(&all, OffsetDateTime::now_utc(), began.elapsed()) {
                tracing::warn!(alert = true, code, what = e.what, until = %e.until, "it ends");
                events.gateway(code, About::object(&e.what), format!("until {}", e.until));
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The gateway's own certificate, every authority, and every revocation list of the configuration.
fn everything(config: &Config, identity: &ServerIdentity) -> Vec<Ends> {
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
    let lists = list_facts(config).into_iter().map(|(key, f)| Ends {
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
