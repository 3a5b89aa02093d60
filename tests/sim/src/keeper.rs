//! How the desk keeps its link: when it pings, doubts, gives a connection up and dials, as
//! `crates/signet-desk-core/src/link` does over TCP. What follows from pings is that crate's own
//! file (`pings.rs`); where a time is copied, it says from where.

use crate::{
    pings::{NextPing, Pings, Pulse},
    rng::Rng,
};
use signet_rfq::UtcMillis;

/// From the handshake to an answered Logon: `LOGON_MAX` of `link/watch.rs`.
const LOGON_MAX_MS: i64 = 8_000;
/// Desks that doubt at one moment do not dial in step: `spread` of `link/outcome.rs`.
const SPREAD_MS: i64 = 300;
/// `RETRY_FIRST_MS` and `RETRY_LAST_MS` of `link/outcome.rs`.
const RETRY_FIRST_MS: i64 = 100;
const RETRY_LAST_MS: i64 = 2_000;
/// A connection that was on for so long is made again at once: `STEADY` of `link/outcome.rs`.
const STEADY_MS: i64 = 1_000;

/// How long TCP and TLS 1.3 take: two round trips.
pub(crate) fn handshake_ms(delay: i64) -> i64 {
    4 * delay
}

/// Another connection that is being made beside the one that is up.
#[derive(Debug, Clone, Copy)]
struct Beside {
    /// When its handshake is complete.
    ready: i64,
    /// It is given up when the one that is up answers after all.
    for_doubt: bool,
}

pub(crate) struct Keeper {
    /// Its own, so that what else is left to chance does not depend on how often the desk dials.
    rng: Rng,
    pings: Pings,
    next_ping: u32,
    /// No ping leaves that nobody needs: the numbers of both ends are about to be compared.
    pub quiet: bool,
    /// When the connection was made.
    began: i64,
    /// When its logon was answered.
    on_since: Option<i64>,
    /// When the last ping left that fell due, and how many did on this connection.
    pinged: i64,
    due_so_far: u32,
    /// An answer is late, so no price can be pressed.
    late: bool,
    /// Attempts in a row whose logon was not answered.
    attempt: u32,
    /// When the next connection is made, while there is none.
    dial_at: i64,
    beside: Option<Beside>,
}

impl Keeper {
    /// For a desk that starts.
    pub(crate) fn new(rng: Rng, t: i64, delay: i64) -> Self {
        Self {
            rng,
            pings: Pings::default(),
            next_ping: 0,
            quiet: false,
            began: t,
            on_since: None,
            pinged: t,
            due_so_far: 0,
            late: false,
            attempt: 0,
            dial_at: t + handshake_ms(delay),
            beside: None,
        }
    }

    // ----- connections -----

    /// When the next connection is there, to take the place of the one that is up or of none.
    pub(crate) fn ready(&self, is_up: bool) -> Option<i64> {
        if is_up { self.beside.map(|b| b.ready) } else { Some(self.dial_at) }
    }

    /// The network is another one: the desk dials, and the connection that is up stays up until
    /// the new one is there, at `ready`.
    pub(crate) fn dials_by(&mut self, ready: i64, is_up: bool) {
        if is_up {
            let ready = self.beside.map_or(ready, |b| b.ready.min(ready));
            self.beside = Some(Beside { ready, for_doubt: false });
        } else {
            self.dial_at = self.dial_at.min(ready);
        }
    }

    /// A connection is there, and the Logon leaves.
    pub(crate) fn connected(&mut self, t: i64) {
        self.attempt += 1;
        (self.began, self.on_since, self.beside) = (t, None, None);
        (self.pinged, self.due_so_far) = (t, 0);
        self.pings.forget();
    }

    /// The Logon was answered.
    pub(crate) fn logged_on(&mut self, t: i64) {
        (self.on_since, self.attempt) = (Some(t), 0);
    }

    /// The connection is gone: as `wait_before` of `link/outcome.rs` says, another one is made at
    /// once, or after a wait that doubles.
    pub(crate) fn lost(&mut self, t: i64, delay: i64) {
        let was_on = self.on_since.take().map(|since| t - since);
        let wait = match was_on {
            Some(on) if on >= STEADY_MS => 0,
            _ => self.backoff(),
        };
        self.dial_at = t + wait + handshake_ms(delay);
        (self.beside, self.late) = (None, false);
        self.pings.forget();
    }

    fn backoff(&mut self) -> i64 {
        let doubled = self.attempt.saturating_sub(1).min(6);
        let base = (RETRY_FIRST_MS << doubled).min(RETRY_LAST_MS);
        base - base / 8 + self.rng.within(0, base / 4 + 1)
    }

    // ----- pings -----

    /// The id of a ping that leaves now.
    pub(crate) fn next_ping(&mut self) -> String {
        self.next_ping += 1;
        format!("p{}", self.next_ping)
    }

