//! Reports of panics. They stay on this computer until the trader copies a support report, which
//! has the latest of them: nothing is sent by itself.
//!
//! A report says where the program failed and by which way it came there; no values. A message that
//! was put together while the program ran may hold some and is left out, as is the log.

use std::{
    any::Any,
    backtrace::Backtrace,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    panic::{self, PanicHookInfo},
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

const FOLDER: &str = "crashes";
const BEGINS: &str = "crash-";
const ENDS: &str = ".txt";
/// Reports that are kept; the oldest makes room.
const KEPT_MAX: usize = 10;
/// A support report has so many of the latest.
const SHOWN_MAX: usize = 3;
const BYTES_MAX: usize = 32 * 1024;
/// One start of the program writes so many: what fails may fail in a circle.
const WRITTEN_MAX: u32 = 3;

static PLACE: OnceLock<PathBuf> = OnceLock::new();

/// Writes a report below `data` for each panic from now on. The usual words on the standard error
/// stay.
pub(crate) fn keep_reports(data: &Path) {
    static WRITTEN: AtomicU32 = AtomicU32::new(0);
    if PLACE.set(data.join(FOLDER)).is_err() {
        return;
    }
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        usual(info);
        if WRITTEN.fetch_add(1, Ordering::Relaxed) < WRITTEN_MAX
            && let Some(folder) = PLACE.get()
        {
            let now = OffsetDateTime::now_utc();
            let text = report(info, now, &Backtrace::force_capture().to_string());
            // Where nothing can be written, the standard error has said it.
            let _ = keep(folder, now, &text);
        }
    }));
}

/// The latest reports, the latest first; empty where there are none.
pub(crate) fn latest() -> String {
    PLACE.get().map(|folder| of(folder)).unwrap_or_default()
}

fn report(info: &PanicHookInfo<'_>, now: OffsetDateTime, trace: &str) -> String {
    let place = info.location().map(|l| format!("{}:{}", file_name(l.file()), l.line()));
    let mut text = format!(
        "Signet Desk {} on {} {}, {}\nthread {} failed at {}\n{}\n\nThe way there:\n{trace}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH,
        now.format(&Rfc3339).unwrap_or_default(),
        std::thread::current().name().unwrap_or("without a name"),
        place.as_deref().unwrap_or("an unknown place"),
        message(info.payload()),
    );
    let mut end = text.len().min(BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// A text that stands in the program. Others may hold what a person typed or a peer sent.
fn message(payload: &dyn Any) -> &str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or("(the message may hold data)")
}

/// Of a source file's path its last two parts: the rest may be a folder of who built it.
fn file_name(path: &str) -> String {
    let parts: Vec<&str> = path.rsplit(['/', '\\']).take(2).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

fn keep(folder: &Path, now: OffsetDateTime, text: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let all = reports(folder);
    for old in all.iter().skip(KEPT_MAX - 1) {
        fs::remove_file(old)?;
    }
    let name = format!("{BEGINS}{:020}{ENDS}", now.unix_timestamp_nanos() / 1_000);
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let path = folder.join(name);
    let mut file = options.open(&path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // What a full disk left of it would take the place of one that says something.
        let _ = fs::remove_file(&path);
    }
    written
}

/// Its reports, the latest first.
fn reports(folder: &Path) -> Vec<PathBuf> {
    let ours = |path: &PathBuf| {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        name.starts_with(BEGINS) && name.ends_with(ENDS)
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = entries.map(|e| e.path()).filter(ours).collect();
    all.sort_unstable_by(|a, b| b.cmp(a));
    all
}

fn of(folder: &Path) -> String {
    let read = |path: &PathBuf| {
        let mut bytes = Vec::new();
        let most = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX);
        File::open(path).and_then(|f| f.take(most).read_to_end(&mut bytes)).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let said = reports(folder);
    let said = said.iter().filter_map(read).filter(|text| !text.is_empty());
    said.take(SHOWN_MAX).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> OffsetDateTime {
        OffsetDateTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn only_the_latest_are_kept_and_shown() {
        let folder = tempfile::tempdir().unwrap();
        let crashes = folder.path().join(FOLDER);
        assert_eq!(of(&crashes), "");
        for n in 1..=KEPT_MAX as u64 + 5 {
            keep(&crashes, at(n), &format!("report {n}.")).unwrap();
        }
        fs::write(crashes.join("other.txt"), "not a report").unwrap();
        assert_eq!(reports(&crashes).len(), KEPT_MAX);
        assert_eq!(of(&crashes), "report 15.\nreport 14.\nreport 13.");
        assert!(keep(&crashes, at(15), "again").is_err(), "a report is never written over");
        // What a process that was killed on a full disk leaves.
        for n in 0..SHOWN_MAX as u64 {
            fs::write(crashes.join(format!("{BEGINS}{:020}{ENDS}", u64::MAX - n)), "").unwrap();
        }
        assert_eq!(of(&crashes), "report 15.\nreport 14.\nreport 13.", "empty ones hide none");
    }

    #[cfg(unix)]
    #[test]
    fn others_cannot_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        keep(folder.path(), at(1), "text").unwrap();
        let mode = reports(folder.path())[0].metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0);
    }

    #[test]
    fn a_message_with_values_and_the_builders_folders_are_left_out() {
        let typed: Box<dyn Any + Send> = Box::new(format!("PIN {}", 1234));
        let fixed: Box<dyn Any + Send> = Box::new("a bound that was checked");
        assert_eq!(message(typed.as_ref()), "(the message may hold data)");
        assert_eq!(message(fixed.as_ref()), "a bound that was checked");
        assert_eq!(file_name("/home/anna/signet/src-tauri/shell.rs"), "src-tauri/shell.rs");
        assert_eq!(file_name("C:\\signet\\src\\lib.rs"), "src/lib.rs");
    }

    #[test]
    fn a_panic_in_any_thread_leaves_a_bounded_report() {
        let folder = tempfile::tempdir().unwrap();
        keep_reports(folder.path());
        let failed = std::thread::Builder::new()
            .name("router".into())
            .spawn(|| panic!("what a peer sent: {}", "9".repeat(100)))
            .unwrap()
            .join();
        assert!(failed.is_err());
        let text = latest();
        assert!(text.contains("thread router failed at src-tauri/crash.rs:"), "{text}");
        assert!(text.contains("(the message may hold data)") && !text.contains("9999"), "{text}");
        assert!(text.len() <= BYTES_MAX, "{}", text.len());
        drop(panic::take_hook());
    }
}
