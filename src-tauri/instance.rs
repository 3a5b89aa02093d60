//! One desk for each folder of records. Two processes would want the same session stores: the
//! second could not connect, and a trader would have two windows of which one is dead. So the
//! second start brings the first one's window to the front, and ends.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
};

#[cfg(unix)]
use std::io::{Read as _, Write as _};

const LOCK: &str = "window.lock";
#[cfg(unix)]
const SOCKET: &str = "window.socket";

/// The right of this process to be the desk of a folder. The system takes it back when the process
/// ends, however it ends.
#[derive(Debug)]
pub struct Instance {
    _lock: File,
    folder: PathBuf,
}

/// Takes the right to the desk of `folder`; `None` if another process has it, whose window is then
/// asked to come to the front, or is given the `link` of this start. A folder that cannot be locked
/// at all must not keep a desk from opening: the stores have locks of their own.
pub fn take(folder: &Path, link: Option<&str>) -> Option<Instance> {
    match try_take(folder) {
        Ok(Some(instance)) => Some(instance),
        Ok(None) => {
            raise_other(folder, link);
            None
        }
        Err(why) => {
            eprintln!("signet-desk: whether another desk is open is not known: {why}");
            let null = if cfg!(windows) { "NUL" } else { "/dev/null" };
            File::open(null).ok().map(|none| Instance { _lock: none, folder: folder.into() })
        }
    }
}

/// The same for a program that must know: `None` if another process has the right.
pub(crate) fn alone(folder: &Path) -> io::Result<Option<Instance>> {
    try_take(folder)
}

fn try_take(folder: &Path) -> io::Result<Option<Instance>> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let lock = File::options().create(true).truncate(false).write(true).open(folder.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(Instance { _lock: lock, folder: folder.into() })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(why)) => Err(why),
    }
}

#[cfg(unix)]
fn raise_other(folder: &Path, link: Option<&str>) {
    // Whoever connects asks for the window. A link is all that there is to say.
    let said = std::os::unix::net::UnixStream::connect(folder.join(SOCKET))
        .and_then(|mut other| other.write_all(link.unwrap_or_default().as_bytes()));
    if let Err(why) = said {
        eprintln!("signet-desk: the window that is open could not be brought to the front: {why}");
    }
}

#[cfg(not(unix))]
fn raise_other(_: &Path, _: Option<&str>) {}

/// What other starts want of this window.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Call {
    /// The link of the last one that had one.
    pub link: Option<String>,
    /// An earlier link came just before it, and was not heard.
    pub replaced: bool,
}

impl Call {
    /// What is wanted after another start: its link counts, not the one before.
    #[cfg(unix)]
    fn and(self, link: Option<String>) -> Self {
        match link {
            None => self,
            Some(_) => Self { replaced: self.replaced || self.link.is_some(), link },
        }
    }
}

/// The window is asked once in this time, so that a program that starts the desk all the time does
/// not keep it busy.
#[cfg(unix)]
const EVERY: std::time::Duration = std::time::Duration::from_secs(1);

impl Instance {
    /// Calls `raise` from a thread of its own whenever another start asks for the window, with the
    /// link of that start. Of several within [`EVERY`] the last link counts. Only this user can
    /// ask, because the folder is theirs.
    #[cfg(unix)]
    pub(crate) fn listen(&self, raise: impl Fn(Call) + Send + 'static) {
        use std::sync::{Arc, Condvar, Mutex, PoisonError};
        let path = self.folder.join(SOCKET);
        // Left by a process that was killed; the lock says that nobody listens there.
        let _ = std::fs::remove_file(&path);
        let listener = match std::os::unix::net::UnixListener::bind(&path) {
            Ok(listener) => listener,
            Err(why) => return tracing::info!(%why, "another start cannot ask for this window"),
        };
        let calls = Arc::new((Mutex::new(None::<Call>), Condvar::new()));
        let heard = calls.clone();
        let hears = move || {
            for other in listener.incoming() {
                let link = match other {
                    Ok(other) => said(other),
                    // As when too many files are open: the next start is heard again.
                    Err(why) => {
                        tracing::warn!(%why, "another start was not heard");
                        std::thread::sleep(EVERY);
                        continue;
                    }
                };
                let mut call = heard.0.lock().unwrap_or_else(PoisonError::into_inner);
                *call = Some(call.take().unwrap_or_default().and(link));
                heard.1.notify_one();
            }
        };
        let tells = move || {
            loop {
                let call = calls.0.lock().unwrap_or_else(PoisonError::into_inner);
                let call = calls.1.wait_while(call, |c| c.is_none());
                let call = call.unwrap_or_else(PoisonError::into_inner).take();
                raise(call.unwrap_or_default());
                std::thread::sleep(EVERY);
            }
        };
        let spawn = |name: &str, runs: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.into()).spawn(runs).map(drop)
        };
        let spawned = spawn("signet-raise", Box::new(tells))
            .and_then(|()| spawn("signet-heard", Box::new(hears)));
        if let Err(why) = spawned {
            tracing::warn!(%why, "another start cannot ask for this window");
        }
    }

    /// On this system another start only says that a window is open.
    #[cfg(not(unix))]
    pub(crate) fn listen(&self, _: impl Fn(Call) + Send + 'static) {
        let _ = &self.folder;
    }
}

