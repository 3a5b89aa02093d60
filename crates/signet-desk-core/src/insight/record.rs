//! What this desk has seen of a dealer: how often it answers, how fast, how long it holds an
//! accept, and how often it refuses one. Pure.

use std::collections::BTreeMap;

/// How an accept of a dealer's quote ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The dealer executed it, or a part of it.
    Hit,
    /// The dealer refused it in its last look.
    Reject,
    /// It has no answer of the dealer, or it did not come as far as the dealer.
    None,
}

/// One accept of a dealer's quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Take {
    pub(crate) outcome: Outcome,
    /// From the moment the accept left until the dealer's final answer, milliseconds; `None`
    /// where that was not seen from beginning to end.
    pub(crate) hold_ms: Option<i64>,
}

/// One dealer in one RFQ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Its CompID.
    pub(crate) dealer: String,
    /// It made at least one price.
    pub(crate) quoted: bool,
    /// From the request until its first price or its pass, milliseconds; `None` where it did not
    /// answer, or where that was not seen from beginning to end.
    pub(crate) response_ms: Option<i64>,
    /// The accepts of its quotes.
    pub(crate) takes: Vec<Take>,
}

/// What this desk has seen of one dealer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DealerRecord {
    /// RFQs that it was asked in.
    pub(crate) asked: u32,
    /// RFQs in which it made a price. A pass is no price.
    pub(crate) answered: u32,
    /// Of the times to its first answer, milliseconds.
    pub(crate) median_response_ms: Option<u32>,
    /// Of the times from an accept to its final answer, milliseconds.
    pub(crate) median_hold_ms: Option<u32>,
    /// Accepts that it executed.
    pub(crate) hits: u32,
    /// Accepts that it refused in its last look.
    pub(crate) rejects: u32,
}

/// What the turns say of each dealer, by CompID. The order of the turns does not matter.
pub(crate) fn records<'a>(
    turns: impl IntoIterator<Item = &'a Turn>,
) -> BTreeMap<String, DealerRecord> {
    #[derive(Default)]
    struct Sum {
        record: DealerRecord,
        responses: Vec<i64>,
        holds: Vec<i64>,
    }
    let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
    for turn in turns {
        let s = sums.entry(&turn.dealer).or_default();
        let r = &mut s.record;
        r.asked = r.asked.saturating_add(1);
        r.answered = r.answered.saturating_add(turn.quoted.into());
        s.responses.extend(turn.response_ms);
        for take in &turn.takes {
            let (hit, reject) = (take.outcome == Outcome::Hit, take.outcome == Outcome::Reject);
            r.hits = r.hits.saturating_add(hit.into());
            r.rejects = r.rejects.saturating_add(reject.into());
            // Only an answer of the dealer says how long it took.
            s.holds.extend(take.hold_ms.filter(|_| hit || reject));
        }
    }
    let done = |s: Sum| DealerRecord {
        median_response_ms: median_ms(s.responses),
        median_hold_ms: median_ms(s.holds),
        ..s.record
    };
    sums.into_iter().map(|(dealer, s)| (dealer.to_owned(), done(s))).collect()
}

/// The middle of some durations; of two in the middle the longer, so that no dealer looks faster
/// than it is. A duration below zero is a clock that was set, and says nothing.
pub(crate) fn median_ms(mut all: Vec<i64>) -> Option<u32> {
    all.retain(|ms| *ms >= 0);
    all.sort_unstable();
    all.get(all.len() / 2).map(|ms| u32::try_from(*ms).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn turn(dealer: &str, quoted: bool, response_ms: Option<i64>, takes: &[Take]) -> Turn {
        Turn { dealer: dealer.into(), quoted, response_ms, takes: takes.to_vec() }
    }

    const fn take(outcome: Outcome, hold_ms: Option<i64>) -> Take {
        Take { outcome, hold_ms }
    }

    #[test]
    fn a_record_counts_answers_and_outcomes_and_takes_the_middle_of_times() {
        use Outcome::{Hit, None as Unanswered, Reject};
        let turns = [
            turn("A", true, Some(400), &[take(Hit, Some(90))]),
            turn("A", true, Some(200), &[take(Reject, Some(700)), take(Hit, Some(80))]),
            // A pass is an answer with a time, and not a price.
            turn("A", false, Some(9_000), &[]),
            turn("A", false, None, &[]),
            // What never came to the dealer says nothing about it.
            turn("B", true, None, &[take(Unanswered, Some(5))]),
            turn("B", true, Some(-3), &[take(Reject, None)]),
        ];
        let found = records(&turns);
        let a = DealerRecord {
            asked: 4,
            answered: 2,
            median_response_ms: Some(400),
            median_hold_ms: Some(90),
            hits: 2,
            rejects: 1,
        };
        let b = DealerRecord { asked: 2, answered: 2, rejects: 1, ..DealerRecord::default() };
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [("A".into(), a), ("B".into(), b)]);
        assert!(records(&[]).is_empty());
    }

    #[test]
    fn a_median_is_one_of_the_times() {
        for (times, want) in [
            (vec![], None),
            (vec![7], Some(7)),
            (vec![9, 7], Some(9)),
            (vec![1_000, 1, 2], Some(2)),
            (vec![-5, -1], None),
            (vec![-5, 3], Some(3)),
            (vec![i64::MAX], Some(u32::MAX)),
        ] {
            assert_eq!(median_ms(times.clone()), want, "{times:?}");
        }
    }

    proptest! {
        #[test]
        fn no_record_says_more_than_the_turns(
            turns in proptest::collection::vec(
                ("[AB]", any::<bool>(), any::<Option<i64>>(),
                 proptest::collection::vec((0..3u8, any::<Option<i64>>()), 0..4)),
                0..40,
            )
        ) {
            let outcome = |n| [Outcome::Hit, Outcome::Reject, Outcome::None][usize::from(n)];
            let turns: Vec<Turn> = turns
                .into_iter()
                .map(|(dealer, quoted, response_ms, takes)| {
                    let takes = takes.into_iter().map(|(n, ms)| take(outcome(n), ms)).collect();
                    Turn { dealer, quoted, response_ms, takes }
                })
                .collect();
            let found = records(&turns);
            let asked: u32 = found.values().map(|r| r.asked).sum();
            prop_assert_eq!(asked as usize, turns.len());
            let mut turned = turns.clone();
            turned.reverse();
            prop_assert_eq!(&records(&turned), &found);
            for (dealer, r) in found {
                prop_assert!(r.answered <= r.asked);
                let takes: usize =
                    turns.iter().filter(|t| t.dealer == dealer).map(|t| t.takes.len()).sum();
                prop_assert!((r.hits + r.rejects) as usize <= takes);
                prop_assert!(r.median_hold_ms.is_none() || r.hits + r.rejects > 0);
            }
        }
    }
}
