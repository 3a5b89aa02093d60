//! Room on the disks of the state folder and of a registry that is a file: looked at regularly, and
//! said before it is used up, since what cannot be written down is not done.

use crate::{
    config::{Config, DiskSection, RegistrySection},
    events::EventSink,
    metrics::Metrics,
};
use signet_events::About;
use signet_registry::RegistryUrl;
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(10);
const MIB: u64 = 1024 * 1024;
/// Files that can still be made, below which a disk is low: more than the gateway makes in a month.
const FILES_LOW: u64 = 10_000;

/// How much of something is left on a file system, and how much there is of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Room {
    free: u64,
    size: u64,
}

/// A file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Disk {
    bytes: Room,
    /// Files that it can hold (inodes); `None`: it has no fixed number of them.
    files: Option<Room>,
}

/// What is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Say {
    Low,
    Enough,
}

/// What was said last.
#[derive(Debug, Default)]
struct Standing {
    low: bool,
}

impl Standing {
    /// `low`: below how much it is low.
    fn look(&mut self, free: u64, low: u64) -> Option<Say> {
        // A quarter more, so that a file that comes and goes is not said each time.
        let enough = low.saturating_add(low / 4);
        let is_low = free < if self.low { enough } else { low };
        let was_low = std::mem::replace(&mut self.low, is_low);
        match (was_low, is_low) {
            (false, true) => Some(Say::Low),
            (true, false) => Some(Say::Enough),
            _ => None,
        }
    }
}

impl Say {
    /// Code of the event.
    fn code(self) -> &'static str {
        match self {
            Self::Low => "disk.low",
            Self::Enough => "disk.enough",
        }
    }
}

/// Whose disk it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    State,
    Registry,
}

impl Place {
    /// The setting that names it.
    const fn setting(self) -> &'static str {
        match self {
            Self::State => "gateway.state_dir",
            Self::Registry => "registry.url",
        }
    }

    /// What to do, and what happens otherwise.
    const fn cure(self) -> &'static str {
        match self {
            Self::State => "move old evidence to the archive, or records cannot be written",
            Self::Registry => "make room on it, or the registry cannot be written",
        }
    }

    fn words(self, say: Say, what: &str, low: u64) -> String {
        let (setting, cure) = (self.setting(), self.cure());
        match say {
            Say::Low => {
                format!("{what} on the disk of {setting}, it is low below {low}: {cure}")
            }
            Say::Enough => format!("{what} on the disk of {setting} again"),
        }
    }
}

/// What was said last of one disk.
#[derive(Debug, Default)]
struct Standings {
    bytes: Standing,
    files: Standing,
}

impl Standings {
    /// What is to be said of this disk now.
    fn look(&mut self, place: Place, disk: &Disk, section: &DiskSection) -> Vec<(Say, String)> {
        let mut news = Vec::new();
        let (Room { free, size }, low) = (disk.bytes, section.low_bytes(disk.bytes.size));
        if let Some(say) = self.bytes.look(free, low) {
            let what = format!("{} MiB of {} are free", free / MIB, size / MIB);
            news.push((say, place.words(say, &what, low / MIB)));
        }
        if let Some(Room { free, size }) = disk.files {
            let low = low_files(section, size);
            if let Some(say) = self.files.look(free, low) {
                let what = format!("{free} of {size} files can be made");
                news.push((say, place.words(say, &what, low)));
            }
        }
        news
    }
}

/// Below how many files that can be made a disk that holds so many is low.
fn low_files(section: &DiskSection, size: u64) -> u64 {
    match section.low_mib {
        0 => 0,
        _ => FILES_LOW.min((size / 100).saturating_mul(section.low_percent.into())),
    }
}

/// Where records are written.
pub struct Places {
    state: PathBuf,
    /// A registry that is a file.
    registry: Option<PathBuf>,
}

impl Places {
    /// As the configuration says.
    pub fn of(config: &Config) -> Self {
        let registry = config.registry.as_ref().and_then(file_of);
        Self { state: config.gateway.state_dir.clone(), registry }
    }
}

/// The file of a registry. One that cannot be used is refused elsewhere.
fn file_of(registry: &RegistrySection) -> Option<PathBuf> {
    match registry.url().ok()? {
        RegistryUrl::Sqlite(file) => Some(file),
        RegistryUrl::Postgres(_) => None,
    }
}

