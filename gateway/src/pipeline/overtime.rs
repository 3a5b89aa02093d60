//! RFQs whose end the wall clock has moved away: it was set back while they were open. Each lives
//! as long as its trader wanted, counted on the steady clock, and is then ended by the gateway, so
//! that a restart knows it too. From then on nothing is traded in it, whenever its end can be
//! written down. A clock that is set forward ends RFQs early, which their desks are told.

use super::{
    Pipeline,
    message::not_done,
    rfq_ends::{AGAIN, Agenda},
};
use crate::clock::{now, steady};
use signet_fix::{AppMessage, message::Response};
use signet_identity::CompId;
use signet_rfq::{Rfq, RfqId, UtcMillis};
use signet_router::{Input, Router};
use std::time::{Duration, Instant};

const TIME_UP: &str = "its time is up; the gateway's clock was set back";
const NOT_ENDED: &str = "the RFQ's time is up, and the gateway cannot write its journal; nothing \
    was done";

/// When one of them ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Until {
    /// When it was made: once it is forgotten, its desk may give its id to another one.
    created: UtcMillis,
    end: Instant,
}

/// All of them, by the gateway's id.
#[derive(Debug, Default)]
pub(super) struct Overtime(Agenda<RfqId, Until>);

impl Overtime {
    /// The clock was set back, when it read `before`, while this RFQ was open. One that is known
    /// from an earlier time keeps the end that it has.
    fn set_back(&mut self, at: Instant, before: UtcMillis, id: &RfqId, rfq: &Rfq) {
        let created = rfq.terms.created;
        if self.of(id, created).is_some() {
            return;
        }
        let left = u64::try_from(rfq.expires().since(before)).unwrap_or(0);
        if let Some(end) = at.checked_add(Duration::from_millis(left)) {
            self.0.put(id.clone(), Until { created, end }, end);
        }
    }

    /// When the RFQ ends that was made then.
    fn of(&self, id: &RfqId, created: UtcMillis) -> Option<Instant> {
        self.0.get(id).filter(|u| u.created == created).map(|u| u.end)
    }

    /// Those whose time is up, as many as are ended at one tick.
    fn due(&self, at: Instant) -> Vec<(RfqId, UtcMillis)> {
        self.0.due(at).into_iter().map(|(id, u)| (id, u.created)).collect()
    }

    /// Whether the time of this one is up, however long it waits to be ended.
    fn is_over(&self, id: &RfqId, created: UtcMillis, at: Instant) -> bool {
        self.of(id, created).is_some_and(|end| end <= at)
    }

    fn forget(&mut self, id: &RfqId) {
        self.0.remove(id);
    }

    /// It cannot be ended now. The others do not wait behind it, and its end stays what it was.
    fn postpone(&mut self, id: &RfqId, at: Instant) {
        if let (Some(until), Some(again)) = (self.0.get(id).copied(), at.checked_add(AGAIN)) {
            self.0.put(id.clone(), until, again);
        }
    }
}

/// RFQs of an earlier run that lived, by the journal, until a time that is still to come by the
/// clock: it was set back since, nobody knows by how much. Each gets the time that it had left when
/// the journal was written last (`last`). One that was made later than that, before the clock was
/// set while the gateway ran, gets its whole time.
pub(super) fn of_earlier_run<'a>(
    open: impl Iterator<Item = (&'a RfqId, &'a Rfq)>,
    last: Option<UtcMillis>,
    (at, wall): (Instant, UtcMillis),
) -> Overtime {
    let mut all = Overtime::default();
    for (id, rfq) in open {
        let lived = last.map_or(rfq.terms.created, |last| rfq.terms.created.max(last));
        if lived > wall {
            all.set_back(at, lived, id, rfq);
        }
    }
    all
}

/// The desk that has an RFQ whose time is up, and what it calls it. `None`: there is nothing to do,
/// since it has ended, or ends by the answer to its accept, or the id is another RFQ's by now.
fn still_open(router: &Router, id: &RfqId, created: UtcMillis) -> Option<(CompId, RfqId)> {
    let (desk, rfq) = router.open_with_id(id)?;
    let own = &rfq.terms.id;
    let is_it = rfq.terms.created == created && !router.is_ending(desk, own);
    is_it.then(|| (desk.clone(), own.clone()))
}

/// Whether a message of a desk accepts a quote, or asks for a better one.
fn answers_quote(m: &AppMessage) -> bool {
    matches!(m, AppMessage::QuoteResponse(r) if r.response != Response::Pass)
}

impl Pipeline {
    /// The clock was set back by so much a moment ago.
    pub(super) fn clock_set_back(&self, by_ms: i64) {
        let (at, before) = (steady(), now() + by_ms);
        let mut overtime = self.overtime.borrow_mut();
        self.router.with(|r| r.open().for_each(|(id, rfq)| overtime.set_back(at, before, id, rfq)));
    }

    /// Ends what is over. One with an accept in flight waits for its answer.
    pub(super) fn overtime_tick(&self) {
        let due = self.overtime.borrow().due(steady());
        for (id, created) in due {
            self.end_overtime(&id, created);
        }
    }

