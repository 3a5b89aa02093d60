//! Keeps the way to the venue when the laptop changes its network: moves a QUIC connection, or
//! dials another connection beside the one that is up. The newest authenticated connection
//! displaces the one before.

use super::{
    Link, connect::Dialled, path::Path as NetworkPath, path::PathNow, target::Target,
    waiting::SETTLE, waiting::pause,
};
use signet_net::watch::source_towards;
use signet_quic::client::Rebinder;
use std::{cell::Cell, time::Duration};
use time::OffsetDateTime;
use tokio::time::timeout;
/// Between attempts beside a connection that is up.
const AGAIN: Duration = Duration::from_millis(500);
/// A connection that moved answers within this time, or another one is dialled beside it.
const MOVED_MAX: Duration = Duration::from_millis(400);
/// How often the answer is looked for.
const LOOK: Duration = Duration::from_millis(10);

/// The connection that is up.
struct Up<'a> {
    target: &'a Target,
    path: Cell<Option<NetworkPath>>,
    rebinder: Option<Rebinder>,
}

impl Up<'_> {
    fn is_moved(&self) -> bool {
        self.path.get().is_some_and(|p| p.now() == PathNow::Moved)
    }

    /// A connection over QUIC sends over the network in use from here on; `false` without one.
    fn is_here(&self) -> bool {
        let peer = self.path.get().filter(|_| self.rebinder.is_some()).map(|p| p.peer());
        let here = peer.and_then(|p| Some(NetworkPath::new(source_towards(p)?, p)));
        if here.is_some() {
            self.path.set(here);
        }
        here.is_some()
    }
}

impl Link {
    /// Waits until the connection that is up is in doubt, or the system would use another way to
    /// the venue, and then moves it or dials. It stays up meanwhile: it may still work, and when it
    /// answers after all, dialling stops.
    pub(super) async fn dial_beside(
        &self,
        target: &Target,
        path: Option<NetworkPath>,
        rebinder: Option<Rebinder>,
    ) -> Dialled {
        // A plain venue may refuse a second logon, so there the old connection must end first.
        if target.venue.direct.is_some() {
            return self.only_ping(target).await;
        }
        let up = Up { target, path: Cell::new(path), rebinder };
        let (mut changes, mut doubt) = (self.changes_from_now(), self.doubt.subscribe());
        loop {
            tokio::select! {
                () = changes.changed() => tokio::time::sleep(SETTLE).await,
                _ = doubt.wait_for(|doubtful| *doubtful) => {}
            }
            let doubtful = *doubt.borrow_and_update();
            let moved = up.is_moved();
            let moving = (moved || doubtful) && up.rebinder.is_some();
            if moving && self.moves(&up, !moved).await {
                self.doubt(false);
                continue;
            }
            if let Some(dialled) = self.dial_while_needed(&up, moving).await {
                return dialled;
            }
            // The same way, perhaps another network behind it.
            self.ping_unless_waiting(&target.session);
        }
    }

    /// Moves a QUIC connection to the network in use; whether it answers from there. Its socket is
    /// bound to no address, so the system sends from the new one by itself. With `other_port`, for
    /// a network that has forgotten the connection, it moves to another port as well. Either is one
    /// claim at the gateway, which proves a few at once only.
    async fn moves(&self, up: &Up<'_>, other_port: bool) -> bool {
        let (Some(quic), Some(rebinder), Some(path)) = (&self.quic, &up.rebinder, up.path.get())
        else {
            return false;
        };
        if other_port && let Err(e) = quic.rebind(rebinder, path.peer()) {
            tracing::info!(error = %e, "the connection does not move");
            return false;
        }
        if !up.is_here() {
            return false;
        }
        tracing::info!("the connection moves to the network in use");
        // Something must leave over the new way for the gateway to see it.
        self.ping(&up.target.session);
        let answered = async {
            while self.pings.is_waiting() {
                tokio::time::sleep(LOOK).await;
            }
        };
        timeout(MOVED_MAX, answered).await.is_ok()
    }

    /// Dials for as long as the connection that is up is in doubt, or not where the system would
    /// connect, or does not answer after a move.
    async fn dial_while_needed(&self, up: &Up<'_>, after_move: bool) -> Option<Dialled> {
        let (mut changes, mut doubt) = (self.changes_from_now(), self.doubt.subscribe());
        let silent = || after_move && self.pings.is_waiting();
        while up.is_moved() || silent() || *doubt.borrow_and_update() {
            let good_again = async {
                while silent() || *doubt.borrow_and_update() {
                    tokio::time::sleep(LOOK).await;
                }
            };
            let (slot, identity) = up.target.keys.take(OffsetDateTime::now_utc());
            let dialled = tokio::select! {
                dialled = self.dial(up.target, &identity) => dialled,
                () = good_again, if up.rebinder.is_some() || !up.is_moved() => {
                    up.is_here();
                    return None;
                }
            };
            if let Ok(wire) = dialled {
                return Some(Dialled { slot, identity, wire });
            }
            // A network that comes up is dialled over at once, and so is one that gets its names.
            pause(AGAIN, &mut changes, self.needs_dns(&up.target.venue)).await;
        }
        None
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
