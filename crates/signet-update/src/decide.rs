//! What a computer does about a list of releases. Pure.

use crate::{
    digest::Digest,
    list::{Channel, Package, ReleaseList},
    state::{Kept, State, Trial},
};
use semver::Version;
use time::{Duration, OffsetDateTime};

/// A version on trial that was started so often without showing its window goes back.
pub const TRIAL_STARTS_MAX: u32 = 2;
/// The package manager gets so many tries with a package.
const ATTEMPTS_MAX: u32 = 3;
/// After this time administrators are told that open requests hold an update up. It is still not
/// installed; the least version of the gateway decides.
const WAIT_MAX_S: i64 = 24 * 3600;

/// What the desks of this computer's users say. They can only make the computer wait, go back to
/// the version that worked before, or keep the one on trial: whoever may write here gains nothing
/// else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// A desk has a request open.
    pub busy: bool,
    /// The version on trial opened its window for somebody.
    pub works: bool,
    /// The most starts of it by one user.
    pub starts: u32,
}

/// Everything that the decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The version that is installed.
    pub have: &'a Version,
    /// The program that is installed answers with its version.
    pub answers: bool,
    /// What is remembered, after [`State::with_installed`].
    pub state: &'a State,
    /// The list; `None` when there is none that counts.
    pub list: Option<&'a ReleaseList>,
    /// The channel of this computer.
    pub channel: &'a str,
    /// The packages it takes.
    pub target: &'a str,
    /// This computer among a hundred, for the version in question: [`bucket`].
    pub bucket: fn(&str, &Version) -> u8,
    /// The name of this computer.
    pub device: &'a str,
    /// By this computer's clock.
    pub now: OffsetDateTime,
    /// What the desks say.
    pub marks: Marks,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The version is the one that the list wants.
    Nothing,
    /// Nothing yet.
    Wait(Wait),
    /// Fetch this package of this version, and decide again.
    Fetch {
        /// The version.
        version: Version,
        /// The package.
        package: Package,
        /// It is the package of the version that is installed.
        way_back: bool,
        /// The version that the list offers.
        offer: Version,
    },
    /// Install this package, which is in the store.
    Apply(Kept),
    /// Write down that the version on trial works, and decide again.
    Confirm,
    /// Install this package, which worked before: the later version does not work, or the firm
    /// withdrew it.
    RollBack(Kept),
    /// Do not follow the list.
    Refuse(Refusal),
}

/// Why nothing is installed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// There is no list that counts.
    NoList,
    /// The firm stopped all updates.
    Halted,
    /// The turn of this computer comes later.
    Ring {
        /// How many of a hundred have their turn.
        percent: u8,
    },
    /// A desk has a request open.
    OpenRequest {
        /// Longer than a day.
        long: bool,
    },
    /// The new version has not shown its window yet.
    Trial,
}

/// Why the list is not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// An earlier list than the one that was used.
    OlderList {
        /// The latest that was used.
        seen: u64,
    },
    /// Another list has the same serial.
    SerialReused,
    /// Its time is over.
    Expired,
    /// It is signed with a later time than this computer's.
    NotYet,
    /// It does not have the channel.
    NoChannel,
    /// It has no package for this computer.
    NoPackage,
    /// Its version is older than one that worked here.
    Older {
        /// The version that worked, or is installed.
        than: Version,
    },
    /// The package did not work on this computer.
    FailedHere,
    /// It has no package of the version that is installed, so there would be no way back.
    NoWayBack,
}

/// What to do.
#[must_use]
pub fn decide(f: &Facts<'_>) -> Step {
    let admitted = f.list.map(|list| admit(list, f.state, f.now).map(|()| list));
    let of_list =
        admitted.as_ref().and_then(|a| a.as_ref().ok()).and_then(|l| l.channel(f.channel));
    if let Some(trial) = f.state.trial.as_ref().filter(|t| t.package.version == *f.have)
        && let Some(step) = on_trial(f, trial, of_list)
    {
        return step;
    }
    let list = match admitted {
        None => return Step::Wait(Wait::NoList),
        Some(Err(refusal)) => return Step::Refuse(refusal),
        Some(Ok(list)) => list,
    };
    let Some(channel) = of_list else { return Step::Refuse(Refusal::NoChannel) };
    if channel.withdrawn.contains(f.have) && channel.version < *f.have {
        return withdraw(f, channel);
    }
    if channel.version == *f.have {
        return Step::Nothing;
    }
    let worked = f.state.highest.as_ref().filter(|h| channel.version < **h);
    if let Some(than) = worked.or_else(|| Some(f.have).filter(|have| channel.version < **have)) {
        return Step::Refuse(Refusal::Older { than: than.clone() });
    }
    forward(f, list, channel)
}

