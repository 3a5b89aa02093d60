//! The sequence numbers of sessions, from their files, read on from where the last look was.

use crate::{
    DEALERS, DESKS, GATEWAY, desk_secret,
    firm::{Res, text},
    followed::Followed,
    look::{Depth, now},
};
use signet_fix::store::{SealedStore, SessionStore as _};
use signet_journal::StoreKey;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// A heartbeat may be on its way: so often numbers are compared, and so long after each other.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// (next to send, next expected).
type Numbers = (u64, u64);

/// One session's file. The message store rewrites one that is large.
struct Session {
    file: Followed,
    numbers: Numbers,
}

impl Session {
    fn new(path: &Path) -> Self {
        Self { file: Followed::replaceable(path), numbers: (1, 1) }
    }

    fn read_on(&mut self, key: &StoreKey) -> Res<Numbers> {
        let news = self.file.read_on(key)?;
        if news.another {
            self.numbers = (1, 1);
        }
        for record in &news.records {
            self.numbers = after(self.numbers, record)?;
        }
        Ok(self.numbers)
    }
}

/// What a record of the message store does to the numbers: its first byte says what it is, eight
/// say the number. Whole looks compare the outcome with what the store itself says.
fn after((sender, target): Numbers, record: &[u8]) -> Res<Numbers> {
    let (kind, rest) = record.split_first().ok_or("an empty record of a session")?;
    let number = rest.first_chunk::<8>().ok_or("a short record of a session")?;
    let number = u64::from_le_bytes(*number);
    match kind {
        b'M' => Ok((number.saturating_add(1), target)),
        b'S' => Ok((number, target)),
        b'T' => Ok((sender, number)),
        b'R' => Ok((1, 1)),
        other => Err(format!("a record of a session of kind {other}")),
    }
}

/// The sessions of a gateway, with their other ends at the desks.
#[derive(Default)]
pub(crate) struct Sessions(BTreeMap<PathBuf, Session>);

impl Sessions {
    /// Both ends of each desk's session count alike, and the files of all sessions can be read.
    /// `key`: the gateway's.
    pub(crate) fn agree(&mut self, dir: &Path, key: &StoreKey, depth: Depth) -> Res<()> {
        DESKS.into_iter().try_for_each(|desk| self.of_desk(dir, desk, key, depth))?;
        DEALERS.into_iter().try_for_each(|dealer| self.of_dealer(dir, dealer, key, depth))
    }

    /// The dealer's engine keeps its numbers in a file of its own, so only one end is read. Dealers
    /// go on quoting, so a record may come between the two readings of a whole look.
    fn of_dealer(&mut self, dir: &Path, dealer: &str, key: &StoreKey, depth: Depth) -> Res<()> {
        let file = dir.join(format!("state/dealers/{dealer}.fix"));
        let mut last = Ok(());
        for _ in 0..TRIES {
            last = self.numbers(dir, &file, key, depth).map(drop);
            if last.is_ok() {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        last
    }

    fn of_desk(&mut self, dir: &Path, desk: &str, key: &StoreKey, depth: Depth) -> Res<()> {
        let at_gateway = dir.join(format!("state/desks/{desk}.fix"));
        let own = fs::read_dir(dir.join("desks").join(desk).join(desk))
            .map_err(text)?
            .flatten()
            .map(|e| e.path())
            .find(|p| p.extension().is_some_and(|e| e == "fix"))
            .ok_or("the desk has no session")?;
        let own_key = StoreKey::new(desk_secret(desk));
        let mut last = None;
        for _ in 0..TRIES {
            let gateway = self.numbers(dir, &at_gateway, key, depth);
            let desk = self.numbers(dir, &own, &own_key, depth);
            match (&gateway, &desk) {
                (Ok(g), Ok(d)) if (g.0, g.1) == (d.1, d.0) => return Ok(()),
                _ => last = Some((gateway, desk)),
            }
            std::thread::sleep(PAUSE);
        }
        Err(format!("numbers of {GATEWAY} and {desk} (out, in) disagree: {last:?}"))
    }

    fn numbers(&mut self, dir: &Path, path: &Path, key: &StoreKey, depth: Depth) -> Res<Numbers> {
        let named = |e: String| format!("{}: {e}", path.display());
        let session = self.0.entry(path.into()).or_insert_with(|| Session::new(path));
        let numbers = session.read_on(key).map_err(named)?;
        if depth == Depth::Whole {
            let whole = whole(path, key, &dir.join("look.fix")).map_err(named)?;
            if whole != numbers {
                return Err(named(format!("{whole:?} by all of its records, {numbers:?} so far")));
            }
        }
        Ok(numbers)
    }
}

/// As the message store itself reads a copy of the file.
fn whole(path: &Path, key: &StoreKey, copy: &Path) -> Res<Numbers> {
    fs::copy(path, copy).map_err(text)?;
    let store = SealedStore::open(copy, key, now(), false).map_err(text)?;
    Ok((store.next_sender(), store.next_target()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the message store writes down is read as it reads it itself.
    #[test]
    fn numbers_are_those_of_the_message_store() {
        let dir = tempfile::tempdir().unwrap();
        let key = StoreKey::new([7; 32]);
        let (path, copy) = (dir.path().join("s.fix"), dir.path().join("look.fix"));
        let mut session = Session::new(&path);
        let mut store = SealedStore::open(&path, &key, now(), false).unwrap();
        let mut same = |store: &SealedStore| {
            let want = (store.next_sender(), store.next_target());
            assert_eq!(whole(&path, &key, &copy), Ok(want));
            assert_eq!(session.read_on(&key), Ok(want));
        };
        same(&store);
        for n in 1..=5 {
            store.keep(n, b"8=FIX.4.4\x019=5\x0135=8\x01").unwrap();
            store.set_next_sender(n + 1).unwrap();
            store.set_next_target(n * 3).unwrap();
            same(&store);
        }
        store.keep(6, b"8=FIX.4.4\x019=5\x0135=0\x01").unwrap();
        store.set_next_sender(7).unwrap();
        same(&store);
        store.set_next_sender(3).unwrap();
        same(&store);
        store.reset(now()).unwrap();
        same(&store);
        assert!(after((1, 1), b"Xxxxxxxxx").is_err());
        assert!(after((1, 1), b"S123").is_err());
    }
}
