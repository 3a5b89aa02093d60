//! What a connection is made with.

use super::{keys::Keys, outcome::Fault};
use crate::venue::Venue;
use signet_fix::session::Session;
use std::{cell::Cell, rc::Rc};

/// A venue, and what this desk keeps for it while it connects and reconnects.
pub(super) struct Target {
    pub venue: Venue,
    pub keys: Rc<Keys>,
    pub session: Rc<Session>,
    pub hosts: Hosts,
}

/// So many attempts in a row that a host closes without a word, before another host is tried first:
/// some five seconds with the waits between them. A gateway that restarts closes a few and then
/// knows its RFQs, and so does one that locks a network out and lets it try every two seconds;
/// another one does not know them.
const CLOSED_MAX: u32 = 6;

/// Which of the venue's hosts is tried first. Each outage begins with the venue's own: those beside
/// it stand in, and know no RFQ of this desk.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    first: Cell<usize>,
    closed_in_a_row: Cell<u32>,
}

impl Hosts {
    /// Its number.
    pub(super) fn first(&self) -> usize {
        self.first.get()
    }

    /// An attempt, or the connection that it made, ended so; `was_on`: its logon was accepted.
    pub(super) fn ended(&self, was_on: bool, fault: Fault) {
        if was_on { self.start_over() } else { self.failed(fault) }
    }

    /// An attempt ended so, before a logon was accepted.
    pub(super) fn failed(&self, fault: Fault) {
        let closed = if fault == Fault::Closed { self.closed_in_a_row.get() + 1 } else { 0 };
        let next = is_next_first(fault, closed);
        self.closed_in_a_row.set(if next { 0 } else { closed });
        if next {
            self.first.set(self.first.get().wrapping_add(1));
        }
    }

    /// Another outage, or another network.
    pub(super) fn start_over(&self) {
        self.first.set(0);
        self.closed_in_a_row.set(0);
    }
}

/// Whether the next host is tried first. A host that takes no connection need not be passed over:
/// all of them are dialled, a quarter of a second apart, and where none can be reached the order
/// would only become chance.
fn is_next_first(fault: Fault, closed_in_a_row: u32) -> bool {
    match fault {
        Fault::Unanswered | Fault::NoLogon => true,
        Fault::Closed => closed_in_a_row >= CLOSED_MAX,
        Fault::OwnKey | Fault::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_does_not_answer_is_not_the_first_again() {
        use Fault::{Closed, NoLogon, Other, OwnKey, Unanswered};
        for (faults, first) in [
            (&[][..], 0),
            (&[Unanswered], 1),
            (&[NoLogon], 1),
            (&[NoLogon, Unanswered], 2),
            (&[OwnKey], 0),
            // Nobody could be reached, or somebody else answered.
            (&[Other, Other, Other, Other], 0),
            (&[NoLogon, Other], 1),
            (&[Closed; 5], 0),
            (&[Closed; 6], 1),
            (&[Closed, Closed, Closed, Closed, Closed, Other, Closed], 0),
            (&[Closed; 11], 1),
            (&[Closed; 12], 2),
        ] {
            let hosts = Hosts::default();
            faults.iter().for_each(|f| hosts.failed(*f));
            assert_eq!(hosts.first(), first, "{faults:?}");
            // It was on, so the next outage begins with the venue's own.
            hosts.ended(true, NoLogon);
            hosts.ended(false, Closed);
            assert_eq!(hosts.first(), 0, "{faults:?}");
            hosts.ended(false, NoLogon);
            assert_eq!(hosts.first(), 1, "{faults:?}");
        }
    }
}