/// The link that another start passes on. One that says more than a link may, or is slow, says
/// what it has said until then; the reader of links refuses it.
#[cfg(unix)]
fn said(other: std::os::unix::net::UnixStream) -> Option<String> {
    let mut bytes = Vec::new();
    let _ = other.set_read_timeout(Some(std::time::Duration::from_millis(500)));
    // One byte more than is allowed, so that what is too long is seen to be.
    let _ = other.take(signet_desk_core::LINK_MAX as u64 + 1).read_to_end(&mut bytes);
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_desk_has_a_folder_until_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("new").join("desk");
        let first = try_take(&folder).unwrap().expect("nobody has it");
        assert!(try_take(&folder).unwrap().is_none(), "a second start");
        assert!(try_take(dir.path()).unwrap().is_some(), "another folder has its own");
        drop(first);
        assert!(try_take(&folder).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_second_start_asks_the_first_for_its_window_or_passes_its_link_on() {
        let patience = std::time::Duration::from_secs(30);
        let long = "x".repeat(100_000);
        for link in [None, Some("signet://rfq?isin=DE000BU2Z049"), Some(long.as_str())] {
            let dir = tempfile::tempdir().unwrap();
            // What a desk that was killed leaves behind.
            std::fs::write(dir.path().join(SOCKET), "").unwrap();
            let first = take(dir.path(), None).expect("nobody has it");
            let (asked, was_asked) = std::sync::mpsc::channel();
            first.listen(move |call| asked.send(call).unwrap());
            assert!(take(dir.path(), link).is_none());
            let heard = was_asked.recv_timeout(patience).expect("asked");
            let most = signet_desk_core::LINK_MAX + 1;
            assert_eq!(heard.link, link.map(|l| l[..l.len().min(most)].to_owned()));
        }
    }
    #[cfg(unix)]
    #[test]
    fn of_links_that_come_at_once_the_last_is_heard() {
        let (dir, patience) = (tempfile::tempdir().unwrap(), std::time::Duration::from_secs(30));
        let first = take(dir.path(), None).expect("nobody has it");
        let (asked, was_asked) = std::sync::mpsc::channel();
        first.listen(move |call| asked.send(call).unwrap());
        for link in [Some("a"), Some("b"), Some("c"), None] {
            assert!(take(dir.path(), link).is_none());
        }
        let mut last = None;
        while last.as_deref() != Some("c") {
            last = was_asked.recv_timeout(patience).expect("the last is heard").link;
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_start_without_a_link_leaves_the_link_before_it() {
        let call = |link: Option<&str>, replaced| Call { link: link.map(Into::into), replaced };
        for (before, link, after) in [
            (call(None, false), None, call(None, false)),
            (call(None, false), Some("a"), call(Some("a"), false)),
            (call(Some("a"), false), None, call(Some("a"), false)),
            (call(Some("a"), false), Some("b"), call(Some("b"), true)),
            (call(Some("b"), true), Some("c"), call(Some("c"), true)),
            (call(Some("b"), true), None, call(Some("b"), true)),
        ] {
            assert_eq!(before.and(link.map(Into::into)), after);
        }
    }
}
