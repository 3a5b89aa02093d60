//! The practice venue inside the desk. No release build contains it.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use signet_desk_core::{
    Desk, DeskConfig, TradingSettings,
    view::{Ask, Problem, Ticket},
};
use signet_devca::private_keyring::{PrivateKeyring, Start};
use signet_keystore::{IdentityName, Keychain, KeychainError, OsKeychain};
use signet_practice::{Plan, Practice, TRADER, VENUE_NAME};
use signet_vkey::{Settings, VirtualKey, VirtualKeys};

/// The password of a practice keyring, which contains nothing of value.
const PRACTICE_PASSWORD: &str = "practice";
/// The trader's user id at the practice firm.
const USER: &str = "practice";
/// The PIN of the simulated security key.
const KEY_PIN: &str = "123456";
/// Practice asks for a touch above a quantity that a trader reaches by typing one letter.
const RULES: &str = "logon = 'risk'\naccept_above = { default = '1m' }";
/// A colleague of the trader, in the same group.
const COLLEAGUE_USER: &str = "colleague";
const COLLEAGUE: &str = "PRACTICE2";
/// Colleagues see and take over each other's requests.
const GROUP: &str = "\n[groups]\ndesk = ['practice', 'colleague']\n";
const COLLEAGUES: &str = "\n@id(\"practice-colleagues\")\n\
    permit (principal, action in [Action::\"see-rfqs\", Action::\"take-over\"], resource);\n";
/// How long a colleague's request stays open, and its quotes stand: nobody has to hurry.
const COLLEAGUE_TTL_S: u32 = 600;
/// How often the colleague looks whether a request of theirs is open.
const COLLEAGUE_LOOKS: Duration = Duration::from_millis(200);
/// How long it waits for a keychain before it counts as missing.
const PROBE_MAX: Duration = Duration::from_secs(5);

/// Gateway, dealers and, on a machine without a keychain, a private keyring. All end when it is
/// dropped.
pub struct Venue {
    practice: Result<Practice, Problem>,
    keys: VirtualKeys,
    keychain: Arc<OsKeychain>,
    _keyring: Option<PrivateKeyring>,
}

impl Venue {
    /// Starts everything. The window shows what goes wrong.
    ///
    /// # Safety
    /// Changes the environment, so no other thread may run yet.
    pub unsafe fn start() -> Self {
        let dir = folder();
        // SAFETY: the caller's promise.
        let keyring = unsafe { keyring_if_none(&dir) };
        let keychain = Arc::new(OsKeychain::default());
        let (practice, keyring) = match keyring {
            Ok(k) => (start(&dir, keychain.as_ref()), k),
            Err(p) => (Err(p), None),
        };
        let keys = VirtualKeys::default()
            .with_hint(&format!("its PIN is {KEY_PIN}, and a click is its touch"));
        Self { practice, keys, keychain, _keyring: keyring }
    }

    /// A desk that connects at once; its trader is enrolled and has registered a security key.
    pub fn desk(&self) -> Result<Desk, Problem> {
        let practice = self.practice.as_ref().map_err(Clone::clone)?;
        let key = Settings::named("Practice key").pin(KEY_PIN);
        let key =
            VirtualKey::plug_in(practice.authority(), key).map_err(|e| problem(e.to_string()))?;
        self.keys.add(key.clone());
        let trading = TradingSettings::default();
        let config = DeskConfig { trading, ..practice.desk_config(env!("CARGO_PKG_VERSION")) };
        if enrolling() {
            invite(practice, &folder())?;
            let config = DeskConfig { venues: Vec::new(), ..config };
            return Desk::start(config, self.keychain.clone(), Arc::new(self.keys.clone()));
        }
        let onboarded =
            practice.onboard(&config, self.keychain.clone(), USER, TRADER, &key, KEY_PIN);
        let identity = onboarded.map_err(|e| problem(e.to_string()))?;
        let desk = Desk::start(config, self.keychain.clone(), Arc::new(self.keys.clone()))?;
        if std::env::var_os("SIGNET_PRACTICE_WAIT").is_none() {
            desk.connect_now(&identity, VENUE_NAME)?;
        }
        if has_colleague() {
            self.colleague(practice)?;
        }
        Ok(desk)
    }

