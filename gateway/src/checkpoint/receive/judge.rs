//! What a checkpoint says beside the one that is held: the rules of a witness (C2SP tlog-witness).
//! Pure.

use signet_rfq::UtcMillis;
use signet_tlog::{Checkpoint, Hash, verify_consistency};
use std::{cmp::Ordering, fmt};

/// Size and root of a log at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// How many records the log has.
    pub(super) size: u64,
    /// The root of the tree over them.
    pub(super) root: Hash,
}

impl Head {
    pub(super) fn of(checkpoint: &Checkpoint) -> Self {
        Self { size: checkpoint.size, root: checkpoint.root }
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "size {}, root {}", self.size, signet_registry::hex(&self.root))
    }
}

/// The newest that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) head: Head,
    /// When it was signed, as it says itself.
    pub(super) signed: Option<UtcMillis>,
}

/// A checkpoint whose signature is good, and the proof that came with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offer<'a> {
    pub(super) head: Head,
    /// When it was signed, as it says itself.
    pub(super) signed: Option<UtcMillis>,
    /// The size that the proof begins at.
    pub(super) old: u64,
    pub(super) proof: &'a [Hash],
}

/// How a checkpoint that its log's key signed contradicts an earlier one. At fault: whoever has
/// that key; a restore from a backup explains [`Self::Rollback`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contradiction {
    /// The same size with another root: two logs were signed.
    Fork,
    /// Fewer records than before.
    Rollback,
    /// More records, and no proof that those before are among them.
    Inconsistent,
}

impl Contradiction {
    /// Of the event and of the answer; never changes between releases.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Fork => "checkpoint.fork",
            Self::Rollback => "checkpoint.rollback",
            Self::Inconsistent => "checkpoint.inconsistent",
        }
    }

    /// In the name of a file of evidence.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Rollback => "rollback",
            Self::Inconsistent => "inconsistent",
        }
    }
}

/// What is done with a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Taken: nothing was held before.
    First,
    /// Taken: the log has grown, and the one that is held is its beginning.
    Grown,
    /// It says what is held already, and may be what is held: anybody who saw it can send it.
    Same,
    /// Taken: it says what is held already and was signed later, so that its log is alive.
    Later,
    /// Refused: its proof begins beyond its own end.
    OldIsLarger,
    /// Refused: its proof does not begin at the size that is held, which is this one; 0 when
    /// nothing is.
    OtherOld(u64),
    /// Refused: nothing is to be proved, and there is a proof.
    NothingToProve,
    /// Refused, and kept as evidence.
    Contradicts {
        /// How.
        what: Contradiction,
        /// What is held.
        held: Head,
    },
}

