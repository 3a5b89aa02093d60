//! Events that somebody looks for, newest first, page by page.

use super::{Event, Registry, RegistryError, event};
use signet_rfq::UtcMillis;
use std::fmt::Write as _;

/// Rows that one page reads at most; the rest are on the next one.
const ROWS_MAX: i64 = 5_000;

/// What is looked for; what is left out is not asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventSearch {
    /// The code, or its beginning and `.*`.
    pub code: Option<String>,
    /// The person, desk or thing that it is about, or `USER/DEVICE` of this user.
    pub subject: Option<String>,
    /// A text in its words or its subject.
    pub text: Option<String>,
    /// Not earlier than this.
    pub from: Option<UtcMillis>,
    /// Not later than this.
    pub to: Option<UtcMillis>,
    /// Events before this number only.
    pub before: Option<i64>,
}

/// A page of what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundEvents {
    /// Newest first.
    pub events: Vec<Event>,
    /// Where the next page begins; `None`: there is nothing more.
    pub before: Option<i64>,
}

impl Registry {
    /// At most `limit` events. Reads a bounded number of rows: a page may be empty and yet have a
    /// next one.
    pub async fn search_events(
        &self,
        wanted: &EventSearch,
        limit: usize,
    ) -> Result<FoundEvents, RegistryError> {
        let statement = statement(wanted);
        let mut query = sqlx::query(&statement).bind(wanted.before.unwrap_or(i64::MAX));
        if let Some(code) = &wanted.code {
            query = match code.strip_suffix('*') {
                Some(begins) => query.bind(format!("{}%", literal(begins))),
                None => query.bind(code.clone()),
            };
        }
        if let Some(subject) = &wanted.subject {
            query = query.bind(subject.clone()).bind(format!("{}/%", literal(subject)));
        }
        for time in [wanted.from, wanted.to].into_iter().flatten() {
            query = query.bind(time.0);
        }
        let rows = query.bind(ROWS_MAX).fetch_all(&self.pool).await?;
        let full = i64::try_from(rows.len()).unwrap_or(i64::MAX) >= ROWS_MAX;
        let (mut events, mut last) = (Vec::new(), None);
        for row in &rows {
            let e = event(row)?;
            if events.len() >= limit {
                return Ok(FoundEvents { events, before: last });
            }
            last = Some(e.seq);
            let meant =
                |t: &String| e.detail.contains(t.as_str()) || e.subject.contains(t.as_str());
            if wanted.text.as_ref().is_none_or(meant) {
                events.push(e);
            }
        }
        Ok(FoundEvents { events, before: last.filter(|_| full) })
    }
}

/// The text of the question: its parts are fixed, values are bound.
fn statement(wanted: &EventSearch) -> String {
    let mut text =
        "SELECT seq, at_ms, actor, kind, subject, detail, prev, hash, origin FROM events \
        WHERE seq < $1"
            .to_owned();
    let mut n = 1;
    let mut next = || {
        n += 1;
        n
    };
    if let Some(code) = &wanted.code {
        let how = if code.ends_with('*') { "LIKE" } else { "=" };
        let escape = if code.ends_with('*') { " ESCAPE '\\'" } else { "" };
        let _ = write!(text, " AND kind {how} ${}{escape}", next());
    }
    if wanted.subject.is_some() {
        let (exact, within) = (next(), next());
        let _ = write!(text, " AND (subject = ${exact} OR subject LIKE ${within} ESCAPE '\\')");
    }
    if wanted.from.is_some() {
        let _ = write!(text, " AND at_ms >= ${}", next());
    }
    if wanted.to.is_some() {
        let _ = write!(text, " AND at_ms <= ${}", next());
    }
    let _ = write!(text, " ORDER BY seq DESC LIMIT ${}", next());
    text
}

/// What stands for itself in a pattern.
pub(super) fn literal(text: &str) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewEvent, RegistryUrl};

    async fn registry(dir: &tempfile::TempDir) -> Registry {
        let r = Registry::open(&RegistryUrl::Sqlite(dir.path().join("r.db"))).await.unwrap();
        for n in 0..10 {
            for (kind, subject, detail) in [
                ("user.locked", "alice", "for RFQ.7"),
                ("device.locked", "alice/laptop", ""),
                ("userslocked", "a_ice", "100%"),
            ] {
                r.note(NewEvent::new(UtcMillis(n), "root@gw", kind, subject, detail))
                    .await
                    .unwrap();
            }
        }
        r
    }

    #[tokio::test]
    async fn table_of_searches() {
        let dir = tempfile::tempdir().unwrap();
        let r = registry(&dir).await;
        let some = |t: &str| Some(t.to_owned());
        let s = EventSearch::default;
        for (wanted, count) in [
            (s(), 30),
            (EventSearch { code: some("user.locked"), ..s() }, 10),
            (EventSearch { code: some("user.*"), ..s() }, 10),
            (EventSearch { code: some("user_locked"), ..s() }, 0),
            (EventSearch { code: some("%*"), ..s() }, 0),
            (EventSearch { subject: some("alice"), ..s() }, 20),
            (EventSearch { subject: some("a_ice"), ..s() }, 10),
            (EventSearch { subject: some("' OR 1=1 --"), ..s() }, 0),
            (EventSearch { text: some("RFQ.7"), ..s() }, 10),
            (EventSearch { text: some("%"), ..s() }, 10),
            (EventSearch { from: Some(UtcMillis(8)), ..s() }, 6),
            (EventSearch { to: Some(UtcMillis(0)), code: some("user.locked"), ..s() }, 1),
            (EventSearch { before: Some(4), ..s() }, 3),
        ] {
            let found = r.search_events(&wanted, 100).await.unwrap();
            assert_eq!((found.events.len(), found.before), (count, None), "{wanted:?}");
        }
        r.close().await;
    }

    #[tokio::test]
    async fn pages_follow_one_another_without_a_gap() {
        let dir = tempfile::tempdir().unwrap();
        let r = registry(&dir).await;
        let mut wanted = EventSearch { subject: Some("alice".into()), ..EventSearch::default() };
        let mut seen = Vec::new();
        loop {
            let page = r.search_events(&wanted, 7).await.unwrap();
            seen.extend(page.events.iter().map(|e| e.seq));
            let Some(before) = page.before else { break };
            wanted.before = Some(before);
        }
        assert_eq!(seen.len(), 20);
        assert!(seen.windows(2).all(|w| w[0] > w[1]), "{seen:?}");
        r.close().await;
    }
}
