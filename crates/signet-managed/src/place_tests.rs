use super::*;
use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
};

struct Etc(tempfile::TempDir);

impl Etc {
    fn new() -> Self {
        let etc = Self(tempfile::tempdir().unwrap());
        etc.mode("", 0o755);
        etc
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.0.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.0.path().join(name), bytes).unwrap();
        self.mode(name, 0o644);
    }

    fn owner(&self) -> u32 {
        self.0.path().metadata().unwrap().uid()
    }

    fn find(&self, owner: u32) -> Result<Found, &'static str> {
        let place = Place::folder_for_tests(self.0.path().into(), owner);
        place.find().map_err(|e| e.code())
    }
}

#[test]
fn three_files_are_a_find_and_a_part_of_them_is_an_error() {
    let etc = Etc::new();
    let find = || etc.find(etc.owner());
    assert_eq!(find(), Ok(Found::Nothing));
    etc.write(KEY, b"k");
    assert_eq!(find(), Ok(Found::Nothing), "a key alone is deployed before the first policy");
    etc.write(SIGNATURE, b"s");
    assert_eq!(find(), Err("managed.unreadable"));
    etc.write(POLICY, b"p");
    let all = Found::Signed { policy: b"p".into(), signature: "s".into(), key: "k".into() };
    assert_eq!(find(), Ok(all));
    etc.write(SIGNATURE, b"\xff");
    assert_eq!(find(), Err("managed.unreadable"));
    fs::remove_file(etc.0.path().join(SIGNATURE)).unwrap();
    assert_eq!(find(), Err("managed.unsigned"));
    etc.write(SIGNATURE, b"s");
    fs::remove_file(etc.0.path().join(KEY)).unwrap();
    assert_eq!(find(), Err("managed.no_key"));
}

#[test]
fn files_and_folders_of_others_are_refused() {
    let etc = Etc::new();
    for name in [POLICY, SIGNATURE, KEY] {
        etc.write(name, b"x");
    }
    assert!(etc.find(etc.owner()).is_ok());
    assert_eq!(etc.find(etc.owner() + 1), Err("managed.not_protected"));
    for name in [POLICY, SIGNATURE, KEY, ""] {
        for (mode, bad) in [(0o664, true), (0o646, true), (0o666, true), (0o744, false)] {
            let mode = if name.is_empty() { mode | 0o111 } else { mode };
            etc.mode(name, mode);
            let want = if bad { Err("managed.not_protected") } else { Ok(()) };
            assert_eq!(etc.find(etc.owner()).map(|_| ()), want, "{name:?} {mode:o}");
        }
    }
}

#[test]
fn folders_above_are_looked_at_up_to_the_root() {
    let etc = Etc::new();
    let inner = etc.0.path().join("signet");
    fs::create_dir(&inner).unwrap();
    etc.mode("signet", 0o755);
    etc.write("signet/managed.toml", b"x");
    let find = |path: &Path| protected(&inner.join(POLICY), path, etc.owner(), 10);
    assert!(find(etc.0.path()).unwrap().is_some());
    etc.mode("", 0o777);
    assert_eq!(find(etc.0.path()).unwrap_err().code(), "managed.not_protected");
    assert!(find(&inner).unwrap().is_some(), "below a test's own folder only");
    assert_eq!(find(Path::new("/")).unwrap_err().code(), "managed.not_protected");
}

#[test]
fn a_folder_that_is_a_link_is_refused_wherever_it_leads() {
    let etc = Etc::new();
    for name in ["real", "real/signet"] {
        fs::create_dir(etc.0.path().join(name)).unwrap();
        etc.mode(name, 0o755);
    }
    etc.write("real/signet/managed.toml", b"x");
    std::os::unix::fs::symlink("real/signet", etc.0.path().join("signet")).unwrap();
    std::os::unix::fs::symlink("real", etc.0.path().join("other")).unwrap();
    let find = |name: &str| {
        let path = etc.0.path().join(name).join(POLICY);
        protected(&path, etc.0.path(), etc.owner(), 10).map_err(|e| e.code())
    };
    assert_eq!(find("real/signet"), Ok(Some(b"x".to_vec())));
    assert_eq!(find("signet"), Err("managed.not_protected"));
    assert_eq!(find("other/signet"), Err("managed.not_protected"));
}

#[test]
fn links_folders_and_long_files_are_refused() {
    let etc = Etc::new();
    etc.write("elsewhere", b"x");
    let policy = etc.0.path().join(POLICY);
    std::os::unix::fs::symlink(etc.0.path().join("elsewhere"), &policy).unwrap();
    assert_eq!(etc.find(etc.owner()), Err("managed.not_protected"));
    fs::remove_file(&policy).unwrap();
    std::os::unix::fs::symlink("/nonexistent", &policy).unwrap();
    assert_eq!(etc.find(etc.owner()), Err("managed.not_protected"), "a link that leads nowhere");
    fs::remove_file(&policy).unwrap();
    fs::create_dir(&policy).unwrap();
    assert_eq!(etc.find(etc.owner()), Err("managed.not_protected"));
    fs::remove_dir(&policy).unwrap();
    etc.write(POLICY, &vec![b'#'; crate::POLICY_BYTES_MAX as usize + 1]);
    assert_eq!(etc.find(etc.owner()), Err("managed.too_large"));
    etc.write(POLICY, &vec![b'#'; crate::POLICY_BYTES_MAX as usize]);
    assert_eq!(etc.find(etc.owner()), Err("managed.unsigned"));
}

#[test]
fn a_damaged_record_stops_the_desk() {
    let etc = Etc::new();
    let place = Place::folder_for_tests(etc.0.path().join("none"), etc.owner());
    let now = time::macros::datetime!(2026-11-29 12:00 UTC);
    let record = etc.0.path().join("managed.seen");
    assert!(load(&place, now, &record).unwrap().is_none());
    for (bytes, code) in [
        (&b"\xff"[..], "managed.record_damaged"),
        (b"serial = 1", "managed.record_damaged"),
        (&[b'#'; 5000], "managed.record_damaged"),
        (b"firm = \"F\"\nplace = \"p\"\nserial = 1\ndigest = \"d\"\n", "managed.missing"),
    ] {
        fs::write(&record, bytes).unwrap();
        assert_eq!(load(&place, now, &record).unwrap_err().code(), code);
    }
}