    /// Ends one whose time is up, or will try again: whether it is still to be ended.
    fn end_overtime(&self, id: &RfqId, created: UtcMillis) -> bool {
        let still = || self.router.with(|r| still_open(r, id, created));
        if let Some((desk, own)) = still() {
            self.end_rfq(desk, own, TIME_UP);
        }
        let failed = still().is_some();
        let mut overtime = self.overtime.borrow_mut();
        if failed {
            overtime.postpone(id, steady());
        } else {
            overtime.forget(id);
        }
        failed
    }

    /// Before a message of a desk is judged: ends the RFQ that it is about if its time is up,
    /// though its turn may come later. Whether the message was refused, because that end could not
    /// be written down.
    pub(super) fn refused_overtime(&self, desk: &CompId, m: &AppMessage) -> bool {
        let Some(rfq) = self.in_overtime(desk, m) else { return false };
        let Some(created) = self.created(&rfq) else { return false };
        // Of one that has ended, or has an accept in flight, the router refuses it.
        let refused = self.end_overtime(&rfq, created);
        if refused {
            tracing::warn!(%desk, %rfq, msg_type = m.msg_type(), "refused: {NOT_ENDED}");
            self.to_desk(desk, &not_done(m, None, NOT_ENDED.into()));
        }
        refused
    }

    /// Whether the time of an RFQ, by the gateway's id, is up though the clock says otherwise.
    pub(super) fn is_overtime(&self, rfq: &RfqId) -> bool {
        let created = self.created(rfq);
        created.is_some_and(|at| self.overtime.borrow().is_over(rfq, at, steady()))
    }

    /// When an RFQ was made that is open.
    fn created(&self, rfq: &RfqId) -> Option<UtcMillis> {
        self.router.with(|r| r.open_with_id(rfq).map(|(_, rfq)| rfq.terms.created))
    }

