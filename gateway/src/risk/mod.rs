//! The risk of each access: what is known of it, gathered here; the score itself is
//! [`signet_policy::score`]. Whatever cannot be told counts as the worst of its kind.

mod access;
mod administrator;
pub mod posture;
mod software;

pub use access::{Access, CREDENTIAL_CHANGED, alert, decision, event_words};
pub use administrator::Administrator;
pub use software::DeskSoftware;

use crate::{
    config::{OpenRfqs, RiskPolicy, RiskSection},
    geo::{AutonomousSystem, Geo, GeoFault},
};
use signet_policy::{
    place::{Country, Sighting, Travel, corporate, travel},
    score::{Assessment, Attributes, Authentication, Concern, Decision, assess},
};
use signet_rfq::UtcMillis;
use std::{cell::RefCell, collections::BTreeMap, net::IpAddr, rc::Rc, time::Instant};

/// People whose last place is remembered.
const SIGHTINGS_MAX: usize = 100_000;

/// What an access is judged by, beside the policy.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The registry's user id, or the CompID without a registry.
    pub user: &'a str,
    /// The registry's word for the person; `None` without a registry.
    pub role: Option<&'a str>,
    /// Where the connection comes from; `None` when a balancer does not say.
    pub address: Option<IpAddr>,
    pub authentication: Authentication,
    pub managed: Option<bool>,
    /// Trading hours apply. Not to administrators: a lock must be possible at night.
    pub trades: bool,
    /// Found at logon, and kept for the connection.
    pub concerns: Vec<Concern>,
}

/// Policy, country file, and where people were last seen. On the trading thread.
pub struct Risk {
    section: RiskSection,
    policy: RefCell<Rc<RiskPolicy>>,
    geo: RefCell<Option<Rc<Geo>>>,
    seen: RefCell<BTreeMap<String, LastSeen>>,
}

/// Where a person was last seen.
struct LastSeen {
    sighting: Sighting,
    /// One that was ahead of the clock and gave way. The registry's view may tell it again.
    disproved: Option<Sighting>,
}

impl Risk {
    pub fn new(section: RiskSection, policy: RiskPolicy) -> Self {
        let geo = open_geo(&policy);
        Self {
            section,
            policy: RefCell::new(Rc::new(policy)),
            geo: RefCell::new(geo),
            seen: RefCell::default(),
        }
    }

    pub fn open_rfqs(&self) -> OpenRfqs {
        self.section.open_rfqs
    }

    pub fn policy(&self) -> Rc<RiskPolicy> {
        self.policy.borrow().clone()
    }

    /// Where an address is, by the firm's own list or the country file.
    pub fn country(&self, address: Option<IpAddr>, now: UtcMillis) -> Result<Country, GeoFault> {
        let address = address.ok_or(GeoFault::NotListed)?;
        let declared = corporate(&self.policy().networks, address).and_then(|n| n.country);
        match declared {
            Some(c) => Ok(c),
            None => self.geo.borrow().clone().ok_or(GeoFault::NotConfigured)?.country(address, now),
        }
    }

    /// Whose network an address is in; `None` when no file says it. It is shown and decides
    /// nothing.
    pub fn system(&self, address: Option<IpAddr>, now: UtcMillis) -> Option<AutonomousSystem> {
        let geo = self.geo.borrow().clone();
        geo?.system(address?, now).ok()
    }

    pub fn assess(&self, f: &Facts<'_>, now: UtcMillis) -> Assessment {
        let policy = self.policy();
        let country = self.country(f.address, now).ok();
        let own = policy.settings.person.get(f.user).map(|p| &p.countries);
        let expected = |c: Country| {
            policy.settings.countries.contains(&c) || own.is_some_and(|o| o.contains(&c))
        };
        let attributes = Attributes {
            privileged: match f.role {
                Some("standard") => Some(false),
                Some("privileged") => Some(true),
                _ => None,
            },
            authentication: Some(f.authentication),
            managed: f.managed,
            corporate_network: f.address.map(|a| corporate(&policy.networks, a).is_some()),
            expected_country: country.map(expected),
        };
        let mut concerns = f.concerns.clone();
        if f.trades {
            concerns.extend(out_of_hours(&policy, now));
        }
        assess(&policy.table, &attributes, concerns)
    }

