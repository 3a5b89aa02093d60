//! Updates with real parts: a minisign key, a TLS server or a folder, packages of `dpkg-deb`, and
//! `dpkg`, which installs them below a folder of the test.

#![cfg(target_os = "linux")]

mod laptop;

use laptop::{Fault, Laptop, release_text};
use rustix::fs::{FlockOperation, fcntl_lock};
use signet_net::ProxySetting;
use signet_update::{Outcome, Refusal, Server, Source, Wait, desks::Mark};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, mpsc},
    time::Duration,
};

#[test]
fn a_release_of_the_firms_server_is_installed_and_confirmed() {
    let mut laptop = Laptop::with_server();
    laptop.publish(5, "0.2.0", "");
    assert_eq!(laptop.check(), Ok(Outcome::Available(laptop::v("0.2.0"))));
    assert_eq!(laptop.fetch(), Ok(Outcome::Ready(laptop::v("0.2.0"))));
    assert_eq!(laptop.installed(), "signet-desk 0.1.0");
    assert_eq!(laptop.run(), Ok(Outcome::Installed(laptop::v("0.2.0"))));
    assert_eq!(laptop.installed(), "signet-desk 0.2.0");
    assert_eq!(laptop.run(), Ok(Outcome::Waits(Wait::Trial)));
    let desk = Mark::begin(&laptop.place, &laptop::v("0.2.0")).unwrap();
    desk.works();
    assert_eq!(laptop.run(), Ok(Outcome::UpToDate));
    let state = laptop.state();
    assert_eq!((state.trial, state.serial, state.highest), (None, 5, Some(laptop::v("0.2.0"))));
    assert_eq!(laptop.packages(), 2, "the version, and the one before it");
}

/// Tampered, wrongly signed, older, repeated, too old a list; nothing is fetched or installed.
#[test]
fn a_list_that_does_not_count_installs_nothing() {
    let mut laptop = Laptop::with_folder();
    let refused = |r: Refusal| Ok(Outcome::Refused(r));
    laptop.publish(5, "0.2.0", "");
    let list = fs::read_to_string(laptop.at("share/releases.toml")).unwrap();
    laptop.write("share/releases.toml", list.replace("serial = 5", "serial = 6"));
    assert_eq!(laptop.run(), Err("update.list_tampered"));
    laptop.publish_by_a_stranger(5, "0.2.0");
    assert_eq!(laptop.run(), Err("update.other_key"));
    fs::remove_file(laptop.at("share/releases.toml.minisig")).unwrap();
    assert_eq!(laptop.run(), Err("update.not_fetched"));
    laptop.write("share/releases.toml.minisig", "x".repeat(9999));
    assert_eq!(laptop.run(), Err("update.not_fetched"));
    laptop.publish(5, "0.1.0", "");
    assert_eq!(laptop.run(), Ok(Outcome::UpToDate));
    laptop.publish(4, "0.2.0", "");
    assert_eq!(laptop.run(), refused(Refusal::OlderList { seen: 5 }));
    laptop.publish(5, "0.2.0", "");
    assert_eq!(laptop.run(), refused(Refusal::SerialReused));
    laptop.publish(6, "0.0.9", "");
    assert_eq!(laptop.run(), refused(Refusal::Older { than: laptop::v("0.1.0") }));
    laptop.sign(&release_text(&laptop, 7, "0.2.0", "").replace("2099", "2021"));
    assert_eq!(laptop.run(), refused(Refusal::Expired));
    laptop.publish(8, "0.2.0", "rings = [{ from = \"2020-01-01T00:00:00Z\", percent = 0 }]");
    assert_eq!(laptop.run(), Ok(Outcome::Waits(Wait::Ring { percent: 0 })));
    laptop.sign(&release_text(&laptop, 9, "0.2.0", "").replace("halted = false", "halted = true"));
    assert_eq!(laptop.run(), Ok(Outcome::Waits(Wait::Halted)));
    assert_eq!(laptop.installed(), "signet-desk 0.1.0");
    assert_eq!(laptop.packages(), 0);
}

