//! What one file of the desk's history says of the dealers: those facts of it, in their order, that
//! a tally could take. Pure.
//!
//! An RFQ may be asked in one file and answered in the next, so a part has facts and no counts: a
//! tally takes those of one part after the other, just as it takes those of messages as they come.
//! A file that is read is made a part first, too, so that it and a part that was kept cannot say
//! different things.

use super::{
    fact::{Fact, Told},
    tally::Tally,
    timeline::{message, told_now},
};
use crate::history::Summary;
use serde::{Deserialize, Serialize};
use signet_history::{Record, What};
use signet_rfq::{AcceptId, DealerId, RfqId};
use std::collections::{HashMap, HashSet};

/// A stored part of another version is made again.
const VERSION: u32 = 1;

/// What one file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    facts: Vec<Noted>,
    /// Whether the file ends within a snapshot; `None`: as it began.
    told: Option<Told>,
}

/// A fact, and when it was written down.
#[derive(Debug, PartialEq, Eq)]
struct Noted {
    /// On the laptop's clock.
    seen_ms: i64,
    /// `None`: as the file before ended.
    told: Option<Told>,
    fact: Fact,
}

impl Summary for Part {
    fn of(records: &[Record]) -> Self {
        let mut sifting = Sifting::default();
        records.iter().for_each(|r| sifting.take(r));
        sifting.part
    }

    fn to_bytes(&self) -> Vec<u8> {
        let base_ms = self.facts.first().map_or(0, |f| f.seen_ms);
        let mut names = Names::default();
        let rows = self.facts.iter().map(|f| f.row(base_ms, &mut names)).collect();
        let (v, told) = (VERSION, number_of(self.told));
        // Texts and numbers always serialise.
        serde_json::to_vec(&Stored { v, told, base_ms, names: names.all, rows }).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let stored: Stored = serde_json::from_slice(bytes).ok()?;
        if stored.v != VERSION {
            return None;
        }
        let facts = stored.rows.iter().map(|row| Noted::read(row, &stored));
        Some(Self { facts: facts.collect::<Option<Vec<_>>>()?, told: told_of(stored.told)? })
    }
}

/// Takes the records of one file, and leaves out facts that change nothing whatever a tally took
/// before: a dealer decides how often it quotes.
#[derive(Default)]
struct Sifting {
    part: Part,
    seen: HashMap<RfqId, Seen>,
}

/// What the file has of an RFQ since it was asked here, if it was.
#[derive(Default)]
struct Seen {
    answers: HashMap<DealerId, Answers>,
    /// The dealers that said how an accept ended, since it left here, if it did.
    ended: HashMap<AcceptId, HashSet<DealerId>>,
}

/// What the file has of a dealer's answers to one RFQ.
#[derive(Default)]
struct Answers {
    quoted: bool,
    /// It has one whose time says something,
    timed: bool,
    /// or one of which only the file before says whether its time does.
    doubtful: bool,
}

impl Sifting {
    fn take(&mut self, r: &Record) {
        let told = self.part.told;
        let fact = match &r.what {
            What::Sent { frame, msg } if matches!(msg.as_str(), "R" | "AJ") => {
                message(frame).and_then(|m| Fact::of_sent(&m))
            }
            What::Received { frame, msg, .. } if matches!(msg.as_str(), "S" | "AG" | "8") => {
                message(frame).and_then(|m| Fact::of_heard(&m, r.venue_ms()))
            }
            What::Received { frame, msg, .. } if msg == "U2" => {
                self.part.told = told_now(frame).or(told);
                None
            }
            _ => None,
        };
        if let Some(fact) = fact
            && self.adds(&fact, told)
        {
            self.part.facts.push(Noted { seen_ms: r.at_ms, told, fact });
        }
    }

    fn adds(&mut self, fact: &Fact, told: Option<Told>) -> bool {
        match fact {
            // From here on an answer counts, even if it did not before.
            Fact::Asked { rfq, .. } => {
                self.seen.remove(rfq);
                true
            }
            Fact::Accepted { rfq, accept, .. } => {
                if let Some(seen) = self.seen.get_mut(rfq) {
                    seen.ended.remove(accept);
                }
                true
            }
            Fact::Answered { rfq, dealer, quoted, .. } => {
                let seen = self.seen.entry(rfq.clone()).or_default();
                seen.answers.entry(dealer.clone()).or_default().add(*quoted, told)
            }
            Fact::Ended { rfq, accept, dealer, .. } => {
                let seen = self.seen.entry(rfq.clone()).or_default();
                seen.ended.entry(accept.clone()).or_default().insert(dealer.clone())
            }
        }
    }
}

impl Answers {
    /// Whether one more answer may change something: the first price does, and before it the
    /// first answer that has a time.
    fn add(&mut self, quoted: bool, told: Option<Told>) -> bool {
        let has_time = match told {
            Some(Told::Live) => !self.timed,
            Some(Told::Again) => false,
            None => !self.timed && !self.doubtful,
        };
        let adds = !self.quoted && (quoted || has_time);
        if adds {
            self.quoted |= quoted;
            self.timed |= told == Some(Told::Live);
            self.doubtful |= told.is_none();
        }
        adds
    }
}