/// One disk that is watched.
struct Watcher {
    place: Place,
    path: PathBuf,
    /// It is watched only if it is another disk than this one's.
    beside: Option<PathBuf>,
    section: DiskSection,
    events: EventSink,
    /// Of the state folder's disk only.
    metrics: Option<Arc<Metrics>>,
}

/// Looks at the disks for ever, and says what changes.
pub async fn watch(events: EventSink, metrics: Arc<Metrics>, section: DiskSection, places: Places) {
    let Places { state, registry } = places;
    let of_registry = registry.map(|path| Watcher {
        place: Place::Registry,
        path,
        beside: Some(state.clone()),
        section,
        events: events.clone(),
        metrics: None,
    });
    let metrics = Some(metrics);
    let (place, beside) = (Place::State, None);
    let of_state = Watcher { place, path: state, beside, section, events, metrics };
    // Each by itself: a disk that hangs keeps nobody from looking at the other.
    tokio::join!(of_state.watch(), async {
        if let Some(of_registry) = of_registry {
            of_registry.watch().await;
        }
    });
}

impl Watcher {
    async fn watch(self) {
        let (mut standings, mut unread) = (Standings::default(), false);
        loop {
            let (path, beside) = (self.path.clone(), self.beside.clone());
            // A network file system that hangs keeps this look waiting, and trading goes on.
            let looked = tokio::task::spawn_blocking(move || disk(&path, beside.as_deref())).await;
            let failed = matches!(looked, Ok(Err(_)));
            if failed {
                // Unknown: the last figure would be taken for the present one.
                self.measure(0, 0);
            }
            match looked {
                Ok(Ok(Some(disk))) => {
                    self.measure(disk.bytes.free, self.section.low_bytes(disk.bytes.size));
                    for (say, words) in standings.look(self.place, &disk, &self.section) {
                        self.tell(say, &words);
                    }
                }
                Ok(Err(e)) if !unread => {
                    tracing::warn!(path = %self.path.display(), error = %e, "how much room its \
                        disk has cannot be read; tried again");
                }
                // The system does not say, it is the other's disk, it was said before, or this
                // program ends.
                Ok(_) | Err(_) => {}
            }
            unread = failed;
            tokio::time::sleep(LOOK).await;
        }
    }

    fn measure(&self, free: u64, low: u64) {
        if let Some(metrics) = &self.metrics {
            metrics.storage.disk_is_now(free, low);
        }
    }

    fn tell(&self, say: Say, words: &str) {
        let code = say.code();
        match say {
            Say::Low => tracing::error!(alert = true, code, "{words}"),
            Say::Enough => tracing::info!(code, "{words}"),
        }
        self.events.gateway(code, About::object(self.place.setting()), words);
    }
}

/// The file system of a path. `None`: it does not say, or it is the one that `beside` is on.
#[cfg(unix)]
fn disk(path: &Path, beside: Option<&Path>) -> io::Result<Option<Disk>> {
    use std::os::unix::fs::MetadataExt as _;
    let device = |path: &Path| std::fs::metadata(path).map(|m| m.dev());
    if let Some(beside) = beside
        && device(path)? == device(beside)?
    {
        return Ok(None);
    }
    let found = rustix::fs::statvfs(path)?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    // What is kept for the superuser is not free for the gateway's account.
    let room = Room { free: bytes(found.f_bavail), size: bytes(found.f_blocks) };
    let files = Room { free: found.f_favail, size: found.f_files };
    let disk = Disk { bytes: room, files: Some(files).filter(|f| f.size > 0) };
    Ok(Some(disk).filter(|d| d.bytes.size > 0))
}

