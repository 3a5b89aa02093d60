//! Rows of the registry that no gateway hands to the SIEM itself: those of the administrator's
//! commands, of the registry's own functions, and of gateways without `[siem]`.
//!
//! Their uid is the digest of the row, so that each of several gateways on one registry, or one
//! that has lost its place, sends the same.

use super::{Shared, rows};
use crate::delivery::{SpoolError, replace};
use signet_registry::{Event as Row, Registry, RegistryError, RegistryUrl};
use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
    time::Duration,
};
use tokio::time::timeout;

const POLL: Duration = Duration::from_millis(500);
const ANSWER_MAX: Duration = Duration::from_secs(5);
const ROWS_MAX: u32 = 256;

/// Number and digest of the last row that was read; the digest notices another registry, or one
/// that was restored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Place {
    seq: i64,
    hash: String,
}

impl Place {
    /// The beginning when there is none or it cannot be read: repeats carry the same uid.
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_default();
        let mut words = text.split_whitespace();
        let seq = words.next().and_then(|w| w.parse().ok());
        match (seq, words.next()) {
            (Some(seq), Some(hash)) if seq > 0 => Self { seq, hash: hash.into() },
            _ => Self::default(),
        }
    }

    fn write(&self, path: &Path) -> std::io::Result<()> {
        replace(path, &format!("{} {}", self.seq, self.hash))
    }
}

/// What to do with rows that begin with the one at the place.
#[derive(Debug, PartialEq, Eq)]
enum Next<'a> {
    /// These are new.
    Rows(&'a [Row]),
    /// The registry is not the one that was read.
    Restart,
}

fn next<'a>(place: &Place, rows: &'a [Row]) -> Next<'a> {
    match (place.seq, rows.split_first()) {
        (0, _) => Next::Rows(rows),
        (seq, Some((first, rest))) if first.seq == seq && first.hash == place.hash => {
            Next::Rows(rest)
        }
        _ => Next::Restart,
    }
}

/// Reads for ever.
pub(super) async fn follow(shared: Rc<Shared>, folder: PathBuf, url: RegistryUrl) {
    let path = folder.join("registry.place");
    let mut place = Place::read(&path);
    let mut registry = None;
    loop {
        match turn(&shared, &url, &mut registry, &mut place, &path).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(why) => {
                registry = None;
                tracing::warn!(why, "rows of the registry do not reach the SIEM now");
                tokio::time::sleep(ANSWER_MAX).await;
            }
        }
        tokio::time::sleep(POLL).await;
    }
}

/// One look; whether there may be more at once.
async fn turn(
    shared: &Shared,
    url: &RegistryUrl,
    registry: &mut Option<Registry>,
    place: &mut Place,
    path: &Path,
) -> Result<bool, String> {
    // Rows wait in the registry as safely as here, and leave the room to events that do not. With a
    // receiver that keeps up they need not wait for another one.
    if !shared.has_room_for_rows() {
        return Ok(false);
    }
    let rows = timeout(ANSWER_MAX, ask(url, registry, place.seq))
        .await
        .map_err(|_| "it does not answer".to_owned())?
        .map_err(|e| e.to_string())?;
    let new = match next(place, &rows) {
        Next::Rows(new) => new,
        Next::Restart => {
            tracing::warn!("the registry was restored or replaced: its events are read again");
            *place = Place::default();
            return Ok(true);
        }
    };
    let (done, written) = write(shared, new);
    let failed = written.as_ref().err().map(ToString::to_string);
    shared.told(written);
    if let Some(last) = new.get(..done).and_then(<[Row]>::last) {
        *place = Place { seq: last.seq, hash: last.hash.clone() };
        place.write(path).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    failed.map_or(Ok(done > 0), Err)
}

async fn ask(
    url: &RegistryUrl,
    registry: &mut Option<Registry>,
    seq: i64,
) -> Result<Vec<Row>, RegistryError> {
    let open = match registry {
        Some(open) => open,
        none => none.insert(Registry::connect(url).await?),
    };
    open.events_from(seq, ROWS_MAX).await
}

/// Rows of which no gateway has taken care, on disk before the place moves. How many were dealt
/// with: the rest is not there, or was not before the spool was full.
fn write(shared: &Shared, rows: &[Row]) -> (usize, Result<(), SpoolError>) {
    let mut done = 0;
    let mut result = Ok(());
    for row in rows {
        if !shared.has_room_for_rows() {
            break;
        }
        if row.origin.is_empty() {
            result = shared.append(&rows::event(row), &row.kind, Some(&uid(row)));
        }
        if result.is_err() {
            break;
        }
        done += 1;
    }
    match shared.sync() {
        Ok(()) => (done, result),
        // They may not be on the disk: the same uid goes again.
        Err(e) => (0, Err(e)),
    }
}

fn uid(row: &Row) -> String {
    format!("registry.{}", row.hash.chars().take(32).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_rfq::UtcMillis;

    fn row(seq: i64, hash: &str) -> Row {
        Row {
            seq,
            at: UtcMillis(5),
            actor: "alice(1000)@gw1".into(),
            kind: "user.locked".into(),
            subject: "bob".into(),
            detail: "d".into(),
            prev: String::new(),
            hash: hash.into(),
            origin: String::new(),
        }
    }

    #[test]
    fn another_registry_is_read_from_its_beginning() {
        let rows = [row(3, "c"), row(4, "d")];
        let place = |seq, hash: &str| Place { seq, hash: hash.into() };
        assert_eq!(next(&Place::default(), &rows), Next::Rows(&rows));
        assert_eq!(next(&place(3, "c"), &rows), Next::Rows(&rows[1..]));
        assert_eq!(next(&place(3, "c"), &rows[..1]), Next::Rows(&[]));
        assert_eq!(next(&place(3, "x"), &rows), Next::Restart);
        assert_eq!(next(&place(2, "c"), &rows), Next::Restart);
        assert_eq!(next(&place(9, "c"), &[]), Next::Restart);
    }

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("registry.place");
        assert_eq!(Place::read(&path), Place::default());
        let place = Place { seq: 7, hash: "ab".into() };
        place.write(&path).unwrap();
        assert_eq!(Place::read(&path), place);
        for damaged in ["", "7", "x ab", "-7 ab", "0 ab"] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(Place::read(&path), Place::default(), "{damaged:?}");
        }
    }
}
