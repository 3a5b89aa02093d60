//! What a checkpoint says beside the one that is held. Pure.

use signet_tlog::{Checkpoint, Hash};
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

/// How a checkpoint that its log's key signed contradicts an earlier one. At fault: whoever has
/// that key; a restore from a backup explains [`Self::Rollback`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contradiction {
    /// The same size with another root: two logs were signed.
    Fork,
    /// Fewer records than before.
    Rollback,
}

impl Contradiction {
    /// Of the event and of the answer; never changes between releases.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Fork => "checkpoint.fork",
            Self::Rollback => "checkpoint.rollback",
        }
    }

    /// In the name of a file of evidence.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Rollback => "rollback",
        }
    }
}

/// What is done with a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Taken: nothing was held before.
    First,
    /// Taken: the log has grown. That the old one is its beginning is not proved by two
    /// checkpoints; `journal verify` proves it with the log itself.
    Grown,
    /// It says what is held already.
    Same,
    /// Refused, and kept as evidence.
    Contradicts {
        /// How.
        what: Contradiction,
        /// What is held.
        held: Head,
    },
}

/// Judges a checkpoint whose signature is good by the newest that is held.
pub(super) fn judge(previous: Option<&Head>, offered: &Head) -> Verdict {
    let Some(held) = previous.copied() else { return Verdict::First };
    match offered.size.cmp(&held.size) {
        Ordering::Greater => Verdict::Grown,
        Ordering::Equal if offered.root == held.root => Verdict::Same,
        Ordering::Equal => Verdict::Contradicts { what: Contradiction::Fork, held },
        Ordering::Less => Verdict::Contradicts { what: Contradiction::Rollback, held },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_verdicts() {
        let (a, b): (Hash, Hash) = ([0xa; 32], [0xb; 32]);
        let fork = |held| Verdict::Contradicts { what: Contradiction::Fork, held };
        let rollback = |held| Verdict::Contradicts { what: Contradiction::Rollback, held };
        let head = |(size, root)| Head { size, root };
        // With nothing before, every size is the first.
        for size in [0, 1, u64::MAX] {
            assert_eq!(judge(None, &head((size, a))), Verdict::First, "{size}");
        }
        for held in [0, 1, 7, u64::MAX].map(|size| head((size, a))) {
            assert_eq!(judge(Some(&held), &head((held.size, a))), Verdict::Same, "{held}");
            assert_eq!(judge(Some(&held), &head((held.size, b))), fork(held), "{held}");
            // A smaller one goes back and a larger one has grown, whatever their roots.
            for root in [a, b] {
                for less in [0, held.size / 2, held.size.saturating_sub(1)] {
                    if less < held.size {
                        let verdict = judge(Some(&held), &head((less, root)));
                        assert_eq!(verdict, rollback(held), "{held} {less}");
                    }
                }
                for more in [held.size.saturating_add(1), u64::MAX] {
                    if more > held.size {
                        let verdict = judge(Some(&held), &head((more, root)));
                        assert_eq!(verdict, Verdict::Grown, "{held} {more}");
                    }
                }
            }
        }
    }
}
