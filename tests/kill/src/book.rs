//! The gateway's book, replayed from its journal at each look.
//!
//! An RFQ that had ended is set aside once a look found it right: its records are replayed again
//! when something new is about it, when a screen shows it, and at every whole look. So a look does
//! not cost more for each RFQ that ever was.

use crate::{
    DESKS,
    firm::{Res, text},
    followed::Followed,
    grown::field,
    talk::Screen,
};
use signet_gateway::Loaded;
use signet_identity::CompId;
use signet_journal::{SealedLog, StoreKey};
use signet_rfq::{Rfq, UtcMillis};
use signet_router::{
    DealerSettings, DeskSettings, Input, Router,
    journal::{Journal, OnBadRecord, RecordKind, shown},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// The copy of the records that are replayed.
const COPY: &str = "look.journal";

/// The accepts of an RFQ, by desk and id: whether each was executed.
type Outcomes = BTreeMap<String, bool>;

/// What is known of an accept from an earlier look.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Was {
    /// Its RFQ is replayed: the router knows.
    Replayed,
    /// Its RFQ had ended: whether the accept was executed.
    Ended(bool),
    /// The gateway remembers no more than so many RFQs that ended, and this was not one of them.
    Forgotten,
}

/// The records of the gateway's journal.
#[derive(Default)]
pub(crate) struct Book {
    journal: Option<Followed>,
    /// In order, each with the RFQ that it is about, by desk and id.
    records: Vec<(Option<String>, Vec<u8>)>,
    /// RFQs whose request is among the records.
    known: BTreeSet<String>,
    /// RFQs that are not replayed; `None`: the gateway has forgotten it.
    aside: BTreeMap<String, Option<Outcomes>>,
}

impl Book {
    /// What was read of the journal is as it was; what is wrong does not heal.
    pub(crate) fn unchanged(&self) -> Res<()> {
        self.journal.as_ref().map_or(Ok(()), Followed::unchanged)
    }

    /// Reads on: what stands on screen now is in the journal.
    pub(crate) fn read_on(&mut self, dir: &Path, key: &StoreKey) -> Res<()> {
        let mut journal = match self.journal.take() {
            Some(journal) => journal,
            None => Followed::replaceable(&journal_in(&dir.join("state"))?),
        };
        let news = journal.read_on(key);
        self.journal = Some(journal);
        let news = news.map_err(|e| format!("the journal: {e}"))?;
        if news.another {
            *self = Self { journal: self.journal.take(), ..Self::default() };
        }
        for record in news.records {
            match shown(&record) {
                Some(r) => {
                    let rfq = about(r.what, &r.id, &r.message);
                    self.take(rfq, r.what == RecordKind::RequestDecided, record);
                }
                // The replay says which one it is.
                None => self.take(None, false, record),
            }
        }
        Ok(())
    }

    /// `is_request`: the RFQ begins with it.
    fn take(&mut self, about: Option<String>, is_request: bool, record: Vec<u8>) {
        if let Some(rfq) = about.as_ref().filter(|_| is_request) {
            self.known.insert(rfq.clone());
        }
        match about.as_ref().filter(|rfq| self.known.contains(*rfq)) {
            Some(rfq) => drop(self.aside.remove(rfq)),
            // It may be about any of them.
            None => self.aside.clear(),
        }
        self.records.push((about, record));
    }

    /// Everything is replayed again.
    pub(crate) fn whole(&mut self) {
        self.aside.clear();
    }

