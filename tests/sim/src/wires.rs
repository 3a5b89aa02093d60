//! Connections: who leaves and makes them, and what arrives on them.

use super::{DEALER_DELAY_MS, Timer, World};
use crate::{
    cast::*,
    dealer::{Came, Does},
    firm::{Party, firm},
    gateway::binding,
    link::{Due, Part, Side},
    made,
    orders::is_lasting,
};
use signet_fix::{
    framer::Framer,
    pump::frames,
    session::{self, Binding, Channel, Program},
    signature::{Kinds, Signing, Verification, commits_asker, commits_gateway, every},
};
use signet_gateway::signed::{signing, verification};

/// Of the desk, which knows everything that this version knows.
const VERSION: &str = env!("CARGO_PKG_VERSION");

impl World {
    /// A side leaves its connection.
    pub(super) fn leave(&mut self, link: usize, side: Side) {
        if let Some(session) = self.links[link].session(side) {
            session.detach();
            self.drain(link, side);
        }
    }

    fn drain(&mut self, link: usize, side: Side) {
        let Some(session) = self.links[link].session(side) else { return };
        while let Some(e) = session.next_event() {
            self.event(link, side, e);
        }
    }

    pub(super) fn work(&mut self, link: usize, side: Side) {
        let Some(session) = self.links[link].session(side) else { return };
        while session.work() {
            self.drain(link, side);
        }
        self.drain(link, side);
    }

    /// The desk has the connection that it was making; one that is up is left for it, and its
    /// gateway learns of that from the Logon.
    pub(super) fn connects(&mut self) {
        let (t, delay) = (self.t, self.links[0].delay);
        if let Some(d) = self.desk.as_mut().filter(|d| d.connection.is_some()) {
            d.link_lost(t, delay);
            self.truth.seen.displaced += 1;
            self.say(|| "the desk goes on over another connection".into());
        }
        self.dial();
    }

    fn dial(&mut self) {
        let signing = self.signer.signing();
        let channel = |id| Channel {
            binding: Binding::Required(binding(id)),
            signing: Some(signing),
            verification: Some(judged(&firm().gateway, commits_gateway)),
        };
        if let Some(session) = self.links[0].session(Side::Dials) {
            session.say_program_at_logon(Program::new(VERSION, "linux/x86_64"));
        }
        let id = self.links[0].dial(channel, self.t);
        self.drain(0, Side::Dials);
        let t = self.t;
        if let Some(d) = &mut self.desk {
            d.connected(id, t);
        }
        self.say(|| format!("the desk logs on: connection {id}"));
    }

    pub(super) fn arrives(&mut self, link: usize, id: u32, from: Side, due: Due) {
        let (t, to) = (self.t, from.other());
        let delay = self.links[link].delay;
        let session = self.links[link].session(to);
        let Some(c) = self.links[link].connection(id) else { return };
        let Part { mut bytes, left, lagged, .. } = match due {
            Due::Bytes(part) if !c.has_given_up(to) => part,
            Due::Bytes(part) => return self.late(link, id, to, &part.bytes),
            Due::End => {
                let used = c.outbox[to as usize].clone();
                c.give_up(to, t, delay);
                if let Some((s, o)) = session.zip(used)
                    && s.is_attached_to(&o)
                {
                    self.leave(link, to);
                }
                return;
            }
        };
        let Some(session) = session else {
            // Nobody listens.
            return c.reset(t);
        };
        c.heard[to as usize] = t;
        // Something that was written later has arrived elsewhere.
        self.truth.seen.overtaken += usize::from(lagged && left < self.newest);
        self.newest = self.newest.max(left);
        if c.outbox[to as usize].is_none() {
            c.first.append(&mut bytes);
            // Half a Logon says nothing yet, and takes the place of no other connection.
            let logon = first_message(&c.first);
            if link == 0 && logon.is_none() {
                return;
            }
            bytes = std::mem::take(&mut c.first);
            c.outbox[to as usize] = match &self.gateway {
                Some(g) if link == 0 => g.desk_connects(id, &logon.unwrap_or_default(), t),
                _ if link == 0 => None,
                _ => session.attach(dealer_channel(link - 1)).ok(),
            };
            self.drain(link, to);
        }
        let Some(c) = self.links[link].connection(id) else { return };
        let Some(outbox) = c.outbox[to as usize].clone() else {
            // It was refused.
            return c.give_up(to, t, delay);
        };
        let mut framer = std::mem::take(&mut c.framers[to as usize]);
        framer.push(&bytes);
        self.left = Some(left);
        let good = frames(&mut framer, &session, &outbox, &mut |e| self.event(link, to, e)).is_ok();
        if let Some(c) = self.links[link].connection(id) {
            c.framers[to as usize] = framer;
            if !good {
                c.give_up(to, t, delay);
            }
        }
        if !good && session.is_attached_to(&outbox) {
            self.leave(link, to);
        }
        self.work(link, to);
        self.left = None;
    }

