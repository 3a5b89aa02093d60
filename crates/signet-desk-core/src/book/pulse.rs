//! What the tray shows: the connection, and how much is open.

use super::Book;
use crate::view::Pulse;
use signet_rfq::{Rfq, UtcMillis};

impl Book {
    /// The connection and how much is open, without redrawing anything.
    pub(crate) fn pulse(&self) -> Pulse {
        let open = self.screen.rfqs().filter(|r| !r.state.ended()).count();
        let waiting = self.screen.rfqs().filter(|r| r.in_flight()).count();
        let state = self.connection.view.state;
        Pulse { state, doubtful: self.connection.doubtful(), open, waiting }
    }

    /// Whether a price is on screen that can be taken, so that a dead path must be known soon.
    pub fn has_live_price(&self, now: UtcMillis) -> bool {
        let at = self.moment(now).venue;
        let is_live =
            |r: &Rfq| r.lines.iter().filter_map(|l| l.live_quote(at)).any(|quote| quote.tradeable);
        self.screen.rfqs().any(|r| !r.state.ended() && is_live(r))
    }
}

#[cfg(test)]
mod tests {
    use super::super::life_tests::{NOW, arm, book, press};
    use crate::view::{LinkState, Pulse};

    #[test]
    fn the_tray_hears_of_the_link_of_open_requests_and_of_accepts_on_their_way() {
        let mut b = book();
        let usual = Pulse { state: LinkState::Online, doubtful: false, open: 1, waiting: 0 };
        assert_eq!(b.pulse(), usual);
        arm(&mut b);
        assert_eq!(b.pulse(), usual, "an armed accept was not sent");
        b.disarm("R1").unwrap();
        press(&mut b);
        assert_eq!(b.pulse().waiting, 1);
        b.link(NOW, |s| s.state = LinkState::Reconnecting);
        assert_eq!(b.pulse().state, LinkState::Reconnecting);
    }
}
