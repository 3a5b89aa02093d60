//! A sealed file that only grows, read on from where the last look was.

use crate::firm::{Res, text};
use signet_journal::{LogReader, Mark, StoreKey};
use signet_tlog::{Hash, leaf_hash};
use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

/// A sealed file, and how far it was read. Each record authenticates the one before it, so what
/// comes later is checked against the last record that was read.
#[derive(Debug, Clone)]
pub struct Followed {
    path: PathBuf,
    /// Its owner may put another file in its place.
    may_be_replaced: bool,
    seen: Option<Seen>,
}

#[derive(Debug, Clone)]
struct Seen {
    /// Of the file, random.
    id: Vec<u8>,
    at: Mark,
    /// Where each stretch of bytes that was read at once ends, and its hash. The first is the head
    /// of the file.
    stretches: Vec<(u64, Hash)>,
}

/// What came since the last look.
#[derive(Debug, Default)]
pub struct News {
    /// The file is another one than at the last look, and these are all of its records.
    pub another: bool,
    /// In order.
    pub records: Vec<Vec<u8>>,
}

impl Followed {
    /// A file that stays the one that it is.
    pub fn new(path: &Path) -> Self {
        Self { path: path.into(), may_be_replaced: false, seen: None }
    }

    /// A file in whose place its owner may put another one.
    pub fn replaceable(path: &Path) -> Self {
        Self { may_be_replaced: true, ..Self::new(path) }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was read is there still, byte by byte; what is wrong does not heal. Costs a hash of the
    /// file, and opens nothing.
    pub fn unchanged(&self) -> Res<()> {
        let Some(seen) = &self.seen else { return Ok(()) };
        let name = self.path.display();
        let bytes = fs::read(&self.path).map_err(|e| format!("{name}, which was read: {e}"))?;
        let mut from = 0;
        for (n, (end, hash)) in seen.stretches.iter().enumerate() {
            let to = usize::try_from(*end).map_err(text)?;
            match bytes.get(from..to) {
                Some(stretch) if leaf_hash(stretch) == *hash => {}
                // Each file has a random head of its own.
                Some(_) if n == 0 && self.may_be_replaced => return Ok(()),
                Some(_) => {
                    return Err(format!(
                        "bytes {from} to {to} of {name} are others than were read"
                    ));
                }
                None => {
                    let have = bytes.len();
                    return Err(format!("{name} was cut: {to} bytes were read, {have} are left"));
                }
            }
            from = to;
        }
        Ok(())
    }

    /// The whole records that came since.
    pub fn read_on(&mut self, key: &StoreKey) -> Res<News> {
        let Some(mut reader) = LogReader::open(&self.path, key).map_err(text)? else {
            return Ok(News::default());
        };
        let known = self.seen.as_ref().filter(|s| s.id == reader.file_id());
        let another = self.seen.is_some() && known.is_none();
        let mut stretches = match known {
            Some(seen) => {
                reader.seek(seen.at).map_err(text)?;
                seen.stretches.clone()
            }
            None => vec![self.stretch(0, reader.mark().offset())?],
        };
        let from = reader.mark().offset();
        let mut records = Vec::new();
        while let Some(record) = reader.next_record().map_err(text)? {
            records.push(record.to_vec());
        }
        let at = reader.mark();
        if at.offset() > from {
            stretches.push(self.stretch(from, at.offset())?);
        }
        self.seen = Some(Seen { id: reader.file_id().to_vec(), at, stretches });
        Ok(News { another, records })
    }

    fn stretch(&self, from: u64, end: u64) -> Res<(u64, Hash)> {
        let mut bytes = vec![0; usize::try_from(end - from).map_err(text)?];
        let mut file = File::open(&self.path).map_err(text)?;
        file.seek(SeekFrom::Start(from)).map_err(text)?;
        file.read_exact(&mut bytes).map_err(text)?;
        Ok((end, leaf_hash(&bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_journal::SealedLog;

    fn key() -> StoreKey {
        StoreKey::new([7; 32])
    }

    fn log(path: &Path, records: &[&str]) -> SealedLog {
        let (mut log, _) = SealedLog::open(path, &key()).unwrap();
        records.iter().for_each(|r| log.append(r.as_bytes()).unwrap());
        log
    }

    fn read(f: &mut Followed) -> (bool, Vec<String>) {
        let news = f.read_on(&key()).unwrap();
        let text = |r: Vec<u8>| String::from_utf8(r).unwrap();
        (news.another, news.records.into_iter().map(text).collect())
    }

    #[test]
    fn each_look_reads_what_came_since() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = log(&path, &["one", "two"]);
        let mut f = Followed::new(&path);
        f.unchanged().unwrap();
        assert_eq!(read(&mut f), (false, vec!["one".into(), "two".into()]));
        assert_eq!(read(&mut f), (false, vec![]));
        log.append(b"three").unwrap();
        f.unchanged().unwrap();
        assert_eq!(read(&mut f), (false, vec!["three".into()]));
        f.unchanged().unwrap();
        drop(log);
        // A record that a kill cut off is read when it is whole.
        let whole = fs::read(&path).unwrap();
        let (mut log, _) = SealedLog::open(&path, &key()).unwrap();
        log.append(b"four").unwrap();
        let longer = fs::read(&path).unwrap();
        for end in whole.len()..longer.len() {
            fs::write(&path, &longer[..end]).unwrap();
            assert_eq!(read(&mut f), (false, vec![]), "{end}");
        }
        fs::write(&path, &longer).unwrap();
        assert_eq!(read(&mut f), (false, vec!["four".into()]));
    }

    #[test]
    fn whatever_was_read_and_is_changed_cut_or_lost_since_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = log(&path, &["one", "two"]);
        let mut f = Followed::new(&path);
        read(&mut f);
        log.append(b"three").unwrap();
        read(&mut f);
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            fs::write(&path, &altered).unwrap();
            assert!(f.unchanged().unwrap_err().contains("are others"), "{at}");
        }
        for end in 0..whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            assert!(f.unchanged().unwrap_err().contains("was cut"), "{end}");
        }
        fs::remove_file(&path).unwrap();
        f.unchanged().unwrap_err();
        fs::write(&path, &whole).unwrap();
        f.unchanged().unwrap();
    }

    /// A record that does not follow the last one that was read, in a file whose bytes until there
    /// are the same: a copy from before, written on by somebody else.
    #[test]
    fn what_does_not_follow_the_last_record_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("log"), dir.path().join("other"));
        drop(log(&path, &["one"]));
        fs::copy(&path, &other).unwrap();
        drop(log(&path, &["two", "three"]));
        let mut f = Followed::new(&path);
        read(&mut f);
        drop(log(&other, &["TWO", "three", "four"]));
        fs::copy(&other, &path).unwrap();
        assert!(f.unchanged().is_err());
        assert!(f.read_on(&key()).is_err());
    }

    #[test]
    fn a_file_in_the_place_of_another_is_read_whole_and_only_where_that_may_be() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = log(&path, &["one", "two"]);
        let (mut fixed, mut moving) = (Followed::new(&path), Followed::replaceable(&path));
        read(&mut fixed);
        read(&mut moving);
        log.rewrite([&b"two"[..]]).unwrap();
        assert!(fixed.unchanged().unwrap_err().contains("are others"));
        moving.unchanged().unwrap();
        assert_eq!(read(&mut moving), (true, vec!["two".into()]));
        moving.unchanged().unwrap();
        let mut altered = fs::read(&path).unwrap();
        *altered.last_mut().unwrap() ^= 1;
        fs::write(&path, altered).unwrap();
        assert!(moving.unchanged().unwrap_err().contains("are others"));
        fs::write(&path, b"").unwrap();
        assert!(moving.unchanged().unwrap_err().contains("was cut"));
    }
}