    /// A second desk, without a window, at which a request is always open.
    fn colleague(&self, practice: &Practice) -> Result<(), Problem> {
        let config = practice.desk_config(env!("CARGO_PKG_VERSION"));
        let config = DeskConfig { data_dir: folder().join("colleague"), ..config };
        let keychain = self.keychain.clone();
        let enrolled = practice.enrol_only(&config, keychain.clone(), COLLEAGUE_USER, COLLEAGUE);
        let identity = enrolled.map_err(|e| problem(e.to_string()))?;
        let desk = Desk::start(config, keychain, Arc::new(VirtualKeys::default()))?;
        desk.connect_now(&identity, VENUE_NAME)?;
        std::thread::spawn(move || {
            loop {
                if !desk.has_open_requests()
                    && let Err(why) = colleague_asks(&desk)
                {
                    tracing::debug!(code = %why.code, "the colleague's request waits");
                }
                std::thread::sleep(COLLEAGUE_LOOKS);
            }
        });
        Ok(())
    }
}

/// Asks every dealer, as soon as all can be reached.
fn colleague_asks(desk: &Desk) -> Result<String, Problem> {
    let dealers = desk.reference().dealers;
    if dealers.is_empty() || dealers.iter().any(|d| !d.online) {
        let why = "a dealer is not online".to_owned();
        return Err(problem(why));
    }
    desk.send_rfq(Ticket {
        price_type: Default::default(),
        legs: vec![],
        instrument: "DE000BU2Z049".into(),
        ask: Ask::Buy,
        quantity: "300k".into(),
        dealers: dealers.into_iter().map(|d| d.id).collect(),
        ttl_s: COLLEAGUE_TTL_S,
        settlement_date: None,
    })
}

fn start(dir: &Path, keychain: &dyn Keychain) -> Result<Practice, Problem> {
    let plan = if std::env::var_os("SIGNET_PRACTICE_CALM").is_some() {
        Plan::calm(dir)
    } else {
        Plan::new(dir)
    };
    let plan = plan.map(|mut p| {
        p.enrolment = true;
        p.step_up = Some(RULES.into());
        p.desks.clear();
        if has_colleague() {
            p.facts.push_str(GROUP);
            p.policies.push_str(COLLEAGUES);
            let valid_ms = u64::from(COLLEAGUE_TTL_S) * 1_000;
            p.dealers.dealers.iter_mut().for_each(|d| d.valid_ms = valid_ms);
        }
        p
    });
    plan.and_then(|p| Practice::start(&p, keychain)).map_err(|e| problem(e.to_string()))
}

/// Whether this laptop starts as a new one, which the person enrols with an invitation.
fn enrolling() -> bool {
    std::env::var_os("SIGNET_PRACTICE_ENROL").is_some()
}

/// Whether a colleague trades at the same venue.
fn has_colleague() -> bool {
    std::env::var_os("SIGNET_PRACTICE_COLLEAGUE").is_some()
}

/// Prints what an administrator would send to a trader, and writes it to a file in the practice
/// folder, because one person is both here.
fn invite(practice: &Practice, dir: &Path) -> Result<(), Problem> {
    let invited = practice.invite(USER, TRADER, "keychain").map_err(|e| problem(e.to_string()))?;
    let text = format!(
        "Invitation: {}\nFingerprint: {}\nOne-time code: {}\n",
        invited.link, invited.fingerprint, *invited.code
    );
    print!("{text}");
    std::fs::write(dir.join("invitation.txt"), text).map_err(|e| problem(e.to_string()))
}

/// `SIGNET_PRACTICE_DIR`, or a folder of the user's.
pub fn folder() -> PathBuf {
    if let Some(dir) = std::env::var_os("SIGNET_PRACTICE_DIR") {
        return dir.into();
    }
    let home = || std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".local/share"));
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    // One that is empty or relative counts as none (XDG Base Directory Specification).
    let data = data.filter(|d| d.is_absolute()).or_else(home);
    data.unwrap_or_else(std::env::temp_dir).join("signet-practice")
}

