//! Watches a connection: measures its round trip, notices that it is dead, and renews the
//! certificate in time.

use super::{
    Link,
    keys::Keys,
    pings::{LOOK_MS, NextPing, Pulse, usual_interval_ms},
};
use crate::{
    book::lock,
    laptop_clock::{self, laptop_now},
    venue::Venue,
    view::NoticeKind,
};
use signet_fix::session::{Outbox, Session};
use signet_keystore::Renewal;
use signet_rfq::UtcMillis;
use std::{rc::Rc, time::Duration};
use time::OffsetDateTime;

/// From TLS to an answered Logon.
const LOGON_MAX: Duration = Duration::from_secs(8);
/// How often unanswered pings are looked at.
const LOOK: Duration = Duration::from_millis(LOOK_MS.unsigned_abs());
/// A look that comes this late, milliseconds: the laptop slept, and the gateway has long since
/// ended the connection.
const GONE_MS: i64 = 12_000;

/// A look that comes this late, milliseconds: the laptop is busy with something else, and an answer
/// may lie there unread.
const BUSY_MS: i64 = 2 * LOOK_MS;

/// A look that comes this late, milliseconds: the laptop slept, and the connection may be good.
const NAP_MS: i64 = 1_000;

/// Why a connection is given up from this end, without a word to the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// Logon was not answered in time.
    NoLogon,
    /// The way to the peer is dead.
    Dead,
    /// The laptop slept for longer than the gateway waits.
    Slept,
}

impl Link {
    pub(super) fn ping(&self, session: &Session) {
        let now = laptop_now();
        let id = format!("ping-{}", now.0);
        if session.ping(&id).is_ok() {
            self.pings.sent(id, now);
        }
    }

    /// Asks whether the peer is there, unless an answer to that question is awaited.
    pub(super) fn ping_unless_waiting(&self, session: &Session) {
        if !self.pings.is_waiting() {
            self.ping(session);
        }
    }

    /// Takes the answer to a ping, which measures the link and the gateway's clock.
    pub(super) fn pong(&self, id: &str, stamped: UtcMillis, now: UtcMillis) {
        let Some(sent) = self.pings.answered(id, now) else { return };
        self.fewer_pings.notify_waiters();
        let ahead_ms = now.since(laptop_clock::wall());
        lock(&self.book).measured_beside(ahead_ms, sent, stamped, now);
    }

    /// Measures the link, says when it is in doubt, and returns when it is dead.
    pub(super) async fn watch(
        self: Rc<Self>,
        venue: &Venue,
        keys: &Rc<Keys>,
        session: &Session,
        outbox: &Outbox,
    ) -> GivenUp {
        let started = tokio::time::Instant::now();
        let plain = venue.direct.is_some();
        let (mut pinged, mut tended, mut looked) = (laptop_now(), laptop_now(), laptop_now());
        let mut sent = 0u32;
        loop {
            tokio::time::sleep(LOOK).await;
            let now = laptop_now();
            let late = now.since(std::mem::replace(&mut looked, now));
            if late > GONE_MS {
                return GivenUp::Slept;
            }
            if late > NAP_MS {
                self.pings.stood_still(late);
            } else if late > BUSY_MS {
                self.pings.stood_still(late - LOOK_MS);
            }
            if !session.is_logged_on() {
                if started.elapsed() > LOGON_MAX {
                    return GivenUp::NoLogon;
                }
                continue;
            }
            // A plain venue may count what it is asked.
            let live = !plain && lock(&self.book).has_live_price(now);
            let pulse = self.pings.pulse(plain, live, now);
            // What is on screen is soon out of date when the laptop falls asleep.
            let least = if self.is_falling_asleep() { Pulse::Doubtful } else { Pulse::Good };
            self.judge(pulse.max(least));
            if pulse == Pulse::Lost {
                return GivenUp::Dead;
            }
            let usual = usual_interval_ms(sent);
            let (since_ms, waiting) = (now.since(pinged), self.pings.is_waiting());
            if (NextPing { since_ms, sent, waiting, live }).is_due() {
                (pinged, sent) = (now, sent.saturating_add(1));
                self.ping(session);
            }
            // Certificates need no look at each ping.
            if now.since(tended) < usual {
                continue;
            }
            tended = now;
            tokio::task::spawn_local(self.clone().renew_if_due(venue.clone(), keys.clone()));
            if keys.wants_switch(OffsetDateTime::now_utc()) && lock(&self.book).idle() {
                tracing::info!(identity = %keys.name, "the link is made again, with the renewed \
                    certificate");
                outbox.close();
                return std::future::pending().await;
            }
        }
    }

    /// Takes what is known of the way to the peer. When an answer is late, no price can be pressed;
    /// when the way is in doubt, another connection is dialled as well.
    pub(super) fn judge(&self, pulse: Pulse) {
        let (late, doubtful) = (pulse > Pulse::Good, pulse >= Pulse::Doubtful);
        let was_late = self.late.replace(late);
        if was_late != late {
            tracing::info!(late, "the way to the venue");
        }
        // Said again while it lasts: the book does not take it before it is online.
        if late || was_late {
            lock(&self.book).doubt(laptop_now(), late);
        }
        self.doubt.send_if_modified(|d| std::mem::replace(d, doubtful) != doubtful);
    }

    async fn renew_if_due(self: Rc<Self>, venue: Venue, keys: Rc<Keys>) {
        let now = OffsetDateTime::now_utc();
        let Some(how) = keys.due(now) else { return };
        keys.renewing.set(true);
        let current = keys.current();
        let result = self.issuer.renew(&venue, &keys.name, &current).await;
        if let Err(why) = &result {
            tracing::warn!(identity = %keys.name, code = why.code, "the certificate was not \
                renewed: {}", why.message);
            if how == Renewal::Urgent || keys.wanted.get() {
                let day = current.facts().not_after.date();
                let text = format!(
                    "The certificate of this laptop ends on {day} and could not be renewed. {} {}",
                    why.message, why.cure
                );
                lock(&self.book).tell(NoticeKind::Bad, &why.code, text, laptop_now());
            }
        }
        keys.renewed(now, result.map_err(drop));
        keys.renewing.set(false);
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
