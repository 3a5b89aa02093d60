//! What the driver says to a desk's process and hears from it, and what the process writes down: a
//! line of JSON each.

use serde::{Deserialize, Serialize};
use signet_desk_core::view::{LineView, RfqView};

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

/// The requests of the marks, in order.
pub fn asked_in(marks: &[Mark]) -> Vec<&str> {
    marks
        .iter()
        .filter_map(|m| if let Mark::Asked { rfq } = m { Some(&rfq[..]) } else { None })
        .collect()
}

/// Whether a request has no mark because its desk was killed between the two: then it is the last
/// of that run of the desk, whose requests are numbered (`RUN-N`).
pub fn is_last_of_its_run(rfq: &str, asked: &[&str]) -> bool {
    let numbered = |id: &str| {
        let (run, n) = id.rsplit_once('-')?;
        Some((run.to_owned(), n.parse::<u64>().ok()?))
    };
    let Some((run, n)) = numbered(rfq) else { return false };
    let not_before = |(other, m): (String, u64)| other == run && m >= n;
    !asked.iter().filter_map(|a| numbered(a)).any(not_before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_request_of_a_run_may_lack_its_mark() {
        let asked = ["A-1", "A-2", "A-5", "B-9"];
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
            assert_eq!(is_last_of_its_run(rfq, &asked), is_last, "{rfq}");
        }
        assert_eq!(asked_in(&[Mark::Open { rfq: "A".into() }]), Vec::<&str>::new());
        assert_eq!(asked_in(&[Mark::Asked { rfq: "A".into() }]), ["A"]);
    }
}
