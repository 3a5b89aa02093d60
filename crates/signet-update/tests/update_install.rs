//! What is started for each form of package, and how its end is read: tables. On every system, as
//! the programs of the others are not here.

use proptest::prelude::*;
use signet_update::{End, Kind, UpdateError, aside, lies_below};
use std::{fs, path::Path};

const SYSTEM: &str = r"C:\Windows\System32";
const MSI: &str = r"C:\Program Files\Signet Desk\update\packages\0a1b.msi";
const SETUP: &str = r"C:\Program Files\Signet Desk\update\packages\0a1b.exe";
const PKG: &str = "/Library/Application Support/Signet/update/packages/0a1b.pkg";
const DEB: &str = "/var/lib/signet-desk/update/packages/0a1b.package";

fn words(kind: Kind, package: &str, back: bool) -> Result<Vec<String>, UpdateError> {
    let line = kind.command(Path::new(SYSTEM), Path::new(package), back)?;
    let program = line.program.to_str().unwrap().to_owned();
    Ok([vec![program], line.arguments].concat())
}

/// What follows `begin` up to `end`.
fn between<'a>(text: &'a str, begin: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(begin).unwrap_or_else(|| panic!("{begin} is missing"));
    rest.split_once(end).unwrap().0
}

/// Both have the same folder, and the removal of either would take the program of the other. That
/// they refuse is seen by `scripts/install_check_windows.sh`.
#[test]
fn setup_and_msi_look_for_what_the_other_registers() {
    let setup = include_str!("../../../packaging/windows/signet-desk.nsi");
    let msi = include_str!("../../../packaging/windows/signet-desk.wxs");
    let search = between(msi, "<RegistrySearch ", "/>");
    assert_eq!(between(search, "Key=\"", "\""), between(setup, "!define UNINSTALL \"", "\""));
    let name = between(search, "Name=\"", "\"");
    assert!(setup.contains(&format!("WriteRegStr HKLM \"${{UNINSTALL}}\" \"{name}\" ")), "{name}");
    assert!(search.contains("Win64=\"yes\""), "the setup writes the view of 64 bits");
    assert!(msi.contains(">Installed OR NOT SETUPFOUND</Condition>"));
    let menu = between(msi, "<Component Id=\"Menu\"", "</Component>");
    let value = between(menu, "<RegistryValue ", "/>");
    let (key, name) = (between(value, "Key=\"", "\""), between(value, "Name=\"", "\""));
    let read = format!("ReadRegDWORD $0 HKLM \"{key}\" \"{name}\"");
    assert_eq!(setup.matches(&read).count(), 2, "in either view: {read}");
}

/// What root runs on a Mac comes from where only root writes, and goes there. The script is the
/// package's own; who owns what it makes is told and not done, as only root could.
#[cfg(unix)]
#[test]
fn the_package_for_macos_makes_what_root_runs_where_only_root_writes() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let dir = tempfile::tempdir().unwrap();
    let (scripts, disk) = (dir.path().join("scripts"), dir.path().join("disk"));
    fs::create_dir_all(&scripts).unwrap();
    let daemon = include_str!("../../../packaging/macos/desk.signet.update.plist");
    fs::write(scripts.join("postinstall"), include_str!("../../../packaging/macos/postinstall"))
        .unwrap();
    fs::write(scripts.join("desk.signet.update.plist"), daemon).unwrap();
    let log = dir.path().join("log");
    let run = |program: &str| {
        fs::write(scripts.join("signet-desk"), program).unwrap();
        // It goes on for as long as the disk is another one than this Mac's.
        let told = r#"chown() { printf '%s\n' "$@" >>"$LOG"; }; launchctl() { exit 9; }; . "$0""#;
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", told]).arg(scripts.join("postinstall")).args(["package", "/"]).arg(&disk);
        let said = shell.env("LOG", &log).output().unwrap();
        assert!(said.status.success(), "{said:?}");
    };
    run("first");
    let folder = disk.join("Library/Application Support/Signet");
    let program = folder.join("bin/signet-desk");
    let first = program.metadata().unwrap().ino();
    run("second");
    assert_eq!(fs::read_to_string(&program).unwrap(), "second");
    assert_ne!(program.metadata().unwrap().ino(), first, "what runs is not written to");
    let started = disk.join("Library/LaunchDaemons/desk.signet.update.plist");
    assert_eq!(fs::read_to_string(&started).unwrap(), daemon);
    let owned = fs::read_to_string(&log).unwrap();
    for (path, mode) in [
        (folder.clone(), 0o755),
        (folder.join("bin"), 0o755),
        (folder.join("desks"), 0o1777),
        (program, 0o755),
        (started, 0o644),
    ] {
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, mode, "{path:?}");
        let shown = path.display().to_string();
        let named = |line: &str| line == shown || line == format!("{shown}.new");
        assert!(owned.lines().any(named), "{path:?} is given to root");
    }
    assert!(owned.lines().any(|line| line == "root:wheel"), "{owned}");
    let runs = between(daemon, "exec '", "'");
    assert_eq!(runs, "/Library/Application Support/Signet/bin/signet-desk");
}

