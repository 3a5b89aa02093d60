//! The registry as an administrator keeps it.

use crate::support::World;
use std::fs;

#[test]
fn nothing_is_given_to_a_registry_that_was_altered() {
    let w = World::new();
    w.user("alice", "ALICE");
    assert!(w.events().contains("none altered"));
}

#[test]
fn a_backup_is_made_and_put_back() {
    let w = World::new();
    w.user("alice", "ALICE");
    w.cli(&["registry", "backup", "--out", "backup.jsonl"]);
    w.user("bob", "BOB");
    assert!(w.cli_fails(&["registry", "restore", "--from", "backup.jsonl"]).contains("registry.not_empty"));
    w.cli(&["registry", "restore", "--from", "backup.jsonl", "--replace"]);
    let list = w.cli(&["user", "list"]);
    assert!(list.contains("alice") && !list.contains("bob"), "{list}");
    let events = w.events();
    assert!(events.contains("registry.restored") && events.contains("none altered"), "{events}");
    // Half a file, or one that somebody edited, is no backup.
    let text = w.text("backup.jsonl");
    fs::write(w.path("edited.jsonl"), text.replace("standard", "privileged")).unwrap();
    fs::write(w.path("half.jsonl"), &text[..text.len() / 2]).unwrap();
    for f in ["edited.jsonl", "half.jsonl"] {
        assert!(w.cli_fails(&["registry", "restore", "--from", f, "--replace"]).contains("registry.bad_backup"), "{f}");
    }
    assert!(w.cli(&["user", "list"]).contains("alice"));
    assert!(w.cli_fails(&["registry", "backup", "--out", "backup.jsonl"]).contains("registry.file"), "never overwritten");
}