/// Judges a checkpoint by the newest that is held. What its log's key signed may contradict that
/// whatever its proof begins at, so this is looked at first.
pub(super) fn judge(previous: Option<&Held>, offer: &Offer<'_>) -> Verdict {
    let Offer { head, old, proof, .. } = *offer;
    let Some(Held { head: held, signed }) = previous.copied() else {
        return match (old, proof.is_empty()) {
            (0, true) => Verdict::First,
            (0, false) => Verdict::NothingToProve,
            _ if old > head.size => Verdict::OldIsLarger,
            _ => Verdict::OtherOld(0),
        };
    };
    let contradicts = |what| Verdict::Contradicts { what, held };
    match head.size.cmp(&held.size) {
        Ordering::Less => contradicts(Contradiction::Rollback),
        Ordering::Equal if head.root != held.root => contradicts(Contradiction::Fork),
        _ if old > head.size => Verdict::OldIsLarger,
        _ if old != held.size => Verdict::OtherOld(held.size),
        Ordering::Equal if !proof.is_empty() => Verdict::NothingToProve,
        Ordering::Equal if offer.signed > signed => Verdict::Later,
        Ordering::Equal => Verdict::Same,
        Ordering::Greater => {
            let before = (held.size, &held.root);
            match verify_consistency(before, (head.size, &head.root), proof) {
                Ok(()) => Verdict::Grown,
                Err(_) => contradicts(Contradiction::Inconsistent),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::test_logs::{HONEST, leaves, proof},
        *,
    };
    use signet_tlog::root_of;

    fn head(log: u64, size: u64) -> Head {
        Head { size, root: root_of(&leaves(log, size)) }
    }

    /// A log with other records from 4 on.
    const OTHER: u64 = 4;

    fn judged(held: Option<Head>, head: Head, old: u64, proof: &[Hash]) -> Verdict {
        let held = held.map(|head| Held { head, signed: None });
        judge(held.as_ref(), &Offer { head, signed: None, old, proof })
    }

    /// What is held shows that its log is alive only when its key signed it later.
    #[test]
    fn table_of_the_same_by_the_time_of_its_signature() {
        use Verdict::{Grown, Later, Same};
        let at = |ms: i64| Some(UtcMillis(ms));
        for (signed, offered, want) in [
            (None, None, Same),
            (None, at(5), Later),
            (at(5), None, Same),
            (at(5), at(4), Same),
            (at(5), at(5), Same),
            (at(5), at(6), Later),
        ] {
            let held = Held { head: head(HONEST, 6), signed };
            let same = Offer { head: held.head, signed: offered, old: 6, proof: &[] };
            assert_eq!(judge(Some(&held), &same), want, "{signed:?} {offered:?}");
            // A log that has grown is alive whatever its clock says.
            let proof = proof(HONEST, 6, 9);
            let more = Offer { head: head(HONEST, 9), signed: offered, old: 6, proof: &proof };
            assert_eq!(judge(Some(&held), &more), Grown, "{signed:?} {offered:?}");
        }
    }

    /// tlog-witness, `add-checkpoint`: every pair of sizes, and every old size.
    #[test]
    fn table_of_verdicts() {
        use Verdict::{First, Grown, OldIsLarger, OtherOld, Same};
        let sizes = || 0..=9_u64;
        for size in sizes() {
            for old in 0..=11 {
                let want = match old {
                    0 => First,
                    old if old > size => OldIsLarger,
                    _ => OtherOld(0),
                };
                let proof = proof(HONEST, old, size);
                assert_eq!(judged(None, head(HONEST, size), old, &proof), want, "{old} {size}");
            }
            for before in sizes() {
                let held = head(HONEST, before);
                for old in 0..=11 {
                    // Signed proof of a rollback is kept, whatever is sent with it.
                    let want = if size < before {
                        Verdict::Contradicts { what: Contradiction::Rollback, held }
                    } else if old > size {
                        OldIsLarger
                    } else if old != before {
                        OtherOld(before)
                    } else if size == before {
                        Same
                    } else {
                        Grown
                    };
                    let proof = proof(HONEST, old, size);
                    let verdict = judged(Some(held), head(HONEST, size), old, &proof);
                    assert_eq!(verdict, want, "{before} held, {old} to {size}");
                }
            }
        }
    }

    /// Whatever the size: a log that was rewritten has no proof from what is held.
    #[test]
    fn a_log_that_was_rewritten_is_found_at_the_same_size_and_at_every_larger_one() {
        for before in 5..=9 {
            let held = head(HONEST, before);
            for size in before..=12 {
                let offered = head(OTHER, size);
                let what = match size == before {
                    true => Contradiction::Fork,
                    false => Contradiction::Inconsistent,
                };
                let want = Verdict::Contradicts { what, held };
                // Its own proof, that of the honest log, and none.
                for proof in [proof(OTHER, before, size), proof(HONEST, before, size), vec![]] {
                    let verdict = judged(Some(held), offered, before, &proof);
                    assert_eq!(verdict, want, "{before} to {size}");
                }
                // The same size is a contradiction whatever the proof begins at.
                if size == before {
                    assert_eq!(judged(Some(held), offered, 0, &[]), want);
                    assert_eq!(judged(Some(held), offered, size + 1, &[]), want);
                }
            }
        }
        // Where both are the same so far, there is nothing to find.
        assert_eq!(head(HONEST, 4), head(OTHER, 4));
        let verdict = judged(Some(head(HONEST, 4)), head(OTHER, 9), 4, &proof(OTHER, 4, 9));
        assert_eq!(verdict, Verdict::Grown);
    }

    #[test]
    fn a_proof_that_is_not_exactly_the_one_is_refused() {
        let (held, offered, good) = (head(HONEST, 6), head(HONEST, 9), proof(HONEST, 6, 9));
        assert_eq!(judged(Some(held), offered, 6, &good), Verdict::Grown);
        let want = Verdict::Contradicts { what: Contradiction::Inconsistent, held };
        for n in 0..good.len() {
            let mut wrong = good.clone();
            wrong[n][0] ^= 1;
            assert_eq!(judged(Some(held), offered, 6, &wrong), want, "{n}");
            assert_eq!(judged(Some(held), offered, 6, &good[..n]), want, "{n}");
        }
        let longer = [&good[..], &[[0; 32]]].concat();
        assert_eq!(judged(Some(held), offered, 6, &longer), want);
        // "The proof MUST be empty if the old size is zero", and where nothing was added.
        let nothing = Verdict::NothingToProve;
        assert_eq!(judged(None, offered, 0, &good), nothing);
        assert_eq!(judged(Some(held), held, 6, &good), nothing);
    }
}