#[test]
fn a_tampered_package_is_refused_before_and_after_it_was_fetched() {
    let mut laptop = Laptop::with_folder();
    laptop.publish(5, "0.2.0", "");
    let good = fs::read(laptop.at("share/signet-desk_0.2.0_amd64.deb")).unwrap();
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    laptop.write("share/signet-desk_0.2.0_amd64.deb", &changed);
    assert_eq!(laptop.run(), Err("update.package_tampered"));
    assert_eq!(laptop.packages(), 1, "only the way back");
    laptop.write("share/signet-desk_0.2.0_amd64.deb", &good);
    assert_eq!(laptop.fetch(), Ok(Outcome::Ready(laptop::v("0.2.0"))));
    let ready = laptop.state().ready.unwrap();
    let kept = laptop.place.own.join(format!("packages/{}.package", ready.sha256));
    fs::write(&kept, &changed).unwrap();
    assert_eq!(laptop.run(), Err("update.package_tampered"));
    assert_eq!(laptop.installed(), "signet-desk 0.1.0");
    assert_eq!(laptop.run(), Ok(Outcome::Installed(laptop::v("0.2.0"))), "fetched again");
}

/// A way back that was damaged or deleted would otherwise stop every later update.
#[test]
fn a_way_back_that_was_damaged_is_fetched_again() {
    for (damaged, code) in [(true, "update.package_tampered"), (false, "update.disk")] {
        let mut laptop = Laptop::with_folder();
        laptop.publish(5, "0.2.0", "");
        assert_eq!(laptop.fetch(), Ok(Outcome::Ready(laptop::v("0.2.0"))));
        let back = laptop.state().confirmed.unwrap();
        assert_eq!(back.version, laptop::v("0.1.0"));
        let kept = laptop.place.own.join(format!("packages/{}.package", back.sha256));
        if damaged {
            fs::write(&kept, "x").unwrap();
        } else {
            fs::remove_file(&kept).unwrap();
        }
        assert_eq!(laptop.run(), Err(code));
        assert_eq!(laptop.installed(), "signet-desk 0.1.0");
        assert_eq!(laptop.run(), Ok(Outcome::Installed(laptop::v("0.2.0"))), "{code}");
        assert_eq!(laptop.state().confirmed, Some(back));
        assert!(kept.exists(), "{code}");
    }
}

#[test]
fn a_half_downloaded_package_goes_on_where_it_broke_off() {
    let mut laptop = Laptop::with_server();
    laptop.publish(5, "0.2.0", "");
    laptop.server().fault(Fault::CutAfter(300));
    assert_eq!(laptop.run(), Err("update.broke_off"));
    assert_eq!(laptop.run(), Err("update.broke_off"));
    assert_eq!(laptop.installed(), "signet-desk 0.1.0");
    let asked = laptop.server().ranges();
    assert_eq!(asked, ["", "bytes=300-"], "the second goes on");
    laptop.server().fault(Fault::None);
    assert_eq!(laptop.run(), Ok(Outcome::Installed(laptop::v("0.2.0"))));
    assert_eq!(laptop.server().ranges()[2], "bytes=600-");
    // A server that sends more than the list says.
    let mut other = Laptop::with_server();
    other.publish(5, "0.2.0", "");
    other.server().fault(Fault::TooLong);
    assert_eq!(other.run(), Err("update.not_fetched"));
    assert_eq!(other.packages(), 1, "only the way back");
}

/// Whether a version on trial goes back is decided when the list is there, or cannot be had.
#[test]
fn a_file_that_comes_byte_by_byte_is_not_waited_for() {
    let laptop = Laptop::with_server();
    laptop.server().fault(Fault::Drip);
    let source = laptop.settings().source;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limit = std::time::Duration::from_millis(500);
    let got = runtime.block_on(source.small("signet-desk_0.2.0_amd64.deb", 1 << 20, limit));
    let why = got.unwrap_err().to_string();
    assert!(why.contains("takes longer than"), "{why}");
}

