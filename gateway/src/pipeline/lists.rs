//! The list of instruments. A desk asks for it at each Logon, and is sent it unless it has the same
//! one already. It may be several megabytes: each desk gets as much at a time as its connection
//! takes, so that its quotes wait behind little, and desks that come back together do not fill the
//! memory with it.

use super::{Pipeline, Sessions};
use signet_fix::{AppMessage, message::SecurityList, session::Outbox};
use signet_identity::CompId;
use signet_rfq::{InstrumentId, RfqId};
use std::{cell::RefCell, collections::BTreeMap, convert::Infallible, rc::Rc, time::Duration};
use tokio::sync::Notify;

/// What may wait to leave for a desk while more of the list is added.
const QUEUED_MAX: usize = 64 * 1024;
/// How often is looked whether there is room. With [`QUEUED_MAX`] it bounds how fast a list leaves:
/// 12 MB/s.
const LOOK: Duration = Duration::from_millis(5);

/// Lists that were begun, at most one for each desk.
#[derive(Default)]
pub(super) struct ListsUnderway {
    rows: RefCell<BTreeMap<CompId, Row>>,
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

    /// One part for each desk that has room for it.
    fn send_parts(&self) {
        let rows = self.lists.rows.borrow().clone();
        for (desk, row) in rows {
            let same =
                self.sessions.of(&desk, |s| Rc::ptr_eq(&s.outbox, &row.outbox)).unwrap_or_default();
            match next(same, row.outbox.len()) {
                Next::Wait => {}
                Next::Forget => drop(self.lists.rows.borrow_mut().remove(&desk)),
                Next::Send => {
                    let part =
                        self.router.with(|r| r.instruments(row.request.clone(), Some(&row.after)));
                    self.lists.sent(&self.sessions, &desk, &part);
                    self.to_desk(&desk, &AppMessage::SecurityList(part));
                }
            }
        }
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
}
