//! `signet-gateway files` as an administrator types it after a disk went bad.

use crate::support::World;
use std::fs;

#[test]
fn a_damaged_file_stops_the_start_by_name_and_is_mended_by_the_command() {
    let mut w = World::started();
    w.stop();
    let journal = w.path("state/rfqs.journal");
    assert!(w.cli(&["files", "check"]).contains("good"), "readable while nothing runs");
    assert!(w.cli_fails(&["files", "salvage", "state/rfqs.journal"]).contains("files.not_damaged"));
    assert!(w.cli_fails(&["files", "salvage", "gateway.toml"]).contains("files.elsewhere"));

    let whole = fs::read(&journal).unwrap();
    let mut bad = whole.clone();
    bad[12] ^= 1;
    fs::write(&journal, &bad).unwrap();
    let said = w.cli_fails(&["files", "check"]);
    assert!(
        said.contains("rfqs.journal")
            && said.contains("files.damaged")
            && said.contains("files salvage"),
        "{said}"
    );
    let refused = w.start_fails();
    assert!(refused.contains("rfqs.journal"), "{refused}");
    assert_eq!(fs::read(&journal).unwrap(), bad, "a refused file stays as it is");

    let said = w.cli(&["files", "salvage", "state/rfqs.journal"]);
    assert!(
        said.contains("0 records kept, 1 or more lost") && said.contains("rfqs.journal.damaged"),
        "{said}"
    );
    assert_eq!(fs::read(w.path("state/rfqs.journal.damaged")).unwrap(), bad);
    w.start();
    let events = w.cli(&["events"]);
    assert!(events.contains("files.salvaged") && events.contains("rfqs.journal"), "{events}");
    assert!(w.cli_fails(&["files", "salvage", "state/rfqs.journal"]).contains("files.not_damaged"));
    w.stop();

    let evidence = fs::read_dir(w.path("state/signed")).unwrap().next().unwrap().unwrap().path();
    let said = w.cli_fails(&["files", "salvage", evidence.to_str().unwrap()]);
    assert!(said.contains("files.evidence") && said.contains("backup"), "{said}");
}

/// Whoever starts a command cannot choose the name that the event log has.
#[cfg(unix)]
#[test]
fn the_actor_of_an_event_is_the_account_that_ran_the_command() {
    let w = World::new();
    let forged = [("SUDO_USER", "ceo"), ("USER", "ceo"), ("LOGNAME", "ceo"), ("USERNAME", "ceo")];
    w.cli_with(&forged, &["registry", "backup", "--out", "backup.json"]);
    let events = w.cli(&["events"]);
    let me = format!("({})", nix::unistd::getuid());
    assert!(
        events.contains("registry.backed_up") && events.contains(&me) && !events.contains("ceo"),
        "{events}"
    );
}