/// The time of one try ends; what came stays, and the next try goes on there.
#[test]
fn a_package_that_comes_byte_by_byte_breaks_off_and_goes_on_later() {
    let laptop = Laptop::with_server();
    laptop.server().fault(Fault::Drip);
    let name = "signet-desk_0.2.0_amd64.deb";
    let whole = fs::read(laptop.at("share").join(name)).unwrap();
    let size = whole.len() as u64;
    let open = || {
        let mut options = fs::File::options();
        options.create(true).truncate(false).read(true).write(true);
        options.open(laptop.at("part")).unwrap()
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fetch = |limit| {
        let source = laptop.settings().source;
        let limit = std::time::Duration::from_millis(limit);
        runtime.block_on(async { source.package(name, size, &mut open(), limit).await })
    };
    assert_eq!(fetch(500).unwrap_err().code(), "update.broke_off");
    let got = fs::read(laptop.at("part")).unwrap();
    assert!(got.len() < whole.len() && whole.starts_with(&got), "{}", got.len());
    laptop.server().fault(Fault::None);
    fetch(60_000).unwrap();
    assert_eq!(fs::read(laptop.at("part")).unwrap(), whole);
}

/// Reading a share is not cut by a limit of time of its own.
#[test]
fn a_package_of_a_share_breaks_off_when_its_time_is_over() {
    let laptop = Laptop::with_folder();
    let size: u64 = 1 << 40;
    // Neither it nor what is read of it takes room.
    fs::File::create(laptop.at("share/large")).unwrap().set_len(size).unwrap();
    let mut part = fs::File::options().read(true).write(true).open("/dev/null").unwrap();
    let source = laptop.settings().source;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limit = Duration::from_millis(300);
    let ended = runtime.block_on(async { source.package("large", size, &mut part, limit).await });
    assert_eq!(ended.unwrap_err().code(), "update.broke_off");
}

#[test]
fn a_version_is_known_although_something_that_the_program_started_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let (program, mark) = (dir.path().join("signet-desk"), dir.path().join("goes-on"));
    std::fs::write(&mark, "").unwrap();
    let line = format!(
        "#!/bin/sh\necho signet-desk 0.2.0\nwhile [ -e '{}' ]; do sleep 0.1; done &\n",
        mark.display()
    );
    std::fs::write(&program, line).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, mode).unwrap();
    // Another test that starts a program just now may keep this one from being started.
    let known = (0..20).find_map(|_| signet_update::installed_version(&program));
    assert_eq!(known, Some(laptop::v("0.2.0")));
}

#[test]
fn the_address_of_a_server_means_one_host_and_one_port() {
    let now = time::OffsetDateTime::now_utc();
    let pki = signet_devca::DevPki::generate("bank.example", now).unwrap();
    let anchors = [pki.root(signet_identity::Role::Gateway).to_vec()];
    for (authority, want) in [
        ("desk.bank.example", Some("desk.bank.example:443")),
        ("desk.bank.example:8443", Some("desk.bank.example:8443")),
        ("[2001:db8::1]", Some("[2001:db8::1]:443")),
        ("[2001:db8::1]:8443", Some("[2001:db8::1]:8443")),
        ("[[2001:db8::1]", None),
        ("[2001:db8::1", None),
        ("2001:db8::1", None),
        ("[desk.bank.example]", None),
        ("desk.bank.example:0", None),
        ("desk.bank.example:65536", None),
        ("user@desk.bank.example", None),
        ("", None),
    ] {
        let url = format!("https://{authority}/signet/");
        let server = Server::new(&url, &anchors, ProxySetting::Direct, false);
        let shown = server.map(|s| Source::Server(s).shown()).map_err(|e| e.code());
        let want = want.map(|at| format!("https://{at}/signet")).ok_or("update.not_fetched");
        assert_eq!(shown, want, "{authority}");
    }
}

