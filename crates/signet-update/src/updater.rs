//! Puts the parts together: reads the policy's settings, fetches the list, decides, acts.

use crate::{
    aside,
    decide::{Facts, Marks, Refusal, Step, Wait, admit, bucket, decide},
    desks,
    error::UpdateError,
    install::{Installed, Installer},
    list::{LIST_BYTES_MAX, ReleaseList},
    source::{Server, Source},
    state::{Kept, State},
    store::{Place, Store},
};
use semver::Version;
use signet_managed::{Policy, PublicKey};
use signet_net::ProxySetting;
use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{ChildStdout, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};
use time::OffsetDateTime;

const LIST: &str = "releases.toml";
const SIGNATURE: &str = "releases.toml.minisig";
const SIGNATURE_BYTES_MAX: u64 = 4 * 1024;
/// How long a whole list may take, and a whole signature.
const LIST_MAX: Duration = Duration::from_secs(120);
/// Programs that were replaced while desks ran from them.
const OLD: &str = "old";
/// How long the new program may take to say its version.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// More than any version has.
const VERSION_BYTES_MAX: u64 = 64;
/// More steps than any way through [`decide`] has.
const STEPS_MAX: usize = 8;

/// What the policy says about updates.
#[derive(Debug)]
pub struct Settings {
    /// From where.
    pub source: Source,
    /// Who signs the list.
    pub key: PublicKey,
    /// `stable` or `beta`.
    pub channel: &'static str,
}

impl Settings {
    /// The settings of a policy.
    ///
    /// # Errors
    /// [`UpdateError::NotSet`], or one that cannot be used.
    pub fn of(policy: &Policy) -> Result<Self, UpdateError> {
        let server = policy.update_server.as_deref().ok_or(UpdateError::NotSet("server"))?;
        let key = policy.update_key.clone().ok_or(UpdateError::NotSet("update_key"))?;
        let channel = policy.channel.unwrap_or(signet_managed::Channel::Stable).name();
        if !server.starts_with("https://") {
            return Ok(Self { source: Source::Folder(server.into()), key, channel });
        }
        let proxy = match policy.proxy.as_deref() {
            None => ProxySetting::FromEnvironment,
            Some("direct") => ProxySetting::Direct,
            Some(url) => ProxySetting::Url(
                url.parse().map_err(|_| UpdateError::NotSet("proxy that can be used"))?,
            ),
        };
        let hybrid = policy.hybrid_only.unwrap_or(false);
        let server = Server::new(server, &policy.server_anchors, proxy, hybrid)?;
        Ok(Self { source: Source::Server(server), key, channel })
    }
}

/// How far [`Updater::go`] goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Until {
    Look,
    Fetch,
    Install,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The version is the one that the list wants.
    UpToDate,
    /// There is a later version, and it was only looked at.
    Available(Version),
    /// It is fetched and verified, and waits.
    Ready(Version),
    /// Nothing yet.
    Waits(Wait),
    /// It was installed, and is on trial.
    Installed(Version),
    /// The computer must go back to this version, and was only looked at.
    MustGoBack(Version),
    /// The computer went back to this version.
    WentBack(Version),
    /// The list is not followed.
    Refused(Refusal),
}

/// Looks for updates and installs them.
#[derive(Debug)]
pub struct Updater {
    store: Store,
    installer: Installer,
    device: String,
    state: State,
}

impl Updater {
    /// Takes the store. `device` names this computer for the rings; where the system gives it no
    /// name, the store has one.
    ///
    /// # Errors
    /// The store or its state cannot be used.
    pub fn open(place: Place, installer: Installer, device: String) -> Result<Self, UpdateError> {
        let store = Store::open(place, installer.kind().ending())?;
        let state = store.place().read_state()?;
        let device = if device.is_empty() { store.device()? } else { device };
        Ok(Self { store, installer, device, state })
    }

