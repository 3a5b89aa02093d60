//! The journal, searched from its end backwards without being read whole: marks at every so many
//! bytes are remembered, and a search reads the parts between them, newest first, until it has
//! enough or has read what one search may.

use serde_json::Value;
use signet_journal::{LogError, LogReader, Mark, StoreKey};
use signet_rfq::UtcMillis;
use std::{collections::VecDeque, path::Path};

/// Bytes from a mark to the next.
const PART_BYTES: u64 = 1024 * 1024;
/// What one search reads of the journal.
const READ_BYTES: u64 = 64 * 1024 * 1024;
/// What one search goes over to make marks; records are passed over, not opened.
const MARKED_BYTES: u64 = 512 * 1024 * 1024;
/// Records follow one another in time but where the clock was set: parts this near to what is
/// wanted are read too.
const CLOCK_MS: i64 = 2 * 3_600_000;

/// How much one search does.
#[derive(Debug, Clone, Copy)]
struct Limits {
    part: u64,
    read: u64,
    marked: u64,
}

const LIMITS: Limits = Limits { part: PART_BYTES, read: READ_BYTES, marked: MARKED_BYTES };

/// What is looked for.
pub(super) struct Wanted<'a> {
    pub from: Option<UtcMillis>,
    pub to: Option<UtcMillis>,
    /// Rows in the answer, at most.
    pub rows: usize,
    /// When a record was written.
    pub at: &'a dyn Fn(&[u8]) -> Option<UtcMillis>,
    /// The row of a record that is wanted.
    pub row: &'a dyn Fn(&[u8]) -> Option<Value>,
}

/// What was found.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// Newest first.
    pub rows: Vec<Value>,
    /// What was not looked at, and how to get at it.
    pub unread: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    begins: Mark,
    /// Of its first record.
    at: Option<UtcMillis>,
}

/// The marks of one file, made as it grows.
#[derive(Debug, Default)]
pub(super) struct JournalMarks {
    file: Vec<u8>,
    parts: Vec<Part>,
    end: Option<Mark>,
}

impl JournalMarks {
    /// Searches the journal.
    pub(super) fn search(
        &mut self,
        path: &Path,
        key: &StoreKey,
        wanted: &Wanted<'_>,
    ) -> Result<Found, LogError> {
        self.search_within(path, key, wanted, LIMITS)
    }

    fn search_within(
        &mut self,
        path: &Path,
        key: &StoreKey,
        wanted: &Wanted<'_>,
        limits: Limits,
    ) -> Result<Found, LogError> {
        let Some(mut log) = LogReader::open(path, key)? else { return Ok(Found::default()) };
        // A journal that was rewritten is another file.
        if self.file != log.file_id() {
            *self = Self { file: log.file_id().to_vec(), ..Self::default() };
        }
        let all = self.mark(&mut log, wanted.at, limits)?;
        let mut found = self.backwards(&mut log, wanted, limits)?;
        if !all {
            let words = "it is long, and how it goes on is not known yet; search again";
            found.unread = Some(words.into());
        }
        Ok(found)
    }

    /// Makes marks up to the end; `false`: it is farther than one search goes.
    fn mark(
        &mut self,
        log: &mut LogReader,
        at: &dyn Fn(&[u8]) -> Option<UtcMillis>,
        limits: Limits,
    ) -> Result<bool, LogError> {
        if let Some(end) = self.end {
            log.seek(end)?;
        }
        let began = log.mark().offset();
        loop {
            let here = log.mark();
            self.end = Some(here);
            if here.offset() - began >= limits.marked {
                return Ok(false);
            }
            let full = |p: &Part| here.offset() - p.begins.offset() >= limits.part;
            if self.parts.last().is_none_or(full) {
                let Some(first) = log.next_record()? else { return Ok(true) };
                self.parts.push(Part { begins: here, at: at(&first) });
            } else if !log.skip_record()? {
                return Ok(true);
            }
        }
    }

    /// Reads the parts that may hold what is wanted, newest first.
    fn backwards(
        &self,
        log: &mut LogReader,
        wanted: &Wanted<'_>,
        limits: Limits,
    ) -> Result<Found, LogError> {
        let Some(end) = self.end else { return Ok(Found::default()) };
        let (mut rows, mut read, mut until) = (VecDeque::new(), 0, end.offset());
        let mut ends_at = None::<UtcMillis>;
        for part in self.parts.iter().rev() {
            let later = |t: UtcMillis| part.at.is_some_and(|at| at > t + CLOCK_MS);
            let earlier = |f: UtcMillis| ends_at.is_some_and(|at| at + CLOCK_MS < f);
            if wanted.from.is_some_and(earlier) || rows.len() >= wanted.rows {
                break;
            }
            let bytes = until - part.begins.offset();
            if !wanted.to.is_some_and(later) {
                if read > 0 && read + bytes > limits.read {
                    return Ok(Found { rows: rows.into(), unread: Some(beyond(read, ends_at)) });
                }
                read += bytes;
                for row in of_part(log, part, until, wanted)? {
                    rows.push_back(row);
                }
            }
            (until, ends_at) = (part.begins.offset(), part.at);
        }
        rows.truncate(wanted.rows);
        Ok(Found { rows: rows.into(), unread: None })
    }
}

