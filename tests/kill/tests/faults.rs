//! What goes wrong around a gateway that trades: the SIEM is killed, the clock is set, the disk is
//! full. No business message passes unrecorded.
#![cfg(target_os = "linux")]

#[path = "../../needs/left_out.rs"]
mod needs;
#[path = "../../needs/ports.rs"]
mod ports;
mod support;

use signet_gateway::{Config, checkpoint::journal_verify};
use signet_journal::StoreKey;
use signet_kill::{
    DEALERS,
    campaign::{Campaign, SIEM},
    firm::Killable,
    followed::Followed,
    look::Depth,
    siem::uids,
};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
};
use support::{PROGRAM, Small, codes, eventually, folder, seed, with_a_small_disk};

#[test]
fn a_siem_that_is_killed_under_load_lacks_nothing_and_has_nothing_twice_by_uid() {
    let dir = folder();
    let port = ports::free_port();
    let more = format!(
        "{SIEM}[[siem.sink]]\nkind = \"syslog\"\nname = \"soc\"\naddress = \"localhost:{port}\"\n\
         trust = \"dealers-ca.pem\"\n"
    );
    let mut c = Campaign::start(dir.path(), Path::new(PROGRAM), &more, &[], seed()).unwrap();
    let mut siem: Option<Killable> = None;
    for round in 0..6 {
        siem = Some(c.firm.start_siem(port).unwrap());
        let ms = 300 + c.dice(1_500);
        c.trade(ms);
        if round == 3 {
            c.restart_gateway().unwrap();
        }
        siem.take().unwrap().kill();
        let ms = c.dice(800);
        c.trade(ms);
    }
    siem.replace(c.firm.start_siem(port).unwrap());
    c.look().unwrap();
    let events = dir.path().join("events.jsonl");
    // The gateway lives and tells more meanwhile.
    let told = uids(&events).unwrap();
    let heard = || uids(&dir.path().join("received.jsonl"));
    eventually("the SIEM has everything", || {
        let received = heard()?;
        let lacks: Vec<_> = told.keys().filter(|u| !received.contains_key(*u)).collect();
        if lacks.is_empty() { Ok(()) } else { Err(format!("it lacks {lacks:?}")) }
    });
    let received = heard().unwrap();
    let told_since = uids(&events).unwrap();
    let other: BTreeSet<_> = received.keys().filter(|u| !told_since.contains_key(*u)).collect();
    assert!(other.is_empty(), "{other:?}");
    assert!(told.iter().all(|(uid, text)| received[uid] == *text));
    println!("{:?}", c.end());
}

/// libfaketime, which sets the wall clock of one process and leaves the steady one alone.
fn faketime() -> Option<&'static str> {
    [
        "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
        "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    ]
    .into_iter()
    .find(|l| Path::new(l).exists())
}

/// The dealers that are on, by what the SIEM heard last.
fn on(dir: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(dir.join("events.jsonl")).unwrap_or_default();
    let mut on = BTreeSet::new();
    for v in text.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok()) {
        let Some(dealer) = v["unmapped"]["dealer"].as_str() else { continue };
        match v["metadata"]["event_code"].as_str() {
            Some("dealer.on") => drop(on.insert(dealer.to_owned())),
            Some("dealer.off") => drop(on.remove(dealer)),
            _ => {}
        }
    }
    on
}