    /// Says what would be done. It remembers nothing but the serial of the list.
    ///
    /// # Errors
    /// [`UpdateError`].
    pub async fn check(
        &mut self,
        settings: &Settings,
        now: OffsetDateTime,
    ) -> Result<Outcome, UpdateError> {
        self.go(settings, now, Until::Look).await
    }

    /// Fetches and verifies what is due, and installs nothing.
    ///
    /// # Errors
    /// [`UpdateError`].
    pub async fn fetch(
        &mut self,
        settings: &Settings,
        now: OffsetDateTime,
    ) -> Result<Outcome, UpdateError> {
        self.go(settings, now, Until::Fetch).await
    }

    /// Does everything that is due.
    ///
    /// # Errors
    /// [`UpdateError`].
    pub async fn run(
        &mut self,
        settings: &Settings,
        now: OffsetDateTime,
    ) -> Result<Outcome, UpdateError> {
        self.go(settings, now, Until::Install).await
    }

    /// Goes back to the version that worked before, because an administrator says so. The version
    /// that is left is not installed here again.
    ///
    /// # Errors
    /// [`UpdateError`].
    pub fn roll_back(&mut self) -> Result<Outcome, UpdateError> {
        let (have, answers) = self.installed()?;
        self.state = self.state.clone().with_installed(&have);
        let kept = [self.state.confirmed.clone(), self.state.previous.clone()];
        let Some(to) = kept.into_iter().flatten().find(|k| k.version != have) else {
            return Ok(Outcome::Refused(Refusal::NoWayBack));
        };
        if self.marks().busy && answers {
            return Ok(Outcome::Waits(Wait::OpenRequest { long: false }));
        }
        self.back(&to)
    }