#[test]
fn table_of_commands() {
    let msiexec = r"C:\Windows\System32\msiexec.exe";
    let quiet = "REBOOT=ReallySuppress";
    let apart = "MSIRESTARTMANAGERCONTROL=Disable";
    let open = "/proc/self/fd/0";
    let table: [(Kind, &str, bool, &[&str]); 10] = [
        (Kind::Deb, DEB, false, &["/usr/bin/dpkg", "--install", open]),
        (Kind::Deb, DEB, true, &["/usr/bin/dpkg", "--install", open]),
        (Kind::Rpm, DEB, false, &["/usr/bin/rpm", "--upgrade", open]),
        (Kind::Rpm, DEB, true, &["/usr/bin/rpm", "--upgrade", "--oldpackage", open]),
        (Kind::Msi, MSI, false, &[msiexec, "/i", MSI, "/qn", "/norestart", quiet, apart]),
        (Kind::Msi, MSI, true, &[msiexec, "/i", MSI, "/qn", "/norestart", quiet, apart, "BACK=1"]),
        (Kind::Nsis, SETUP, false, &[SETUP, "/S"]),
        (Kind::Nsis, SETUP, true, &[SETUP, "/S", "/BACK"]),
        (Kind::Pkg, PKG, false, &["/usr/sbin/installer", "-pkg", PKG, "-target", "/"]),
        (Kind::Pkg, PKG, true, &["/usr/sbin/installer", "-pkg", PKG, "-target", "/"]),
    ];
    for (kind, package, back, want) in table {
        assert_eq!(words(kind, package, back).unwrap(), want, "{kind:?} {back}");
    }
}

/// A path that an installer could read as something else is not given to it.
#[test]
fn table_of_paths_that_are_refused() {
    for (kind, package) in [
        (Kind::Msi, ""),
        (Kind::Msi, "0a1b.msi"),
        (Kind::Msi, r"\\server\share\0a1b.msi"),
        (Kind::Msi, r"C:0a1b.msi"),
        (Kind::Msi, r"C:\\0a1b.msi"),
        (Kind::Msi, r"CC:\0a1b.msi"),
        (Kind::Msi, r"/i:\0a1b.msi"),
        (Kind::Msi, "https://host/0a1b.msi"),
        (Kind::Msi, r"C:\a\0a1b.msp"),
        (Kind::Msi, r"C:\a\0a1bmsi"),
        (Kind::Msi, r"C:\a\.msi"),
        (Kind::Msi, r"C:\a\..\0a1b.msi"),
        (Kind::Msi, "C:\\a\" ERASE=1 \".msi"),
        (Kind::Msi, "C:\\a\n.msi"),
        (Kind::Msi, r"C:\%TEMP%\a.msi"),
        (Kind::Msi, r"C:\a\*.msi"),
        (Kind::Msi, r"C:\a\0a1b:other.msi"),
        (Kind::Nsis, MSI),
        (Kind::Nsis, "/tmp/0a1b.exe"),
        (Kind::Pkg, MSI),
        (Kind::Pkg, "0a1b.pkg"),
        (Kind::Pkg, "-x/0a1b.pkg"),
        (Kind::Pkg, "/a/0a1b.dmg"),
        (Kind::Pkg, "/a/../0a1b.pkg"),
    ] {
        let refused = words(kind, package, false).map_err(|e| e.code());
        assert_eq!(refused, Err("update.not_installed"), "{kind:?} {package:?}");
    }
}