/// A dealer refuses the Logon of a gateway whose clock is an hour off, and two of these then say
/// nothing more and leave the connection open: such a line must be given up although the clock
/// was set back meanwhile, or an accept on it stays unknown for an hour.
#[test]
fn a_clock_that_is_set_under_load_is_said_and_everything_stays_on_record() {
    let library = faketime().expect("libfaketime is installed");
    let mut dir = tempfile::tempdir().unwrap();
    dir.disable_cleanup(std::env::var_os("KEEP").is_some());
    println!("{}", dir.path().display());
    let clock = dir.path().join("clock");
    fs::write(&clock, "+0").unwrap();
    let environment = [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let mut c =
        Campaign::start(dir.path(), Path::new(PROGRAM), SIEM, &environment, seed()).unwrap();
    c.trade(1_500);
    let steps = ["+3600", "+0", "-3600", "+0"];
    for set in steps {
        fs::write(&clock, set).unwrap();
        c.trade(2_500);
    }
    let said = || codes(dir.path()).iter().filter(|c| *c == "clock.stepped").count();
    eventually("each step is an event", || match said() {
        n if n == steps.len() => Ok(()),
        n => Err(format!("{n} of {}", steps.len())),
    });
    // Events of the business whose time is an hour off come after the event that says so, but for
    // those of the message in whose middle the clock was set.
    let text = fs::read_to_string(dir.path().join("events.jsonl")).unwrap();
    let mut offset: i64 = 0;
    let (mut before, mut unsaid) = (None::<i64>, BTreeSet::new());
    for line in text.lines() {
        let v: serde_json::Value = serde_json::from_str(line).unwrap();
        let (at, code) =
            (v["time"].as_i64().unwrap(), v["metadata"]["event_code"].as_str().unwrap());
        if code == "clock.stepped" {
            let words = v.to_string();
            let by = words.split("by ").nth(1).and_then(|w| w.split(' ').next()).unwrap();
            offset += by.parse::<i64>().unwrap();
            unsaid.clear();
        } else if v["unmapped"]["rfq"].is_string() || v["unmapped"]["accept"].is_string() {
            let steady = at - offset;
            match before {
                Some(b) if (steady - b).abs() > 600_000 => {
                    // A dealer that is lost has as many quotes withdrawn as it had.
                    let of = (code.to_owned(), v["unmapped"]["dealer"].to_string());
                    unsaid.insert(of);
                    assert!(unsaid.len() <= 8, "{} ms, not said before: {line}", steady - b);
                }
                _ => before = Some(steady),
            }
        }
    }
    c.look().unwrap();
    eventually("the lines to all dealers are up again", || match on(dir.path()) {
        on if on.len() == DEALERS.len() => Ok(()),
        on => Err(format!("only {on:?}")),
    });
    println!("{:?}", c.end());
}

#[test]
fn a_full_disk_stops_new_business_and_nothing_passes_unrecorded() {
    with_a_small_disk(
        "a_full_disk_stops_new_business_and_nothing_passes_unrecorded",
        the_disk_is_full_and_works_again,
    );
}

#[test]
fn a_disk_that_is_nearly_full_is_said_and_business_goes_on() {
    with_a_small_disk(
        "a_disk_that_is_nearly_full_is_said_and_business_goes_on",
        the_disk_is_low_and_has_room_again,
    );
}

fn the_disk_is_low_and_has_room_again() {
    let dir = folder();
    let state = dir.path().join("state");
    let _small = Small::mount(&state, 64);
    let more = format!("{SIEM}[disk]\nlow_percent = 50\n");
    let mut c = Campaign::start(dir.path(), Path::new(PROGRAM), &more, &[], seed()).unwrap();
    c.trade(500);
    // Nobody trades while the disk is looked at, and what was done so far does not count below.
    c.look().unwrap();
    let said = |code: &str| {
        eventually(code, || {
            let codes = codes(dir.path());
            let disk: Vec<_> = codes.into_iter().filter(|c| c.starts_with("disk.")).collect();
            match disk.last() {
                Some(last) if last == code => Ok(()),
                _ => Err(format!("{disk:?}")),
            }
        });
    };
    assert!(!codes(dir.path()).iter().any(|c| c.starts_with("disk.")), "there is room");
    // Less than half of it is free then, and far more than is written meanwhile.
    let ballast = state.join("ballast");
    fs::write(&ballast, vec![0u8; 36 * 1024 * 1024]).unwrap();
    said("disk.low");
    let before = c.done;
    c.trade(1_000);
    c.look().unwrap();
    assert!(c.done.figures.rfqs > before.figures.rfqs, "business goes on");
    fs::remove_file(&ballast).unwrap();
    said("disk.enough");
    println!("{:?}", c.end());
}

fn the_disk_is_full_and_works_again() {
    let dir = folder();
    let state = dir.path().join("state");
    let _small = Small::mount(&state, 24);
    let mut c = Campaign::start(dir.path(), Path::new(PROGRAM), SIEM, &[], seed()).unwrap();
    c.trade(1_500);
    c.look().unwrap();
    for round in 0..3 {
        let ballast = state.join("ballast");
        // As much as there is room for.
        let _ = Command::new("dd")
            .args(["if=/dev/zero", "bs=4096", "status=none"])
            .arg(format!("of={}", ballast.display()))
            .output();
        let before = c.done;
        c.trade(2_000);
        if round == 1 {
            // It may not start without room; it must not start without its records.
            c.kill_gateway();
        }
        fs::remove_file(&ballast).unwrap();
        if round != 1 {
            // There is room for what waited.
            c.trade(1_500);
        }
        // What dealers answered meanwhile was passed on and could not be written down; a start
        // asks them about accepts without an answer.
        c.restart_gateway().unwrap();
        c.look().unwrap_or_else(|e| panic!("round {round}: {e}\n{}", c.firm.log_end()));
        assert!(c.done.figures.evidence >= before.figures.evidence);
        c.trade(1_000);
        c.look().unwrap();
        assert!(c.done.figures.rfqs > before.figures.rfqs, "business goes on");
    }
    let refused = codes(dir.path());
    assert!(
        refused
            .iter()
            .any(|c| c == "siem.unwritable" || c == "siem.full" || c == "signed_log.unwritable"),
        "a full disk is said: {:?}",
        refused.iter().collect::<BTreeSet<_>>()
    );
    println!("{:?}", c.end());
}

/// The files of a folder that are sealed logs.
fn logs(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    all.filter(|p| p.extension().is_some_and(|e| e == ending)).collect()
}

/// Changes one bit of a file that others have open; a second time it is as it was.
fn flip(path: &Path, at: u64) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1], at).unwrap();
}

