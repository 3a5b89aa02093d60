//! RFQs whose end the wall clock has moved away: it was set back while they were open. Each lives
//! as long as its trader wanted, counted on the steady clock, and is then ended as by its desk, so
//! that a restart knows it too. A clock that is set forward ends RFQs early, which their desks are
//! told.

use super::{Pipeline, rfq_ends::AGAIN};
use crate::clock::{now, steady};
use signet_identity::CompId;
use signet_rfq::{Rfq, RfqId, UtcMillis};
use signet_router::Router;
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

    /// It could not be ended, since that could not be written down: it is tried again later.
    fn postpone(&mut self, key: &(CompId, RfqId), at: Instant) {
        if let (Some(end), Some(again)) = (self.0.get_mut(key), at.checked_add(AGAIN)) {
            *end = again;
        }
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

/// What becomes of one whose time is up.
#[derive(Debug, PartialEq)]
enum Due {
    /// It has ended by itself.
    Ended,
    /// Its accept waits for its answer.
    Later,
    /// It ends as by the desk that has it now, which calls it so.
    End(CompId, RfqId),
}

impl Due {
    /// Of the RFQ that this desk called `rfq` when the clock was set back; it may have changed
    /// hands since.
    fn of(router: &Router, desk: &CompId, rfq: &RfqId) -> Self {
        match router.open_as(desk, rfq) {
            None => Self::Ended,
            Some((_, rfq)) if rfq.in_flight() => Self::Later,
            Some((desk, rfq)) => Self::End(desk.clone(), rfq.terms.id.clone()),
        }
    }
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
        for key in over {
            let due = || self.router.with(|r| Due::of(r, &key.0, &key.1));
            let due = match due() {
                Due::End(has, rfq) => {
                    self.end_rfq(has, rfq, TIME_UP);
                    due()
                }
                due => due,
            };
            match due {
                Due::Later => {}
                Due::Ended => self.overtime.borrow_mut().forget(&key),
                Due::End(..) => self.overtime.borrow_mut().postpone(&key, steady()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::rfq_ends::test_double::{NOW, accept, desk, rfq, router};
    use signet_fix::message::TakeOver;
    use signet_router::{Decided, Input};

    #[test]
    fn one_that_changed_hands_is_ended_at_the_desk_that_has_it() {
        let mut r = router();
        let ends = |r: &Router, d: &str, id: &str| match Due::of(r, &desk(d), &rfq(id)) {
            Due::End(d, rfq) => Some(format!("{d} {rfq}")),
            _ => None,
        };
        assert_eq!(ends(&r, "ALICE1", "R1").as_deref(), Some("ALICE1 R1"));
        let (of, at) = (desk("ALICE1"), NOW);
        let taken = Decided::TakeOver(TakeOver { rfq: rfq("B1"), desk: of, of: rfq("R1"), at });
        r.handle(NOW, Input::Decided(desk("BOB1"), taken));
        // As it was called when the clock was set, and as it is called now.
        for (d, id) in [("ALICE1", "R1"), ("BOB1", "B1")] {
            assert_eq!(ends(&r, d, id).as_deref(), Some("BOB1 B1"));
        }
        assert_eq!(Due::of(&r, &desk("BOB1"), &rfq("R1")), Due::Ended, "nothing of that name");
        let mut waits = router();
        waits.handle(NOW, Input::Decided(desk("ALICE1"), accept("R1")));
        assert_eq!(Due::of(&waits, &desk("ALICE1"), &rfq("R1")), Due::Later);
        r.handle(NOW, Input::Decided(desk("BOB1"), accept("B1")));
        assert_eq!(Due::of(&r, &desk("ALICE1"), &rfq("R1")), Due::Later);
        let mut over = router();
        over.handle(NOW + 60_000, Input::Tick);
        assert_eq!(Due::of(&over, &desk("ALICE1"), &rfq("R1")), Due::Ended);
    }

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
        // The journal is on a disk that is full.
        o.postpone(&key("b"), at(40));
        o.postpone(&key("a"), at(40));
        assert_eq!(o.over(at(44)), [key("c")], "not at each tick");
        assert_eq!(o.over(at(45)), [key("b"), key("c")], "and not never");
    }
}
