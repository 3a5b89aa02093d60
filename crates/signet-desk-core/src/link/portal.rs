//! Looks for a captive portal when the gateway is not reached and the system has not looked itself,
//! as macOS and a Linux without NetworkManager's check never do: a page whose content is known is
//! asked for. And what a portal means for a link that is held up.

use super::{Link, networks::NetworkName, outcome::Next};
use crate::{
    venue::Venue,
    view::{LinkState, Problem},
};
use signet_net::{
    ProxyEnvironment, ProxySetting,
    watch::{PortalAnswer, SystemState},
};
use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// What was found, what is under way, and what it matters to.
#[derive(Default)]
pub(super) struct PortalLooks {
    found: RefCell<Option<Found>>,
    /// Asks for the page, or did.
    asking: RefCell<Option<JoinHandle<()>>>,
    held_up: RefCell<Option<HeldUp>>,
}

/// What holds the link up, as long as the trader reads of it.
struct HeldUp {
    next: Next,
    problem: Problem,
    attempt: u32,
}

/// How a link that is held up is shown. Behind a portal that is not the end: the trader reads where
/// to sign in. What no portal is the reason of stays a refusal, whatever answers for the page.
fn held_up_as(next: Next, behind_portal: bool) -> LinkState {
    match behind_portal && next.may_be_a_portal() {
        true => LinkState::Reconnecting,
        false => LinkState::Refused,
    }
}

struct Found {
    network: NetworkName,
    answer: PortalAnswer,
    at: Instant,
}

/// On what it depends whether the page is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    /// The gateway was not reached, and a portal may be why.
    pub unreached: bool,
    /// The system has looked itself: it tells of a portal, or found none.
    pub told: bool,
    /// A proxy is on the way, or it cannot be told whether one is: what a direct connection meets
    /// says nothing then.
    pub proxy: bool,
    /// The page is being asked for.
    pub asking: bool,
    /// What was found on this network last, and how long ago.
    pub found: Option<(PortalAnswer, Duration)>,
}

impl Facts {
    /// After an attempt to reach this host that ended like this. The page was not asked for yet.
    pub(super) fn of(next: Next, system: &SystemState, proxy: &ProxySetting, host: &str) -> Self {
        let proxy = proxy.choose(&ProxyEnvironment::read(), host);
        Self {
            unreached: next.may_be_a_portal(),
            told: system.portal.is_some() || system.found_open,
            proxy: !matches!(proxy, Ok(None)),
            asking: false,
            found: None,
        }
    }
}

pub(super) fn is_due(f: &Facts) -> bool {
    let is_old = f.found.is_none_or(|(answer, ago)| ago >= again_after(answer));
    f.unreached && !f.told && !f.proxy && !f.asking && is_old
}

/// A portal is looked at as often as the gateway behind it; where there is none, the fault is most
/// likely the gateway's and stays.
fn again_after(answer: PortalAnswer) -> Duration {
    Duration::from_secs(match answer {
        PortalAnswer::Portal => 5,
        PortalAnswer::Unknown => 15,
        PortalAnswer::Open => 60,
    })
}

impl PortalLooks {
    fn on(&self, network: &NetworkName) -> Option<(PortalAnswer, Duration)> {
        let found = self.found.borrow();
        let found = found.as_ref().filter(|f| f.network == *network)?;
        Some((found.answer, found.at.elapsed()))
    }

    fn is_portal_on(&self, network: &NetworkName) -> bool {
        self.on(network).is_some_and(|(answer, _)| answer == PortalAnswer::Portal)
    }

    /// Whether a portal was found on another network.
    fn is_elsewhere(&self, network: &NetworkName) -> bool {
        let found = self.found.borrow();
        found.as_ref().is_some_and(|f| f.answer == PortalAnswer::Portal && f.network != *network)
    }

    /// Whether the page is being asked for. One that failed inside is not.
    fn is_asking(&self) -> bool {
        self.asking.borrow().as_ref().is_some_and(|task| !task.is_finished())
    }

    /// An answer that is still to come says nothing.
    fn stop_asking(&self) {
        if let Some(task) = self.asking.take() {
            task.abort();
        }
    }

    /// Forgets a portal: the network is another one, or somebody knows better; whether there was
    /// one.
    pub(super) fn forget_portal(&self) -> bool {
        let mut found = self.found.borrow_mut();
        found.take_if(|f| f.answer == PortalAnswer::Portal).is_some()
    }
}