/// The rows of one part, newest first.
fn of_part(
    log: &mut LogReader,
    part: &Part,
    until: u64,
    wanted: &Wanted<'_>,
) -> Result<Vec<Value>, LogError> {
    let within =
        |t: UtcMillis| wanted.from.is_none_or(|f| t >= f) && wanted.to.is_none_or(|to| t <= to);
    let mut rows = VecDeque::new();
    log.seek(part.begins)?;
    while log.mark().offset() < until {
        let Some(record) = log.next_record()? else { break };
        if (wanted.at)(&record).is_some_and(within)
            && let Some(row) = (wanted.row)(&record)
        {
            rows.push_front(row);
            rows.truncate(wanted.rows);
        }
    }
    Ok(rows.into())
}

fn beyond(read: u64, ends_at: Option<UtcMillis>) -> String {
    let older = ends_at.and_then(|at| crate::admin::date(at).ok());
    let older = older.map_or_else(|| "older ones".to_owned(), |t| format!("those before {t}"));
    format!("its newest {} MiB were; for {older} say until when (To)", read / (1024 * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use signet_journal::SealedLog;

    const SMALL: Limits = Limits { part: 4_096, read: 60_000, marked: u64::MAX };

    /// `at|rfq`, and something that makes it as long as a real one.
    fn record(n: usize) -> Vec<u8> {
        format!("{}|R{}|{}", n * 1_000, n % 100, "x".repeat(400)).into_bytes()
    }

    fn at(record: &[u8]) -> Option<UtcMillis> {
        std::str::from_utf8(record).ok()?.split('|').next()?.parse().ok().map(UtcMillis)
    }

    fn of(rfq: &str) -> impl Fn(&[u8]) -> Option<Value> {
        move |record| {
            let text = std::str::from_utf8(record).ok()?;
            let mut fields = text.split('|');
            let at = fields.next()?;
            (fields.next() == Some(rfq)).then(|| json!(at.parse::<u64>().unwrap() / 1_000))
        }
    }

    struct World {
        _dir: tempfile::TempDir,
        path: std::path::PathBuf,
        log: SealedLog,
        marks: JournalMarks,
    }

    fn key() -> StoreKey {
        StoreKey::new([9; 32])
    }

    impl World {
        fn new(records: usize) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("journal");
            let (mut log, _) = SealedLog::open(&path, &key()).unwrap();
            (0..records).for_each(|n| log.append(&record(n)).unwrap());
            Self { _dir: dir, path, log, marks: JournalMarks::default() }
        }

        fn search(
            &mut self,
            rfq: &str,
            from: Option<i64>,
            to: Option<i64>,
            limits: Limits,
        ) -> Found {
            let (from, to) = (from.map(UtcMillis), to.map(UtcMillis));
            let wanted = Wanted { from, to, rows: 5, at: &at, row: &of(rfq) };
            self.marks.search_within(&self.path, &key(), &wanted, limits).unwrap()
        }
    }

    fn numbers(found: &Found) -> Vec<u64> {
        found.rows.iter().map(|v| v.as_u64().unwrap()).collect()
    }

    #[test]
    fn the_newest_records_are_found_and_only_the_end_of_the_file_is_read() {
        let mut w = World::new(2_000);
        let all = Limits { read: u64::MAX, ..SMALL };
        assert_eq!(numbers(&w.search("R7", None, None, all)), [1907, 1807, 1707, 1607, 1507]);
        assert!(w.marks.parts.len() > 100);
        let some = w.search("R7", None, None, SMALL);
        // Somewhat more than a hundred records.
        assert_eq!(numbers(&some), [1907]);
        let why = some.unread.unwrap();
        assert!(why.contains("1970-01-01T00:3"), "{why}");
        assert_eq!(w.search("nobody", None, None, all), Found::default());
        // What is written later is found, and only that is marked.
        w.log.append(&record(2_007)).unwrap();
        assert_eq!(numbers(&w.search("R7", None, None, SMALL)), [2_007, 1_907]);
    }

    #[test]
    fn a_time_leads_to_the_parts_that_hold_it() {
        let mut w = World::new(40_000);
        let hours = |h: i64| h * 3_600_000;
        let at_noon = w.search(
            "R7",
            Some(hours(4)),
            Some(hours(4) + 200_000),
            Limits { read: 30_000_000, ..SMALL },
        );
        assert_eq!(numbers(&at_noon), [14_507, 14_407]);
        assert_eq!(at_noon.unread, None);
        // It is eleven hours long, and two hours around what is wanted are read.
        let little = Limits { read: 8_000_000, ..SMALL };
        assert_eq!(w.search("R7", Some(hours(4)), Some(hours(4) + 200_000), little).unread, None);
        assert!(w.search("R7", None, None, SMALL).unread.is_some());
        assert_eq!(numbers(&w.search("R7", None, Some(hours(1)), little))[0], 3_507);
    }

    #[test]
    fn a_journal_that_was_rewritten_is_marked_again_and_a_long_one_in_steps() {
        let mut w = World::new(2_000);
        w.search("R7", None, None, SMALL);
        w.log.rewrite([&record(7)[..], &record(107)]).unwrap();
        assert_eq!(numbers(&w.search("R7", None, None, SMALL)), [107, 7]);
        let mut w = World::new(2_000);
        let steps = Limits { marked: 400_000, read: u64::MAX, ..SMALL };
        let first = w.search("R7", None, None, steps);
        assert!(first.unread.unwrap().contains("search again"));
        assert!(w.search("R7", None, None, steps).unread.is_some());
        let third = w.search("R7", None, None, steps);
        assert_eq!((numbers(&third)[0], third.unread), (1_907, None));
    }
}
