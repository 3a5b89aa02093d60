//! Dealers that misbehave have their line cut; the judge is [`crate::response::Dealers`].
//!
//! A cut holds at once, whether or not it could be written down. One that could not is tried again
//! until it is: a restart before that would dial the dealer again.

use super::Pipeline;
use crate::{
    clock::steady, config::ResponseSection, cut_lines::CutLines, metrics::Written,
    response::Dealers,
};
use signet_events::About;
use signet_net::Doubling;
use signet_rfq::DealerId;
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    io,
    time::{Duration, Instant},
};

/// Between two attempts to write a cut down.
const PAUSE: Doubling =
    Doubling { first: Duration::from_secs(1), longest: Duration::from_secs(60) };

/// A cut that is not on the disk.
#[derive(Debug, Clone)]
struct Unwritten {
    words: String,
    /// Attempts in vain after the first one.
    again: u32,
    due: Instant,
}

impl Unwritten {
    fn new(words: &str, now: Instant) -> Self {
        Self { words: words.to_owned(), again: 0, due: now + PAUSE.doubled(0) }
    }

    fn failed(&mut self, now: Instant) {
        self.again = self.again.saturating_add(1);
        self.due = now + PAUSE.doubled(self.again);
    }
}

/// Faults, and the lines that are cut.
pub(super) struct DealerFaults {
    judge: RefCell<Dealers>,
    files: CutLines,
    /// Told, and not resumed yet. Holds a line that could not be written down.
    cut: RefCell<BTreeSet<DealerId>>,
    /// Could not be written down so far. As many as there are dealers.
    unwritten: RefCell<BTreeMap<DealerId, Unwritten>>,
}

impl DealerFaults {
    pub(super) fn new(section: &ResponseSection, files: CutLines) -> Self {
        let judge = RefCell::new(section.dealers());
        let (cut, unwritten) = Default::default();
        Self { judge, files, cut, unwritten }
    }

    /// Writes a cut down, now or later; `cuts` measures it.
    fn write(
        &self,
        dealer: &DealerId,
        words: &str,
        cuts: &Written,
        now: Instant,
    ) -> io::Result<()> {
        let written = cuts.measured(|| self.files.cut(dealer, words), |r| Some(r.is_ok()));
        let mut unwritten = self.unwritten.borrow_mut();
        if written.is_ok() {
            unwritten.remove(dealer);
        } else if let Some(again) = unwritten.get_mut(dealer) {
            again.failed(now);
        } else {
            unwritten.insert(dealer.clone(), Unwritten::new(words, now));
        }
        // What was written says nothing of the cuts of other dealers.
        cuts.set_failing(!unwritten.is_empty());
        written
    }

    /// Tries the one again that has been due for longest, and what became of it. One a turn: the
    /// trading thread waits for the disk.
    fn retry(&self, cuts: &Written, now: Instant) -> Option<(DealerId, io::Result<()>)> {
        let (dealer, words) = {
            let unwritten = self.unwritten.borrow();
            let due = unwritten.iter().filter(|(_, u)| u.due <= now);
            let (dealer, u) = due.min_by_key(|(_, u)| u.due)?;
            (dealer.clone(), u.words.clone())
        };
        let written = self.write(&dealer, &words, cuts, now);
        Some((dealer, written))
    }
}

impl Pipeline {
    /// A dealer's message contradicts what is so, or cannot be read.
    pub(super) fn dealer_at_fault(&self, dealer: &DealerId, what: &str) {
        let faults = &self.dealer_faults;
        let already = faults.cut.borrow().contains(dealer);
        if already || !faults.judge.borrow_mut().fault(dealer, steady()) {
            return;
        }
        let words = format!("too many faults, the last of them: {what}");
        tracing::error!(alert = true, %dealer, code = "dealer.cut", "line cut: {words}");
        self.events.gateway("dealer.cut", About::dealer(dealer), words.as_str());
        faults.cut.borrow_mut().insert(dealer.clone());
        if let Err(e) = faults.write(dealer, &words, &self.metrics.storage.cuts, steady()) {
            let words = format!("the cut holds until the gateway stops, and is tried again: {e}");
            tracing::error!(alert = true, %dealer, code = "dealer.cut_unwritten", "{words}");
            self.events.gateway("dealer.cut_unwritten", About::dealer(dealer), words);
        }
        self.peers.tell_dealer_out(dealer);
    }

