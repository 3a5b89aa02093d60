//! A GNOME Keyring of one's own on a session bus of one's own, apart from the user's.
//!
//! For tests, and for practice on a machine that has no keychain. Needs the Debian packages
//! `gnome-keyring` and `dbus`. Both programs end when the value is dropped.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::DevCaError;
use crate::files::{make_private, write_private};

/// How long the keyring may take to appear on the bus.
const START_TIME_MAX: Duration = Duration::from_secs(15);
const POLL_INTERVAL: Duration = Duration::from_millis(30);
const THROW_AWAY_PASSWORD: &str = "practice";
const SERVICE_NAME: &str = "org.freedesktop.secrets";

/// A session bus that offers nothing by itself: no service files, only this user.
const BUS_CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC
  "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:dir=@DIR@</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// Whether the keyring waits for its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Unlocked with the given password, and made if there is none yet.
    Unlocked,
    /// Locked, and with nobody to show a prompt to.
    Locked,
}

/// A private session bus without any keychain.
#[derive(Debug)]
pub struct PrivateBus {
    daemon: Child,
    address: String,
    home: PathBuf,
    run: TempDir,
}

/// A private session bus with a GNOME Keyring on it.
#[derive(Debug)]
pub struct PrivateKeyring {
    // Order matters: the keyring goes before its bus, both before their directories.
    daemon: Child,
    bus: PrivateBus,
    _home: Option<TempDir>,
}

impl PrivateBus {
    /// Starts the bus; whatever runs on it keeps its files under `home`.
    pub fn start(home: &Path) -> Result<Self, DevCaError> {
        make_private(home)?;
        // Not under `home`: a socket's path may have at most 108 bytes.
        let run = TempDir::with_prefix("signet-bus-")
            .map_err(|source| DevCaError::File { path: home.to_owned(), source })?;
        let config = run.path().join("bus.conf");
        let text = BUS_CONFIG.replace("@DIR@", &run.path().to_string_lossy());
        write_private(&config, text.as_bytes())?;
        let (daemon, address) = bus_daemon(run.path(), None)?;
        Ok(Self { daemon, address, home: home.to_owned(), run })
    }

    /// Kills the bus, as a crash does.
    pub fn stop(&mut self) {
        end(&mut self.daemon);
    }

    /// Starts it at the same address, after [`Self::stop`].
    pub fn start_again(&mut self) -> Result<(), DevCaError> {
        self.stop();
        (self.daemon, _) = bus_daemon(self.run.path(), Some(&self.address))?;
        Ok(())
    }

    /// The environment that makes a program use this bus.
    #[must_use]
    pub fn env(&self) -> Vec<(&'static str, OsString)> {
        vec![
            ("DBUS_SESSION_BUS_ADDRESS", self.address.clone().into()),
            ("XDG_RUNTIME_DIR", self.run.path().into()),
        ]
    }

    fn has_owner(&self, name: &str) -> bool {
        let query = Command::new("dbus-send")
            .arg(format!("--bus={}", self.address))
            .args(["--print-reply=literal", "--dest=org.freedesktop.DBus", "/"])
            .args(["org.freedesktop.DBus.NameHasOwner", &format!("string:{name}")])
            .stderr(Stdio::null())
            .output();
        query.is_ok_and(|reply| String::from_utf8_lossy(&reply.stdout).contains("true"))
    }
}

impl PrivateKeyring {
    /// An empty, unlocked keyring that is forgotten on drop.
    pub fn start() -> Result<Self, DevCaError> {
        let home = TempDir::with_prefix("signet-keyring-")
            .map_err(|source| DevCaError::File { path: std::env::temp_dir(), source })?;
        let mut keyring = Self::start_in(home.path(), THROW_AWAY_PASSWORD, Start::Unlocked)?;
        keyring._home = Some(home);
        Ok(keyring)
    }