    /// The book at a time. RFQs on screen are in it.
    pub(crate) fn replay(
        &mut self,
        (dir, key): (&Path, &StoreKey),
        loaded: &Loaded,
        screens: &BTreeMap<&'static str, Screen>,
        taken: UtcMillis,
    ) -> Res<Router> {
        for (desk, screen) in screens {
            for r in &screen.rfqs {
                self.aside.remove(&format!("{desk}.{}", r.id));
            }
        }
        let copy = dir.join(COPY);
        match fs::remove_file(&copy) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(text(e)),
            _ => {}
        }
        let (mut log, _) = SealedLog::open(&copy, key).map_err(text)?;
        let set_aside =
            |rfq: &Option<String>| rfq.as_ref().is_some_and(|rfq| self.aside.contains_key(rfq));
        for (_, record) in self.records.iter().filter(|(rfq, _)| !set_aside(rfq)) {
            log.append(record).map_err(text)?;
        }
        drop(log);
        let mut router = router(loaded);
        let opened = Journal::open(&copy, key, &mut router, OnBadRecord::Stop);
        opened.map_err(|e| format!("the journal cannot be replayed: {e}"))?;
        router.handle(taken, Input::Tick);
        Ok(router)
    }

    /// What an earlier look says of an accept of an RFQ, both by desk and id.
    pub(crate) fn was(&self, rfq: &str, accept: &str) -> Was {
        match self.aside.get(rfq) {
            None => Was::Replayed,
            Some(None) => Was::Forgotten,
            // It never had the others.
            Some(Some(outcomes)) => Was::Ended(outcomes.get(accept).copied().unwrap_or(false)),
        }
    }

    /// How many RFQs of a desk are set aside.
    pub(crate) fn set_aside(&self, desk: &str) -> usize {
        let of_desk = |rfq: &&String| belongs_to(rfq, desk);
        self.aside.keys().filter(of_desk).count()
    }

    /// A look has found everything right: what ended, and is on no screen, is set aside.
    /// `ended_max`: so many RFQs that ended are remembered of each desk.
    pub(crate) fn found_right(
        &mut self,
        router: &Router,
        screens: &BTreeMap<&'static str, Screen>,
        ended_max: usize,
    ) -> Res<()> {
        for desk in DESKS {
            let id = CompId::new(desk).map_err(text)?;
            let held: BTreeMap<String, &Rfq> =
                router.rfqs_of(&id).map(|r| (format!("{desk}.{}", r.terms.id), r)).collect();
            let shown: BTreeSet<String> = screens
                .get(desk)
                .map(|s| s.rfqs.iter().map(|r| format!("{desk}.{}", r.id)).collect())
                .unwrap_or_default();
            if held.len() + self.set_aside(desk) >= ended_max {
                let forgotten = |rfq: &&String| {
                    belongs_to(rfq, desk)
                        && !held.contains_key(*rfq)
                        && !self.aside.contains_key(*rfq)
                };
                let forgotten: Vec<String> = self.known.iter().filter(forgotten).cloned().collect();
                self.aside.extend(forgotten.into_iter().map(|rfq| (rfq, None)));
            }
            for (rfq, held) in held {
                if let Some(outcomes) = over(desk, held)
                    && !shown.contains(&rfq)
                {
                    self.aside.insert(rfq, Some(outcomes));
                }
            }
        }
        Ok(())
    }
}

fn belongs_to(rfq: &str, desk: &str) -> bool {
    rfq.strip_prefix(desk).is_some_and(|rest| rest.starts_with('.'))
}

/// The outcomes of an RFQ that has ended, with all of its answers.
fn over(desk: &str, rfq: &Rfq) -> Option<Outcomes> {
    let accepts = rfq.accept.iter().chain(&rfq.past);
    let waits = accepts.clone().any(|(_, state)| state.in_flight());
    let outcome = |(a, state): &(signet_rfq::Accept, signet_rfq::AcceptState)| {
        (format!("{desk}.{}", a.id), state.traded().is_some())
    };
    (rfq.state.ended() && !waits).then(|| accepts.map(outcome).collect())
}

/// The RFQ that a record is about, by desk and id, as far as the ids in its message say so.
fn about(kind: RecordKind, id: &str, message: &[u8]) -> Option<String> {
    let of_accept = |tag| Some(field(message, tag)?.rsplit_once(':')?.0);
    let rfq = field(message, "131").or_else(|| of_accept("11")).or_else(|| of_accept("693"))?;
    // The ids in what is from or for a dealer have their desk in front already.
    Some(if kind.is_of_dealer() { rfq.into() } else { format!("{id}.{rfq}") })
}

