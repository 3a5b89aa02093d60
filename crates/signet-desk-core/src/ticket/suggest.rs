//! Which dealers the desk suggests, and why. Pure: the record of each dealer comes from the caller.
//!
//! | | a dealer is |
//! | --- | --- |
//! | 1 | not suggested while it is offline |
//! | 2 | not judged before it was asked five times |
//! | 3 | not suggested when it rejected more than one of five accepts, of three or more |
//! | 4 | not suggested when it answered less than half of the requests |
//! | 5 | ordered by hit rate, then by how fast it answers, then favourites first, then by id |
//!
//! The first three are suggested. The reason is shown for each dealer, suggested or not.

use crate::insight::DealerRecord;
use std::cmp::Reverse;

/// How many are suggested.
const SUGGESTED_MAX: usize = 3;
/// A dealer that was asked less often is not judged.
const ASKED_MIN: u32 = 5;
/// With fewer accepts, rejects say nothing.
const ACCEPTS_MIN: u64 = 3;

/// A dealer that may be suggested.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'a> {
    pub id: &'a str,
    pub online: bool,
    pub favourite: bool,
    pub record: DealerRecord,
}

/// What the desk says of a candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suggestion {
    pub suggested: bool,
    pub reason: String,
}

/// One answer for each candidate, in their order.
pub(crate) fn suggest(all: &[Candidate<'_>]) -> Vec<Suggestion> {
    let mut good: Vec<usize> = (0..all.len()).filter(|n| against(&all[*n]).is_none()).collect();
    good.sort_by_key(|n| {
        let c = &all[*n];
        let r = c.record;
        // Hits of a million requests: whole numbers compare exactly enough, and always alike.
        let rate = u64::from(r.hits) * 1_000_000 / u64::from(r.asked.max(1));
        (Reverse(rate), r.median_response_ms.unwrap_or(u32::MAX), !c.favourite, c.id)
    });
    good.truncate(SUGGESTED_MAX);
    let one = |(n, c): (usize, &Candidate<'_>)| Suggestion {
        suggested: good.contains(&n),
        reason: against(c).unwrap_or_else(|| words(&c.record)),
    };
    all.iter().enumerate().map(one).collect()
}

/// Why a dealer is not suggested; `None` if nothing is against it.
fn against(c: &Candidate<'_>) -> Option<String> {
    let r = c.record;
    if !c.online {
        return Some("offline".into());
    }
    if r.asked < ASKED_MIN {
        return Some(match r.asked {
            0 => "never asked".into(),
            1 => "asked once: too little to judge".into(),
            n => format!("asked {n} times: too little to judge"),
        });
    }
    let rejects = u64::from(r.rejects);
    let accepts = u64::from(r.hits) + rejects;
    if accepts >= ACCEPTS_MIN && rejects * 5 > accepts {
        return Some(format!("rejected {rejects} of {accepts} accepts"));
    }
    let seldom = u64::from(r.answered) * 2 < u64::from(r.asked);
    seldom.then(|| format!("answered {} of {} requests", r.answered, r.asked))
}

/// `traded 6 of 20, 0.8 s, no rejects`.
fn words(r: &DealerRecord) -> String {
    let mut parts = vec![format!("traded {} of {}", r.hits, r.asked)];
    if let Some(ms) = r.median_response_ms {
        parts.push(format!("{}.{} s", ms / 1_000, ms % 1_000 / 100));
    }
    parts.push(match r.rejects {
        0 => "no rejects".into(),
        1 => "1 reject".into(),
        n => format!("{n} rejects"),
    });
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(asked: u32, answered: u32, ms: Option<u32>, hits: u32, rejects: u32) -> DealerRecord {
        let (median_response_ms, median_hold_ms) = (ms, None);
        DealerRecord { asked, answered, median_response_ms, median_hold_ms, hits, rejects }
    }

    fn candidate(id: &str, record: DealerRecord) -> Candidate<'_> {
        Candidate { id, online: true, favourite: false, record }
    }

    #[test]
    fn every_rule_and_its_edge() {
        for (record, suggested, reason) in [
            (record(0, 0, None, 0, 0), false, "never asked"),
            (record(1, 1, None, 1, 0), false, "asked once: too little to judge"),
            (record(4, 4, Some(100), 4, 0), false, "asked 4 times: too little to judge"),
            (record(5, 5, None, 0, 0), true, "traded 0 of 5, no rejects"),
            (record(20, 20, Some(850), 6, 0), true, "traded 6 of 20, 0.8 s, no rejects"),
            (record(20, 10, Some(1_250), 4, 1), true, "traded 4 of 20, 1.2 s, 1 reject"),
            (record(20, 9, None, 4, 0), false, "answered 9 of 20 requests"),
            (record(20, 20, None, 3, 1), false, "rejected 1 of 4 accepts"),
            (record(20, 20, None, 8, 2), true, "traded 8 of 20, 2 rejects"),
            // Two accepts say nothing.
            (record(20, 20, None, 0, 2), true, "traded 0 of 20, 2 rejects"),
            (record(20, 20, None, 0, 3), false, "rejected 3 of 3 accepts"),
            (
                record(u32::MAX, u32::MAX, None, u32::MAX, u32::MAX),
                false,
                "rejected 4294967295 of 8589934590 accepts",
            ),
        ] {
            let got = suggest(&[candidate("A", record)]);
            assert_eq!(got, [Suggestion { suggested, reason: reason.into() }], "{record:?}");
        }
        let offline = Candidate { online: false, ..candidate("A", record(20, 20, None, 9, 0)) };
        assert_eq!(suggest(&[offline])[0].reason, "offline");
        assert!(suggest(&[]).is_empty());
    }

    #[test]
    fn the_order_is_rate_then_speed_then_favourites() {
        let best = |all: &[Candidate<'_>]| -> Vec<String> {
            let got = suggest(all);
            all.iter().zip(got).filter(|(_, s)| s.suggested).map(|(c, _)| c.id.into()).collect()
        };
        let r = |asked, hits, ms| record(asked, asked, Some(ms), hits, 0);
        let all = [
            candidate("A", r(10, 1, 100)),
            candidate("B", r(10, 5, 900)),
            candidate("C", r(100, 20, 500)),
            candidate("D", r(10, 2, 400)),
            candidate("E", r(10, 2, 600)),
        ];
        // B by rate; C and E have the rate of D and are slower.
        assert_eq!(best(&all), ["B", "C", "D"]);
        let even = |id| candidate(id, r(10, 2, 400));
        let liked = Candidate { favourite: true, ..even("Z") };
        assert_eq!(best(&[even("A"), even("B"), even("C"), liked]), ["A", "B", "Z"]);
    }
}