/// A look reads what came since the one before. That the records from before are there still, and
/// are the same, is noticed at the next look; and the whole check finds it by itself.
#[test]
fn a_record_that_was_looked_at_and_is_changed_cut_or_lost_since_is_found() {
    let dir = folder();
    let state = dir.path().join("state");
    let mut c = Campaign::start(dir.path(), Path::new(PROGRAM), SIEM, &[], seed()).unwrap();
    for _ in 0..2 {
        c.trade(800);
        c.look_at(Depth::Tail).unwrap();
    }
    let evidence = logs(&state.join("signed"), "signed").remove(0);
    flip(&evidence, 200);
    let told = c.look_at(Depth::Tail).unwrap_err();
    assert!(told.contains("the evidence") && told.contains("are others than were read"), "{told}");
    let config = Config::read(&c.firm.config).unwrap();
    println!("{:?}", c.end());
    let found = journal_verify(&config, &[]).unwrap_err();
    assert_eq!(found.code(), "signed_log.altered", "{found}");
    flip(&evidence, 200);
    // The kill may have been between a record of the journal and its copy.
    let found = journal_verify(&config, &[]).map_or_else(|e| e.code(), |_| "whole");
    assert!(matches!(found, "whole" | "journal.altered"), "{found}");

    let key = StoreKey::from_slice(&fs::read(state.join("store.key")).unwrap()).unwrap();
    let journal = logs(&state, "journal").remove(0);
    for mut seen in [Followed::new(&evidence), Followed::replaceable(&journal)] {
        assert!(!seen.read_on(&key).unwrap().records.is_empty());
        seen.unchanged().unwrap();
        let path = seen.path().to_owned();
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let told = seen.unchanged().unwrap_err();
        assert!(told.contains("was cut"), "{told}");
        fs::remove_file(&path).unwrap();
        seen.unchanged().unwrap_err();
        fs::write(&path, &whole).unwrap();
        seen.unchanged().unwrap();
    }
}