fn journal_in(state: &Path) -> Res<PathBuf> {
    let is_it = |p: &PathBuf| p.extension().is_some_and(|e| e == "journal" || e == "log");
    let mut files = fs::read_dir(state).map_err(text)?.flatten().map(|e| e.path());
    files.find(is_it).ok_or_else(|| "no journal".into())
}

fn router(loaded: &Loaded) -> Router {
    let config = &loaded.config;
    Router::new(
        config.gateway.name.clone(),
        false,
        loaded.catalogue.clone(),
        config
            .desk
            .iter()
            .map(|d| DeskSettings { id: d.comp_id.clone(), dealers: d.dealers.clone() }),
        config.dealer.iter().map(|d| DealerSettings {
            id: d.comp_id.clone(),
            name: d.name.clone(),
            counters: d.counter,
            parts: d.takes_part,
        }),
        // It takes no request: what it holds has its names.
        || None,
    )
    .with_max_ended(config.limits.ended_rfqs_per_desk)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about_fields(kind: RecordKind, id: &str, fields: &str) -> Option<String> {
        about(kind, id, fields.replace('|', "\x01").as_bytes())
    }

    #[test]
    fn table_of_what_records_are_about() {
        for (kind, id, fields, rfq) in [
            (RecordKind::RequestDecided, "KILL1", "35=R|131=A-1|", Some("KILL1.A-1")),
            (RecordKind::AcceptDecided, "KILL1", "35=AJ|693=A-1:1|131=A-1|", Some("KILL1.A-1")),
            (RecordKind::FromDesk, "KILL1", "35=Z|131=A-1|", Some("KILL1.A-1")),
            (RecordKind::FromDealer, "NORTHBANK", "35=S|131=KILL1.A-1|117=Q|", Some("KILL1.A-1")),
            (RecordKind::FromDealer, "NORTHBANK", "35=8|11=KILL1.A-1:2|14=1|", Some("KILL1.A-1")),
            (RecordKind::NotSentToDealer, "NORTHBANK", "35=AJ|693=KILL1.A-1:2|", Some("KILL1.A-1")),
            (RecordKind::FromDealer, "NORTHBANK", "35=j|379=KILL1.A-1|", None),
            (RecordKind::FromDealer, "NORTHBANK", "35=8|11=NAME|", None),
        ] {
            assert_eq!(about_fields(kind, id, fields).as_deref(), rfq, "{fields}");
        }
        assert!(belongs_to("KILL1.A-1", "KILL1") && !belongs_to("KILL10.A-1", "KILL1"));
    }

    /// What is new brings back what it is about, and everything when that is not clear.
    #[test]
    fn what_is_new_about_an_rfq_brings_it_back() {
        let with = |about: Option<&str>, is_request| {
            let mut book = Book::default();
            book.take(Some("KILL1.A-1".into()), true, vec![]);
            book.take(Some("KILL1.A-2".into()), true, vec![]);
            let outcomes = BTreeMap::from([("KILL1.A-1:1".to_owned(), true)]);
            book.aside.insert("KILL1.A-1".into(), Some(outcomes));
            book.aside.insert("KILL1.A-2".into(), None);
            assert_eq!((book.set_aside("KILL1"), book.set_aside("KILL2")), (2, 0));
            book.take(about.map(str::to_owned), is_request, vec![]);
            [("A-1", "A-1:1"), ("A-1", "A-1:2"), ("A-2", "A-2:1")]
                .map(|(rfq, accept)| book.was(&format!("KILL1.{rfq}"), &format!("KILL1.{accept}")))
        };
        let aside = [Was::Ended(true), Was::Ended(false), Was::Forgotten];
        let all = [Was::Replayed, Was::Replayed, Was::Replayed];
        assert_eq!(with(Some("KILL1.A-3"), true), aside);
        assert_eq!(with(Some("KILL1.A-1"), false), [Was::Replayed, Was::Replayed, Was::Forgotten]);
        assert_eq!(with(Some("NAME"), false), all);
        assert_eq!(with(None, false), all);
    }
}
