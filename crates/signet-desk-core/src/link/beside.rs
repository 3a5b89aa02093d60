//! Dials another connection beside the one that is up, when that one may be dead or the laptop has
//! a better way to the venue. The newest authenticated connection displaces the one before.

use super::{Link, connect::Dialled, path::Path as NetworkPath, path::PathNow, target::Target};
use std::time::Duration;
use time::OffsetDateTime;

/// Hints about one change come in bunches: addresses, then routes.
pub(super) const SETTLE: Duration = Duration::from_millis(20);
/// Between attempts beside a connection that is up.
const AGAIN: Duration = Duration::from_millis(500);

impl Link {
    /// Waits until the connection that is up is in doubt, or the system would use another way to
    /// the venue, and dials. The connection stays up meanwhile: it may still work, and when it
    /// answers after all, dialling stops.
    pub(super) async fn dial_beside(&self, t: &Target, path: Option<NetworkPath>) -> Dialled {
        // A plain venue may refuse a second logon, so there the old connection must end first.
        if t.venue.direct.is_some() {
            return self.only_ping(t).await;
        }
        let is_moved = || path.is_some_and(|p| p.now() == PathNow::Moved);
        let (mut changes, mut doubt) = (self.changes_from_now(), self.doubt.subscribe());
        loop {
            tokio::select! {
                () = changes.changed() => {
                    tokio::time::sleep(SETTLE).await;
                    // The same way, perhaps another network behind it.
                    self.ping_unless_waiting(&t.session);
                }
                _ = doubt.wait_for(|doubtful| *doubtful) => {}
            }
            while is_moved() || *doubt.borrow_and_update() {
                let mut doubt = doubt.clone();
                let good_again = async {
                    let _ = doubt.wait_for(|doubtful| !doubtful).await;
                };
                let (slot, identity) = t.keys.take(OffsetDateTime::now_utc());
                let dialled = tokio::select! {
                    dialled = self.dial(t, &identity) => dialled,
                    () = good_again, if !is_moved() => break,
                };
                if let Ok(wire) = dialled {
                    return Dialled { slot, identity, wire };
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    async fn only_ping(&self, t: &Target) -> Dialled {
        let mut changes = self.changes_from_now();
        loop {
            changes.changed().await;
            tokio::time::sleep(SETTLE).await;
            self.ping_unless_waiting(&t.session);
        }
    }
}