impl Link {
    /// Asks for the page beside all else, if it is time to, after an attempt that ended like this.
    pub(super) fn look_for_portal(self: &Rc<Self>, venue: &Venue, next: Next) {
        let Some(check) = self.config.portal_check.clone() else { return };
        self.no_portal_elsewhere();
        let network = self.network_in_use();
        let due = is_due(&Facts {
            asking: self.portal.is_asking(),
            found: self.portal.on(&network),
            ..Facts::of(next, &self.system.now(), &self.config.proxy, &venue.host)
        });
        if !due {
            return;
        }
        let link = self.clone();
        let asking = tokio::task::spawn_local(async move {
            let answer = check.ask().await;
            if link.network_in_use() == network {
                tracing::info!(?answer, "a page was asked for to find a captive portal");
                let found = Found { network, answer, at: Instant::now() };
                *link.portal.found.borrow_mut() = Some(found);
                link.show_network(link.system.now());
            }
        });
        *self.portal.asking.borrow_mut() = Some(asking);
    }

    /// The gateway was reached, the network is another one, or the connection is given up.
    pub(super) fn no_portal(&self) {
        self.portal.stop_asking();
        if self.portal.forget_portal() {
            self.show_network(self.system.now());
        }
    }

    /// A portal that was found on another network says nothing of this one.
    pub(super) fn no_portal_elsewhere(&self) {
        if self.portal.is_elsewhere(&self.network_in_use()) {
            self.no_portal();
        }
    }

    /// The page that leads to where the trader signs in, if the desk itself found a portal on the
    /// network in use.
    pub(super) fn portal_page(&self) -> Option<String> {
        let check = self.config.portal_check.as_ref()?;
        let is_portal = self.portal.is_portal_on(&self.network_in_use());
        is_portal.then(|| check.page().to_owned())
    }

    /// Whether the system tells of a portal, or one was found on the network in use.
    fn is_behind_portal(&self) -> bool {
        self.system.now().portal.is_some() || self.portal.is_portal_on(&self.network_in_use())
    }

    /// Somebody refused, or is in the way: the trader reads why, until [`Self::not_held_up`].
    pub(super) fn hold_up(&self, next: Next, problem: Problem, attempt: u32) {
        // Also behind a portal, which may be pretended.
        tracing::warn!(code = problem.code, "refused: {}", problem.message);
        *self.portal.held_up.borrow_mut() = Some(HeldUp { next, problem, attempt });
        self.show_held_up();
    }

    /// Shows a link that is held up; decided again whenever more is known of a portal.
    pub(super) fn show_held_up(&self) {
        let held_up = self.portal.held_up.borrow();
        let Some(HeldUp { next, problem, attempt }) = held_up.as_ref() else { return };
        let state = held_up_as(*next, self.is_behind_portal());
        self.show(|s| {
            s.state = state;
            s.problem = Some(problem.clone());
            if state == LinkState::Reconnecting {
                s.attempt = (*attempt).max(1);
            }
        });
    }