#[test]
fn a_server_of_another_authority_is_refused() {
    let mut laptop = Laptop::with_server();
    laptop.publish(5, "0.2.0", "");
    laptop.forget_authority();
    assert_eq!(laptop.run(), Err("update.not_fetched"));
}

#[test]
fn an_open_request_holds_the_update_back_until_it_ends() {
    let mut laptop = Laptop::with_folder();
    laptop.publish(5, "0.2.0", "");
    let desk = Mark::begin(&laptop.place, &laptop::v("0.1.0")).unwrap();
    desk.busy(true);
    assert_eq!(laptop.run(), Ok(Outcome::Waits(Wait::OpenRequest { long: false })));
    assert_eq!(laptop.installed(), "signet-desk 0.1.0");
    assert!(laptop.state().waits_since.is_some());
    desk.busy(false);
    assert_eq!(laptop.run(), Ok(Outcome::Installed(laptop::v("0.2.0"))));
}

/// The mark of the one desk that runs.
fn only_mark(laptop: &Laptop) -> PathBuf {
    fs::read_dir(laptop.at("desks")).unwrap().next().unwrap().unwrap().path()
}

/// Everybody may read a mark, and so take its lock.
#[test]
fn whoever_holds_a_mark_holds_the_update_up_and_not_the_desk() {
    let mut laptop = Laptop::with_folder();
    laptop.publish(5, "0.2.0", "");
    let desk = Arc::new(Mark::begin(&laptop.place, &laptop::v("0.1.0")).unwrap());
    let mark = only_mark(&laptop);
    let other = fs::File::open(mark).unwrap();
    other.lock_shared().unwrap();
    let (tell, told) = mpsc::channel();
    let own = desk.clone();
    std::thread::spawn(move || {
        own.busy(true);
        tell.send(()).unwrap();
    });
    told.recv_timeout(Duration::from_secs(60)).expect("the desk does not wait for the other");
    let waits = Ok(Outcome::Waits(Wait::OpenRequest { long: false }));
    assert_eq!(laptop.run(), waits, "somebody has the lock");
    drop(other);
    desk.busy(true);
    assert_eq!(laptop.run(), waits, "the desk took it when it said so again");
    desk.busy(false);
    assert_eq!(laptop.run(), Ok(Outcome::Installed(laptop::v("0.2.0"))));
}

/// macOS lets everybody give a file of another user a second name.
#[test]
fn a_second_name_of_a_mark_does_not_hide_it() {
    let mut laptop = Laptop::with_folder();
    laptop.publish(5, "0.2.0", "");
    let desk = Mark::begin(&laptop.place, &laptop::v("0.1.0")).unwrap();
    let mark = only_mark(&laptop);
    fs::hard_link(mark, laptop.at("desks/other")).unwrap();
    desk.busy(true);
    assert_eq!(laptop.run(), Ok(Outcome::Waits(Wait::OpenRequest { long: false })));
    desk.busy(false);
    assert_eq!(laptop.run(), Ok(Outcome::Installed(laptop::v("0.2.0"))));
}

/// Otherwise the next request, of a minute, would be told to administrators as one of days.
#[test]
fn what_is_not_wanted_now_does_not_wait() {
    let mut laptop = Laptop::with_folder();
    let desk = Mark::begin(&laptop.place, &laptop::v("0.1.0")).unwrap();
    desk.busy(true);
    let halted = release_text(&laptop, 6, "0.2.0", "").replace("halted = false", "halted = true");
    let ring = "rings = [{ from = \"2020-01-01T00:00:00Z\", percent = 0 }]";
    let others = [
        halted,
        release_text(&laptop, 8, "0.2.0", ring),
        release_text(&laptop, 10, "0.1.0", ""),
        release_text(&laptop, 12, "0.0.9", ""),
    ];
    for (serial, other) in [5, 7, 9, 11].into_iter().zip(others) {
        laptop.publish(serial, "0.2.0", "");
        assert_eq!(laptop.run(), Ok(Outcome::Waits(Wait::OpenRequest { long: false })));
        assert!(laptop.state().waits_since.is_some(), "{serial}");
        laptop.sign(&other);
        laptop.run().unwrap();
        assert_eq!(laptop.state().waits_since, None, "{serial}");
    }
}