    /// `at`, here and below: the laptop's clock.
    pub(crate) fn pinged(&self, id: String, at: UtcMillis) {
        self.pings.sent(id, at);
    }

    /// When the ping that is answered was sent, if it was on this connection.
    pub(crate) fn answered(&self, id: &str, at: UtcMillis) -> Option<UtcMillis> {
        self.pings.answered(id, at)
    }

    /// Whether one leaves because somebody waits for an answer, or is about to trade.
    pub(crate) fn probes(&self) -> bool {
        !self.quiet && !self.pings.is_waiting()
    }

    /// Whether one leaves by itself; `live`: a price can be pressed.
    pub(crate) fn ping_is_due(&mut self, live: bool, t: i64) -> bool {
        let (since_ms, sent) = (t - self.pinged, self.due_so_far);
        let next = NextPing { since_ms, sent, waiting: self.pings.is_waiting(), live };
        let due = !self.quiet && next.is_due();
        if due {
            (self.pinged, self.due_so_far) = (t, sent + 1);
        }
        due
    }

    /// Whether the logon was not answered in time.
    pub(crate) fn waits_in_vain(&self, t: i64) -> bool {
        t - self.began > LOGON_MAX_MS
    }

    /// What the pings say.
    pub(crate) fn pulse(&self, live: bool, at: UtcMillis) -> Pulse {
        self.pings.pulse(false, live, at)
    }

    /// What follows from it, as `judge` of `link/watch.rs` and `dial_beside` of `link/beside.rs`
    /// say: another connection is dialled while the one that is up is in doubt. What the book is
    /// told: whether an answer is late.
    pub(crate) fn judge(&mut self, pulse: Pulse, t: i64, delay: i64) -> Option<bool> {
        let late = pulse > Pulse::Good;
        let was_late = std::mem::replace(&mut self.late, late);
        match self.beside {
            None if pulse >= Pulse::Doubtful => {
                let ready = t + self.rng.within(0, SPREAD_MS + 1) + handshake_ms(delay);
                self.beside = Some(Beside { ready, for_doubt: true });
            }
            Some(b) if b.for_doubt && pulse < Pulse::Doubtful => self.beside = None,
            _ => {}
        }
        (late || was_late).then_some(late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeper() -> Keeper {
        let mut k = Keeper::new(Rng::new(1), 0, 20);
        k.connected(80);
        k.logged_on(120);
        k
    }

    /// As the product's desk: late, in doubt, lost, at the times of `pings.rs`.
    #[test]
    fn a_silent_connection_is_late_then_in_doubt_and_then_lost() {
        let mut k = keeper();
        k.pinged("a".into(), UtcMillis(1_000));
        for (at, live, want) in [
            (1_500, true, Pulse::Good),
            (1_501, true, Pulse::Late),
            (1_501, false, Pulse::Good),
            (1_801, true, Pulse::Doubtful),
            (6_001, false, Pulse::Lost),
        ] {
            assert_eq!(k.pulse(live, UtcMillis(at)), want, "{at} {live}");
        }
        assert_eq!(k.judge(Pulse::Late, 1_501, 20), Some(true));
        assert_eq!(k.ready(true), None);
        assert_eq!(k.judge(Pulse::Doubtful, 1_801, 20), Some(true));
        let ready = k.ready(true).unwrap();
        assert!((1_881..=2_181).contains(&ready), "{ready}");
        // It answers after all: nothing takes its place.
        assert_eq!(k.judge(Pulse::Good, 1_900, 20), Some(false));
        assert_eq!((k.ready(true), k.judge(Pulse::Good, 2_000, 20)), (None, None));
    }

    #[test]
    fn a_connection_on_another_network_is_made_whether_or_not_the_old_one_answers() {
        let mut k = keeper();
        k.dials_by(2_000, true);
        assert_eq!(k.judge(Pulse::Good, 1_000, 20), None);
        k.judge(Pulse::Doubtful, 1_100, 20);
        k.judge(Pulse::Good, 1_200, 20);
        assert_eq!(k.ready(true), Some(2_000));
        // The old one ends before: another dial begins.
        k.lost(1_500, 20);
        assert_eq!((k.ready(true), k.ready(false)), (None, Some(1_580)));
    }

    #[test]
    fn a_connection_that_was_not_on_for_long_is_made_again_after_a_wait_that_doubles() {
        let mut k = keeper();
        for (attempt, least) in [(1, 88), (2, 175), (3, 350), (7, 1_750), (20, 1_750)] {
            (k.attempt, k.on_since) = (attempt, None);
            k.lost(10_000, 0);
            let wait = k.ready(false).unwrap() - 10_000;
            assert!((least..=least * 9 / 7 + 2).contains(&wait), "{attempt}: {wait}");
        }
    }
}