    /// Something else is shown from now on.
    pub(super) fn not_held_up(&self) {
        self.portal.held_up.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PortalAnswer::{Open, Portal, Unknown};

    #[test]
    fn what_the_system_says_and_a_proxy_are_looked_at() {
        let quiet = SystemState::default();
        let portal = SystemState { portal: Some(String::new()), ..quiet.clone() };
        let open = SystemState { found_open: true, ..quiet.clone() };
        let url = ProxySetting::Url("http://192.0.2.1:3128".parse().unwrap());
        for (next, system, proxy, want) in [
            (Next::TryAgain, &quiet, &ProxySetting::Direct, (true, false, false)),
            (Next::AwaitWay, &portal, &ProxySetting::Direct, (true, true, false)),
            (Next::AwaitGateway, &open, &ProxySetting::Direct, (false, true, false)),
            (Next::GiveUp, &quiet, &url, (false, false, true)),
        ] {
            let f = Facts::of(next, system, proxy, "gw.bank.example");
            assert_eq!((f.unreached, f.told, f.proxy), want, "{f:?}");
            assert!(!f.asking && f.found.is_none());
        }
    }

    #[test]
    fn a_page_is_asked_for_only_when_a_portal_may_be_why_and_not_too_often() {
        let all = [false, true];
        let before = Duration::from_millis(1);
        let found = [
            (None, true),
            (Some((Portal, Duration::ZERO)), false),
            (Some((Portal, again_after(Portal) - before)), false),
            (Some((Portal, again_after(Portal))), true),
            (Some((Unknown, again_after(Unknown) - before)), false),
            (Some((Unknown, again_after(Unknown))), true),
            (Some((Open, again_after(Open) - before)), false),
            (Some((Open, again_after(Open))), true),
            (Some((Open, Duration::MAX)), true),
        ];
        for unreached in all {
            for told in all {
                for proxy in all {
                    for asking in all {
                        for (found, is_old) in found {
                            let facts = Facts { unreached, told, proxy, asking, found };
                            let due = unreached && is_old && !told && !proxy && !asking;
                            assert_eq!(is_due(&facts), due, "{facts:?}");
                        }
                    }
                }
            }
        }
    }

    /// Complete, so each answer that comes after the link was held up is decided as well: Portal
    /// goes from the left column to the right one, Open and Unknown go back.
    #[test]
    fn only_what_a_portal_can_cause_is_softened_behind_one() {
        use LinkState::{Reconnecting, Refused};
        for (next, alone, behind_portal) in [
            (Next::TryAgain, Refused, Reconnecting),
            (Next::AwaitWay, Refused, Reconnecting),
            (Next::AwaitGateway, Refused, Refused),
            (Next::AwaitNetwork, Refused, Refused),
            (Next::GiveUp, Refused, Refused),
            (Next::After(Duration::from_secs(1)), Refused, Refused),
        ] {
            assert_eq!(held_up_as(next, false), alone, "{next:?}");
            assert_eq!(held_up_as(next, true), behind_portal, "{next:?}");
        }
    }

    #[tokio::test]
    async fn a_page_is_being_asked_for_until_its_task_ends_however_it_ends() {
        let local = tokio::task::LocalSet::new();
        let looks = PortalLooks::default();
        assert!(!looks.is_asking());
        local
            .run_until(async {
                let ask = |task| *looks.asking.borrow_mut() = Some(task);
                let ended = async |asking: bool| {
                    // Each task of this thread has its turn.
                    for _ in 0..10 {
                        tokio::task::yield_now().await;
                    }
                    assert_eq!(looks.is_asking(), asking);
                };
                ask(tokio::task::spawn_local(async {}));
                ended(false).await;
                let fails = async { assert_eq!(1, 2, "a fault, as a test wants it") };
                ask(tokio::task::spawn_local(fails));
                ended(false).await;

                let answered = Rc::new(std::cell::Cell::new(false));
                let tells = answered.clone();
                let (answer, comes) = tokio::sync::oneshot::channel::<()>();
                ask(tokio::task::spawn_local(async move {
                    let _ = comes.await;
                    tells.set(true);
                }));
                ended(true).await;
                // Its answer is here before it is forgotten.
                let _ = answer.send(());
                looks.stop_asking();
                assert!(!looks.is_asking(), "at once, so that the next connection may ask");
                ended(false).await;
                assert!(!answered.get(), "an answer from before counts for nothing");
            })
            .await;
    }

    #[test]
    fn what_was_found_holds_for_its_network() {
        let network = |name: &str| (None, Some(name.to_owned()));
        for (answer, is_portal) in [(Portal, true), (Open, false), (Unknown, false)] {
            let looks = PortalLooks::default();
            assert!(looks.on(&network("hotel")).is_none());
            assert!(!looks.is_portal_on(&network("hotel")));
            let found = Found { network: network("hotel"), answer, at: Instant::now() };
            *looks.found.borrow_mut() = Some(found);
            assert_eq!(looks.is_portal_on(&network("hotel")), is_portal);
            assert!(!looks.is_portal_on(&network("train")));
            assert_eq!(looks.on(&network("hotel")).map(|(answer, _)| answer), Some(answer));
            assert!(looks.on(&network("train")).is_none());
            assert!(!looks.is_elsewhere(&network("hotel")));
            assert_eq!(looks.is_elsewhere(&network("train")), is_portal);
            assert_eq!(looks.forget_portal(), is_portal);
            // That a page was asked for in vain still counts.
            assert_eq!(looks.on(&network("hotel")).is_some(), !is_portal);
        }
    }
}
