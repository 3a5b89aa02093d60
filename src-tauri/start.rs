//! Starts the desk of a shipped build: finds its configuration and its folders, and uses the
//! keychain of the operating system.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use crate::instance::Instance;

use signet_desk_core::{Desk, DeskConfig, DeskConfigError, managed::under_policy, view::Problem};
use signet_keystore::OsKeychain;
use signet_managed::Place;
use signet_stepup::client::system_keys;
use tauri::{Manager, Runtime};
use time::OffsetDateTime;

const CONFIG_FILE: &str = "desk.toml";
/// The identifier in tauri.conf.json; a test compares them.
const IDENTIFIER: &str = "desk.signet";

/// Starts the desk with the file `config`; without one, with the machine's `desk.toml`, which an
/// administrator deploys, or else with the user's own.
pub fn desk<R: Runtime>(app: &impl Manager<R>, config: Option<PathBuf>) -> Result<Desk, Problem> {
    let data = app.path().app_local_data_dir().map_err(no_place)?;
    let user = app.path().app_config_dir().map_err(no_place)?;
    Desk::start(
        self::config(config, data, &user)?,
        Arc::new(OsKeychain::default()),
        Arc::new(system_keys()),
    )
}

/// The right to be this user's only desk; the exit code when another window is open, which is then
/// brought to the front or follows the `link`.
pub fn instance(link: Option<&str>) -> Result<Option<Instance>, ExitCode> {
    let Some((data, _)) = folders() else { return Ok(None) };
    match crate::instance::take(&data, link) {
        Some(instance) => Ok(Some(instance)),
        None => {
            if link.is_none() {
                crate::display::tell("it is open already. Its window comes to the front.");
            }
            Err(ExitCode::SUCCESS)
        }
    }
}

/// The folders of this user as Tauri names them, for commands without a window.
pub(crate) fn folders() -> Option<(PathBuf, PathBuf)> {
    Some((dirs::data_local_dir()?.join(IDENTIFIER), dirs::config_dir()?.join(IDENTIFIER)))
}

/// The configuration in force: [`own_config`] under the firm's policy, if this computer has one.
/// Every start of a desk and every command that connects takes it from here.
pub(crate) fn config(
    config: Option<PathBuf>,
    data: PathBuf,
    user: &Path,
) -> Result<DeskConfig, Problem> {
    under_policy(own_config(config, data, user)?, &policy_place(), OffsetDateTime::now_utc())
}

/// Where the firm's policy is. A shipped program looks only where the system's administrator alone
/// can write; the tests of the whole program, which are other builds, name a folder of this user.
#[cfg(not(all(unix, any(feature = "practice", feature = "e2e"))))]
pub(crate) fn policy_place() -> Place {
    Place::system()
}

/// As above, for tests.
#[cfg(all(unix, any(feature = "practice", feature = "e2e")))]
pub(crate) fn policy_place() -> Place {
    use std::os::unix::fs::MetadataExt as _;
    let own = dirs::home_dir().and_then(|home| std::fs::metadata(home).ok()).map(|m| m.uid());
    match (std::env::var_os("SIGNET_TEST_POLICY"), own) {
        (Some(folder), Some(user)) => Place::folder_for_tests(folder.into(), user),
        _ => Place::system(),
    }
}

/// The settings of this computer or user: from the file that was named, the machine's or the
/// user's, or empty.
pub(crate) fn own_config(
    config: Option<PathBuf>,
    data: PathBuf,
    user: &Path,
) -> Result<DeskConfig, Problem> {
    let (machine, user) = (machine_config(), user.join(CONFIG_FILE));
    let named = config.is_some();
    let file = config.unwrap_or_else(|| if may_be_there(&machine) { machine } else { user });
    if named || may_be_there(&file) {
        return DeskConfig::from_file(&file, data, env!("CARGO_PKG_VERSION"))
            .map_err(|why| unusable(&file, &why));
    }
    // Without a configuration the trader enrols this laptop with an invitation.
    Ok(DeskConfig::without_file(data, env!("CARGO_PKG_VERSION")))
}

/// Whether there is a file, or that cannot be known: what an administrator deployed must not be
/// passed over because it cannot be read.
fn may_be_there(file: &Path) -> bool {
    file.try_exists().unwrap_or(true)
}

fn machine_config() -> PathBuf {
    let folder = if cfg!(windows) {
        let programs = std::env::var_os("ProgramData").unwrap_or_else(|| "C:\\ProgramData".into());
        Path::new(&programs).join("Signet")
    } else if cfg!(target_os = "macos") {
        PathBuf::from("/Library/Application Support/Signet")
    } else {
        PathBuf::from("/etc/signet")
    };
    folder.join(CONFIG_FILE)
}

fn no_place(why: tauri::Error) -> Problem {
    Problem::new(
        "desk.no_home",
        format!("This account has no folder for the desk's settings and records: {why}."),
        "Start the desk from an ordinary user account.",
    )
}

#[cfg(feature = "bench")]
pub(crate) fn broken(why: &str) -> Problem {
    Problem::new(
        "bench.not_started",
        format!("The measurement cannot start: {why}."),
        "Look at the log.",
    )
}

fn unusable(file: &Path, why: &DeskConfigError) -> Problem {
    match why {
        DeskConfigError::Read { source, .. } if source.kind() == ErrorKind::NotFound => {
            Problem::new(
                "config.missing",
                format!("This laptop does not know any venue yet: there is no {}.", file.display()),
                "Ask your administrator to set up Signet Desk on this laptop.",
            )
        }
        _ => Problem::new(
            "config.unusable",
            format!("The list of venues cannot be used. {why}."),
            format!("Ask your administrator to correct {}.", file.display()),
        ),
    }
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn a_configuration_that_cannot_be_looked_at_counts_as_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let round = dir.path().join("desk.toml");
        assert!(!super::may_be_there(&round), "there is none");
        std::os::unix::fs::symlink(&round, &round).expect("a link to itself");
        assert!(super::may_be_there(&round));
    }

    #[test]
    fn the_identifier_is_the_one_of_the_application() {
        let conf: serde_json::Value =
            serde_json::from_str(include_str!("../tauri.conf.json")).expect("JSON");
        assert_eq!(conf["identifier"], super::IDENTIFIER);
    }
}
