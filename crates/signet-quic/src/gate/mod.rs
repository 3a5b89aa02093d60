//! From which addresses bytes are handed up: pure; time, nonces and facts are passed in.
//!
//! One address is *proved*: the peer has shown that it receives there, and the user of the
//! connection has allowed it. The gate is open while everything that can be read came from there.
//! The first authentic datagram from elsewhere closes it, and it opens only after the address to
//! which the connection moved returned a fresh nonce and was allowed.
//!
//! What was received cannot be given back, because QUIC has acknowledged it. If stream data came
//! from an address that is never proved, for example because the peer left it too soon, the
//! connection ends; the peer dials again and is judged at its logon.

use crate::NONCE_BYTES;
use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

/// A gate that was closed opens within this time, however often the address changes meanwhile.
pub const PROOF_MAX: Duration = Duration::from_secs(5);
/// Datagrams from the address before this one may still be on their way.
const REORDERING_MAX: Duration = Duration::from_secs(3);
/// Claims at once, and the time after which one more is heard.
const CLAIMS: u32 = 5;
const CLAIM_EVERY: Duration = Duration::from_secs(3);
/// Sources of unproved data that are remembered.
const UNPROVED_MAX: usize = 4;

/// A nonce that proves an address.
pub type Nonce = [u8; NONCE_BYTES];

/// What a datagram held, as far as it was authentic and new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Frames {
    /// At least one frame.
    pub any: bool,
    /// Bytes of a stream.
    pub data: bool,
}

/// What follows from an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Nothing,
    /// Send a fresh nonce to the connection's address and say so with [`Gate::nonce_sent`].
    Prove,
    /// Have the proved address judged and say the answer with [`Gate::judged`].
    Judge,
    /// What waits may be read.
    Open,
    /// End the connection: `address.unproved`.
    Close,
}

/// A proved address that is to be judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The address that was allowed last.
    pub from: SocketAddr,
    /// The address that is proved now.
    pub to: SocketAddr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// `nonce`: `None` until it is sent.
    Unproved {
        claim: SocketAddr,
        nonce: Option<Nonce>,
        until: Instant,
    },
    Unjudged {
        claim: SocketAddr,
        until: Instant,
    },
    /// Nothing is handed up again.
    Shut,
}

/// The gate of one connection.
#[derive(Debug, Clone)]
pub struct Gate {
    proved: SocketAddr,
    previous: Option<(SocketAddr, Instant)>,
    state: State,
    /// Addresses that stream data came from and that were not allowed when it came.
    unproved: Vec<IpAddr>,
    budget: Budget,
}

impl Gate {
    /// Open for `proved`, where the handshake was completed.
    #[must_use]
    pub fn new(proved: SocketAddr) -> Self {
        Self {
            proved,
            previous: None,
            state: State::Open,
            unproved: Vec::new(),
            budget: Budget::default(),
        }
    }

    /// Whether bytes may be handed up.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// The address that was proved and allowed last.
    #[must_use]
    pub fn proved(&self) -> SocketAddr {
        self.proved
    }

    /// What is to be judged.
    #[must_use]
    pub fn claim(&self) -> Option<Claim> {
        match self.state {
            State::Unjudged { claim, .. } => Some(Claim { from: self.proved, to: claim }),
            _ => None,
        }
    }

