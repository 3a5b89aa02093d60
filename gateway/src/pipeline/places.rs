//! Where each desk's session was last at this gateway, so that one that goes on elsewhere is an
//! event, over TCP as over QUIC, also after a restart.

use super::{
    Pipeline,
    kept_places::{All, read_places},
};
use crate::{clock::now, events::EventSink};
use signet_events::{About, Actor, Text};
use signet_identity::CompId;
use signet_policy::place::Country;
use signet_rfq::UtcMillis;
use std::{cell::RefCell, collections::BTreeSet, net::IpAddr, path::PathBuf};

/// Desks that are remembered, one place each.
pub(super) const DESKS_MAX: usize = 100_000;
/// For how long: a trader is away for some weeks, and who has left the firm is forgotten.
pub(super) const REMEMBERED_MS: i64 = 90 * 24 * 3_600_000;

/// An address, and the country in which it was when a session was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) address: IpAddr,
    pub(super) country: Option<Country>,
}

/// Where a session was, and when it logged on there or moved there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) place: Place,
    pub(super) at: UtcMillis,
}

impl Last {
    pub(super) fn is_remembered(&self, now: UtcMillis) -> bool {
        now.since(self.at) < REMEMBERED_MS
    }
}

/// The last place of each desk's session.
#[derive(Debug)]
pub struct LastPlaces {
    file: PathBuf,
    known: RefCell<Known>,
}

#[derive(Debug, Default)]
struct Known {
    all: All,
    /// Those that the file does not have yet.
    changed: BTreeSet<CompId>,
}

impl LastPlaces {
    /// As the gateway knew them when it ran before.
    pub fn read(file: PathBuf, events: &EventSink) -> Self {
        let all = read_places(&file, events);
        Self { file, known: RefCell::new(Known { all, changed: BTreeSet::new() }) }
    }

    /// The file, and what it is to say.
    pub(super) fn to_keep(&self) -> (PathBuf, All) {
        (self.file.clone(), self.known.borrow().all.clone())
    }

    /// Those that have changed since this was asked last.
    pub(super) fn take_changed(&self) -> All {
        let known = &mut *self.known.borrow_mut();
        let changed = std::mem::take(&mut known.changed);
        let last = |desk: CompId| known.all.get(&desk).map(|last| (desk, *last));
        changed.into_iter().filter_map(last).collect()
    }

    /// A Logon was accepted here; the place before, if it had another address.
    fn logged_on(&self, desk: &CompId, place: Place, at: UtcMillis) -> Option<Place> {
        let known = &mut *self.known.borrow_mut();
        let before = known.all.get(desk).filter(|last| last.is_remembered(at)).copied();
        if known.all.len() >= DESKS_MAX && !known.all.contains_key(desk) {
            known.all.retain(|_, last| last.is_remembered(at));
        }
        if known.all.len() < DESKS_MAX || known.all.contains_key(desk) {
            known.all.insert(desk.clone(), Last { place, at });
            known.changed.insert(desk.clone());
        }
        before.map(|last| last.place).filter(|b| b.address != place.address)
    }

    /// A session that was on at an address goes on elsewhere. A connection that moves before its
    /// Logon had no session there.
    fn moved(&self, desk: &CompId, from: IpAddr, place: Place, at: UtcMillis) {
        let known = &mut *self.known.borrow_mut();
        if let Some(last) = known.all.get_mut(desk).filter(|last| last.place.address == from) {
            *last = Last { place, at };
            known.changed.insert(desk.clone());
        }
    }
}

impl Pipeline {
    /// A Logon was accepted. Where the session was before is told if it was another address; of a
    /// connection whose address nobody vouches for nothing is known.
    pub(super) fn tell_resumed(&self, desk: &CompId) {
        let access = self.sessions.access(desk);
        let Some(address) = access.and_then(|a| a.address()) else { return };
        if let Some(before) = self.places.logged_on(desk, self.place(address), now()) {
            self.tell_elsewhere(desk, "session.resumed", before, address);
        }
    }

    /// The connection of a desk is proved to be at another address.
    pub(super) fn tell_moved(&self, desk: &CompId, from: IpAddr, to: IpAddr) {
        self.tell_elsewhere(desk, "session.moved", self.place(from), to);
    }

