//! Looks for a captive portal for an examination by hand (`doctor`), under the conditions under
//! which a link looks for one.

use super::{
    outcome::Ended,
    portal::{Facts, is_due},
};
use crate::{peer_text, venue::DeskConfig};
use signet_identity::Refusal;
use signet_net::watch::{NetworkChanges, PortalAnswer, PortalCheck, SystemState, SystemWatch};
use std::{
    fmt,
    time::{Duration, Instant},
};
use tokio::time::timeout;

/// How long the system's word about its network is waited for. One that has nothing to say says
/// nothing.
const SYSTEM_MAX: Duration = Duration::from_secs(1);

/// Looks for a portal, after each venue that was not reached; asks no more often than a link does.
pub(crate) struct PortalExam<'a> {
    config: &'a DeskConfig,
    /// What the system says; `None` until it was asked.
    system: Option<SystemState>,
    /// What answered for the page last, and when.
    found: Option<(PortalAnswer, Instant)>,
}

/// What is known of a captive portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PortalFinding {
    /// One is in the way. A page that leads to where one signs in; empty if none is known.
    Found(String),
    /// The system looks by itself, and found none.
    NoneBySystem,
    /// The page answered itself.
    NoneByPage(String),
    /// Nobody answered for the page, or not as a portal does.
    Unanswered(String),
    /// A proxy is on the way, so what a direct connection meets says nothing.
    BehindProxy,
    /// There is no page to ask for.
    Off,
}

impl<'a> PortalExam<'a> {
    pub(crate) fn new(config: &'a DeskConfig) -> Self {
        Self { config, system: None, found: None }
    }

    /// After a venue at this host was not reached: what is known of a portal; `None` if none can be
    /// why.
    pub(crate) async fn look(&mut self, host: &str, why: &Refusal) -> Option<PortalFinding> {
        let next = Ended::by(why).next;
        if !next.may_be_a_portal() {
            return None;
        }
        let system = match self.system.take() {
            Some(system) => system,
            None => told_by_system().await,
        };
        let facts = Facts {
            found: self.found.map(|(answer, at)| (answer, at.elapsed())),
            ..Facts::of(next, &system, &self.config.proxy, host)
        };
        let check = self.config.portal_check.as_ref();
        if let Some(check) = check
            && is_due(&facts)
        {
            self.found = Some((check.ask().await, Instant::now()));
        }
        let finding = finding(&facts, &system, check, self.found.map(|(answer, _)| answer));
        self.system = Some(system);
        Some(finding)
    }
}

async fn told_by_system() -> SystemState {
    let mut watch = SystemWatch::listen(&NetworkChanges::none());
    let _ = timeout(SYSTEM_MAX, watch.changed()).await;
    watch.now()
}

fn finding(
    facts: &Facts,
    system: &SystemState,
    check: Option<&PortalCheck>,
    answer: Option<PortalAnswer>,
) -> PortalFinding {
    if let Some(page) = &system.portal {
        // Whoever runs the network may have chosen it.
        return PortalFinding::Found(peer_text::shown(page));
    }
    if system.found_open {
        return PortalFinding::NoneBySystem;
    }
    if facts.proxy {
        return PortalFinding::BehindProxy;
    }
    let Some(check) = check else { return PortalFinding::Off };
    let page = check.page().to_owned();
    match answer {
        Some(PortalAnswer::Portal) => PortalFinding::Found(page),
        Some(PortalAnswer::Open) => PortalFinding::NoneByPage(page),
        Some(PortalAnswer::Unknown) | None => PortalFinding::Unanswered(page),
    }
}

/// A line of the report, and another one with the cure.
impl fmt::Display for PortalFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, words) = match self {
            Self::Found(_) => (
                "FAILED",
                "This network lets nothing through until somebody signs in. [net.captive_portal]"
                    .to_owned(),
            ),
            Self::NoneBySystem => ("ok", "none was found; the system looks by itself".to_owned()),
            Self::NoneByPage(page) => ("ok", format!("none was found: {page} answered itself")),
            Self::Unanswered(page) => {
                ("-", format!("none was found, but {page} did not answer either"))
            }
            Self::BehindProxy => ("-", "not looked for: a proxy is on the way".to_owned()),
            Self::Off => (
                "-",
                "not looked for: the system tells of none, and no page is set (portal_check)"
                    .to_owned(),
            ),
        };
        write!(f, "  {mark:<8} {:<26} {words}", "captive portal")?;
        let Self::Found(page) = self else { return Ok(()) };
        let open = match page.is_empty() {
            true => "any page that begins with http://",
            false => page.as_str(),
        };
        let cure = format!("Open {open} in a browser and sign in, then try again.");
        write!(f, "\n           {:<26} {cure}", "what to do:")
    }
}

#[cfg(test)]
#[path = "portal_exam_tests.rs"]
mod tests;