/// Starts a private gnome-keyring when this session has no keychain that keeps anything.
///
/// # Safety
/// Changes the environment, so no other thread may run yet.
unsafe fn keyring_if_none(dir: &Path) -> Result<Option<PrivateKeyring>, Problem> {
    let name: IdentityName = TRADER.parse().map_err(|e: KeychainError| problem(e.to_string()))?;
    // Looking asks nobody, and making does, who then has the usual time.
    let looked = OsKeychain::new(PROBE_MAX).identities().map(drop);
    let kept = looked.and_then(|()| OsKeychain::default().secret(&name).map(drop));
    let why = match kept {
        Err(why) if keeps_nothing(&why) => why,
        _ => return Ok(None),
    };
    let home = dir.join("keyring");
    let keyring = std::fs::create_dir_all(&home)
        .map_err(|e| e.to_string())
        .and_then(|()| {
            PrivateKeyring::start_in(&home, PRACTICE_PASSWORD, Start::Unlocked)
                .map_err(|e| e.to_string())
        })
        .map_err(|e| problem(format!("{why}, and no other keychain could be started: {e}")))?;
    for (name, value) in keyring.env() {
        if stays(name, std::env::var_os(name).as_deref()) {
            continue;
        }
        // SAFETY: the caller's promise; the probes' threads have answered and ended.
        unsafe { std::env::set_var(name, value) };
    }
    Ok(Some(keyring))
}

/// Whether nothing can be kept in the session's keychain: there is none, or nobody opens it. Over
/// SSH a bus starts one that has no desktop to ask for its password on.
fn keeps_nothing(said: &KeychainError) -> bool {
    use KeychainError::{Locked, NoDefaultCollection, NoKeychain, PromptDismissed};
    matches!(said, NoKeychain { .. } | Locked | NoDefaultCollection | PromptDismissed)
}

/// Whether this program keeps the variable of its session, `own`, beside the private keyring. A
/// Wayland display is a socket in the session's runtime folder; the keyring needs one as well, but
/// this program finds the keyring by the bus.
fn stays(name: &str, own: Option<&OsStr>) -> bool {
    name == "XDG_RUNTIME_DIR" && own.is_some_and(|folder| !folder.is_empty())
}

fn problem(message: String) -> Problem {
    Problem::new(
        "practice.not_started",
        format!("The practice venue could not start: {message}."),
        format!(
            "If it names the keychain, unlock that. Otherwise run `make run` again, which installs \
                what is missing. If that does not help, move {} away: it has practice trades only.",
            folder().display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::{PROBE_MAX, keeps_nothing, stays};
    use signet_keystore::KeychainError;
    use std::ffi::OsStr;

    #[test]
    fn a_keychain_that_nobody_opens_counts_as_none() {
        let none = KeychainError::NoKeychain { detail: "no bus".into() };
        let nobody = [KeychainError::Locked, KeychainError::PromptDismissed];
        let without = [none, KeychainError::NoDefaultCollection];
        assert!(nobody.iter().chain(&without).all(keeps_nothing));
        // A person may be reading the question, and damage is told.
        let damaged = KeychainError::Malformed { entry: "a".into(), why: "b" };
        assert!(![KeychainError::TimedOut(PROBE_MAX), damaged].iter().any(keeps_nothing));
    }

    #[test]
    fn a_private_keyring_leaves_the_folder_in_which_a_wayland_display_is() {
        let session = Some(OsStr::new("/run/user/1000"));
        assert!(stays("XDG_RUNTIME_DIR", session));
        assert!(!stays("XDG_RUNTIME_DIR", None), "none is there to keep");
        assert!(!stays("XDG_RUNTIME_DIR", Some(OsStr::new(""))));
        assert!(!stays("DBUS_SESSION_BUS_ADDRESS", session), "the keyring is found by it");
    }
}
