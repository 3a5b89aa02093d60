//! Checkpoints of the history at a second party: a folder that somebody else keeps, best on another
//! machine. Whoever has one finds a history that was written again.

use super::{News, recorder::Shared};
use signet_journal::replace_file;
use signet_net::Doubling;
use signet_tlog::note::NOTE_LEN_MAX;
use std::{
    fs,
    io::{self, Read as _},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use time::OffsetDateTime;

const PAUSE: Doubling =
    Doubling { first: Duration::from_secs(1), longest: Duration::from_secs(60) };

/// A signed checkpoint.
#[derive(Debug, Clone)]
struct Signed {
    size: u64,
    note: String,
    at_ms: i64,
}

#[derive(Default)]
struct Slot {
    /// The newest that was not handed over: it covers the earlier ones.
    newest: Option<Signed>,
    over: bool,
}

/// The end of the thread that writes the history. Dropping it ends the other thread, which tries
/// the last checkpoint once more.
pub(super) struct Publisher(Arc<(Mutex<Slot>, Condvar)>);

impl Publisher {
    /// Starts the thread. A folder of a machine that is away can hold it for ever, and nobody else.
    pub(super) fn start(place: &Path, desk: &str, shared: Arc<Shared>) -> io::Result<Self> {
        let both = Arc::new((Mutex::<Slot>::default(), Condvar::new()));
        let (folder, theirs) = (place.join(desk), both.clone());
        std::thread::Builder::new()
            .name("signet-publish".into())
            .spawn(move || keep_up(&folder, &theirs, &shared))?;
        Ok(Self(both))
    }

    pub(super) fn tell(&self, size: u64, note: String, at_ms: i64) {
        lock(&self.0.0).newest = Some(Signed { size, note, at_ms });
        self.0.1.notify_all();
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        lock(&self.0.0).over = true;
        self.0.1.notify_all();
    }
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

fn keep_up(folder: &Path, (slot, changed): &(Mutex<Slot>, Condvar), shared: &Shared) {
    // Attempts in a row.
    let mut failed = 0u32;
    loop {
        let waits = |s: &mut Slot| s.newest.is_none() && !s.over;
        let mut held =
            changed.wait_while(lock(slot), waits).unwrap_or_else(PoisonError::into_inner);
        let (next, over) = (held.newest.take(), held.over);
        drop(held);
        let Some(signed) = next else { return };
        match write(folder, &signed) {
            Ok(()) => {
                if std::mem::take(&mut failed) > 0 {
                    shared.health().tell(News::Published);
                }
            }
            Err(why) => {
                tracing::error!(folder = %folder.display(), error = %why, "not published");
                if failed == 0 {
                    let place = folder.display().to_string();
                    shared.health().tell(News::Unpublished(place, why.to_string()));
                }
                if over {
                    return;
                }
                wait(slot, changed, PAUSE.doubled(failed));
                failed = failed.saturating_add(1);
                lock(slot).newest.get_or_insert(signed);
            }
        }
    }
}

/// Until the time is over, or the history ends.
fn wait(slot: &Mutex<Slot>, changed: &Condvar, pause: Duration) {
    let until = Instant::now() + pause;
    let mut held = lock(slot);
    while !held.over {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let waited = changed.wait_timeout(held, left);
        held = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// `DAY/SIZE.checkpoint`, which is never replaced by another, and `latest.checkpoint`.
fn write(folder: &Path, signed: &Signed) -> io::Result<()> {
    let at = OffsetDateTime::from_unix_timestamp(signed.at_ms.div_euclid(1_000))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let day = folder.join(at.date().to_string());
    fs::create_dir_all(&day)?;
    let file = day.join(format!("{:020}.checkpoint", signed.size));
    match there(&file)? {
        Some(there) if there != signed.note.as_bytes() => {
            // Of a history that was put aside and begun again.
            let other = day.join(format!("{:020}-{}.checkpoint", signed.size, signed.at_ms));
            replace_file(&other, signed.note.as_bytes())?;
        }
        _ => replace_file(&file, signed.note.as_bytes())?,
    }
    replace_file(&folder.join("latest.checkpoint"), signed.note.as_bytes())
}

/// What stands in the place of a checkpoint, as far as one can be long: others write there too.
fn there(file: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::symlink_metadata(file) {
        Ok(m) if m.is_file() => {}
        Ok(_) => {
            let why = format!("{} stands in the place of a file and is none", file.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    }
    let mut some = Vec::new();
    match fs::File::open(file) {
        Ok(f) => f.take(NOTE_LEN_MAX as u64 + 1).read_to_end(&mut some)?,
        // A share that lets a desk add, and not read, has something there.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => 0,
        Err(e) => return Err(e),
    };
    Ok(Some(some))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Vec<String> {
        let mut all: Vec<String> = fs::read_dir(folder)
            .map(|d| d.map(|e| e.unwrap().file_name().into_string().unwrap()).collect())
            .unwrap_or_default();
        all.sort();
        all
    }

    fn eventually(what: &str, is: impl Fn() -> bool) {
        let began = Instant::now();
        while !is() {
            assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn a_checkpoint_is_never_replaced_by_another() {
        let dir = tempfile::tempdir().unwrap();
        let signed = |size, note: &str, at_ms| Signed { size, note: note.into(), at_ms };
        for s in [signed(1, "a", 0), signed(2, "b", 1_000), signed(2, "b", 2_000)] {
            write(dir.path(), &s).unwrap();
        }
        write(dir.path(), &signed(2, "another", 3_000)).unwrap();
        write(dir.path(), &signed(3, "c", 86_400_000)).unwrap();
        let day = dir.path().join("1970-01-01");
        let name = |n: u32| format!("{n:020}.checkpoint");
        let other = format!("{:020}-3000.checkpoint", 2);
        assert_eq!(files(&day), [name(1), other, name(2)]);
        assert_eq!(fs::read_to_string(day.join(name(2))).unwrap(), "b");
        assert_eq!(files(dir.path()), ["1970-01-01", "1970-01-02", "latest.checkpoint"]);
        assert_eq!(fs::read_to_string(dir.path().join("latest.checkpoint")).unwrap(), "c");
    }

    /// Who keeps the folder decides what is in it.
    #[test]
    fn what_others_put_in_the_place_of_a_checkpoint_is_neither_read_whole_nor_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let day = dir.path().join("1970-01-01");
        fs::create_dir(&day).unwrap();
        let note = Signed { size: 1, note: "a".into(), at_ms: 7 };
        let place = day.join(format!("{:020}.checkpoint", 1));
        let other = day.join(format!("{:020}-7.checkpoint", 1));
        // Longer than any memory, and nothing on the disk.
        let endless = fs::File::create(&place).unwrap();
        endless.set_len(1 << 42).unwrap();
        write(dir.path(), &note).unwrap();
        assert_eq!(fs::metadata(&place).unwrap().len(), 1 << 42);
        assert_eq!(fs::read_to_string(&other).unwrap(), "a");
        for it in ["a folder", "a link", "a pipe"] {
            fs::remove_file(&place).or_else(|_| fs::remove_dir(&place)).unwrap();
            match it {
                "a folder" => fs::create_dir(&place).unwrap(),
                #[cfg(unix)]
                "a link" => std::os::unix::fs::symlink("/dev/zero", &place).unwrap(),
                #[cfg(unix)]
                "a pipe" => {
                    let made = std::process::Command::new("mkfifo").arg(&place).status();
                    assert!(made.unwrap().success());
                }
                _ => fs::create_dir(&place).unwrap(),
            }
            let before = fs::symlink_metadata(&place).unwrap().file_type();
            assert!(write(dir.path(), &note).is_err(), "{it}");
            assert_eq!(fs::symlink_metadata(&place).unwrap().file_type(), before, "{it}");
        }
    }

    /// It is told once, nobody waits, and the newest arrives when the folder is back.
    #[test]
    fn a_second_party_that_is_away_gets_the_newest_later() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("share");
        fs::write(&place, "not a folder").unwrap();
        let shared = Arc::new(Shared::default());
        let p = Publisher::start(&place, "ALICE", shared.clone()).unwrap();
        for n in 1..=3 {
            p.tell(n, format!("note {n}"), 0);
        }
        let news = || shared.health().news();
        let told = std::cell::RefCell::new(None);
        eventually("told", || {
            let n = news();
            let some = n.is_some();
            *told.borrow_mut() = n;
            some
        });
        assert!(
            matches!(told.take(), Some(News::Unpublished(place, _)) if place.contains("ALICE"))
        );
        fs::remove_file(&place).unwrap();
        let latest = place.join("ALICE/latest.checkpoint");
        eventually("it arrives", || fs::read_to_string(&latest).is_ok_and(|t| t == "note 3"));
        eventually("told", || news() == Some(News::Published));
        assert_eq!(news(), None);
        // The last one is handed over at the end.
        p.tell(4, "note 4".into(), 0);
        drop(p);
        eventually("the last", || fs::read_to_string(&latest).is_ok_and(|t| t == "note 4"));
    }
}
