//! Room on the disk of the state folder: looked at regularly, and said before it is used up, since
//! what cannot be written down is not done.

use crate::{config::DiskSection, events::EventSink, metrics::Metrics};
use signet_events::About;
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How often it is looked at.
const LOOK: Duration = Duration::from_secs(10);
const MIB: u64 = 1024 * 1024;

/// A file system, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Space {
    free: u64,
    size: u64,
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
    /// `low`: below how much it is low, bytes.
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

    fn words(self, space: Space, low: u64) -> String {
        let (free, size, low) = (space.free / MIB, space.size / MIB, low / MIB);
        match self {
            Self::Low => format!(
                "{free} MiB of {size} are free on the disk of gateway.state_dir, it is low below \
                 {low}: move old evidence to the archive, or records cannot be written"
            ),
            Self::Enough => {
                format!("{free} MiB of {size} are free on the disk of gateway.state_dir again")
            }
        }
    }
}

/// Looks at the disk of this folder for ever, and says what changes.
pub async fn watch(
    events: EventSink,
    metrics: Arc<Metrics>,
    section: DiskSection,
    folder: PathBuf,
) {
    let (mut standing, mut unread) = (Standing::default(), false);
    loop {
        let place = folder.clone();
        // A network file system that hangs keeps this look waiting, and trading goes on.
        let looked = tokio::task::spawn_blocking(move || space(&place)).await;
        let failed = matches!(looked, Ok(Err(_)));
        if failed {
            // Unknown: the last figure would be taken for the present one.
            metrics.storage.disk_is_now(0, 0);
        }
        match looked {
            Ok(Ok(Some(space))) => {
                let low = section.low_bytes(space.size);
                metrics.storage.disk_is_now(space.free, low);
                if let Some(say) = standing.look(space.free, low) {
                    tell(&events, say, &say.words(space, low));
                }
            }
            Ok(Err(e)) if !unread => {
                tracing::warn!(folder = %folder.display(), error = %e, "how much room its disk has \
                    cannot be read; tried again");
            }
            // The system does not say, or it was said before, or this program ends.
            Ok(_) | Err(_) => {}
        }
        unread = failed;
        tokio::time::sleep(LOOK).await;
    }
}

fn tell(events: &EventSink, say: Say, words: &str) {
    let code = say.code();
    match say {
        Say::Low => tracing::error!(alert = true, code, "{words}"),
        Say::Enough => tracing::info!(code, "{words}"),
    }
    events.gateway(code, About::object("gateway.state_dir"), words);
}

/// `None`: the file system does not say.
#[cfg(unix)]
fn space(folder: &Path) -> io::Result<Option<Space>> {
    let found = rustix::fs::statvfs(folder)?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    // What is kept for the superuser is not free for the gateway's account.
    let space = Space { free: bytes(found.f_bavail), size: bytes(found.f_blocks) };
    Ok(Some(space).filter(|s| s.size > 0))
}

/// `None`: this program does not ask other systems.
#[cfg(not(unix))]
fn space(_folder: &Path) -> io::Result<Option<Space>> {
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

    #[test]
    fn the_codes_are_in_the_catalogue_and_the_words_tell_how_much_is_left() {
        let space = Space { free: 700 * MIB, size: 20_000 * MIB };
        for say in [Say::Low, Say::Enough] {
            assert_eq!(signet_events::catalogue::entry(say.code()).code, say.code());
            assert!(say.words(space, 1_000 * MIB).starts_with("700 MiB of 20000 are free"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_system_says_how_much_room_there_is() {
        let dir = tempfile::tempdir().unwrap();
        let found = space(dir.path()).unwrap().expect("a size");
        assert!(found.free <= found.size, "{found:?}");
        assert!(space(&dir.path().join("nowhere")).is_err());
    }
}
