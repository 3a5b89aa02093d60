//! The list of instruments. A desk asks for it at each Logon, and is sent it unless it has the same
//! one already. It may be several megabytes: each desk gets as much at a time as its connection
//! takes, so that its quotes wait behind little, and desks that come back together do not fill the
//! memory with it.

use super::{Pipeline, Sessions};
use signet_fix::{AppMessage, message::SecurityList, session::Outbox};
use signet_identity::CompId;
use signet_rfq::{InstrumentId, RfqId};
use std::{
    cell::RefCell, collections::BTreeMap, convert::Infallible, ops::Bound, rc::Rc, time::Duration,
};
use tokio::sync::Notify;

/// What may wait to leave for a desk while more of the list is added.
const QUEUED_MAX: usize = 64 * 1024;
/// How often is looked whether there is room.
const LOOK: Duration = Duration::from_millis(5);
/// Parts that leave at one look, to all desks together. Each is encoded and signed on the trading
/// thread while quotes wait.
const PARTS_MAX: usize = 16;
/// Desks that are looked at in one look, since many may be waited for.
const DESKS_MAX: usize = 256;

/// Lists that were begun, at most one for each desk.
#[derive(Default)]
pub(super) struct ListsUnderway {
    rows: RefCell<BTreeMap<CompId, Row>>,
    /// The desk that had its turn last.
    last: RefCell<Option<CompId>>,
    begun: Notify,
}

#[derive(Clone)]
struct Row {
    /// Where the first part left.
    outbox: Rc<Outbox>,
    request: RfqId,
    /// The last instrument that was sent.
    after: InstrumentId,
}

/// What is done about a list now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Send,
    Wait,
    Forget,
}

/// `same`: the desk is still on, over the connection on which the list was begun.
fn next(same: bool, queued: usize) -> Next {
    match (same, queued < QUEUED_MAX) {
        (false, _) => Next::Forget,
        (true, true) => Next::Send,
        (true, false) => Next::Wait,
    }
}

impl ListsUnderway {
    /// A part was sent. A later request of the same desk ends the list before it.
    fn sent(&self, sessions: &Sessions, desk: &CompId, part: &SecurityList) {
        let outbox = sessions.of(desk, |s| s.outbox.clone());
        let (Some(outbox), Some(last), false) = (outbox, part.instruments.last(), part.last) else {
            self.rows.borrow_mut().remove(desk);
            return;
        };
        let row = Row { outbox, request: part.request.clone(), after: last.id.clone() };
        self.rows.borrow_mut().insert(desk.clone(), row);
        self.begun.notify_one();
    }

    /// Gives the desks that follow the last one their turns, until enough parts were sent. `give`
    /// says whether it sent one.
    fn look(&self, mut give: impl FnMut(&CompId, Row) -> bool) {
        let next = following(&self.rows.borrow(), self.last.borrow().as_ref());
        let mut sent = 0_usize;
        for (desk, row) in next {
            sent = sent.saturating_add(usize::from(give(&desk, row)));
            *self.last.borrow_mut() = Some(desk);
            if sent >= PARTS_MAX {
                return;
            }
        }
    }
}

/// The desks after `last`, and from the first one again; each once.
fn following(rows: &BTreeMap<CompId, Row>, last: Option<&CompId>) -> Vec<(CompId, Row)> {
    let (after, before) = match last {
        None => (Bound::Unbounded, None),
        Some(last) => (Bound::Excluded(last), Some((Bound::Unbounded, Bound::Included(last)))),
    };
    let after = rows.range::<CompId, _>((after, Bound::Unbounded));
    let before = before.into_iter().flat_map(|up_to| rows.range::<CompId, _>(up_to));
    after.chain(before).take(DESKS_MAX).map(|(desk, row)| (desk.clone(), row.clone())).collect()
}

impl Pipeline {
    /// The first part of a list was sent.
    pub(super) fn list_begun(&self, desk: &CompId, first: &SecurityList) {
        self.lists.sent(&self.sessions, desk, first);
    }

    /// A desk has the whole list: what it asked for before does not go on.
    pub(super) fn list_is_there(&self, desk: &CompId) {
        self.lists.rows.borrow_mut().remove(desk);
    }