    /// A cut that could not be written down is tried again.
    pub(super) fn dealer_faults_tick(&self) {
        let tried = self.dealer_faults.retry(&self.metrics.storage.cuts, steady());
        let Some((dealer, written)) = tried else { return };
        match written {
            Ok(()) => {
                tracing::warn!(%dealer, "that the line is cut is written down now");
                let words = "a restart keeps to it from here on";
                self.events.gateway("dealer.cut_written", About::dealer(&dealer), words);
            }
            Err(e) => tracing::error!(
                alert = true,
                %dealer,
                code = "dealer.cut_unwritten",
                "that the line is cut can still not be written down: {e}"
            ),
        }
    }

    /// Whether a dealer's line is cut; tells when it was resumed.
    pub fn line_is_cut(&self, dealer: &DealerId) -> bool {
        let faults = &self.dealer_faults;
        if faults.unwritten.borrow().contains_key(dealer) {
            return true;
        }
        match faults.files.why(dealer) {
            Some(words) => {
                if faults.cut.borrow_mut().insert(dealer.clone()) {
                    tracing::error!(alert = true, %dealer, code = "dealer.cut", "not dialled, its \
                        line is cut: {words}");
                }
                true
            }
            None => {
                if faults.cut.borrow_mut().remove(dealer) {
                    tracing::warn!(%dealer, "the line was resumed by an administrator");
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn the_pause_doubles_up_to_a_minute() {
        let start = Instant::now();
        let mut unwritten = Unwritten::new("w", start);
        let mut pauses = vec![unwritten.due - start];
        for _ in 0..8 {
            let now = unwritten.due;
            unwritten.failed(now);
            pauses.push(unwritten.due - now);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60].map(Duration::from_secs));
    }

    /// The folder is missing, as when its disk is.
    #[test]
    fn a_cut_that_cannot_be_written_holds_and_is_tried_until_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("dealers");
        let [north, south] = ["NORTH", "SOUTH"].map(|d| DealerId::new(d).unwrap());
        let files = CutLines::in_folder(&folder);
        let faults = DealerFaults::new(&ResponseSection::default(), files.clone());
        let metrics = Metrics::new([]);
        let cuts = &metrics.storage.cuts;
        let (start, s) = (Instant::now(), Duration::from_secs);
        assert!(faults.write(&north, "too much", cuts, start).is_err());
        assert!(faults.unwritten.borrow().contains_key(&north), "it holds meanwhile");
        assert!(faults.retry(cuts, start + s(1) - Duration::from_millis(1)).is_none(), "not yet");
        let tried = faults.retry(cuts, start + s(1));
        assert!(matches!(&tried, Some((dealer, Err(_))) if *dealer == north), "{tried:?}");
        assert!(faults.retry(cuts, start + s(2)).is_none(), "the pause is longer now");
        // A second one has a pause of its own.
        assert!(faults.write(&south, "as well", cuts, start + s(2)).is_err());
        std::fs::create_dir(&folder).unwrap();
        // Both are due: one is tried in a turn, and the file fails until the last one is written.
        for (dealer, failing) in [(&north, true), (&south, false)] {
            assert!(cuts.is_failing(), "{dealer}");
            let tried = faults.retry(cuts, start + s(3));
            assert!(matches!(&tried, Some((d, Ok(()))) if d == dealer), "{tried:?}");
            assert_eq!(cuts.is_failing(), failing, "{dealer}");
        }
        assert!(faults.unwritten.borrow().is_empty());
        assert_eq!(files.why(&north).as_deref(), Some("too much"), "a restart keeps to it");
        assert!(faults.retry(cuts, start + s(600)).is_none(), "nothing is left to do");
        // One command brings the line back.
        assert!(files.resume(&north).unwrap());
        assert_eq!(files.why(&north), None);
    }
}
