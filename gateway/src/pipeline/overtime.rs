//! RFQs whose end the wall clock has moved away: it was set back while they were open. Each lives
//! as long as its trader wanted, counted on the steady clock, and is then ended as by its desk, so
//! that a restart knows it too. A clock that is set forward ends RFQs early, which their desks are
//! told.

use super::Pipeline;
use crate::clock::{now, steady};
use signet_fix::AppMessage;
use signet_identity::CompId;
use signet_rfq::{Rfq, RfqId, UtcMillis};
use signet_router::Input;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const TIME_UP: &str = "its time is up; the gateway's clock was set back";

/// When each of them ends.
#[derive(Debug, Default)]
pub(super) struct Overtime(BTreeMap<(CompId, RfqId), Instant>);

impl Overtime {
    /// The clock was set back, when it read `before`, while these were open until then. One that is
    /// known from an earlier time keeps the end that it has.
    fn set_back(
        &mut self,
        at: Instant,
        before: UtcMillis,
        open: impl IntoIterator<Item = (CompId, RfqId, UtcMillis)>,
    ) {
        for (desk, rfq, until) in open {
            let left = u64::try_from(until.since(before)).unwrap_or(0);
            if let Some(end) = at.checked_add(Duration::from_millis(left)) {
                self.0.entry((desk, rfq)).or_insert(end);
            }
        }
    }

    /// Those whose time is up.
    fn over(&self, at: Instant) -> Vec<(CompId, RfqId)> {
        let over = self.0.iter().filter(|(_, end)| **end <= at);
        over.map(|(key, _)| key.clone()).collect()
    }

    fn forget(&mut self, key: &(CompId, RfqId)) {
        self.0.remove(key);
    }
}

/// RFQs of an earlier run that the clock says are still to be made: it was set back since, nobody
/// knows by how much, and each gets its whole time once more.
pub(super) fn of_earlier_run<'a>(
    open: impl Iterator<Item = (&'a CompId, &'a Rfq)>,
    (at, wall): (Instant, UtcMillis),
) -> Overtime {
    let mut all = Overtime::default();
    for (desk, rfq) in open.filter(|(_, rfq)| rfq.terms.created > wall) {
        let (id, until) = (rfq.terms.id.clone(), rfq.expires());
        all.set_back(at, rfq.terms.created, [(desk.clone(), id, until)]);
    }
    all
}

impl Pipeline {
    /// The clock was set back by so much a moment ago.
    pub(super) fn clock_set_back(&self, by_ms: i64) {
        let open: Vec<_> = self.router.with(|r| {
            let one =
                |(desk, rfq): (&CompId, &Rfq)| (desk.clone(), rfq.terms.id.clone(), rfq.expires());
            r.open().map(one).collect()
        });
        self.overtime.borrow_mut().set_back(steady(), now() + by_ms, open);
    }

    /// Ends what is over. One with an accept in flight waits for its answer.
    pub(super) fn overtime_tick(&self) {
        let over = self.overtime.borrow().over(steady());
        for (desk, rfq) in over {
            let (open, free) = self.router.with(|r| {
                let found = r.open().find(|(d, f)| **d == desk && f.terms.id == rfq);
                (found.is_some(), found.is_some_and(|(_, f)| !f.in_flight()))
            });
            if free {
                let text = Some(TIME_UP.to_owned());
                let cancel = AppMessage::RfqCancel { rfq: rfq.clone(), text };
                self.route(Input::FromDesk(desk.clone(), cancel));
            }
            if free || !open {
                self.overtime.borrow_mut().forget(&(desk, rfq));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_lives_as_long_as_was_left_of_it() {
        const HOUR: i64 = 3_600_000;
        let (start, wall) = (Instant::now(), UtcMillis(1_795_219_200_000));
        let at = |s: u64| start + Duration::from_secs(s);
        let key = |id: &str| (CompId::new("ALICE1").unwrap(), RfqId::new(id).unwrap());
        let open = |id: &str, until: i64| (key(id).0, key(id).1, wall + until);
        let mut o = Overtime::default();
        o.set_back(at(0), wall, [open("a", 20_000), open("b", 5_000), open("late", -1)]);
        assert_eq!(o.over(at(0)), [key("late")], "it was over when the clock was set");
        o.forget(&key("late"));
        // Set back once more: the first keeps its end, one that was made since has its own.
        let now = wall - HOUR + 10_000;
        o.set_back(at(10), now, [open("a", 20_000), open("c", -HOUR + 40_000)]);
        for (s, over) in [(4, 0), (5, 1), (19, 1), (20, 2), (39, 2), (40, 3)] {
            assert_eq!(o.over(at(s)).len(), over, "{s}");
        }
        o.forget(&key("a"));
        assert_eq!(o.over(at(40)), [key("b"), key("c")]);
    }
}