/// Tallies parts of the history, the oldest first.
pub(crate) struct Tallying {
    tally: Tally,
    told: Told,
    from_ms: i64,
    before_ms: i64,
}

impl Tallying {
    /// Of RFQs that were asked from the one moment on, what was written down before the other, both
    /// on the laptop's clock.
    pub(crate) fn between(from_ms: i64, before_ms: i64) -> Self {
        Self { tally: Tally::default(), told: Told::Live, from_ms, before_ms }
    }

    /// Takes the next part.
    pub(crate) fn take(&mut self, part: &Part) {
        for noted in part.facts.iter().filter(|f| f.seen_ms < self.before_ms) {
            let asked = matches!(noted.fact, Fact::Asked { .. });
            if !asked || noted.seen_ms >= self.from_ms {
                self.tally.note(&noted.fact, noted.told.unwrap_or(self.told));
            }
        }
        self.told = part.told.unwrap_or(self.told);
    }

    pub(crate) fn done(self) -> Tally {
        self.tally
    }
}

/// A part as it is kept. Most of it is names that come again and again, and times near each other.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    v: u32,
    told: i64,
    base_ms: i64,
    names: Vec<String>,
    /// Kind, told, when it was seen since `base_ms`, its time since that, and places of names: the
    /// RFQ, the accept where there is one, dealers.
    rows: Vec<Vec<i64>>,
}

impl Stored {
    fn name<T: TryFrom<String>>(&self, place: i64) -> Option<T> {
        let name = self.names.get(usize::try_from(place).ok()?)?;
        T::try_from(name.clone()).ok()
    }
}

#[derive(Default)]
struct Names {
    all: Vec<String>,
    places: HashMap<String, i64>,
}

impl Names {
    fn place(&mut self, name: &str) -> i64 {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = i64::try_from(self.all.len()).unwrap_or(i64::MAX);
        self.places.insert(name.to_owned(), place);
        self.all.push(name.to_owned());
        place
    }
}

fn number_of(told: Option<Told>) -> i64 {
    match told {
        None => 0,
        Some(Told::Live) => 1,
        Some(Told::Again) => 2,
    }
}

/// `None`: it is none.
fn told_of(number: i64) -> Option<Option<Told>> {
    match number {
        0 => Some(None),
        1 => Some(Some(Told::Live)),
        2 => Some(Some(Told::Again)),
        _ => None,
    }
}

impl Noted {
    fn row(&self, base_ms: i64, names: &mut Names) -> Vec<i64> {
        let (kind, at_ms, rfq) = match &self.fact {
            Fact::Asked { rfq, at_ms, .. } => (0, at_ms, rfq),
            Fact::Accepted { rfq, at_ms, .. } => (1, at_ms, rfq),
            Fact::Answered { rfq, at_ms, quoted: false, .. } => (2, at_ms, rfq),
            Fact::Answered { rfq, at_ms, quoted: true, .. } => (3, at_ms, rfq),
            Fact::Ended { rfq, at_ms, hit: false, .. } => (4, at_ms, rfq),
            Fact::Ended { rfq, at_ms, hit: true, .. } => (5, at_ms, rfq),
        };
        // A laptop's clock may say anything; what is added again is the same whatever it said.
        let since = self.seen_ms.wrapping_sub(base_ms);
        let after = at_ms.wrapping_sub(self.seen_ms);
        let mut row = vec![kind, number_of(self.told), since, after, names.place(rfq.as_str())];
        match &self.fact {
            Fact::Asked { dealers, .. } => {
                row.extend(dealers.iter().map(|d| names.place(d.as_str())));
            }
            Fact::Answered { dealer, .. } => row.push(names.place(dealer.as_str())),
            Fact::Accepted { accept, dealer, .. } | Fact::Ended { accept, dealer, .. } => {
                row.push(names.place(accept.as_str()));
                row.push(names.place(dealer.as_str()));
            }
        }
        row
    }

    fn read(row: &[i64], of: &Stored) -> Option<Self> {
        let ([kind, told, since, after, rfq], rest) = row.split_first_chunk::<5>()?;
        let seen_ms = of.base_ms.wrapping_add(*since);
        let at_ms = seen_ms.wrapping_add(*after);
        let rfq: RfqId = of.name(*rfq)?;
        let fact = match (*kind, rest) {
            (0, dealers) => {
                let dealers = dealers.iter().map(|d| of.name(*d)).collect::<Option<Vec<_>>>()?;
                Fact::Asked { rfq, dealers, at_ms }
            }
            (1, [accept, dealer]) => {
                let (accept, dealer) = (of.name(*accept)?, of.name(*dealer)?);
                Fact::Accepted { rfq, accept, dealer, at_ms }
            }
            (2 | 3, [dealer]) => {
                Fact::Answered { rfq, dealer: of.name(*dealer)?, at_ms, quoted: *kind == 3 }
            }
            (4 | 5, [accept, dealer]) => {
                let (accept, dealer) = (of.name(*accept)?, of.name(*dealer)?);
                Fact::Ended { rfq, accept, dealer, at_ms, hit: *kind == 5 }
            }
            _ => return None,
        };
        Some(Self { seen_ms, told: told_of(*told)?, fact })
    }
}

#[cfg(test)]
#[path = "part_tests.rs"]
mod tests;
