//! What a file says that somebody replaces while it is read: the last good content counts for a
//! while when the next one cannot be used, which may be half written. Pure.

use crate::stamp::Stamp;
use std::time::{Duration, Instant};

/// For so long, and then nothing counts.
const KEPT: Duration = Duration::from_secs(60);

/// A file as it was read last, and what counts of it.
#[derive(Debug)]
pub(crate) struct LastGood<T> {
    stamp: Stamp,
    /// What counts, or why nothing does.
    content: Result<T, String>,
    /// Since when the file cannot be used although its last content counts, and why.
    failing: Option<(Instant, String)>,
}

/// What follows from a file that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// What counts may be another now.
    Changed,
    /// From here on the last good content counts in its place.
    Kept,
    /// Nothing.
    Same,
}

impl<T> LastGood<T> {
    pub(crate) fn new(stamp: Stamp, read: Result<T, String>) -> Self {
        Self { stamp, content: read, failing: None }
    }

    /// Of the file that was read last.
    pub(crate) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// What counts, or why nothing does.
    pub(crate) fn content(&self) -> Result<&T, &str> {
        self.content.as_ref().map_err(String::as_str)
    }

    /// Why the file cannot be used whose last content counts meanwhile.
    pub(crate) fn failing(&self) -> Option<&str> {
        self.failing.as_ref().map(|(_, why)| why.as_str())
    }

    /// The file was read. One that has gone is not remembered: nothing can check what it said.
    pub(crate) fn took(&mut self, at: Instant, stamp: Stamp, read: Result<T, String>) -> Taken {
        self.stamp = stamp;
        let was_good = self.content.is_ok();
        let why = match read {
            Err(why) if was_good && stamp.is_some() => why,
            read => {
                let changed = read.is_ok() || was_good;
                (self.content, self.failing) = (read, None);
                return if changed { Taken::Changed } else { Taken::Same };
            }
        };
        let since = self.failing.take().map(|(since, _)| since);
        self.failing = Some((since.unwrap_or(at), why));
        match since {
            None => Taken::Kept,
            Some(_) if self.passed(at) => Taken::Changed,
            Some(_) => Taken::Same,
        }
    }

    /// Time has passed; whether that ended what was kept.
    pub(crate) fn passed(&mut self, at: Instant) -> bool {
        let over = |f: &mut (Instant, String)| at.saturating_duration_since(f.0) >= KEPT;
        let Some((_, why)) = self.failing.take_if(over) else { return false };
        self.content = Err(why);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Taken::{Changed, Kept, Same};
    use std::time::UNIX_EPOCH;

    const GOOD: [Result<u8, &str>; 3] = [Ok(0), Ok(1), Ok(2)];
    const HALF: Result<u8, &str> = Err("half");
    const GONE: Result<u8, &str> = Err("gone");

    /// What is read after so many seconds (`None`: the file is the same), what follows, and what
    /// counts then.
    type Step = (u64, Option<Result<u8, &'static str>>, Taken, Result<u8, &'static str>);

    fn follow(name: &str, first: Result<u8, &str>, steps: &[Step]) {
        let (start, stamp) = (Instant::now(), Some((UNIX_EPOCH, 1)));
        let mut file = LastGood::new(stamp, first.map_err(str::to_owned));
        for (s, read, follows, counts) in steps {
            let at = start + Duration::from_secs(*s);
            let said = match read {
                Some(read) => {
                    let stamp = stamp.filter(|_| *read != GONE);
                    file.took(at, stamp, read.map_err(str::to_owned))
                }
                None if file.passed(at) => Changed,
                None => Same,
            };
            assert_eq!((said, file.content().copied()), (*follows, *counts), "{name} {s}");
        }
    }

    #[test]
    fn table_of_files_that_are_replaced() {
        follow("whole", GOOD[0], &[(1, Some(GOOD[1]), Changed, Ok(1)), (999, None, Same, Ok(1))]);
        follow(
            "half written for a second",
            GOOD[0],
            &[
                (1, Some(HALF), Kept, Ok(0)),
                (2, Some(HALF), Same, Ok(0)),
                (3, Some(GOOD[1]), Changed, Ok(1)),
                // The next one has its own time.
                (50, Some(HALF), Kept, Ok(1)),
                (109, None, Same, Ok(1)),
                (110, None, Changed, HALF),
                (111, None, Same, HALF),
                (112, Some(GOOD[2]), Changed, Ok(2)),
            ],
        );
        follow(
            "written and written",
            GOOD[0],
            &[
                (1, Some(HALF), Kept, Ok(0)),
                (60, Some(HALF), Same, Ok(0)),
                (61, Some(HALF), Changed, HALF),
                (62, Some(HALF), Same, HALF),
            ],
        );
        follow("gone", GOOD[0], &[(1, Some(GONE), Changed, GONE), (2, Some(GONE), Same, GONE)]);
        follow(
            "half written, then gone",
            GOOD[0],
            &[(1, Some(HALF), Kept, Ok(0)), (2, Some(GONE), Changed, GONE), (99, None, Same, GONE)],
        );
        follow(
            "never good",
            HALF,
            &[(1, Some(HALF), Same, HALF), (2, Some(GOOD[1]), Changed, Ok(1))],
        );
    }
}