    /// One part for each desk whose turn it is and that has room for it.
    fn send_parts(&self) {
        self.lists.look(|desk, row| {
            let same =
                self.sessions.of(desk, |s| Rc::ptr_eq(&s.outbox, &row.outbox)).unwrap_or_default();
            match next(same, row.outbox.len()) {
                Next::Wait => false,
                Next::Forget => {
                    self.lists.rows.borrow_mut().remove(desk);
                    false
                }
                Next::Send => {
                    let part = self.router.with(|r| r.instruments(row.request, Some(&row.after)));
                    self.lists.sent(&self.sessions, desk, &part);
                    self.to_desk(desk, &AppMessage::SecurityList(part));
                    true
                }
            }
        });
    }
}

/// Sends the rest of each list, for ever.
pub async fn send_lists(pipeline: Rc<Pipeline>) -> Infallible {
    loop {
        pipeline.lists.begun.notified().await;
        while !pipeline.lists.rows.borrow().is_empty() {
            pipeline.send_parts();
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_what_is_next() {
        for (same, queued, want) in [
            (true, 0, Next::Send),
            (true, QUEUED_MAX - 1, Next::Send),
            (true, QUEUED_MAX, Next::Wait),
            (true, usize::MAX, Next::Wait),
            (false, 0, Next::Forget),
            (false, QUEUED_MAX, Next::Forget),
        ] {
            assert_eq!(next(same, queued), want, "{same} {queued}");
        }
    }

    fn desk(n: usize) -> CompId {
        CompId::new(format!("D{n:04}")).unwrap()
    }

    fn underway(count: usize) -> ListsUnderway {
        let row = Row {
            outbox: Rc::default(),
            request: RfqId::new("list").unwrap(),
            after: InstrumentId::new("EUR/USD").unwrap(),
        };
        let rows = (0..count).map(|n| (desk(n), row.clone())).collect();
        ListsUnderway { rows: RefCell::new(rows), ..Default::default() }
    }

    /// Who has a turn at each look when those that `has_room` says are sent a part.
    fn looks(lists: &ListsUnderway, has_room: impl Fn(&CompId) -> bool, n: usize) -> Vec<CompId> {
        let mut turns = Vec::new();
        for _ in 0..n {
            lists.look(|desk, _| {
                turns.push(desk.clone());
                has_room(desk)
            });
        }
        turns
    }

    #[test]
    fn desks_that_come_back_together_have_their_turns_one_after_the_other() {
        let ids = |numbers: &[usize]| -> Vec<CompId> { numbers.iter().map(|n| desk(*n)).collect() };
        // As many as get a part at a look, and some more.
        let count = PARTS_MAX + 3;
        let lists = underway(count);
        let round: Vec<usize> = (0..count).chain(0..count).take(2 * PARTS_MAX).collect();
        assert_eq!(looks(&lists, |_| true, 1), ids(&round[..PARTS_MAX]));
        assert_eq!(looks(&lists, |_| true, 1), ids(&round[PARTS_MAX..]));
        // Few: each once at each look, whoever was the last.
        for last in [None, Some(desk(0)), Some(desk(2)), Some(desk(9))] {
            let lists = ListsUnderway { last: RefCell::new(last), ..underway(3) };
            let mut turns = looks(&lists, |_| true, 1);
            turns.sort();
            assert_eq!(turns, ids(&[0, 1, 2]));
        }
        assert!(looks(&underway(0), |_| true, 1).is_empty());
        // Those that have no room keep nobody from a turn, and are not all looked at.
        let lists = underway(3 * DESKS_MAX);
        assert_eq!(looks(&lists, |_| false, 1).len(), DESKS_MAX);
        assert!(looks(&lists, |_| false, 2).contains(&desk(3 * DESKS_MAX - 1)));
        // One that ended in its turn, and was the last.
        let lists = underway(PARTS_MAX + 1);
        looks(&lists, |_| true, 1);
        lists.rows.borrow_mut().remove(&desk(PARTS_MAX - 1));
        assert_eq!(looks(&lists, |_| true, 1)[0], desk(PARTS_MAX));
    }
}