    /// What is remembered.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    async fn go(
        &mut self,
        settings: &Settings,
        now: OffsetDateTime,
        until: Until,
    ) -> Result<Outcome, UpdateError> {
        // A trial ends with or without a list: why there is none is said only if one is needed.
        let (list, why) = match fetched(settings).await {
            Ok(list) => (Some(list), None),
            Err(why) => (None, Some(why)),
        };
        if let Some(list) = list.as_ref().filter(|l| admit(l, &self.state, now).is_ok()) {
            (self.state.serial, self.state.list) = (list.serial, Some(list.digest));
            self.store.keep(&self.state)?;
        }
        for _ in 0..STEPS_MAX {
            let step = self.step(settings, list.as_ref(), now)?;
            if step == Step::Wait(Wait::NoList) {
                return Err(why.unwrap_or(UpdateError::List("there is none".into())));
            }
            if let Some(outcome) = self.act(step, settings, now, until).await? {
                return Ok(outcome);
            }
        }
        Err(UpdateError::Install("the steps of the update have no end".into()))
    }

    fn step(
        &mut self,
        settings: &Settings,
        list: Option<&ReleaseList>,
        now: OffsetDateTime,
    ) -> Result<Step, UpdateError> {
        let (have, answers) = self.installed()?;
        self.state = self.state.clone().with_installed(&have);
        Ok(decide(&Facts {
            have: &have,
            answers,
            state: &self.state,
            list,
            channel: settings.channel,
            target: &self.installer.target(),
            bucket,
            device: &self.device,
            now,
            marks: self.marks(),
        }))
    }

    /// Does one step; `None`: decide again.
    async fn act(
        &mut self,
        step: Step,
        settings: &Settings,
        now: OffsetDateTime,
        until: Until,
    ) -> Result<Option<Outcome>, UpdateError> {
        // What waited for a request to end is not wanted now: another one does not wait since then.
        if matches!(
            step,
            Step::Nothing | Step::Wait(Wait::Halted | Wait::Ring { .. }) | Step::Refuse(_)
        ) && self.state.waits_since.take().is_some()
        {
            self.store.keep(&self.state)?;
        }
        Ok(match step {
            Step::Nothing => {
                self.store.tidy(&self.state, None)?;
                aside::tidy(&self.store.place().own.join(OLD));
                Some(Outcome::UpToDate)
            }
            Step::Wait(wait) => {
                if matches!(wait, Wait::OpenRequest { .. }) && self.state.waits_since.is_none() {
                    self.state.waits_since = Some(now.unix_timestamp());
                    self.store.keep(&self.state)?;
                }
                Some(Outcome::Waits(wait))
            }
            Step::Fetch { offer, .. } if until == Until::Look => Some(Outcome::Available(offer)),
            Step::Fetch { version, package, way_back, .. } => {
                self.store.tidy(&self.state, Some(package.sha256))?;
                self.store.fetch(&settings.source, &package).await?;
                let kept = Kept { version, sha256: package.sha256, size: package.size };
                let place =
                    if way_back { &mut self.state.confirmed } else { &mut self.state.ready };
                *place = Some(kept);
                self.store.keep(&self.state)?;
                None
            }
            Step::Apply(kept) if until < Until::Install => Some(Outcome::Ready(kept.version)),
            Step::Apply(kept) => Some(self.apply(kept, now)?),
            Step::Confirm => {
                self.state.confirm();
                self.store.keep(&self.state)?;
                None
            }
            Step::RollBack(to) if until < Until::Install => Some(Outcome::MustGoBack(to.version)),
            Step::RollBack(to) => Some(self.back(&to)?),
            Step::Refuse(refusal) => Some(Outcome::Refused(refusal)),
        })
    }

    fn apply(&mut self, kept: Kept, now: OffsetDateTime) -> Result<Outcome, UpdateError> {
        // Both packages are good before anything is changed: the new one, and the way back.
        let package = self.store.package_checked(&kept).inspect_err(|_| self.state.ready = None);
        let package = match package.and_then(|new| self.check_way_back().map(|()| new)) {
            Ok(package) => package,
            Err(why) => {
                self.store.keep(&self.state)?;
                return Err(why);
            }
        };
        // Checking large packages takes a while, in which somebody may have asked for a price.
        if self.marks().busy {
            return Ok(Outcome::Waits(Wait::OpenRequest { long: false }));
        }
        // Whoever keeps the file open makes this fail. Nothing was begun then, so it is not a try.
        self.make_room()?;
        let before = self.state.clone();
        self.state.begin_trial(kept.clone(), now);
        self.store.keep(&self.state)?;
        let installed = self.install(package, &kept, false);
        if matches!(installed, Err(UpdateError::InstallerBusy)) {
            // Nothing was begun, so it is not a try.
            self.state = before;
            self.store.keep(&self.state)?;
        }
        let installed = installed?;
        match installed_version(&self.store.place().program) {
            Some(have) if have == kept.version => Ok(Outcome::Installed(have)),
            Some(_) if installed == Installed::AfterRestart => {
                Err(UpdateError::Restart(kept.version))
            }
            Some(have) if self.state.confirmed.as_ref().is_some_and(|k| k.version == have) => {
                Err(UpdateError::Install(format!("version {have} is still installed")))
            }
            _ => match self.state.confirmed.clone() {
                Some(to) => self.back(&to),
                None => Ok(Outcome::Refused(Refusal::NoWayBack)),
            },
        }
    }

    /// Whether the package is good to which a trial would go back. One that is not is forgotten if
    /// it is of the version that is installed: the list names that one again, and it is fetched.
    fn check_way_back(&mut self) -> Result<(), UpdateError> {
        let Some(back) = self.state.confirmed.clone() else { return Ok(()) };
        let Err(why) = self.store.package_checked(&back) else { return Ok(()) };
        if self.installed()?.0 == back.version {
            self.state.confirmed = None;
        }
        Err(why)
    }

    /// Installs a package that worked. That the one which is left is not wanted is written down
    /// first: a computer that stops in between does not install it again.
    fn back(&mut self, to: &Kept) -> Result<Outcome, UpdateError> {
        let package = self.store.package_checked(to)?;
        let left = self.state.trial.as_ref().map(|t| t.package.sha256);
        let confirmed = self.state.confirmed.as_ref().map(|k| k.sha256);
        if let Some(left) = left.or(confirmed).filter(|left| *left != to.sha256) {
            self.state.fail(left);
        }
        self.state.ready = None;
        self.store.keep(&self.state)?;
        self.make_room()?;
        let installed = self.install(package, to, true)?;
        let have = installed_version(&self.store.place().program);
        if have.as_ref() != Some(&to.version) {
            if installed == Installed::AfterRestart {
                return Err(UpdateError::Restart(to.version.clone()));
            }
            return Err(UpdateError::Install(format!("version {} does not answer", to.version)));
        }
        self.state.went_back_to(to);
        self.store.keep(&self.state)?;
        Ok(Outcome::WentBack(to.version.clone()))
    }

    /// Lets the installer replace what desks that are open were started from; they go on to run it.
    fn make_room(&self) -> Result<(), UpdateError> {
        if !cfg!(windows) {
            return Ok(());
        }
        let place = self.store.place();
        let folder = place.program.parent().unwrap_or(Path::new(""));
        aside::make_replaceable(folder, &aside::IN_USE, &place.own.join(OLD))
            .map_err(UpdateError::disk(folder))
    }

    /// Starts the installer.
    fn install(&self, package: File, kept: &Kept, back: bool) -> Result<Installed, UpdateError> {
        let own = &self.store.place().own;
        self.installer.run(package, &self.store.package_path(kept), own, back)
    }

    fn marks(&self) -> Marks {
        let trial = self.state.trial.as_ref().map(|t| t.package.sha256);
        desks::marks(&self.store.place().desks, trial)
    }

    /// The version that is installed, and whether it answers. One that does not is the one that was
    /// installed last.
    fn installed(&self) -> Result<(Version, bool), UpdateError> {
        if let Some(have) = installed_version(&self.store.place().program) {
            return Ok((have, true));
        }
        let trial = self.state.trial.as_ref().map(|t| &t.package);
        let last = trial.or(self.state.confirmed.as_ref()).map(|k| (k.version.clone(), false));
        last.ok_or_else(|| UpdateError::Install("the installed program does not answer".into()))
    }
}

