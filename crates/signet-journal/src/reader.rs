//! A record file read record by record, forward from any place that was reached before.

use crate::{
    LogError, MAX_RECORD_LEN, StoreKey,
    format::{self, FileKeys, HEAD_LEN, HEADER_LEN, Kind, TAG_LEN, Tag},
};
use std::{
    fs::File,
    io::{self, BufReader, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// A place in one file, before a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    offset: u64,
    index: u64,
    previous: Tag,
}

impl Mark {
    /// Bytes of the file before it.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

/// Reads a file that another process may have open, one record in memory at a time, and changes
/// nothing. Of the present format only: whoever opens an older file to write converts it.
pub struct LogReader {
    file: BufReader<File>,
    path: PathBuf,
    keys: FileKeys,
    id: Vec<u8>,
    at: Mark,
}

impl LogReader {
    /// Opens a file before its first record. `None`: no record was written to it so far.
    pub fn open(path: &Path, store_key: &StoreKey) -> Result<Option<Self>, LogError> {
        let io = |source| LogError::Io { path: path.into(), source };
        let mut file = BufReader::new(File::open(path).map_err(io)?);
        // One byte more: zeros are a header that was never written where nothing follows them.
        let mut header = Vec::with_capacity(HEADER_LEN + 1);
        file.by_ref().take(HEADER_LEN as u64 + 1).read_to_end(&mut header).map_err(io)?;
        match format::kind(&header) {
            Kind::Unfinished => return Ok(None),
            Kind::Format1 | Kind::Foreign => return Err(LogError::NotALog(path.into())),
            Kind::Format2 => {}
        }
        let keys = format::open_header(&header, store_key, path)?;
        let at = Mark { offset: HEADER_LEN as u64, index: 0, previous: [0; TAG_LEN] };
        let id = format::file_id(&header).to_vec();
        file.seek(SeekFrom::Start(at.offset)).map_err(io)?;
        Ok(Some(Self { file, path: path.into(), keys, id, at }))
    }

    /// Random, and another one for each file: a mark of one file means nothing in another.
    pub fn file_id(&self) -> &[u8] {
        &self.id
    }

    /// Where the next record begins.
    pub fn mark(&self) -> Mark {
        self.at
    }

    /// Goes to a place that was reached in the same file before.
    pub fn seek(&mut self, mark: Mark) -> Result<(), LogError> {
        self.file.seek(SeekFrom::Start(mark.offset)).map_err(|e| self.io(e))?;
        self.at = mark;
        Ok(())
    }

    /// The next whole record. `None`: there is none yet, or the last one was torn.
    pub fn next_record(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, LogError> {
        let Some(head) = self.head()? else { return Ok(None) };
        let mut body = Zeroizing::new(vec![0; head.length + TAG_LEN]);
        if !self.fill(&mut body)? {
            return Ok(None);
        }
        let tag = format::tag_of(&body);
        match format::open_body(&self.keys, self.at.index, &self.at.previous, &head, &mut body) {
            Some(length) => body.truncate(length),
            None if tag == [0; TAG_LEN] && self.rest_is_zeros()? => return Ok(None),
            None => return Err(self.tampered()),
        }
        self.passed(head.length, tag);
        Ok(Some(body))
    }

    /// Passes over the next whole record, whose contents are not looked at. `false`: there is none.
    pub fn skip_record(&mut self) -> Result<bool, LogError> {
        let Some(head) = self.head()? else { return Ok(false) };
        let length = i64::try_from(head.length).map_err(|_| self.tampered())?;
        self.file.seek_relative(length).map_err(|e| self.io(e))?;
        let mut tag = [0; TAG_LEN];
        if !self.fill(&mut tag)? {
            return Ok(false);
        }
        if tag == [0; TAG_LEN] && self.rest_is_zeros()? {
            return Ok(false);
        }
        self.passed(head.length, tag);
        Ok(true)
    }

    fn passed(&mut self, length: usize, tag: Tag) {
        self.at.offset += (HEAD_LEN + length + TAG_LEN) as u64;
        self.at.index += 1;
        self.at.previous = tag;
    }

    fn head(&mut self) -> Result<Option<format::Head>, LogError> {
        let mut bytes = [0; HEAD_LEN];
        if !self.fill(&mut bytes)? {
            return Ok(None);
        }
        match format::read_head(&self.keys, self.at.index, &bytes) {
            Some(head) if head.length <= MAX_RECORD_LEN => Ok(Some(head)),
            // Fewer bytes than a head were written, and the system filled the rest.
            None if bytes.last() == Some(&0) && self.rest_is_zeros()? => Ok(None),
            _ => Err(self.tampered()),
        }
    }

    /// `false`: the file ends before, and the reader is again before the record.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<bool, LogError> {
        match self.file.read_exact(bytes) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                self.seek(self.at)?;
                Ok(false)
            }
            Err(e) => Err(self.io(e)),
        }
    }

    /// Whether nothing but zeros follows; the reader is again before the record.
    fn rest_is_zeros(&mut self) -> Result<bool, LogError> {
        let (mut bytes, mut zeros) = ([0; 4_096], true);
        loop {
            let n = self.file.read(&mut bytes).map_err(|e| self.io(e))?;
            zeros &= bytes[..n].iter().all(|b| *b == 0);
            if n == 0 || !zeros {
                self.seek(self.at)?;
                return Ok(zeros);
            }
        }
    }

    fn io(&self, source: io::Error) -> LogError {
        LogError::Io { path: self.path.clone(), source }
    }

    fn tampered(&self) -> LogError {
        LogError::Tampered { path: self.path.clone(), index: self.at.index }
    }
}

