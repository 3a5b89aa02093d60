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

impl Instance {
    /// Calls `raise` from a thread of its own whenever another start asks for the window, with the
    /// link of that start. Only this user can ask, because the folder is theirs.
    #[cfg(unix)]
    pub(crate) fn listen(&self, raise: impl Fn(Option<String>) + Send + 'static) {
        let path = self.folder.join(SOCKET);
        // Left by a process that was killed; the lock says that nobody listens there.
        let _ = std::fs::remove_file(&path);
        let listener = match std::os::unix::net::UnixListener::bind(&path) {
            Ok(listener) => listener,
            Err(why) => return tracing::info!(%why, "another start cannot ask for this window"),
        };
        let asked = crate::attention::Attention::every(std::time::Duration::from_secs(1));
        let spawned = std::thread::Builder::new().name("signet-raise".into()).spawn(move || {
            for other in listener.incoming().map_while(Result::ok) {
                let said = said(other);
                if asked.is_due(std::time::Instant::now()) {
                    raise(said);
                }
            }
        });
        if let Err(why) = spawned {
            tracing::warn!(%why, "another start cannot ask for this window");
        }
    }

    /// On this system another start only says that a window is open.
    #[cfg(not(unix))]
    pub(crate) fn listen(&self, _: impl Fn(Option<String>) + Send + 'static) {
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
            first.listen(move |link| asked.send(link).unwrap());
            assert!(take(dir.path(), link).is_none());
            let heard = was_asked.recv_timeout(patience).expect("asked");
            let most = signet_desk_core::LINK_MAX + 1;
            assert_eq!(heard, link.map(|l| l[..l.len().min(most)].to_owned()));
        }
    }
}