    /// A session that moved may go on where it is now.
    pub(super) fn goes_on_at(&self, desk: &CompId, from: IpAddr, to: IpAddr) {
        self.places.moved(desk, from.to_canonical(), self.place(to), now());
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

    const NOW: UtcMillis = UtcMillis(1_795_219_200_000);

    fn at(address: &str, country: &str) -> Place {
        Place { address: address.parse().unwrap(), country: country.parse().ok() }
    }

    fn nothing_known() -> LastPlaces {
        LastPlaces { file: PathBuf::new(), known: RefCell::default() }
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
            let places = nothing_known();
            let desk = CompId::new("ALICE1").unwrap();
            let other = CompId::new("BOB1").unwrap();
            places.logged_on(&other, at("203.0.113.7", "GB"), NOW);
            let one = |step: &Do| match *step {
                Logon(address) => places.logged_on(&desk, at(address, "GB"), NOW),
                Move(from, to) => {
                    places.moved(&desk, from.parse().unwrap(), at(to, "GB"), NOW);
                    None
                }
            };
            let told: Vec<_> = steps.iter().map(one).collect();
            let want: Vec<_> = want.iter().map(|w| w.map(|w| at(w, "GB"))).collect();
            assert_eq!(told, want, "{name}");
            let still = places.logged_on(&other, at("203.0.113.7", "FR"), NOW);
            assert_eq!(still, None, "{name}: another desk's place is its own");
        }
    }

    #[test]
    fn the_country_is_that_of_the_time_when_the_session_was_there() {
        let (places, desk) = (nothing_known(), CompId::new("ALICE1").unwrap());
        let on = |address, country| places.logged_on(&desk, at(address, country), NOW);
        on("192.0.2.1", "GB");
        on("192.0.2.1", "SG");
        assert_eq!(on("192.0.2.9", ""), Some(at("192.0.2.1", "SG")));
        assert_eq!(on("192.0.2.1", "GB"), Some(at("192.0.2.9", "")));
    }

    #[test]
    fn a_place_is_remembered_for_so_long() {
        for (later, want) in [(REMEMBERED_MS - 1, true), (REMEMBERED_MS, false), (-5, true)] {
            let (places, desk) = (nothing_known(), CompId::new("ALICE1").unwrap());
            places.logged_on(&desk, at("192.0.2.1", "GB"), NOW);
            let before = places.logged_on(&desk, at("192.0.2.9", "GB"), NOW + later);
            assert_eq!(before.is_some(), want, "{later}");
        }
    }

    #[test]
    fn what_changed_is_handed_out_once() {
        let places = nothing_known();
        let [alice, bob] = ["ALICE1", "BOB1"].map(|name| CompId::new(name).unwrap());
        let changed = || places.take_changed().into_iter().collect::<Vec<_>>();
        let last = |address, ms| Last { place: at(address, "GB"), at: NOW + ms };
        assert!(changed().is_empty());
        places.logged_on(&alice, at("192.0.2.1", "GB"), NOW);
        places.logged_on(&bob, at("192.0.2.2", "GB"), NOW + 1);
        let both = [(alice.clone(), last("192.0.2.1", 0)), (bob.clone(), last("192.0.2.2", 1))];
        assert_eq!((changed(), changed()), (both.to_vec(), vec![]));
        // The same address again: it is remembered for longer.
        places.logged_on(&alice, at("192.0.2.1", "GB"), NOW + 2);
        places.moved(&bob, "192.0.2.2".parse().unwrap(), at("192.0.2.3", "GB"), NOW + 3);
        places.moved(&bob, "192.0.2.9".parse().unwrap(), at("192.0.2.4", "GB"), NOW + 4);
        assert_eq!(changed(), [(alice, last("192.0.2.1", 2)), (bob, last("192.0.2.3", 3))]);
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_old_makes_room() {
        let places = nothing_known();
        let on = |n: usize, ms| {
            let desk = CompId::new(format!("D{n}")).unwrap();
            places.logged_on(&desk, at("192.0.2.1", "GB"), NOW + ms);
            places.known.borrow().all.len()
        };
        for n in 0..DESKS_MAX {
            on(n, 0);
        }
        assert_eq!(on(DESKS_MAX, 1), DESKS_MAX, "another one is not remembered");
        assert_eq!(on(7, 1), DESKS_MAX, "one that is goes on to be");
        assert_eq!(on(DESKS_MAX, REMEMBERED_MS), 2, "that one, and 7");
    }
}
