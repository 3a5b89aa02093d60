//! What a campaign did and found, in one table.

use crate::{DESKS, campaign::Done, history::Found};
use std::{collections::BTreeMap, fmt, time::Duration};

/// What a campaign did and found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Kills, and what the last look found.
    pub done: Done,
    /// The desks' histories.
    pub found: Found,
    /// Rounds of trading, killing and looking.
    pub rounds: u64,
    /// How long each part took, all rounds together.
    pub spent: BTreeMap<&'static str, Duration>,
}

/// How many seconds each part took.
pub fn in_words(spent: &BTreeMap<&'static str, Duration>) -> String {
    let words = |(part, time): (&&str, &Duration)| format!("{part} {:.0}", time.as_secs_f64());
    spent.iter().map(words).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (d, h) = (&self.done, &self.found);
        let figures = &d.figures;
        let desks: Vec<String> =
            DESKS.iter().zip(d.desks_each).map(|(name, n)| format!("{name} {n}")).collect();
        let explained: Vec<String> =
            h.explained.iter().map(|(code, n)| format!("{code} {n}")).collect();
        let (unknown, filled) = (figures.unknown, figures.unknown_filled);
        let rows = [
            ("rounds", self.rounds.to_string()),
            ("kills", format!("gateway {}, {}", d.gateways, desks.join(", "))),
            (
                "acknowledged",
                format!(
                    "{} RFQs, {} executions; {} records of histories under checkpoints elsewhere",
                    figures.rfqs, figures.fills, h.acknowledged
                ),
            ),
            (
                "verified",
                format!(
                    "{} records of the evidence with {} checkpoints; {} records of histories with \
                     {} signed messages; {} events at the SIEM",
                    figures.evidence, figures.checkpoints, h.records, h.messages, figures.events
                ),
            ),
            (
                "compared",
                format!(
                    "{} facts of the gateway, {} of desks; explained by {} ends of desks and by \
                     what did not arrive: {}",
                    h.facts.0,
                    h.facts.1,
                    h.torn,
                    if explained.is_empty() { "none".into() } else { explained.join(", ") }
                ),
            ),
            ("fills", format!("{} of {} accepts, none twice", figures.fills, figures.clicks)),
            (
                "unknown",
                format!(
                    "{unknown} outcomes, all reconciled: {filled} executed, {} not",
                    unknown - filled
                ),
            ),
            ("seconds", in_words(&self.spent)),
        ];
        for (what, words) in rows {
            writeln!(f, "| {what:<12} | {words} |")?;
        }
        Ok(())
    }
}
