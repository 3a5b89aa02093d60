//! Linux: name servers, as the files of the resolver tell them (`resolv.conf(5)`), by inotify.
//!
//! Such a file is usually replaced by renaming another one over it, and often it is a link into the
//! folder of whoever writes it. So the folders are watched: of the file, and of each link's target.

use super::{NetworkChanges, facts::resolver_lines, restart::Restart};
use rustix::{
    fd::OwnedFd,
    fs::inotify::{self, CreateFlags, WatchFlags},
    io::Errno,
};
use std::{
    convert::Infallible,
    fs::{File, Metadata},
    io::{self, Read as _},
    mem::MaybeUninit,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::io::unix::AsyncFd;

/// What programs read, and the servers behind systemd-resolved's own address.
pub(super) const PATHS: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];
/// As much of a file is read.
const BYTES_MAX: u64 = 64 * 1024;
/// Links that are followed.
const LINKS_MAX: usize = 8;
/// Whoever writes such a file writes it in steps.
const SETTLE: Duration = Duration::from_millis(20);
/// Other files change in these folders as well.
const EVENT_BYTES: usize = 4096;

/// Tells when what the files say is different, for as long as it is polled.
pub(super) async fn listen(
    paths: impl IntoIterator<Item = impl Into<PathBuf>>,
    changes: NetworkChanges,
) {
    let paths: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
    let mut again = Restart::new("the resolver's files");
    loop {
        let Err(why) = follow(&paths, &changes, &mut again).await;
        let wait = again.ended(&why);
        tokio::time::sleep(wait).await;
    }
}

/// Watches until that fails.
async fn follow(
    paths: &[PathBuf],
    changes: &NetworkChanges,
    again: &mut Restart,
) -> io::Result<Infallible> {
    let (mut watched, mut events) = watch_all(paths)?;
    // Watched first and then read, so that nothing is missed between the two.
    let mut said = read(paths);
    if again.hears() {
        changes.dns_hint();
    }
    loop {
        drain(&events).await?;
        tokio::time::sleep(SETTLE).await;
        if all_folders(paths) != watched {
            (watched, events) = watch_all(paths)?;
        }
        let says = read(paths);
        if says != said {
            said = says;
            changes.dns_hint();
        }
    }
}

/// The folders in which `path` and the targets of its links stand.
fn folders(path: &Path) -> Vec<PathBuf> {
    let (mut found, mut at) = (Vec::new(), path.to_owned());
    for _ in 0..LINKS_MAX {
        let Some(folder) = at.parent().map(Path::to_owned) else { break };
        let target = std::fs::read_link(&at).map(|target| folder.join(target));
        found.push(folder);
        match target {
            Ok(target) => at = target,
            Err(_) => break,
        }
    }
    found
}

/// A folder that is watched, and which one it is: one that was removed and made again has the same
/// name, and its watch has ended.
type Watched = (PathBuf, (u64, u64));

/// The folders of these files and of their links. For one that does not exist, the one above it in
/// which it will be made.
fn all_folders(paths: &[PathBuf]) -> Vec<Watched> {
    let there = |folder: PathBuf| {
        folder.ancestors().find_map(|f| {
            // What is left of a name without a folder is the folder that we are in.
            let f = if f.as_os_str().is_empty() { Path::new(".") } else { f };
            let is = std::fs::metadata(f).ok().filter(Metadata::is_dir)?;
            Some((f.to_owned(), (is.dev(), is.ino())))
        })
    };
    let mut all: Vec<_> = paths.iter().flat_map(|p| folders(p)).filter_map(there).collect();
    all.sort();
    all.dedup();
    all
}

/// Watches, and says what: a folder that was made while the one above it began to be watched would
/// not be told of.
fn watch_all(paths: &[PathBuf]) -> io::Result<(Vec<Watched>, AsyncFd<OwnedFd>)> {
    let mut folders = all_folders(paths);
    loop {
        let events = watch(&folders)?;
        let now = all_folders(paths);
        if now == folders {
            return Ok((folders, events));
        }
        folders = now;
    }
}

/// A folder that ended meanwhile is left out.
fn watch(folders: &[Watched]) -> io::Result<AsyncFd<OwnedFd>> {
    let events = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    let what = WatchFlags::CREATE
        | WatchFlags::CLOSE_WRITE
        | WatchFlags::DELETE
        | WatchFlags::MOVED_FROM
        | WatchFlags::MOVED_TO
        | WatchFlags::ONLYDIR;
    for (folder, _) in folders {
        if let Err(e) = inotify::add_watch(&events, folder, what) {
            tracing::debug!(error = %e, folder = %folder.display(), "this folder is not watched");
        }
    }
    // SAFETY: the descriptor belongs to `events`, which the `AsyncFd` owns from here on and never
    // exchanges, so it stays open, and the same, for as long as it is registered.
    Ok(unsafe { AsyncFd::register(events) }?)
}

/// Waits for events and takes all that are there.
async fn drain(events: &AsyncFd<OwnedFd>) -> io::Result<()> {
    let mut ready = events.readable().await?;
    let mut buffer = [MaybeUninit::uninit(); EVENT_BYTES];
    let mut reader = inotify::Reader::new(events.get_ref(), &mut buffer);
    loop {
        match reader.next() {
            Ok(_) => {}
            Err(Errno::AGAIN) => break,
            Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    ready.clear_ready();
    Ok(())
}

/// What each file says; `None` for one that cannot be read.
fn read(paths: &[PathBuf]) -> Vec<Option<Vec<String>>> {
    let one = |path: &PathBuf| {
        let mut bytes = Vec::new();
        File::open(path).ok()?.take(BYTES_MAX).read_to_end(&mut bytes).ok()?;
        Some(resolver_lines(&String::from_utf8_lossy(&bytes)))
    };
    paths.iter().map(one).collect()
}

#[cfg(test)]
#[path = "resolv_conf_tests.rs"]
mod tests;