/// `None`: this program does not ask other systems.
#[cfg(not(unix))]
fn disk(_path: &Path, _beside: Option<&Path>) -> io::Result<Option<Disk>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_what_is_said_of_the_room() {
        use Say::{Enough, Low};
        let table = [
            (5_000, 1_000, None),
            (1_000, 1_000, None),
            (999, 1_000, Some(Low)),
            (0, 1_000, None),
            // Above the limit, and not by a quarter of it.
            (1_249, 1_000, None),
            (900, 1_000, None),
            (1_250, 1_000, Some(Enough)),
            (1_249, 1_000, None),
            (999, 1_000, Some(Low)),
            // The file system has grown, or shrunk, and the limit with it.
            (999, 800, None),
            (999, 700, Some(Enough)),
            (999, 2_000, Some(Low)),
            (u64::MAX, u64::MAX, Some(Enough)),
            // Nothing is to be said.
            (0, 0, None),
        ];
        let mut standing = Standing::default();
        for (n, (free, low, want)) in table.into_iter().enumerate() {
            assert_eq!(standing.look(free, low), want, "{n}: {free} {low}");
        }
    }

    fn section(low_mib: u32, low_percent: u32) -> DiskSection {
        DiskSection { low_mib, low_percent }
    }

    #[test]
    fn the_codes_are_in_the_catalogue_and_the_words_tell_how_much_is_left() {
        for say in [Say::Low, Say::Enough] {
            assert_eq!(signet_events::catalogue::entry(say.code()).code, say.code());
        }
        let disk = |mib: u64, files: u64| Disk {
            bytes: Room { free: mib * MIB, size: 20_000 * MIB },
            files: Some(Room { free: files, size: 1_000_000 }),
        };
        let mut said = Standings::default();
        let (limits, much) = (section(1_000, 5), 900_000);
        let mut look = |place, disk: Disk| said.look(place, &disk, &limits);
        assert!(look(Place::State, disk(1_000, 10_000)).is_empty());
        let low = look(Place::State, disk(700, much));
        let [(Say::Low, words)] = &low[..] else { panic!("{low:?}") };
        assert!(words.starts_with("700 MiB of 20000 are free on the disk of gateway.state_dir"));
        // Of files it is said by itself, and each once.
        let few = look(Place::Registry, disk(700, 9_999));
        let [(Say::Low, words)] = &few[..] else { panic!("{few:?}") };
        let want = "9999 of 1000000 files can be made on the disk of registry.url, it is low \
            below 10000: ";
        assert!(words.starts_with(want), "{words}");
        assert!(look(Place::State, disk(700, 12_499)).is_empty());
        let both = look(Place::State, disk(1_250, 12_500));
        assert_eq!(both.iter().map(|(say, _)| *say).collect::<Vec<_>>(), [Say::Enough; 2]);
        // A file system without a fixed number of files.
        let none = Disk { files: None, ..disk(1_250, 0) };
        assert!(look(Place::State, none).is_empty());
    }

    #[test]
    fn table_of_how_many_files_are_few() {
        for (low_mib, low_percent, size, low) in [
            (1_024, 5, 0, 0),
            (1_024, 5, 10_000, 500),
            (1_024, 5, 10_000_000, FILES_LOW),
            (1_024, 50, u64::MAX, FILES_LOW),
            (0, 5, 10_000_000, 0),
        ] {
            let found = low_files(&section(low_mib, low_percent), size);
            assert_eq!(found, low, "{low_mib} {low_percent} {size}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_system_says_how_much_room_there_is() {
        let dir = tempfile::tempdir().unwrap();
        let found = disk(dir.path(), None).unwrap().expect("a size");
        assert!(found.bytes.free <= found.bytes.size, "{found:?}");
        assert!(found.files.is_none_or(|f| f.free <= f.size), "{found:?}");
        assert!(disk(&dir.path().join("nowhere"), None).is_err());
        // The same disk is not looked at twice, and another one is.
        let file = dir.path().join("registry.db");
        std::fs::write(&file, b"").unwrap();
        assert_eq!(disk(&file, Some(dir.path())).unwrap(), None);
        #[cfg(target_os = "linux")]
        assert!(disk(&file, Some(Path::new("/proc"))).unwrap().is_some());
    }

    #[test]
    fn only_a_registry_that_is_a_file_has_a_disk_of_its_own() {
        let dir = Path::new("/etc/signet");
        for (url, file) in [
            ("sqlite:/var/lib/registry.db", Some("/var/lib/registry.db")),
            ("sqlite:registry.db", Some("/etc/signet/registry.db")),
            ("postgres://signet@db.example/signet?sslmode=verify-full", None),
        ] {
            let mut registry = crate::config::RegistrySection::new(url);
            registry.base = dir.into();
            assert_eq!(file_of(&registry), file.map(PathBuf::from), "{url}");
        }
    }
}
