//! A gateway from which nothing comes: whoever stopped its checkpoints can rewrite its log. Pure.

use std::time::{Duration, Instant};

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SilenceNews {
    /// Nothing was taken for so long.
    Began(Duration),
    /// Something was taken again, after so long.
    Ended(Duration),
}

/// How long nothing was taken from one gateway, on the steady clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Silence {
    heard: Instant,
    /// How long it was silent before that.
    before: Duration,
    told: bool,
}

impl Silence {
    /// Begins to wait, or waits on: nothing came for so long.
    pub(super) const fn of(quiet: Duration, now: Instant) -> Self {
        Self { heard: now, before: quiet, told: false }
    }

    fn quiet(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard).saturating_add(self.before)
    }

    /// A checkpoint was taken that its log's key signed after the one that is held.
    pub(super) fn heard(&mut self, now: Instant) -> Option<SilenceNews> {
        let (quiet, was_told) = (self.quiet(now), self.told);
        *self = Self::of(Duration::ZERO, now);
        was_told.then_some(SilenceNews::Ended(quiet))
    }

    /// Time passes; each silence is told once.
    pub(super) fn look(&mut self, max: Duration, now: Instant) -> Option<SilenceNews> {
        let quiet = self.quiet(now);
        if self.told || quiet < max {
            return None;
        }
        self.told = true;
        Some(SilenceNews::Began(quiet))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SilenceNews::{Began, Ended};

    #[derive(Debug, Clone, Copy)]
    enum Event {
        Look,
        Heard,
    }
    use Event::{Heard, Look};

    #[test]
    fn table_of_silences() {
        let s = Duration::from_secs;
        let max = s(60);
        for (name, before, steps, want) in [
            ("a new one", s(0), &[(59, Look)][..], &[None][..]),
            ("nothing ever came", s(0), &[(60, Look)], &[Some(Began(s(60)))]),
            ("told once", s(0), &[(60, Look), (600, Look)], &[Some(Began(s(60))), None]),
            ("each one takes it on", s(0), &[(59, Heard), (118, Look)], &[None, None]),
            (
                "heard, and silent once more",
                s(0),
                &[(61, Look), (70, Heard), (129, Look), (130, Look), (131, Look)],
                &[Some(Began(s(61))), Some(Ended(s(70))), None, Some(Began(s(60))), None],
            ),
            (
                "heard twice",
                s(0),
                &[(60, Look), (61, Heard), (62, Heard)],
                &[Some(Began(s(60))), Some(Ended(s(61))), None],
            ),
            // A restart in between.
            ("silent before", s(50), &[(9, Look), (10, Look)], &[None, Some(Began(s(60)))]),
            ("silent for days before", s(9_000), &[(5, Look)], &[Some(Began(s(9_005)))]),
            (
                "silent before, and heard",
                s(50),
                &[(20, Look), (30, Heard), (89, Look), (90, Look)],
                &[Some(Began(s(70))), Some(Ended(s(80))), None, Some(Began(s(60)))],
            ),
            // Between two looks nobody was silent for too long as far as anybody was told.
            ("late, and not looked at", s(0), &[(90, Heard), (91, Look)], &[None, None]),
        ] {
            let start = Instant::now();
            let mut silence = Silence::of(before, start);
            let said: Vec<_> = steps
                .iter()
                .map(|(at, event)| match event {
                    Look => silence.look(max, start + s(*at)),
                    Heard => silence.heard(start + s(*at)),
                })
                .collect();
            assert_eq!(said, want, "{name}");
        }
    }
}
