//! Watches a connection: measures its round trip, notices that it is dead, and renews the
//! certificate in time.

use super::{Link, keys::Keys};
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

/// From TLS to an answered Logon and a complete snapshot.
const LOGON_MAX: Duration = Duration::from_secs(8);
const PING_EVERY: Duration = Duration::from_secs(3);

impl Link {
    pub(super) fn ping(&self, session: &Session) {
        let now = laptop_now();
        let id = format!("ping-{}", now.0);
        if session.ping(&id).is_ok() {
            self.pings.sent(id, now);
        }
    }

    /// Takes the answer to a ping, which measures the link and the gateway's clock.
    pub(super) fn pong(&self, id: &str, stamped: UtcMillis, now: UtcMillis) {
        let Some(sent) = self.pings.answered(id) else { return };
        lock(&self.book).measured(sent, stamped, now);
        // The window shows how far the operating system's clock is off, steps included.
        let stepped = now.since(laptop_clock::wall());
        self.show(|s| s.clock_offset_ms = s.clock_offset_ms.map(|ms| ms + stepped as f64));
    }

    /// Measures the link, and closes it when it is dead.
    pub(super) async fn watch(
        self: Rc<Self>,
        venue: Venue,
        keys: Rc<Keys>,
        session: Rc<Session>,
        outbox: Rc<Outbox>,
    ) {
        let started = tokio::time::Instant::now();
        let mut rounds = 0u32;
        loop {
            // The first samples come quickly, so that the clock is known before the first quote.
            let wait = if rounds < 3 { Duration::from_millis(300) } else { PING_EVERY };
            tokio::time::sleep(wait).await;
            if !session.is_logged_on() {
                if started.elapsed() > LOGON_MAX {
                    outbox.close();
                }
                continue;
            }
            rounds += 1;
            tokio::task::spawn_local(self.clone().renew_if_due(venue.clone(), keys.clone()));
            if keys.wants_switch(OffsetDateTime::now_utc()) && lock(&self.book).idle() {
                tracing::info!(identity = %keys.name, "the link is made again, with the renewed \
                    certificate");
                outbox.close();
                return;
            }
            let now = laptop_now();
            if self.pings.are_lost(now) {
                tracing::info!("no answer to a ping; the link is given up");
                outbox.close();
                return;
            }
            self.ping(&session);
        }
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