    /// When [`Self::expired`] is to be asked.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Unproved { until, .. } | State::Unjudged { until, .. } => Some(until),
            State::Open | State::Shut => None,
        }
    }

    /// Before the connection sees a datagram: whether it may. Datagrams of a peer that flaps more
    /// than it may are dropped, as the network may drop any.
    #[must_use]
    pub fn passes(&self, now: Instant, from: SocketAddr) -> bool {
        // When nothing is read again, acknowledgements of the last words still count.
        let harmless = self.state == State::Shut;
        harmless || from == self.target() || from == self.proved || self.budget.has_one(now)
    }

    /// After the connection has seen it and sends to `remote`.
    pub fn arrived(
        &mut self,
        now: Instant,
        from: SocketAddr,
        remote: SocketAddr,
        frames: Frames,
    ) -> Step {
        if !frames.any || self.state == State::Shut {
            return Step::Nothing;
        }
        let previous = self.is_previous(now, from);
        if frames.data && from.ip() != self.proved.ip() && !previous && !self.suspect(from.ip()) {
            return self.shut();
        }
        let stranger = from != self.target() && from != self.proved && !previous;
        let moved = remote != self.target();
        if (stranger || moved && from != self.proved) && !self.budget.take(now) {
            return self.shut();
        }
        if moved || stranger { self.claimed(now, remote) } else { Step::Nothing }
    }

    /// After the connection's timers ran: it may have gone back to an address before.
    pub fn looked(&mut self, now: Instant, remote: SocketAddr) -> Step {
        match self.state {
            State::Shut => Step::Nothing,
            _ if remote == self.target() => Step::Nothing,
            _ => self.claimed(now, remote),
        }
    }

    /// The nonce that [`Step::Prove`] asked for was sent.
    pub fn nonce_sent(&mut self, fresh: Nonce) {
        if let State::Unproved { nonce, .. } = &mut self.state {
            *nonce = Some(fresh);
        }
    }

    /// A nonce came back while the connection sends to `remote`.
    pub fn answered(&mut self, now: Instant, answer: &[u8], remote: SocketAddr) -> Step {
        match self.state {
            State::Unproved { claim, nonce: Some(nonce), until }
                if nonce.as_slice() == answer && remote == claim =>
            {
                // Another port of the same address, or back where it was: judged already.
                if claim.ip() == self.proved.ip() {
                    return self.open(now, claim);
                }
                self.state = State::Unjudged { claim, until };
                Step::Judge
            }
            _ => Step::Nothing,
        }
    }

    /// The user's answer about a claim; about another one than the present it counts for nothing.
    pub fn judged(&mut self, now: Instant, judged: Claim, allowed: bool) -> Step {
        if self.claim() != Some(judged) {
            return Step::Nothing;
        }
        if !allowed {
            // The user ends the session with words; nothing else is heard until then.
            self.state = State::Shut;
            return Step::Nothing;
        }
        self.open(now, judged.to)
    }

    /// Whether the time of a claim is over.
    pub fn expired(&mut self, now: Instant) -> Step {
        if self.deadline().is_some_and(|d| d <= now) { self.shut() } else { Step::Nothing }
    }

    fn target(&self) -> SocketAddr {
        match self.state {
            State::Unproved { claim, .. } | State::Unjudged { claim, .. } => claim,
            State::Open | State::Shut => self.proved,
        }
    }

    fn is_previous(&self, now: Instant, from: SocketAddr) -> bool {
        self.previous.is_some_and(|(a, until)| a == from && now < until)
    }

    /// Remembers a source of unproved data; `false`: there are too many.
    fn suspect(&mut self, ip: IpAddr) -> bool {
        if !self.unproved.contains(&ip) {
            self.unproved.push(ip);
        }
        self.unproved.len() <= UNPROVED_MAX
    }

    fn claimed(&mut self, now: Instant, claim: SocketAddr) -> Step {
        let until = self.deadline().unwrap_or(now + PROOF_MAX);
        self.state = State::Unproved { claim, nonce: None, until };
        Step::Prove
    }

    fn open(&mut self, now: Instant, to: SocketAddr) -> Step {
        self.unproved.retain(|ip| *ip != to.ip());
        if !self.unproved.is_empty() {
            return self.shut();
        }
        if to != self.proved {
            self.previous = Some((self.proved, now + REORDERING_MAX));
        }
        self.proved = to;
        self.state = State::Open;
        Step::Open
    }

    fn shut(&mut self) -> Step {
        self.state = State::Shut;
        Step::Close
    }
}

/// How often a peer may claim another address.
#[derive(Debug, Clone, Default)]
struct Budget {
    /// When every claim will be there again; `None`: they are.
    full_at: Option<Instant>,
}

impl Budget {
    fn after_one(&self, now: Instant) -> Option<Instant> {
        let full_at = self.full_at.map_or(now, |t| t.max(now)) + CLAIM_EVERY;
        (full_at.duration_since(now) <= CLAIM_EVERY * CLAIMS).then_some(full_at)
    }

    fn has_one(&self, now: Instant) -> bool {
        self.after_one(now).is_some()
    }

    fn take(&mut self, now: Instant) -> bool {
        let after = self.after_one(now);
        self.full_at = after.or(self.full_at);
        after.is_some()
    }
}

#[cfg(test)]
mod tests;
