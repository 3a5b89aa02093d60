//! Where each desk's session was last, so that one that goes on elsewhere is an event, over TCP as
//! over QUIC. Only in memory: after a restart the first logon of a desk is compared with nothing.

use super::Pipeline;
use crate::clock::now;
use signet_events::{About, Actor, Text};
use signet_identity::CompId;
use signet_policy::place::Country;
use std::{cell::RefCell, collections::BTreeMap, net::IpAddr};

/// Desks that are remembered, one place each.
const DESKS_MAX: usize = 100_000;

/// An address, and the country in which it was when a session was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    address: IpAddr,
    country: Option<Country>,
}

/// The last place of each desk's session.
#[derive(Debug, Default)]
pub(super) struct LastPlaces(RefCell<BTreeMap<CompId, Place>>);

impl LastPlaces {
    /// A Logon was accepted here; the place before, if it had another address.
    fn logged_on(&self, desk: &CompId, here: Place) -> Option<Place> {
        let mut all = self.0.borrow_mut();
        if let Some(place) = all.get_mut(desk) {
            let before = std::mem::replace(place, here);
            return Some(before).filter(|b| b.address != here.address);
        }
        if all.len() < DESKS_MAX {
            all.insert(desk.clone(), here);
        }
        None
    }

    /// A session that was on at an address goes on elsewhere. A connection that moves before its
    /// Logon had no session there.
    fn moved(&self, desk: &CompId, from: IpAddr, here: Place) {
        if let Some(place) = self.0.borrow_mut().get_mut(desk).filter(|p| p.address == from) {
            *place = here;
        }
    }
}

impl Pipeline {
    /// A Logon was accepted. Where the session was before is told if it was another address; of a
    /// connection whose address nobody vouches for nothing is known.
    pub(super) fn tell_resumed(&self, desk: &CompId) {
        let access = self.sessions.access(desk);
        let Some(address) = access.and_then(|a| a.address()) else { return };
        if let Some(before) = self.places.logged_on(desk, self.place(address)) {
            self.tell_elsewhere(desk, "session.resumed", before, address);
        }
    }

    /// The connection of a desk is proved to be at another address.
    pub(super) fn tell_moved(&self, desk: &CompId, from: IpAddr, to: IpAddr) {
        self.tell_elsewhere(desk, "session.moved", self.place(from), to);
    }

    /// A session that moved may go on where it is now.
    pub(super) fn goes_on_at(&self, desk: &CompId, from: IpAddr, to: IpAddr) {
        self.places.moved(desk, from.to_canonical(), self.place(to));
    }

    fn place(&self, address: IpAddr) -> Place {
        let country = self.risk.country(Some(address), now()).ok();
        Place { address: address.to_canonical(), country }
    }

    fn tell_elsewhere(&self, desk: &CompId, code: &'static str, before: Place, to: IpAddr) {
        let words = format!("from {} to {}", before.address, to.to_canonical());
        let about = About {
            address_before: Some(before.address),
            country_before: before.country.map(Text::of),
            ..self.at_desk(desk)
        };
        self.events.by(Actor::Desk(Text::of(desk)), code, about, words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str, country: &str) -> Place {
        Place { address: address.parse().unwrap(), country: country.parse().ok() }
    }

    #[derive(Debug, Clone, Copy)]
    enum Do {
        Logon(&'static str),
        /// From, to.
        Move(&'static str, &'static str),
    }
    use Do::{Logon, Move};

    #[test]
    fn table_of_logons_and_moves() {
        const HOME: &str = "192.0.2.1";
        const HOTEL: &str = "198.51.100.1";
        const TRAIN: &str = "2001:db8::1";
        for (name, steps, want) in [
            ("the first", &[Logon(HOME)][..], &[None][..]),
            ("again", &[Logon(HOME), Logon(HOME)], &[None, None]),
            (
                "elsewhere, and back",
                &[Logon(HOME), Logon(HOTEL), Logon(HOTEL), Logon(HOME)],
                &[None, Some(HOME), None, Some(HOTEL)],
            ),
            (
                "where it moved to",
                &[Logon(HOME), Move(HOME, TRAIN), Logon(TRAIN), Logon(HOME)],
                &[None, None, None, Some(TRAIN)],
            ),
            (
                "moved before its Logon",
                &[Logon(HOME), Move(HOTEL, TRAIN), Logon(TRAIN)],
                &[None, None, Some(HOME)],
            ),
            ("moved without any", &[Move(HOME, HOTEL), Logon(HOTEL)], &[None, None]),
        ] {
            let places = LastPlaces::default();
            let desk = CompId::new("ALICE1").unwrap();
            let other = CompId::new("BOB1").unwrap();
            places.logged_on(&other, at("203.0.113.7", "GB"));
            let one = |step: &Do| match *step {
                Logon(address) => places.logged_on(&desk, at(address, "GB")),
                Move(from, to) => {
                    places.moved(&desk, from.parse().unwrap(), at(to, "GB"));
                    None
                }
            };
            let told: Vec<_> = steps.iter().map(one).collect();
            let want: Vec<_> = want.iter().map(|w| w.map(|w| at(w, "GB"))).collect();
            assert_eq!(told, want, "{name}");
            let still = places.logged_on(&other, at("203.0.113.7", "FR"));
            assert_eq!(still, None, "{name}: another desk's place is its own");
        }
    }

    #[test]
    fn the_country_is_that_of_the_time_when_the_session_was_there() {
        let (places, desk) = (LastPlaces::default(), CompId::new("ALICE1").unwrap());
        places.logged_on(&desk, at("192.0.2.1", "GB"));
        places.logged_on(&desk, at("192.0.2.1", "SG"));
        assert_eq!(places.logged_on(&desk, at("192.0.2.9", "")), Some(at("192.0.2.1", "SG")));
        assert_eq!(places.logged_on(&desk, at("192.0.2.1", "GB")), Some(at("192.0.2.9", "")));
    }
}