/// Else all of them would have the same turn.
#[test]
fn a_computer_without_a_name_gets_one_of_its_own_and_keeps_it() {
    let name = |laptop: &Laptop| {
        drop(laptop.updater_of("").unwrap());
        fs::read_to_string(laptop.place.own.join("device")).unwrap()
    };
    let (one, other) = (Laptop::with_folder(), Laptop::with_folder());
    let first = name(&one);
    assert_eq!((first.len(), name(&one)), (64, first.clone()));
    assert_ne!(name(&other), first);
    fs::write(one.place.own.join("device"), "").unwrap();
    assert_eq!(name(&one).len(), 64, "a power cut left it empty");
    let named = Laptop::with_folder();
    drop(named.updater_of("this computer").unwrap());
    assert!(!named.place.own.join("device").exists());
}

/// Where the process that [`Holder`] starts is told which lock it takes.
const HELD: &str = "SIGNET_TEST_HOLDS_LOCK";

/// Another process that holds a lock, until it is dropped: these locks do not keep a process from
/// taking its own once more.
struct Holder(Child);

impl Holder {
    fn of(lock: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "another_process_holds_a_lock", "--nocapture"]).env(HELD, lock);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "it is held\n");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

/// What [`Holder`] starts; nothing when it is run as a test.
#[test]
fn another_process_holds_a_lock() {
    let Some(lock) = std::env::var_os(HELD) else { return };
    let mut open = fs::OpenOptions::new();
    let file = open.read(true).write(true).create(true).truncate(false).open(lock).unwrap();
    fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).unwrap();
    eprintln!("it is held");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// apt, unattended upgrades, or somebody's dpkg: more often than a package may fail here.
#[test]
fn an_update_while_another_process_has_the_lock_of_dpkg_counts_as_no_try() {
    let mut laptop = Laptop::with_folder();
    laptop.publish(5, "0.2.0", "");
    for lock in ["lock-frontend", "lock"] {
        let holder = Holder::of(&laptop.at("root/var/lib/dpkg").join(lock));
        for n in 0..4 {
            assert_eq!(laptop.run(), Err("update.installer_busy"), "{lock} {n}");
            assert_eq!(laptop.state().trial, None, "{lock} {n}");
        }
        assert_eq!(laptop.installed(), "signet-desk 0.1.0", "{lock}");
        drop(holder);
    }
    assert_eq!(laptop.run(), Ok(Outcome::Installed(laptop::v("0.2.0"))));
    assert_eq!(laptop.installed(), "signet-desk 0.2.0");
}

#[test]
fn a_version_that_does_not_start_goes_back_at_once_and_for_good() {
    let mut laptop = Laptop::with_folder();
    laptop.package("0.2.0", "exit 1");
    laptop.publish(5, "0.2.0", "");
    assert_eq!(laptop.run(), Ok(Outcome::WentBack(laptop::v("0.1.0"))));
    assert_eq!(laptop.installed(), "signet-desk 0.1.0");
    assert_eq!(laptop.run(), Ok(Outcome::Refused(Refusal::FailedHere)));
    laptop.publish(6, "0.3.0", "");
    assert_eq!(laptop.run(), Ok(Outcome::Installed(laptop::v("0.3.0"))));
}

