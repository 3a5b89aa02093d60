//! Against real files in a folder of our own.

use super::*;
use std::{fs, os::unix::fs::symlink};

const PATIENCE: Duration = Duration::from_secs(20);
/// How long nothing must come.
const QUIET: Duration = Duration::from_secs(1);

fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(&beside, path).unwrap();
}

fn link(path: &Path, target: &Path) {
    let beside = path.with_extension("new");
    symlink(target, &beside).unwrap();
    fs::rename(&beside, path).unwrap();
}

async fn told(changes: &mut NetworkChanges, what: &str) {
    let told = tokio::time::timeout(PATIENCE, changes.dns_changed()).await;
    assert!(told.is_ok(), "never: {what}");
}

async fn quiet(changes: &mut NetworkChanges, what: &str) {
    let told = tokio::time::timeout(QUIET, changes.any_changed()).await;
    assert!(told.is_err(), "told: {what}");
}

#[tokio::test]
async fn other_name_servers_in_the_file_are_heard_however_it_is_written() {
    let root = tempfile::tempdir().unwrap();
    let (etc, run) = (root.path().join("etc"), root.path().join("run"));
    for folder in [&etc, &run] {
        fs::create_dir(folder).unwrap();
    }
    let file = etc.join("resolv.conf");
    fs::write(&file, "nameserver 192.0.2.1\n").unwrap();
    let mut changes = NetworkChanges::none();
    let task = tokio::spawn(listen([file.clone(), root.path().join("none/x")], changes.clone()));
    quiet(&mut changes, "what it said at the start").await;

    replace(&file, "nameserver 192.0.2.2\n");
    told(&mut changes, "replaced by a rename").await;
    fs::write(&file, "nameserver 192.0.2.3\n").unwrap();
    told(&mut changes, "written in place").await;

    replace(&file, "# by another program\nnameserver  192.0.2.3\n");
    quiet(&mut changes, "the same servers").await;
    fs::write(etc.join("passwd"), "nameserver 192.0.2.9\n").unwrap();
    quiet(&mut changes, "another file").await;

    let (first, second) = (run.join("first.conf"), run.join("second.conf"));
    fs::write(&first, "nameserver 192.0.2.4\n").unwrap();
    quiet(&mut changes, "a file that nobody reads").await;
    link(&file, Path::new("../run/first.conf"));
    told(&mut changes, "a link in its place").await;
    replace(&first, "nameserver 192.0.2.5\n");
    told(&mut changes, "the target of the link").await;
    fs::write(&second, "nameserver 192.0.2.6\n").unwrap();
    link(&file, &second);
    told(&mut changes, "another target").await;

    fs::remove_file(&second).unwrap();
    told(&mut changes, "no file").await;
    fs::write(&second, "nameserver 192.0.2.7\n").unwrap();
    told(&mut changes, "a file again").await;
    task.abort();
}

/// As one below `/run` is that its program makes when it starts.
#[tokio::test]
async fn a_folder_that_is_made_later_or_again_is_watched() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("run/resolver");
    let file = folder.join("resolv.conf");
    let mut changes = NetworkChanges::none();
    let task = tokio::spawn(listen([file.clone()], changes.clone()));
    quiet(&mut changes, "no folder").await;
    for n in [1, 2] {
        fs::create_dir_all(&folder).unwrap();
        fs::write(&file, format!("nameserver 192.0.2.{n}\n")).unwrap();
        told(&mut changes, "the first file in its folder").await;
        fs::write(&file, format!("nameserver 192.0.2.{n}0\n")).unwrap();
        told(&mut changes, "written in place").await;
        fs::remove_dir_all(&folder).unwrap();
        told(&mut changes, "no folder again").await;
    }
    task.abort();
}

#[test]
fn the_folders_of_a_file_and_of_its_links() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    fs::create_dir(path("a")).unwrap();
    fs::create_dir(path("b")).unwrap();
    symlink("../b/f", path("a/f")).unwrap();
    symlink(path("a/round"), path("a/round")).unwrap();
    assert_eq!(folders(&path("b/f")), [path("b")]);
    assert_eq!(folders(&path("a/f")), [path("a"), path("a/../b")]);
    assert_eq!(folders(&path("a/round")).len(), LINKS_MAX);
    assert!(folders(Path::new("/")).is_empty());
}
