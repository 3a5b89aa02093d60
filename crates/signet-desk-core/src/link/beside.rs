//! Keeps the way to the venue when the laptop changes its network: moves a QUIC connection, or
//! dials another connection beside the one that is up. The newest authenticated connection
//! displaces the one before.

use super::{
    Link,
    connect::Dialled,
    outcome::spread,
    path::{Path as NetworkPath, PathNow},
    pings::Pulse,
    quic::rebind,
    target::Target,
    waiting::{SETTLE, pause, settled},
};
use crate::laptop_clock::laptop_now;
use signet_net::{ATTEMPT_DELAY, watch::source_towards};
use signet_quic::client::Rebinder;
use signet_rfq::UtcMillis;
use std::{cell::Cell, time::Duration};
use time::OffsetDateTime;
use tokio::time::timeout;
/// Between attempts beside a connection that is up.
const AGAIN: Duration = Duration::from_millis(500);
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
        self.path.get().is_some_and(|p| p.now().is_left())
    }

    /// The system has another way, and a connection over QUIC uses it already: its socket is bound
    /// to no address, so whatever its session sends leaves there.
    fn has_other_way(&self) -> bool {
        let moved = |p: NetworkPath| p.now() == PathNow::Moved;
        self.rebinder.is_some() && self.path.get().is_some_and(moved)
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

/// What came of dialling beside the connection that is up.
enum Beside {
    /// Another connection.
    Dialled(Box<Dialled>),
    /// The connection that is up answers.
    NotNeeded,
    /// The network changed, and the connection that is up can move.
    Changed,
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
        let mut moved_at: Option<UtcMillis> = None;
        let (mut changes, mut doubt) = (self.changes_from_now(), self.doubt.subscribe());
        loop {
            tokio::select! {
                // A change that has just come would else be used before its routes are there.
                biased;
                () = changes.changed() => {
                    settled(&mut changes, || up.has_other_way()).await;
                }
                _ = doubt.wait_for(|doubtful| *doubtful) => {}
            }
            if !up.is_moved() && *doubt.borrow_and_update() {
                // A gateway that stalls for a moment is not met by all its desks at once.
                tokio::time::sleep(spread()).await;
            }
            let (doubtful, moved) = (*doubt.borrow_and_update(), up.is_moved());
            // It moved before, and has not answered from there.
            let silent = moved_at.is_some_and(|since| self.pings.is_silent_since(since));
            let moving = (moved || doubtful || silent) && up.rebinder.is_some();
            let began = laptop_now();
            if moving && self.moves(&up, doubtful && !moved).await {
                self.judge(Pulse::Good);
                moved_at = None;
                continue;
            }
            moved_at = moving.then_some(began);
            match self.dial_while_needed(&up, moved_at).await {
                Beside::Dialled(dialled) => return *dialled,
                // The same way, perhaps another network behind it.
                Beside::NotNeeded => {
                    target.hosts.start_over();
                    self.ping_unless_waiting(&target.session);
                }
                // `changes` has not been asked since, so the connection moves at once.
                Beside::Changed => {}
            }
        }
    }

    /// Moves a QUIC connection to the network in use; whether it answers from there. Its socket is
    /// bound to no address, so the system sends from the new one by itself. With `other_port`, for
    /// a network that has forgotten the connection, it moves to another port as well. Either is one
    /// claim at the gateway, which proves a few at once only.
    async fn moves(&self, up: &Up<'_>, other_port: bool) -> bool {
        let (Some(rebinder), Some(path)) = (&up.rebinder, up.path.get()) else { return false };
        if other_port && let Err(e) = rebind(rebinder, path.peer()) {
            tracing::info!(error = %e, "the connection does not move");
            return false;
        }
        if !up.is_here() {
            return false;
        }
        tracing::info!("the connection moves to the network in use");
        // Something must leave over the new way for the gateway to see it.
        let mut since = laptop_now();
        self.ping(&up.target.session);
        let mut changes = self.changes_from_now();
        let answered = async {
            while self.pings.is_silent_since(since) {
                tokio::select! {
                    () = self.fewer_pings.notified() => {}
                    () = changes.changed() => {
                        tokio::time::sleep(SETTLE).await;
                        if up.is_moved() && up.is_here() {
                            since = laptop_now();
                            self.ping(&up.target.session);
                        }
                    }
                }
            }
        };
        timeout(self.pings.time_to_move(), answered).await.is_ok()
    }

    /// Dials for as long as the connection that is up is in doubt, or not where the system would
    /// connect, or does not answer after a move. One over QUIC moves first whenever the network
    /// changes: its session, and the touch that was given for it, go on then. `moved`: when it did,
    /// in vain so far.
    async fn dial_while_needed(&self, up: &Up<'_>, moved: Option<UtcMillis>) -> Beside {
        let (mut changes, mut doubt) = (self.changes_from_now(), self.doubt.subscribe());
        let silent = || moved.is_some_and(|since| self.pings.is_silent_since(since));
        let can_move = up.rebinder.is_some();
        // Where the connection that moved is silent, UDP may be blocked, so TCP need not wait.
        let head_start = if moved.is_some() { Duration::ZERO } else { ATTEMPT_DELAY };
        while up.is_moved() || silent() || *doubt.borrow_and_update() {
            let good_again = async {
                while up.is_moved() || silent() || *doubt.borrow_and_update() {
                    tokio::time::sleep(LOOK).await;
                }
            };
            let (slot, identity) = up.target.keys.take(OffsetDateTime::now_utc());
            let dialled = tokio::select! {
                dialled = self.dial(up.target, &identity, head_start) => dialled,
                () = good_again => {
                    up.is_here();
                    return Beside::NotNeeded;
                }
                () = changes.changed(), if can_move => return Beside::Changed,
            };
            match dialled {
                Ok(wire) => return Beside::Dialled(Box::new(Dialled { slot, identity, wire })),
                Err(ended) => up.target.hosts.failed(ended.fault),
            }
            // A network that comes up is used at once, and so is one that gets its names.
            let dns = self.needs_dns(&up.target.venue);
            let mut network = changes.clone();
            tokio::select! {
                // Whoever moves waits there until the change has settled.
                () = network.changed(), if can_move => return Beside::Changed,
                _ = pause(AGAIN, &mut changes, dns) => {}
            }
        }
        Beside::NotNeeded
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
