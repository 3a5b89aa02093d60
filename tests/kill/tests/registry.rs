//! The registry goes away under load: its database is stopped, or its disk is full. Those who are
//! on go on, and everything they do is on record; nobody else comes in, and is told why; all comes
//! back by itself.
#![cfg(target_os = "linux")]

#[path = "../../needs/left_out.rs"]
mod needs;
#[path = "../../needs/ports.rs"]
mod ports;
#[path = "../../../gateway/tests/identity/postgres.rs"]
mod postgres;
mod support;

use postgres::Postgres;
use signet_kill::{
    campaign::{Campaign, SIEM},
    firm::Firm,
    look::now,
    registry::user,
};
use signet_registry::{AccountState, NewEvent};
use std::{path::Path, process::Command};
use support::{PROGRAM, Small, codes, eventually, folder, seed, with_a_small_disk};

const STAYS: &str = "KILL1";
const COMES: &str = "KILL2";

fn count(dir: &Path, code: &str) -> usize {
    codes(dir).iter().filter(|c| *c == code).count()
}

/// How often a desk was refused because the registry is away.
fn refused(dir: &Path, desk: &str) -> usize {
    let desk = format!("\"desk\":\"{desk}\"");
    let text = std::fs::read_to_string(dir.join("events.jsonl")).unwrap_or_default();
    let of_desk = text.lines().filter(|l| l.contains(&desk));
    of_desk.filter(|l| l.contains("\"event_code\":\"admission.registry_stale\"")).count()
}

/// Until this is what was said of the registry last.
fn said_last(c: &Campaign, dir: &Path, code: &str) {
    eventually(code, || {
        let last = codes(dir).into_iter().rfind(|c| c.starts_with("registry."));
        if last.as_deref() == Some(code) { Ok(()) } else { Err(c.firm.log_end()) }
    });
}

/// While the registry is away: one desk is on and trades, the other wants to come in.
fn away(c: &mut Campaign, dir: &Path) {
    let lost_before = refused(dir, STAYS);
    c.kill_desk(COMES);
    c.trade(1_500);
    said_last(c, dir, "registry.away");
    c.start_desk(COMES).unwrap();
    c.desk_reads(COMES, "cannot reach its registry").unwrap();
    let before = count(dir, "execution.filled");
    eventually("the desk that is on trades", || {
        c.trade(200);
        let filled = count(dir, "execution.filled") - before;
        // On a machine that is too busy it may lose its link, and is then refused like any other.
        let lost = refused(dir, STAYS) > lost_before;
        if filled >= 5 || lost { Ok(()) } else { Err(format!("{filled} executions")) }
    });
}

/// All desks are on, everything has an answer and is on record; and the registry was told.
fn back(c: &mut Campaign, dir: &Path, told: usize) {
    said_last(c, dir, "registry.back");
    c.look().unwrap_or_else(|e| panic!("{e}\n{}", c.firm.log_end()));
    eventually("the registry has the events of the time without it", || {
        let events = c.firm.registry(async |r| r.events().await.map_err(|e| e.to_string()))?;
        let (rows, (seq, hash)) = events;
        signet_registry::events::verify(&rows, (seq, &hash)).map_err(|e| e.to_string())?;
        let has = |code: &str| rows.iter().filter(|e| e.kind == code).count();
        let (away, refused) = (has("registry.away"), has("admission.registry_stale"));
        match away >= told && refused >= 1 {
            true => Ok(()),
            false => Err(format!(
                "registry.away {away}, admission.registry_stale {refused}, of {} events; the last: \
                 {:?}\n{}",
                rows.len(),
                rows.last().map(|e| (&e.kind, &e.detail)),
                c.firm.log_end()
            )),
        }
    });
}

#[test]
fn a_database_that_is_gone_admits_nobody_and_nothing_passes_unrecorded() {
    let Some(pg) = Postgres::start() else { return };
    let dir = folder();
    let (url, password) = pg.database("killed", dir.path());
    let more = format!(
        "{SIEM}[registry]\nurl = \"{url}\"\npassword_file = \"{}\"\nview_max_age_s = 1\n",
        password.display()
    );
    let firm = Firm::new(dir.path(), Path::new(PROGRAM), &more, &[]).unwrap();
    firm.register_desks().unwrap();
    let mut c = Campaign::of(firm, seed()).unwrap();
    c.trade(1_500);
    c.look().unwrap();
    for round in 0..2 {
        pg.stop();
        away(&mut c, dir.path());
        pg.again();
        back(&mut c, dir.path(), round + 1);
    }
    // Without its registry it does not start at all: it knows nobody.
    pg.stop();
    c.kill_gateway();
    let said = c.gateway_does_not_start().unwrap();
    assert!(said.contains("registry"), "{said}");
    pg.again();
    c.start_gateway().unwrap();
    c.trade(1_000);
    c.look().unwrap();
    println!("{:?}", c.end());
}

/// What a write that failed has got hold of on the disk still holds a few smaller ones.
fn use_up(c: &Campaign) {
    let mut failed = 0;
    while failed < 5 {
        let written = c.firm.registry(async |r| {
            let event = NewEvent::new(now(), "test", "test.ballast", "", "x".repeat(200));
            r.note(event).await.map_err(|e| e.to_string())
        });
        failed = if written.is_err() { failed + 1 } else { 0 };
    }
}

#[test]
fn a_registry_whose_disk_is_full_admits_nobody_and_nothing_passes_unrecorded() {
    with_a_small_disk(
        "a_registry_whose_disk_is_full_admits_nobody_and_nothing_passes_unrecorded",
        the_registrys_disk_is_full_and_works_again,
    );
}

fn the_registrys_disk_is_full_and_works_again() {
    let dir = folder();
    let disk = dir.path().join("registry");
    let _small = Small::mount(&disk, 8);
    let more = format!("{SIEM}[registry]\nurl = \"sqlite:registry/r.db\"\nview_max_age_s = 1\n");
    let firm = Firm::new(dir.path(), Path::new(PROGRAM), &more, &[]).unwrap();
    firm.register_desks().unwrap();
    let mut c = Campaign::of(firm, seed()).unwrap();
    c.trade(1_500);
    c.look().unwrap();
    for round in 0..2 {
        let ballast = disk.join("ballast");
        // As much as there is room for.
        let _ = Command::new("dd")
            .args(["if=/dev/zero", "bs=4096", "status=none"])
            .arg(format!("of={}", ballast.display()))
            .output();
        use_up(&c);
        away(&mut c, dir.path());
        // A lock that cannot be written down is not said to be done.
        let lock = |state| {
            c.firm.registry(async |r| {
                r.set_user_state(&user(STAYS), state, "test", now())
                    .await
                    .map_err(|e| e.to_string())
            })
        };
        assert!(lock(AccountState::Locked).is_err());
        std::fs::remove_file(&ballast).unwrap();
        back(&mut c, dir.path(), round + 1);
    }
    println!("{:?}", c.end());
}