    /// Bytes for an end that has left the connection. Where a newer one took its place, the pump
    /// of the old one at the gateway may still read them, and must drop them.
    fn late(&mut self, link: usize, id: u32, to: Side, bytes: &[u8]) {
        if link != 0 || to != Side::Listens {
            return;
        }
        let Some(session) = self.links[0].session(to) else { return };
        let Some(c) = self.links[0].connection(id) else { return };
        let Some(outbox) = c.displaced.clone() else { return };
        let mut framer = std::mem::take(&mut c.framers[to as usize]);
        framer.push(bytes);
        let read = frames(&mut framer, &session, &outbox, &mut |e| self.event(0, to, e));
        if let Some(c) = self.links[0].connection(id) {
            c.framers[to as usize] = framer;
            if read.is_err() {
                // That was the end of the pump.
                c.displaced = None;
            }
        }
        if read.is_err() && session.is_logged_on() {
            self.truth.seen.late += 1;
            self.say(|| format!("a message on connection {id} comes too late and is dropped"));
        }
    }

    fn event(&mut self, link: usize, side: Side, e: session::Event) {
        let t = self.t;
        if self.trace.is_some() {
            let words = match &e {
                session::Event::Message { message, .. } => format!("{message:?}"),
                e => format!("{e:?}"),
            };
            let words: String = words.chars().take(230).collect();
            let who = match (link, side) {
                (0, Side::Dials) => "desk",
                (0, Side::Listens) | (_, Side::Dials) => "gateway",
                (i, Side::Listens) => DEALERS[i - 1],
            };
            self.say(|| format!("    {who} hears {words}"));
        }
        match (link, side) {
            (0, Side::Dials) => {
                let left = self.left.unwrap_or(t - self.links[0].delay);
                let stamped = self.gateway_read(left);
                if let Some(d) = &mut self.desk {
                    d.event(e, stamped, t, &mut self.rng);
                }
            }
            (0, Side::Listens) => {
                if let Some(g) = &self.gateway {
                    g.desk_event(e, t);
                }
            }
            (i, Side::Dials) => {
                if let Some(g) = &self.gateway {
                    g.dealer_event(i - 1, e, t);
                }
            }
            (i, Side::Listens) => self.dealer_event(i - 1, e),
        }
    }

    fn dealer_event(&mut self, i: usize, e: session::Event) {
        let does = match e {
            session::Event::LoggedOn => {
                let unsent = std::mem::take(&mut self.dealers[i].unsent);
                let mut does: Vec<Does> = unsent.into_iter().map(Does::Say).collect();
                does.extend(self.dealers[i].repeat(self.t));
                does
            }
            session::Event::Message { message, meta } => {
                let left = self.left.unwrap_or(self.t - DEALER_DELAY_MS);
                let came = Came { dup: meta.poss_dup, left };
                self.dealers[i].message(message, came, self.t, &mut self.rng)
            }
            _ => return,
        };
        self.do_all(i, does);
    }

    pub(super) fn do_all(&mut self, i: usize, all: Vec<Does>) {
        for does in all {
            match does {
                Does::Say(m) => {
                    let session = self.links[i + 1].session(Side::Listens);
                    let sent = session.is_some_and(|s| s.send(&m).is_ok());
                    if !sent && is_lasting(&m) {
                        self.dealers[i].unsent.push(m);
                    }
                }
                Does::In(at, what) => {
                    let run = self.dealer_runs[i].1;
                    self.timers.push((at, Timer::Dealer(i, run, what)));
                }
                Does::Cut if self.healed => {}
                Does::Cut => {
                    // What was written before is on its way.
                    self.links[0].flush(self.t);
                    let from = if self.rng.chance(50) { Side::Dials } else { Side::Listens };
                    self.silence(from, 0, None);
                    self.truth.seen.cuts += 1;
                }
            }
        }
    }
}

/// The first message, once all of it has come.
fn first_message(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut framer = Framer::new();
    framer.push(bytes);
    framer.next_frame().ok().flatten().map(<[u8]>::to_vec)
}

/// How a dealer's session takes a connection: everything that it says is signed.
fn dealer_channel(which: usize) -> Channel {
    Channel {
        binding: Binding::None,
        signing: Some(signed_by(&firm().dealers[which])),
        verification: Some(judged(&firm().gateway, commits_asker)),
    }
}

fn signed_by(party: &Party) -> Signing {
    made::signing(&party.chain[0], signing(&party.key, every))
}

fn judged(party: &Party, kinds: Kinds) -> Verification {
    made::verification(&party.chain[0], verification(party.public.clone(), kinds))
}