impl std::fmt::Debug for LogReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogReader").field("path", &self.path).field("at", &self.at).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SealedLog;
    use std::fs;

    fn key() -> StoreKey {
        StoreKey::new([7; 32])
    }

    fn record(n: usize) -> Vec<u8> {
        vec![u8::try_from(n % 251).unwrap(); n * 7 % 900]
    }

    /// Whole records, and the error in place of one, as the reader finds them.
    fn all(path: &Path) -> (Vec<Vec<u8>>, bool) {
        let mut reader = LogReader::open(path, &key()).unwrap().unwrap();
        let mut found = vec![];
        loop {
            match reader.next_record() {
                Ok(Some(r)) => found.push(r.to_vec()),
                Ok(None) => return (found, true),
                Err(_) => return (found, false),
            }
        }
    }

    #[test]
    fn records_are_read_one_by_one_from_any_mark_and_while_others_follow() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (mut log, _) = SealedLog::open(&path, &key()).unwrap();
        for n in 0..100 {
            log.append(&record(n)).unwrap();
        }
        let mut reader = LogReader::open(&path, &key()).unwrap().unwrap();
        let mut marks = vec![];
        loop {
            marks.push(reader.mark());
            if !reader.skip_record().unwrap() {
                break;
            }
        }
        assert_eq!(marks.len(), 101);
        assert_eq!(marks[100].offset(), log.len());
        for (n, mark) in marks.iter().enumerate().take(100).rev() {
            reader.seek(*mark).unwrap();
            assert_eq!(reader.next_record().unwrap().unwrap().to_vec(), record(n));
            assert_eq!(reader.mark(), marks[n + 1]);
        }
        reader.seek(marks[100]).unwrap();
        assert!(reader.next_record().unwrap().is_none());
        log.append(b"one more").unwrap();
        assert_eq!(reader.next_record().unwrap().unwrap().to_vec(), b"one more");
        let other = LogReader::open(&path, &key()).unwrap().unwrap();
        assert_eq!(other.file_id(), reader.file_id());
        log.rewrite([&b"new"[..]]).unwrap();
        let other = LogReader::open(&path, &key()).unwrap().unwrap();
        assert_ne!(other.file_id(), reader.file_id());
    }

    /// The same judgement as of whoever reads the file whole, wherever it is cut or changed.
    #[test]
    fn a_torn_or_altered_file_is_judged_as_when_it_is_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (mut log, _) = SealedLog::open(&path, &key()).unwrap();
        for n in 0..6 {
            log.append(&record(n)).unwrap();
        }
        let whole = fs::read(&path).unwrap();
        drop(log);
        let check = |bytes: &[u8], what: &str| {
            fs::write(&path, bytes).unwrap();
            let Ok(read) = SealedLog::read(&path, &key()) else {
                assert!(!all(&path).1, "{what}");
                return;
            };
            let read: Vec<Vec<u8>> = read.records.iter().map(|r| r.to_vec()).collect();
            assert_eq!(all(&path), (read, true), "{what}");
        };
        for end in HEADER_LEN..whole.len() {
            check(&whole[..end], &format!("cut at {end}"));
            let mut zeros = whole[..end].to_vec();
            zeros.resize(end + 700, 0);
            check(&zeros, &format!("zeros from {end}"));
        }
        for at in HEADER_LEN..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            check(&altered, &format!("altered at {at}"));
        }
    }
}