#[test]
fn table_of_exit_codes() {
    let failed = |kind: Kind, code| matches!(kind.end(code), End::Failed(_));
    for kind in [Kind::Deb, Kind::Rpm, Kind::Msi, Kind::Nsis, Kind::Pkg] {
        assert_eq!(kind.end(Some(0)), End::Done, "{kind:?}");
        for code in [None, Some(-1), Some(1), Some(2), Some(3), Some(1603), Some(i32::MIN)] {
            assert!(failed(kind, code), "{kind:?} {code:?}");
        }
    }
    // What counts with one installer is a failure of another.
    for (code, want) in [(3010, End::AfterRestart), (1641, End::AfterRestart), (1618, End::Busy)] {
        assert_eq!(Kind::Msi.end(Some(code)), want, "{code}");
        for other in [Kind::Deb, Kind::Rpm, Kind::Nsis, Kind::Pkg] {
            assert!(failed(other, Some(code)), "{other:?} {code}");
        }
    }
    for code in [1602, 1619, 1625, 1638] {
        assert!(matches!(Kind::Msi.end(Some(code)), End::Failed(why) if !why.is_empty()), "{code}");
    }
}

#[test]
fn table_of_endings() {
    for (kind, name, ending) in [
        (Kind::Deb, "deb", "package"),
        (Kind::Rpm, "rpm", "package"),
        (Kind::Msi, "msi", "msi"),
        (Kind::Nsis, "exe", "exe"),
        (Kind::Pkg, "pkg", "pkg"),
    ] {
        assert_eq!((kind.name(), kind.ending()), (name, ending));
    }
}

#[test]
fn table_of_folders_for_programs() {
    let programs = Path::new(r"C:\Program Files");
    for (folder, want) in [
        (r"C:\Program Files\Signet Desk\update", true),
        (r"c:\PROGRAM FILES\signet desk", true),
        (r"\\?\C:\Program Files\Signet Desk", true),
        ("C:/Program Files/Signet Desk", true),
        (r"C:\Program Files", false),
        (r"C:\Program Files (x86)\Signet Desk", false),
        (r"C:\Program Files2\Signet Desk", false),
        (r"C:\Signet", false),
        (r"D:\Program Files\Signet Desk", false),
        (r"C:\Program Files\..\Users\alice", false),
        (r"C:\Program Files\Signet Desk\..\..\Users", false),
        ("", false),
    ] {
        assert_eq!(lies_below(Path::new(folder), programs), want, "{folder}");
    }
    assert!(!lies_below(Path::new(r"C:\a"), Path::new("")), "an empty path is above nothing");
}

#[test]
fn what_runs_goes_on_from_the_file_that_was_renamed() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, old) = (dir.path().join("desk"), dir.path().join("desk/update/old"));
    fs::create_dir(&folder).unwrap();
    let program = folder.join("signet-desk.exe");
    fs::write(&program, "first").unwrap();
    let running = fs::File::open(&program).unwrap();
    aside::make_replaceable(&folder, &aside::IN_USE, &old).unwrap();
    // Another file under the name, and the one that runs under another name.
    fs::write(&program, "second").unwrap();
    assert_eq!(std::io::read_to_string(running).unwrap(), "first");
    assert_eq!(fs::read_to_string(old.join("0-signet-desk.exe")).unwrap(), "first");
    let names = |folder: &Path| fs::read_dir(folder).unwrap().count();
    assert_eq!((names(&folder), names(&old)), (2, 1), "no copy is left, no missing file is made");
    aside::tidy(&old);
    assert_eq!(names(&old), 0);
}

#[test]
fn a_file_that_cannot_be_moved_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, old) = (dir.path().join("desk"), dir.path().join("old"));
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("signet-desk.exe"), "first").unwrap();
    // What cannot be deleted stays for as long as it is in use.
    for n in 0..64 {
        fs::create_dir_all(old.join(format!("{n}-signet-desk.exe/in use"))).unwrap();
    }
    aside::make_replaceable(&folder, &aside::IN_USE, &old).unwrap_err();
    assert_eq!(fs::read_to_string(folder.join("signet-desk.exe")).unwrap(), "first");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
}

proptest! {
    /// Whatever the path, it is refused or is one argument, as it is.
    #[test]
    fn a_path_is_one_argument(path in "([A-Z]:\\\\|/)?[ -~]{0,30}(\\.msi|\\.exe|\\.pkg)?") {
        for kind in [Kind::Msi, Kind::Nsis, Kind::Pkg] {
            if let Ok(words) = words(kind, &path, true) {
                prop_assert_eq!(words.iter().filter(|word| **word == path).count(), 1);
                let quotes = path.contains(['"', '%', '*', '?', '<', '>', '|']);
                prop_assert!(!quotes, "{}", path);
            }
        }
    }
}