    /// A keyring whose files stay under `home`.
    pub fn start_in(home: &Path, password: &str, start: Start) -> Result<Self, DevCaError> {
        const PROGRAM: &str = "gnome-keyring-daemon";
        let bus = PrivateBus::start(home)?;
        let mut command = Command::new(PROGRAM);
        command.args(["--foreground", "--components=secrets"]).envs(bus.env());
        // The daemon must neither find the user's keyrings nor a desktop to prompt on.
        command.env("HOME", &bus.home).env("XDG_DATA_HOME", bus.home.join("data"));
        for name in ["GNOME_KEYRING_CONTROL", "DISPLAY", "WAYLAND_DISPLAY"] {
            command.env_remove(name);
        }
        if start == Start::Unlocked {
            command.arg("--unlock");
        }
        let mut daemon = spawn(&mut command, PROGRAM, Stdio::piped(), Stdio::null())?;
        if let Some(mut stdin) = daemon.stdin.take() {
            // Closing the pipe ends the password; a daemon that is gone is noticed below.
            let _ = stdin.write_all(password.as_bytes());
        }
        let mut keyring = Self { daemon, bus, _home: None };
        keyring.wait_until_ready()?;
        Ok(keyring)
    }

    /// The environment that makes a program use this keyring.
    #[must_use]
    pub fn env(&self) -> Vec<(&'static str, OsString)> {
        self.bus.env()
    }

    /// Stops the keyring from answering, or lets it go on: how a hanging keychain looks.
    pub fn pause(&self, paused: bool) -> Result<(), DevCaError> {
        let signal = if paused { "-STOP" } else { "-CONT" };
        let status = Command::new("kill").args([signal, &self.daemon.id().to_string()]).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(DevCaError::ProgramFailed { program: "kill", why: "failed" }),
            Err(source) => Err(DevCaError::Program { program: "kill", source }),
        }
    }

    fn wait_until_ready(&mut self) -> Result<(), DevCaError> {
        let failed = |why| Err(DevCaError::ProgramFailed { program: "gnome-keyring-daemon", why });
        let deadline = Instant::now() + START_TIME_MAX;
        while !self.bus.has_owner(SERVICE_NAME) {
            if !matches!(self.daemon.try_wait(), Ok(None)) {
                return failed("ended early");
            }
            if Instant::now() > deadline {
                return failed("did not appear on its bus");
            }
            thread::sleep(POLL_INTERVAL);
        }
        Ok(())
    }
}

/// Starts a bus whose configuration is in the folder `run`; its address, without the identity that
/// is another one at each start.
fn bus_daemon(run: &Path, address: Option<&str>) -> Result<(Child, String), DevCaError> {
    const PROGRAM: &str = "dbus-daemon";
    let mut option = OsString::from("--config-file=");
    option.push(run.join("bus.conf"));
    let mut command = Command::new(PROGRAM);
    command.arg(option).args(["--nofork", "--print-address"]);
    if let Some(address) = address {
        command.arg(format!("--address={address}"));
    }
    let mut daemon = spawn(&mut command, PROGRAM, Stdio::null(), Stdio::piped())?;
    let mut line = String::new();
    if let Some(output) = daemon.stdout.take() {
        // An unreadable answer is handled like an empty one.
        let _ = BufReader::new(output).read_line(&mut line);
    }
    let address = line.trim().split(",guid=").next().unwrap_or_default().to_owned();
    if address.is_empty() {
        end(&mut daemon);
        return Err(DevCaError::ProgramFailed {
            program: PROGRAM,
            why: "ended without an address",
        });
    }
    Ok((daemon, address))
}

fn spawn(
    command: &mut Command,
    program: &'static str,
    stdin: Stdio,
    stdout: Stdio,
) -> Result<Child, DevCaError> {
    command.stdin(stdin).stdout(stdout).stderr(Stdio::null());
    command.spawn().map_err(|source| DevCaError::Program { program, source })
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

impl Drop for PrivateBus {
    fn drop(&mut self) {
        end(&mut self.daemon);
    }
}

impl Drop for PrivateKeyring {
    fn drop(&mut self) {
        end(&mut self.daemon);
    }
}
