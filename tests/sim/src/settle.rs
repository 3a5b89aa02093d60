//! What must hold when everything is well again, and time has passed.

use super::World;
use crate::{
    amounts::amounts_agree,
    cast::*,
    check::{Violation, broken, no_counter_waits},
    link::{Link, Side},
    quotes::{none_forgotten, none_of_absent},
    schedule::End,
};

impl World {
    /// Everything is well, and nothing breaks from now on.
    pub(super) fn heal(&mut self) {
        self.say(|| "everything is well again".into());
        (self.healed, self.healed_at) = (true, self.t);
        self.no_network_until = self.t;
        self.links[0].delay = 20;
        for link in &mut self.links {
            link.connections.iter_mut().for_each(|c| c.heal());
        }
        self.lock(false);
        self.bar(None);
        self.disk(false);
        [End::Desk, End::Gateway].into_iter().for_each(|end| self.disk_fails(end, false));
        self.evidence_fails(false);
        self.signer.heal();
        self.start_desk();
        // One that its disk kept from starting is started by its supervisor.
        if !self.truth.gateway_cannot_start() {
            self.start_gateway();
        }
        for i in 0..DEALERS.len() {
            if !self.away[i] {
                self.start_dealer(i);
            }
        }
    }

    /// Dealers that were away come back, after a look at what stands without them.
    pub(super) fn everybody_is_back(&mut self) {
        (0..DEALERS.len()).for_each(|i| self.start_dealer(i));
    }

    /// The desk sends no ping by itself, or does again: while the numbers of both ends are compared
    /// nothing is on its way.
    pub(super) fn hush(&mut self, quiet: bool) {
        if let Some(d) = &mut self.desk {
            d.keeper.quiet = quiet;
        }
    }

    /// What must hold after settling.
    pub(super) fn look(&mut self, last: bool) -> Result<(), Violation> {
        let t = self.t;
        let (Some(d), Some(g)) = (&mut self.desk, &self.gateway) else {
            return Err(broken("settled.down", "the desk or the gateway is down"));
        };
        if !d.book.online() {
            return if last {
                Err(broken("settled.offline", "the desk is not on"))
            } else {
                Ok(())
            };
        }
        let frame = d.screen(t);
        if frame.session.as_ref().is_some_and(|s| s.doubtful_since_ms.is_some()) {
            // A connection that fell silent before everything was well is given up soon.
            return match last {
                true => Err(broken("settled.offline", "the link is in doubt")),
                false => Ok(()),
            };
        }
        let gate = g.rfqs();
        self.truth.quotes(g.clock(t), &gate, &frame)?;
        none_forgotten(&self.dealers, &gate)?;
        let on = |l: &Link| l.session(Side::Dials).is_some_and(|s| s.is_logged_on());
        let on: Vec<bool> = self.links[1..].iter().map(on).collect();
        self.truth.seen.absent += on.iter().filter(|on| !**on).count();
        none_of_absent(&on, &gate, &frame)?;
        if last {
            self.truth.settled(&gate, &frame)?;
            amounts_agree(&self.truth, &self.dealers, &gate, &d.book.rfqs_on_screen())?;
            self.truth.seen.rests = self.dealers.iter().map(|d| d.rests).sum();
            self.truth.seen.corrections = self.dealers.iter().map(|d| d.corrections).sum();
            d.list_holds(&frame)?;
            no_counter_waits(g.clock(t), &gate, &frame)?;
            let kept = g.accepts_in_evidence().map_err(|e| broken("evidence.accept", e))?;
            self.truth.kept(&self.dealers, &kept)?;
            for (i, l) in self.links.iter().enumerate() {
                numbers_agree(i, l)?;
            }
        }
        Ok(())
    }
}

/// What each end sends next is what the other expects.
fn numbers_agree(i: usize, link: &Link) -> Result<(), Violation> {
    let both = [Side::Dials, Side::Listens].map(|s| link.session(s));
    let [Some(a), Some(b)] = both else { return Ok(()) };
    if !a.is_logged_on() || !b.is_logged_on() {
        return Err(broken("settled.offline", format!("link {i} is not logged on")));
    }
    let (Some(a), Some(b)) = (a.sequence(), b.sequence()) else { return Ok(()) };
    match a.0 == b.1 && b.0 == a.1 {
        true => Ok(()),
        false => Err(broken("numbers.agree", format!("link {i}: {a:?} and {b:?}"))),
    }
}