#[test]
fn a_version_that_shows_no_window_twice_goes_back() {
    let mut laptop = Laptop::with_folder();
    laptop.publish(5, "0.2.0", "");
    assert_eq!(laptop.run(), Ok(Outcome::Installed(laptop::v("0.2.0"))));
    drop(Mark::begin(&laptop.place, &laptop::v("0.2.0")).unwrap());
    assert_eq!(laptop.run(), Ok(Outcome::Waits(Wait::Trial)), "once");
    let second = Mark::begin(&laptop.place, &laptop::v("0.2.0")).unwrap();
    assert_eq!(
        laptop.run(),
        Ok(Outcome::Waits(Wait::OpenRequest { long: false })),
        "it still starts"
    );
    drop(second);
    fs::remove_dir_all(laptop.at("share")).unwrap();
    assert_eq!(laptop.run(), Ok(Outcome::WentBack(laptop::v("0.1.0"))), "no list is needed");
    assert_eq!(laptop.installed(), "signet-desk 0.1.0");
}

#[test]
fn a_withdrawn_version_goes_back_to_the_one_that_worked() {
    let mut laptop = Laptop::with_folder();
    laptop.publish(5, "0.2.0", "");
    assert_eq!(laptop.run(), Ok(Outcome::Installed(laptop::v("0.2.0"))));
    Mark::begin(&laptop.place, &laptop::v("0.2.0")).unwrap().works();
    assert_eq!(laptop.run(), Ok(Outcome::UpToDate));
    laptop.publish(6, "0.1.0", "");
    let older = Refusal::Older { than: laptop::v("0.2.0") };
    assert_eq!(laptop.run(), Ok(Outcome::Refused(older)), "not withdrawn");
    laptop.publish(7, "0.1.0", "withdrawn = [\"0.2.0\"]");
    assert_eq!(laptop.run(), Ok(Outcome::WentBack(laptop::v("0.1.0"))));
    assert_eq!(laptop.installed(), "signet-desk 0.1.0");
}

#[test]
fn a_damaged_state_and_an_open_folder_stop_updates() {
    let mut laptop = Laptop::with_folder();
    laptop.publish(5, "0.2.0", "");
    assert_eq!(laptop.fetch(), Ok(Outcome::Ready(laptop::v("0.2.0"))));
    let state = fs::read_to_string(laptop.place.state()).unwrap();
    fs::write(laptop.place.state(), &state[..state.len() / 2]).unwrap();
    assert_eq!(laptop.run(), Err("update.state_damaged"));
    fs::write(laptop.place.state(), &state).unwrap();
    laptop.mode("update", 0o777);
    assert_eq!(laptop.run(), Err("update.not_protected"));
    laptop.mode("update", 0o755);
    let held = laptop.hold();
    assert_eq!(laptop.run(), Err("update.running"));
    drop(held);
    assert_eq!(laptop.run(), Ok(Outcome::Installed(laptop::v("0.2.0"))));
}

#[test]
fn marks_of_others_and_links_are_not_followed() {
    let mut laptop = Laptop::with_folder();
    laptop.publish(5, "0.2.0", "");
    // What a hostile user leaves: a link, a pipe, a long file, a folder.
    std::os::unix::fs::symlink("/etc/shadow", laptop.at("desks/desk-link")).unwrap();
    assert!(
        std::process::Command::new("mkfifo")
            .arg(laptop.at("desks/desk-pipe"))
            .status()
            .unwrap()
            .success()
    );
    laptop.write("desks/desk-long", "x".repeat(100_000));
    fs::create_dir(laptop.at("desks/desk-folder")).unwrap();
    assert_eq!(laptop.run(), Ok(Outcome::Installed(laptop::v("0.2.0"))));
    let many = laptop.at("desks");
    for n in 0..1100 {
        fs::write(many.join(format!("desk-{n}")), "").unwrap();
    }
    laptop.publish(6, "0.3.0", "");
    assert_eq!(laptop.run(), Ok(Outcome::Waits(Wait::OpenRequest { long: false })));
}