    /// Whether this person can be where they are now, given where they were last. A sighting of a
    /// clock that was ahead is not judged: it would keep people out until that time comes.
    pub fn travel_concern(
        &self,
        user: &str,
        address: Option<IpAddr>,
        now: UtcMillis,
    ) -> Option<Concern> {
        let policy = self.policy();
        let settings = &policy.settings.travel;
        let last = self.seen.borrow().get(user).map(|l| l.sighting)?;
        if last.is_ahead(now.0) {
            return None;
        }
        let here = Sighting { country: self.country(address, now).ok()?, at_ms: now.0 };
        let Travel::Impossible { km, minutes } = travel(last, here, settings.limits()) else {
            return None;
        };
        (settings.decision > Decision::Allow).then(|| Concern {
            code: "risk.impossible_travel",
            words: format!(
                "Last seen in {} {minutes} minutes ago; {} is at least {km} km away.",
                last.country, here.country
            ),
            cure: "If it was you in both places, touch your security key; else tell your \
                administrator."
                .into(),
            at_least: settings.decision,
        })
    }

    /// Somebody was let in, or proved to be who they are: this is where they are. An access that
    /// was refused leaves no trace here, or a stranger could make the person's own next one look
    /// odd.
    pub fn record_place(
        &self,
        user: &str,
        address: Option<IpAddr>,
        now: UtcMillis,
    ) -> Option<Sighting> {
        let sighting = Sighting { country: self.country(address, now).ok()?, at_ms: now.0 };
        if let Some(last) = self.seen.borrow_mut().get_mut(user)
            && last.sighting.is_ahead(now.0)
        {
            last.disproved = Some(last.sighting);
            last.sighting = sighting;
        }
        self.remember(user, sighting);
        Some(sighting)
    }

    /// What another gateway, or an earlier run, knew. The newest counts.
    pub fn remember(&self, user: &str, s: Sighting) {
        let mut seen = self.seen.borrow_mut();
        if let Some(last) = seen.get_mut(user) {
            if last.sighting.at_ms <= s.at_ms && last.disproved != Some(s) {
                last.sighting = s;
            }
            return;
        }
        if seen.len() < SIGHTINGS_MAX {
            seen.insert(user.to_owned(), LastSeen { sighting: s, disproved: None });
        }
    }

    /// The files to be read.
    pub fn section(&self) -> &RiskSection {
        &self.section
    }

    /// Judges by `new` from here on; the digests before and after when it is another policy.
    pub fn take(&self, new: RiskPolicy) -> Option<(String, String)> {
        let old = self.policy();
        if new.table.digest() == old.table.digest() {
            return None;
        }
        let digests = (old.table.digest().to_owned(), new.table.digest().to_owned());
        if new.settings.geo != old.settings.geo {
            self.geo.replace(open_geo(&new));
        }
        self.policy.replace(Rc::new(new));
        Some(digests)
    }

    /// Looks for newer files of `[geo]`; whether countries may differ now.
    pub async fn refresh_geo(&self, at: Instant) -> bool {
        let geo = self.geo.borrow().clone();
        match geo {
            Some(g) => g.refresh_aside(at).await,
            None => false,
        }
    }

    /// What is wrong with the country file, if one is configured.
    pub fn geo_fault(&self, now: UtcMillis) -> Option<GeoFault> {
        self.geo.borrow().as_ref().and_then(|g| g.fault(now))
    }

    /// The same of the file of autonomous systems.
    pub fn asn_fault(&self, now: UtcMillis) -> Option<GeoFault> {
        self.geo.borrow().as_ref().and_then(|g| g.system_fault(now))
    }
}

fn open_geo(policy: &RiskPolicy) -> Option<Rc<Geo>> {
    policy.settings.geo.as_ref().map(|g| Rc::new(Geo::open(g)))
}

fn out_of_hours(policy: &RiskPolicy, now: UtcMillis) -> Option<Concern> {
    let (hours, at_least) = policy.hours?;
    let inside = hours.hold(now.0) || at_least == Decision::Allow;
    (!inside).then(|| Concern {
        code: "risk.out_of_hours",
        words: "It is outside of trading hours.".into(),
        cure: "Trade within your firm's hours.".into(),
        at_least,
    })
}

#[cfg(test)]
mod tests;