    /// The RFQ, by the gateway's id, whose quote this message answers though its time is up.
    fn in_overtime(&self, desk: &CompId, m: &AppMessage) -> Option<RfqId> {
        if !answers_quote(m) || self.overtime.borrow().0.is_empty() {
            return None;
        }
        let input = Input::FromDesk(desk.clone(), m.clone());
        self.router.with(|r| r.concerns(&input)).filter(|rfq| self.is_overtime(rfq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::{
        message::tests::messages,
        rfq_ends::{
            AT_ONCE,
            test_double::{NOW, accept, desk, end, rfq, router},
        },
    };
    use signet_fix::message::{QuoteResponse, TakeOver};
    use signet_router::Decided;

    #[test]
    fn one_that_changed_hands_is_ended_at_the_desk_that_has_it() {
        let mut r = router();
        let id = rfq("ALICE1.R1");
        let ends = |r: &Router| still_open(r, &id, NOW).map(|(d, rfq)| format!("{d} {rfq}"));
        assert_eq!(ends(&r).as_deref(), Some("ALICE1 R1"));
        let (of, at) = (desk("ALICE1"), NOW);
        let taken = Decided::TakeOver(TakeOver { rfq: rfq("B1"), desk: of, of: rfq("R1"), at });
        r.handle(NOW, Input::Decided(desk("BOB1"), taken));
        assert_eq!(ends(&r).as_deref(), Some("BOB1 B1"));
        assert_eq!(still_open(&r, &rfq("BOB1.B1"), NOW), None, "nothing of that name");
        assert_eq!(still_open(&r, &id, NOW + 1), None, "another RFQ of that name");
        // Its end can be decided while an accept waits, and is then decided.
        r.handle(NOW, Input::Decided(desk("BOB1"), accept("B1")));
        assert_eq!(ends(&r).as_deref(), Some("BOB1 B1"));
        r.handle(NOW, end("BOB1", "B1"));
        assert_eq!(ends(&r), None);
        let mut over = router();
        over.handle(NOW + 60_000, Input::Tick);
        assert_eq!(ends(&over), None);
    }

    /// The only RFQ of a router, as if it had been made at `created` and to end at `until`.
    fn made(created: UtcMillis, until: UtcMillis) -> Rfq {
        let r = router();
        let (_, one) = r.open().next().unwrap();
        let mut one = one.clone();
        (one.terms.created, one.terms.expires) = (created, until);
        one
    }

    fn ids(due: Vec<(RfqId, UtcMillis)>) -> Vec<RfqId> {
        due.into_iter().map(|(id, _)| id).collect()
    }

    #[test]
    fn each_lives_as_long_as_was_left_of_it() {
        const HOUR: i64 = 3_600_000;
        let (start, wall) = (Instant::now(), UtcMillis(1_795_219_200_000));
        let at = |s: u64| start + Duration::from_secs(s);
        let mut o = Overtime::default();
        for (id, until) in [("a", 20_000), ("b", 5_000), ("late", -1)] {
            o.set_back(at(0), wall, &rfq(id), &made(wall - 1, wall + until));
        }
        assert_eq!(ids(o.due(at(0))), [rfq("late")], "it was over when the clock was set");
        o.forget(&rfq("late"));
        // Set back once more: the first keeps its end, one that was made since has its own.
        let now = wall - HOUR + 10_000;
        o.set_back(at(10), now, &rfq("a"), &made(wall - 1, wall + 20_000));
        o.set_back(at(10), now, &rfq("c"), &made(now - 1, wall - HOUR + 40_000));
        for (s, over) in [(4, 0), (5, 1), (19, 1), (20, 2), (39, 2), (40, 3)] {
            assert_eq!(o.due(at(s)).len(), over, "{s}");
        }
        o.forget(&rfq("a"));
        assert_eq!(ids(o.due(at(40))), [rfq("b"), rfq("c")]);
        // The journal is on a disk that is full.
        o.postpone(&rfq("b"), at(40));
        o.postpone(&rfq("a"), at(40));
        assert_eq!(ids(o.due(at(44))), [rfq("c")], "not at each tick");
        assert_eq!(ids(o.due(at(45))), [rfq("c"), rfq("b")], "and not never");
        // Nothing may be traded in it meanwhile.
        for (id, s, want) in [("b", 4, false), ("b", 5, true), ("b", 44, true), ("a", 44, false)] {
            assert_eq!(o.is_over(&rfq(id), wall - 1, at(s)), want, "{id} {s}");
        }
        o.forget(&rfq("b"));
        assert!(!o.is_over(&rfq("b"), wall - 1, at(99)));
    }

    /// The first one ended early, and its desk gave its id to another one.
    #[test]
    fn an_end_is_of_the_rfq_that_it_was_made_for() {
        let (start, wall) = (Instant::now(), UtcMillis(1_795_219_200_000));
        let at = |s: u64| start + Duration::from_secs(s);
        let (id, first, second) = (rfq("ALICE1.R1"), wall - 5_000, wall + 1_000_000);
        let mut o = Overtime::default();
        o.set_back(at(0), wall, &id, &made(first, wall + 3_000_000));
        assert!(o.is_over(&id, first, at(3_000)) && !o.is_over(&id, second, at(3_000)));
        // The clock is set back while the second one is open.
        o.set_back(at(1_000), second, &id, &made(second, second + 10_000));
        assert!(o.is_over(&id, second, at(1_010)) && !o.is_over(&id, second, at(1_009)));
        assert_eq!(o.due(at(3_000)), [(id.clone(), second)]);
        assert!(!o.is_over(&id, first, at(3_000)));
    }

    #[test]
    fn table_of_what_an_earlier_run_left() {
        let (start, made_at) = (Instant::now(), UtcMillis(1_795_219_200_000));
        let one = made(made_at, made_at + 60_000);
        let id = rfq("ALICE1.R1");
        for (name, last_s, wall_s, left_s) in [
            ("the clock goes on", 10, 20, None),
            ("the same moment", 10, 10, None),
            ("set back, after it was made", 30, 5, Some(30)),
            ("set back, before it was made", 30, -3_600, Some(30)),
            ("set back in the run, and again", -600, -3_600, Some(60)),
            ("set back in the run only", -600, 5, None),
            ("it was over", 70, 5, Some(0)),
        ] {
            let at = |s: i64| made_at + s * 1_000;
            let open = [(&id, &one)].into_iter();
            let o = of_earlier_run(open, Some(at(last_s)), (start, at(wall_s)));
            let left = o.of(&id, made_at).map(|end| (end - start).as_secs());
            assert_eq!(left, left_s, "{name}");
        }
        let none = of_earlier_run([(&id, &one)].into_iter(), None, (start, made_at));
        assert!(none.0.is_empty(), "there is no journal, and no RFQ");
    }

    /// Thousands may be open when the clock is set, all of them over at once.
    #[test]
    fn many_are_ended_some_at_a_time_and_each_is_over_at_its_end() {
        let (start, wall) = (Instant::now(), UtcMillis(1_795_219_200_000));
        let all: Vec<RfqId> = (0..=AT_ONCE).map(|n| rfq(&format!("R{n:03}"))).collect();
        let one = made(wall - 1, wall);
        let mut o = Overtime::default();
        all.iter().for_each(|id| o.set_back(start, wall, id, &one));
        assert_eq!(ids(o.due(start)), all[..AT_ONCE]);
        let over = all.iter().all(|id| o.is_over(id, wall - 1, start));
        assert!(over, "whenever its turn comes");
        // Those that cannot be ended hold up nobody.
        all[..AT_ONCE].iter().for_each(|id| o.postpone(id, start));
        assert_eq!(ids(o.due(start)), all[AT_ONCE..]);
    }

    #[test]
    fn accepts_and_counters_are_looked_at_and_nothing_else() {
        for (m, _) in messages() {
            assert_eq!(answers_quote(&m), m.msg_type() == "AJ", "{}", m.msg_type());
            let AppMessage::QuoteResponse(r) = m else { continue };
            for (response, want) in [(Response::Counter, true), (Response::Pass, false)] {
                let m = AppMessage::QuoteResponse(QuoteResponse { response, ..r.clone() });
                assert_eq!(answers_quote(&m), want, "{response:?}");
            }
        }
    }
}
