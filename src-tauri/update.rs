//! `signet-desk update`: looks for updates that the firm signed, and installs them as the
//! administrator account of this computer. And what a desk tells it: that a request is open, and
//! that a new version works.

use signet_desk_core::{Desk, peer_text, view::NoticeKind};
use signet_managed::PublicKey;
use signet_update::{
    Installer, LIST_BYTES_MAX, Outcome, Place, Refusal, ReleaseList, Settings, UpdateError,
    Updater, Wait, desks::Mark,
};
use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::Path,
    process::ExitCode,
    sync::OnceLock,
    time::{Duration, Instant, SystemTime},
};
use time::OffsetDateTime;

/// A start of a version on trial that shows no window in this time does not hold the update up.
const START_MAX: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(500);
const NEWS_EVERY: Duration = Duration::from_secs(30);

static MARK: OnceLock<Mark> = OnceLock::new();

/// What an administrator or the timer asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Say what would be done.
    Check,
    /// Fetch and verify.
    Fetch,
    /// Do all that is due.
    Run,
    /// Go back to the version before.
    RollBack,
}

/// Does what was ordered. Exit codes: 0 done or nothing to do, 1 refused or failed, 3 an update
/// waits, 4 the computer went back.
pub fn order(order: Order) -> ExitCode {
    match ordered(order) {
        Ok(None) => {
            println!("Updates are not set up: this computer has no policy that names a server.");
            ExitCode::SUCCESS
        }
        Ok(Some(outcome)) => told(&outcome),
        Err(why) => failed(&why),
    }
}

fn ordered(order: Order) -> Result<Option<Outcome>, UpdateError> {
    let (place, installer) = place();
    if order == Order::RollBack {
        return Updater::open(place, installer, device())?.roll_back().map(Some);
    }
    let now = OffsetDateTime::now_utc();
    // Beside the packages, where no trader can delete it: an older policy does not come back here.
    let record = place.own.join("managed.seen");
    let mut updater = Updater::open(place, installer, device())?;
    let found = signet_managed::load(&crate::start::policy_place(), now, &record);
    let found = found.map_err(|e| UpdateError::Policy(format!("{e} [{}]", e.code())))?;
    let Some(managed) = found.filter(|m| m.policy.update_server.is_some()) else {
        return Ok(None);
    };
    let new = record.with_extension("new");
    let kept = keep(&new, &record, &managed.record().to_text());
    kept.map_err(|source| UpdateError::Disk { path: record, source })?;
    let settings = Settings::of(&managed.policy)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| UpdateError::Policy(e.to_string()))?;
    let outcome = runtime.block_on(async {
        match order {
            Order::Check => updater.check(&settings, now).await,
            Order::Fetch => updater.fetch(&settings, now).await,
            _ => updater.run(&settings, now).await,
        }
    });
    outcome.map(Some)
}