async fn fetched(settings: &Settings) -> Result<ReleaseList, UpdateError> {
    let bytes = settings.source.small(LIST, LIST_BYTES_MAX, LIST_MAX).await?;
    let signature = settings.source.small(SIGNATURE, SIGNATURE_BYTES_MAX, LIST_MAX).await?;
    let signature = String::from_utf8(signature)
        .map_err(|_| UpdateError::Signature(signet_managed::SignatureError::Form))?;
    ReleaseList::read(&bytes, &signature, &settings.key)
}

/// The version that the program says it has; `None`: it says none in time.
#[must_use]
pub fn installed_version(program: &Path) -> Option<Version> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let begun = Instant::now();
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.success(),
            Ok(None) if begun.elapsed() < ANSWER_MAX => {
                std::thread::sleep(Duration::from_millis(20));
            }
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                break false;
            }
        }
    };
    if !ended {
        return None;
    }
    let said = first_line(child.stdout.take()?)?;
    let version = said.lines().next()?.strip_prefix("signet-desk ")?;
    crate::list::version(version).ok()
}

/// The first line of what a program said that has ended. Something that it started and left behind
/// may hold the pipe open for ever: nobody waits for its end.
fn first_line(said: ChildStdout) -> Option<String> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(said.take(VERSION_BYTES_MAX)).read_line(&mut line);
        // Whoever asked may have given up.
        let _ = tell.send(read.map(|_| line));
    });
    told.recv_timeout(ANSWER_MAX).ok()?.ok()
}
