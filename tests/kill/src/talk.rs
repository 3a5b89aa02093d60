//! What the driver says to a desk's process and hears from it, and what the process writes down: a
//! line of JSON each.

use serde::{Deserialize, Serialize};
use signet_desk_core::view::{LineView, RfqView};
use std::collections::BTreeMap;

/// What a desk's process does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Asks and accepts.
    Trade,
    /// Starts nothing, waits for all answers and shows its screen.
    Settle,
}

/// What a desk's process says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Told {
    /// It runs.
    Ready,
    /// All answers are there.
    Settled(Box<Screen>),
    /// What keeps it from being settled.
    Waiting(String),
    /// The link is refused for good.
    Refused(String),
}

/// What the trader sees.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Screen {
    /// Heads of the RFQs.
    pub rfqs: Vec<RfqView>,
    /// The dealers' lines.
    pub lines: Vec<LineView>,
    /// Ids of the trades in the blotter: the newest thousand.
    pub trades: Vec<String>,
    /// How many there are in all.
    pub trades_total: u32,
}

/// What the desk's process writes into a file as it happens. A record that it has made is
/// acknowledged to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mark {
    /// The trader asked.
    Asked { rfq: String },
    /// The trader confirmed an accept; written before it is sent.
    Clicked { accept: String, rfq: String, dealer: String },
    /// The gateway said that it has the RFQ.
    Open { rfq: String },
    /// The screen showed the trade.
    Filled { accept: String },
    /// The screen showed that the accept did not trade.
    Declined { accept: String },
    /// The screen showed that nobody knows what became of the accept.
    Unknown { accept: String },
}

/// The requests of a desk's marks.
#[derive(Debug)]
pub struct Asked<'a> {
    /// In order.
    pub all: Vec<&'a str>,
    /// The largest number of each run of the desk, whose requests are numbered (`RUN-N`).
    last: BTreeMap<&'a str, u64>,
}

impl<'a> Asked<'a> {
    /// The requests of these marks.
    pub fn of(marks: &'a [Mark]) -> Self {
        let (mut all, mut last) = (Vec::new(), BTreeMap::new());
        for mark in marks {
            let Mark::Asked { rfq } = mark else { continue };
            all.push(&rfq[..]);
            if let Some((run, n)) = numbered(rfq) {
                let most = last.entry(run).or_insert(n);
                *most = n.max(*most);
            }
        }
        Self { all, last }
    }

    /// Whether a request has no mark because its desk was killed between the two: then it is the
    /// last of its run.
    pub fn is_last_of_its_run(&self, rfq: &str) -> bool {
        let before = |(run, n): (&str, u64)| self.last.get(run).is_none_or(|most| *most < n);
        numbered(rfq).is_some_and(before)
    }
}

fn numbered(id: &str) -> Option<(&str, u64)> {
    let (run, n) = id.rsplit_once('-')?;
    Some((run, n.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_request_of_a_run_may_lack_its_mark() {
        let asked = ["A-1", "A-5", "A-2", "B-9"];
        let mut marks: Vec<Mark> = asked.map(|rfq| Mark::Asked { rfq: rfq.into() }).into();
        marks.push(Mark::Open { rfq: "C-7".into() });
        let of = Asked::of(&marks);
        assert_eq!(of.all, asked);
        for (rfq, is_last) in [
            ("A-6", true),
            ("A-10", true),
            ("C-1", true),
            ("A-5", false),
            ("A-3", false),
            ("B-9", false),
            ("B-8", false),
            ("no number", false),
            ("A-x", false),
        ] {
            assert_eq!(of.is_last_of_its_run(rfq), is_last, "{rfq}");
        }
    }
}