/// Whether a list counts: it is in time, and no earlier one than before.
pub(crate) fn admit(list: &ReleaseList, state: &State, now: OffsetDateTime) -> Result<(), Refusal> {
    // Clocks of computers differ a little.
    if list.issued > now.saturating_add(Duration::minutes(10)) {
        return Err(Refusal::NotYet);
    }
    if list.expires <= now {
        return Err(Refusal::Expired);
    }
    if list.serial < state.serial {
        return Err(Refusal::OlderList { seen: state.serial });
    }
    if list.serial == state.serial && state.list.is_some_and(|seen| seen != list.digest) {
        return Err(Refusal::SerialReused);
    }
    Ok(())
}

/// A version on trial needs no list to stay or to go. `None`: a later version replaces it.
fn on_trial(f: &Facts<'_>, trial: &Trial, channel: Option<&Channel>) -> Option<Step> {
    let withdrawn = channel.is_some_and(|c| c.withdrawn.contains(f.have));
    let broken = !f.answers || f.marks.starts >= TRIAL_STARTS_MAX;
    if f.marks.works && f.answers && !withdrawn {
        return Some(Step::Confirm);
    }
    if broken || withdrawn {
        let back = f.state.confirmed.clone().filter(|k| k.version != trial.package.version);
        return Some(match back {
            None => Step::Refuse(Refusal::NoWayBack),
            Some(_) if f.marks.busy => busy(f),
            Some(to) => Step::RollBack(to),
        });
    }
    let later = channel.is_some_and(|c| c.version > *f.have);
    (!later || f.marks.starts > 0).then_some(Step::Wait(Wait::Trial))
}

/// Back to the version that worked before, if the list names it with the package that is kept.
fn withdraw(f: &Facts<'_>, channel: &Channel) -> Step {
    let kept = f.state.previous.clone().filter(|k| {
        let named = channel.package(&channel.version, f.target);
        k.version == channel.version && named.is_some_and(|p| p.sha256 == k.sha256)
    });
    match kept {
        None => Step::Refuse(Refusal::NoWayBack),
        Some(_) if f.marks.busy => busy(f),
        Some(to) => Step::RollBack(to),
    }
}

fn forward(f: &Facts<'_>, list: &ReleaseList, channel: &Channel) -> Step {
    let Some(package) = channel.package(&channel.version, f.target) else {
        return Step::Refuse(Refusal::NoPackage);
    };
    let tries = f.state.trial.as_ref().filter(|t| t.package.sha256 == package.sha256);
    if f.state.failed.contains(&package.sha256) || tries.is_some_and(|t| t.attempts >= ATTEMPTS_MAX)
    {
        return Step::Refuse(Refusal::FailedHere);
    }
    if list.halted {
        return Step::Wait(Wait::Halted);
    }
    let percent = channel.percent(f.now);
    if (f.bucket)(f.device, &channel.version) >= percent {
        return Step::Wait(Wait::Ring { percent });
    }
    // A version that nobody opened is replaced; the way back stays the one before it.
    let on_trial = f.state.trial.as_ref().is_some_and(|t| t.package.version == *f.have);
    let confirmed = f.state.confirmed.as_ref();
    if !confirmed.is_some_and(|k| k.version == *f.have || on_trial) {
        return match channel.package(f.have, f.target) {
            None => Step::Refuse(Refusal::NoWayBack),
            Some(package) => Step::Fetch {
                version: f.have.clone(),
                package: package.clone(),
                way_back: true,
                offer: channel.version.clone(),
            },
        };
    }
    let wanted =
        Kept { version: channel.version.clone(), sha256: package.sha256, size: package.size };
    if f.state.ready.as_ref() != Some(&wanted) {
        let (version, package) = (wanted.version, package.clone());
        return Step::Fetch { offer: version.clone(), version, package, way_back: false };
    }
    if f.marks.busy { busy(f) } else { Step::Apply(wanted) }
}

fn busy(f: &Facts<'_>) -> Step {
    let waited = |since| f.now.unix_timestamp().saturating_sub(since) > WAIT_MAX_S;
    let long = f.state.waits_since.is_some_and(waited);
    Step::Wait(Wait::OpenRequest { long })
}

/// Which of a hundred places a computer has for a version: another one for each version, so that it
/// is not the same people who are always the first.
#[must_use]
pub fn bucket(device: &str, version: &Version) -> u8 {
    let number = Digest::of(format!("signet-update\0{version}\0{device}").as_bytes()).number();
    u8::try_from(number % 100).unwrap_or(99)
}