/// On the disk when this returns: with a record that a power cut left empty, no update would run.
fn keep(new: &Path, record: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(new, record)?;
    #[cfg(unix)]
    if let Some(folder) = record.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn told(outcome: &Outcome) -> ExitCode {
    let (code, words) = match outcome {
        Outcome::UpToDate => (0, "This version is the one that the firm wants.".into()),
        Outcome::Available(v) => (3, format!("Version {v} is there and not fetched yet.")),
        Outcome::Ready(v) => {
            (3, format!("Version {v} is ready; it is installed when no request is open."))
        }
        Outcome::Installed(v) => {
            (0, format!("Version {v} is installed. Desks that are open use it when they start."))
        }
        Outcome::MustGoBack(v) => (4, format!("This version must go back to {v}.")),
        Outcome::WentBack(v) => (4, format!("Version {v} is installed again.")),
        Outcome::Waits(wait) => waits(*wait),
        Outcome::Refused(refusal) => {
            let (code, words) = refused(refusal);
            eprintln!("signet-desk: {words} [{code}]");
            return ExitCode::FAILURE;
        }
    };
    println!("{words}");
    ExitCode::from(code)
}

fn waits(wait: Wait) -> (u8, String) {
    match wait {
        Wait::NoList => (1, "There is no list of releases.".into()),
        Wait::Halted => (3, "The firm has stopped all updates.".into()),
        Wait::Ring { percent } => {
            (3, format!("The turn of this computer comes later; {percent} of 100 have theirs."))
        }
        Wait::OpenRequest { long: false } => {
            (3, "An update is ready and waits: a desk has a request open.".into())
        }
        Wait::OpenRequest { long: true } => (
            1,
            "An update has waited for more than a day: a desk says all the time that a request \
                is open. Find out why; the gateway's least version decides who may still connect."
                .into(),
        ),
        Wait::Trial => (3, "The new version is installed, and nobody has opened it yet.".into()),
    }
}

fn refused(refusal: &Refusal) -> (&'static str, String) {
    match refusal {
        Refusal::OlderList { seen } => (
            "update.older_list",
            format!("The list of releases is older than the one with serial {seen} that was used."),
        ),
        Refusal::SerialReused => (
            "update.serial_reused",
            "Another list with the same serial was used. Give the changed list a higher one."
                .into(),
        ),
        Refusal::Expired => (
            "update.list_expired",
            "The time of the list of releases is over. Check this computer's date, or sign a new \
                list."
                .into(),
        ),
        Refusal::NotYet => (
            "update.list_not_yet",
            "The list of releases was signed later than this computer's time. Check its date."
                .into(),
        ),
        Refusal::NoChannel => {
            ("update.no_channel", "The list of releases does not have this channel.".into())
        }
        Refusal::NoPackage => {
            ("update.no_package", "The list has no package for this kind of computer.".into())
        }
        Refusal::Older { than } => (
            "update.older_version",
            format!("The list offers an older version than {than}, which was used here."),
        ),
        Refusal::FailedHere => (
            "update.failed_here",
            "The version that the list offers did not work on this computer.".into(),
        ),
        Refusal::NoWayBack => (
            "update.no_way_back",
            "There is no package to go back to: the list must name a package of the version that \
                is installed."
                .into(),
        ),
    }
}

/// What this computer remembers of its updates; for every user.
pub fn status() -> ExitCode {
    let (place, _) = place();
    let state = match place.read_state() {
        Ok(state) => state,
        Err(why) => return failed(&why),
    };
    println!("This program is version {}.", env!("CARGO_PKG_VERSION"));
    match &state.ready {
        Some(kept) => {
            println!("Version {} is ready; it is installed when no request is open.", kept.version)
        }
        None => println!("No update is ready."),
    }
    if let Some(trial) = &state.trial {
        println!("Version {} is on trial until a desk shows its window.", trial.package.version);
    }
    if let Some(kept) = &state.confirmed {
        println!("Version {} worked last; its package is kept.", kept.version);
    }
    println!("The latest list of releases has serial {}.", state.serial);
    ExitCode::SUCCESS
}

/// Checks a list of releases before it is published; with a key also its signature.
pub fn verify(file: &Path, key: Option<&Path>) -> ExitCode {
    match verified(file, key) {
        Ok(words) => {
            println!("{words}");
            ExitCode::SUCCESS
        }
        Err(why) => failed(&why),
    }
}

fn verified(file: &Path, key: Option<&Path>) -> Result<String, UpdateError> {
    let text = read(file)?;
    let list = match key {
        None => ReleaseList::from_toml(&text)?,
        Some(key) => {
            let key = PublicKey::read(&read(key)?).map_err(UpdateError::Signature)?;
            let mut beside = file.as_os_str().to_owned();
            beside.push(".minisig");
            ReleaseList::read(text.as_bytes(), &read(Path::new(&beside))?, &key)?
        }
    };
    let signed =
        if key.is_some() { "Its signature counts." } else { "Its signature was not checked." };
    Ok(format!("{}: good, serial {}. {signed}", file.display(), list.serial))
}

fn read(path: &Path) -> Result<String, UpdateError> {
    let disk = |source| UpdateError::Disk { path: path.into(), source };
    let mut text = String::new();
    let file = File::open(path).map_err(disk)?;
    file.take(LIST_BYTES_MAX + 1).read_to_string(&mut text).map_err(disk)?;
    Ok(text)
}

fn failed(why: &UpdateError) -> ExitCode {
    // A server, or a proxy on the way to it, may have said why.
    let words = peer_text::shown(&format!("{why}. {}", why.cure()));
    eprintln!("signet-desk: {words} [{}]", why.code());
    ExitCode::FAILURE
}

/// The name of this computer for the rings. It stays on this computer.
#[cfg(windows)]
fn device() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// As above. What a shell exports does not count: the daemon does not have it, and a run by hand
/// would be in another ring.
#[cfg(not(windows))]
fn device() -> String {
    named(Path::new("/etc/machine-id"))
}

/// Where there is no such file, as on macOS, the store makes a name.
#[cfg(not(windows))]
fn named(file: &Path) -> String {
    fs::read_to_string(file).map(|id| id.trim().to_owned()).unwrap_or_default()
}

/// Where updates are, and what installs them. A shipped program knows only the system's own place;
/// the tests of the whole program, which are other builds, name a folder.
#[cfg(not(all(unix, any(feature = "practice", feature = "e2e"))))]
fn place() -> (Place, Installer) {
    let place = Place::system();
    let kind = signet_update::Kind::of(&place.program);
    (place, Installer::new(kind))
}

/// As above, for tests.
#[cfg(all(unix, any(feature = "practice", feature = "e2e")))]
fn place() -> (Place, Installer) {
    match std::env::var_os("SIGNET_TEST_UPDATE") {
        Some(folder) => {
            let folder = Path::new(&folder);
            (Place::below_for_tests(folder), Installer::below_for_tests(folder.join("root")))
        }
        None => {
            let place = Place::system();
            let kind = signet_update::Kind::of(&place.program);
            (place, Installer::new(kind))
        }
    }
}

/// Leaves this desk's mark: before anything of a new version can fail.
pub(crate) fn begin() {
    let Ok(own) = env!("CARGO_PKG_VERSION").parse() else { return };
    if let Some(mark) = Mark::begin(&place().0, &own) {
        // A second call happens only in tests.
        let _ = MARK.set(mark);
    }
}

/// Keeps the mark true while the process lives.
pub(crate) fn watch(desk: Option<Desk>) {
    if MARK.get().is_none() {
        return;
    }
    let begun = Instant::now();
    let watching = move || {
        let (mut looked, mut seen) = (begun, None);
        loop {
            std::thread::sleep(LOOK_EVERY);
            let Some(mark) = MARK.get() else { return };
            let starting = mark.starting() && begun.elapsed() <= START_MAX;
            mark.busy(starting || desk.as_ref().is_some_and(Desk::has_open_requests));
            if let (Some(desk), true) = (&desk, looked.elapsed() >= NEWS_EVERY) {
                looked = Instant::now();
                tell_news(desk, &mut seen);
            }
        }
    };
    let spawned = std::thread::Builder::new().name("signet-requests".into()).spawn(watching);
    if let Err(why) = spawned {
        tracing::warn!(%why, "updates do not learn when a request is open");
    }
}

/// Says once that another version is installed; the program is asked only when its file is another.
fn tell_news(desk: &Desk, seen: &mut Option<SystemTime>) {
    let program = place().0.program;
    let Ok(changed) = fs::metadata(&program).and_then(|m| m.modified()) else { return };
    // The first look is at the file that runs.
    if seen.replace(changed).is_none_or(|before| before == changed) {
        return;
    }
    // What is ready or on trial is not told: whether it will be installed is the firm's to say, and
    // the package manager's.
    let version = signet_update::installed_version(&program).map(|v| v.to_string());
    if let Some(version) = version.filter(|v| v != env!("CARGO_PKG_VERSION")) {
        let words =
            format!("Version {version} is installed. It starts when you open Signet Desk again.");
        desk.tell(NoticeKind::Plain, "update.installed", words);
    }
}

/// The page of the window works: it has asked for something.
pub(crate) fn window_works() {
    if let Some(mark) = MARK.get() {
        mark.works();
    }
}

#[cfg(all(test, not(windows)))]
mod tests {
    use super::*;

    #[test]
    fn a_computer_is_named_by_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("machine-id");
        assert_eq!(named(&file), "");
        fs::write(&file, "0f3c\n").unwrap();
        assert_eq!(named(&file), "0f3c");
    }
}
