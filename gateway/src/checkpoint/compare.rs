//! The journal's file against what the evidence says it holds.

use crate::signed::{Digest, Record, Step, Totalled, sha256};

/// What a file of the journal must hold: the records that are counted in `base`, then these.
#[derive(Debug, Default, Clone)]
struct Expected {
    base: Totalled,
    then: Vec<Digest>,
}

/// What the evidence says of the journal, read record by record.
#[derive(Debug, Default)]
pub(super) struct Story {
    now: Expected,
    /// Before a rewrite that was announced last.
    before: Option<Expected>,
    begun: bool,
}

/// How the journal's file differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Difference {
    /// Up to the record with this number, something differs from what was announced.
    Within(u64),
    /// This record is another one.
    Changed(u64),
    /// This record is missing; those after it follow.
    Missing(u64),
    /// This record and the next stand in each other's place.
    Swapped(u64),
    /// The end was cut off: this record is the first that is missing.
    Cut(u64),
    /// This record and those after it were never written by a gateway.
    Beyond(u64),
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Within(n) => write!(f, "one of the first {n} records is not as it was written"),
            Self::Changed(n) => write!(f, "record {n} is not as it was written"),
            Self::Missing(n) => write!(f, "record {n} is missing"),
            Self::Swapped(n) => write!(f, "records {n} and {} are swapped", n + 1),
            Self::Cut(n) => write!(f, "the end was cut off: record {n} is missing"),
            Self::Beyond(n) => write!(f, "record {n} was not written by a gateway"),
        }
    }
}

impl Story {
    /// Takes a record of the evidence.
    pub(super) fn take(&mut self, step: &Step<'_>) {
        if !std::mem::replace(&mut self.begun, true) {
            // The first file that is here; it begins with what was before.
            self.now.base = step.journal;
        }
        match Record::read(step.bytes) {
            Some(Record::Journal(record)) => {
                self.now.then.push(sha256(record));
                self.before = None;
            }
            Some(Record::JournalIs) => {
                let now = Expected { base: step.journal, then: Vec::new() };
                self.before = Some(std::mem::replace(&mut self.now, now));
            }
            _ => {}
        }
    }

    /// Compares with the records that are there. One record more is what a stop between the
    /// journal and the evidence leaves, and the next start takes it; so are quotes.
    pub(super) fn compare(&self, records: &[&[u8]]) -> Result<(), Difference> {
        let now = self.now.compare(records);
        match (&now, &self.before) {
            (Err(_), Some(before)) if before.compare(records).is_ok() => Ok(()),
            _ => now,
        }
    }
}

impl Expected {
    fn compare(&self, records: &[&[u8]]) -> Result<(), Difference> {
        let base = usize::try_from(self.base.count).unwrap_or(usize::MAX);
        let Some((first, rest)) = records.split_at_checked(base) else {
            let n = records.len() as u64;
            return Err(Difference::Cut(n));
        };
        if Totalled::of(first.iter().copied()) != self.base {
            return Err(Difference::Within(self.base.count));
        }
        let rest: Vec<Digest> = rest.iter().map(|r| sha256(r)).collect();
        let number = |i: usize| self.base.count + i as u64;
        for (i, want) in self.then.iter().enumerate() {
            let Some(found) = rest.get(i) else { return Err(Difference::Cut(number(i))) };
            if found == want {
                continue;
            }
            let next = self.then.get(i + 1);
            return Err(match next {
                Some(next) if found == next && rest.get(i + 1) == Some(want) => {
                    Difference::Swapped(number(i))
                }
                Some(next) if found == next => Difference::Missing(number(i)),
                _ => Difference::Changed(number(i)),
            });
        }
        match may_follow(&records[base + self.then.len()..]) {
            true => Ok(()),
            false => Err(Difference::Beyond(number(self.then.len()))),
        }
    }
}

/// Whether these records may be in the journal and not in the evidence: the gateway stopped between
/// the two, or they are quotes beyond a dealer's day.
pub(super) fn may_follow(records: &[&[u8]]) -> bool {
    records.iter().filter(|r| !signet_router::journal::is_quote(r)).count() <= 1
}
