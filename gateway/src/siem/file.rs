//! JSON lines in a file, which is put aside when it is large.

use super::feed::Feed;
use crate::{config::FileSection, delivery::DeliveryFailure};
use std::{
    fs::{self, OpenOptions},
    io::{self, BufRead as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

pub(super) struct File {
    path: PathBuf,
    bytes_max: u64,
    keep: u32,
}

impl File {
    pub(super) fn new(s: &FileSection) -> Self {
        let bytes_max = u64::from(s.rotate_mb) * 1024 * 1024;
        Self { path: s.path.clone(), bytes_max, keep: s.keep }
    }

    /// Appends events until that fails.
    pub(super) async fn session(&mut self, feed: &mut Feed) -> DeliveryFailure {
        match self.append(feed).await {
            Ok(never) => match never {},
            Err(e) => e,
        }
    }

    async fn append(&self, feed: &mut Feed) -> Result<std::convert::Infallible, DeliveryFailure> {
        let last = last_line(&self.path).map_err(DeliveryFailure::File)?;
        self.take_up(feed, last.as_deref())?;
        let mut file = open(&self.path).map_err(DeliveryFailure::File)?;
        loop {
            let batch = feed.next(feed.confirmed()).await?;
            if !is_at(&self.path, &file).map_err(DeliveryFailure::File)? {
                file = open(&self.path).map_err(DeliveryFailure::File)?;
            }
            if file.metadata().map_err(DeliveryFailure::File)?.len() >= self.bytes_max {
                put_aside(&self.path, self.keep).map_err(DeliveryFailure::File)?;
                file = open(&self.path).map_err(DeliveryFailure::File)?;
            }
            let mut bytes = Vec::new();
            for r in &batch {
                bytes.extend_from_slice(r.json.as_bytes());
                bytes.push(b'\n');
            }
            file.write_all(&bytes)
                .and_then(|()| file.sync_data())
                .map_err(DeliveryFailure::File)?;
            if let Some(last) = batch.last() {
                feed.confirm(last.sequence);
            }
        }
    }

    /// What is in the file already is not written again, though the cursor may not say so.
    fn take_up(&self, feed: &mut Feed, last: Option<&str>) -> Result<(), DeliveryFailure> {
        let Some(value) = last.and_then(|l| serde_json::from_str::<serde_json::Value>(l).ok())
        else {
            return Ok(());
        };
        let metadata = &value["metadata"];
        let Some(sequence) = metadata["sequence"].as_u64() else { return Ok(()) };
        if sequence > feed.confirmed()
            && feed
                .find(sequence)?
                .is_some_and(|r| Some(r.uid.as_str()) == metadata["uid"].as_str())
        {
            feed.confirm(sequence);
        }
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o640);
    options.open(path)
}

/// Whether the path still names this open file. What is written into one that somebody removed or
/// put aside nobody reads.
#[cfg(unix)]
fn is_at(path: &Path, file: &fs::File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let open = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (open.dev(), open.ino())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

/// An open file is neither removed nor renamed here.
#[cfg(not(unix))]
fn is_at(_: &Path, _: &fs::File) -> io::Result<bool> {
    Ok(true)
}

/// The last line that was written: of the file before, when one was just begun.
fn last_line(path: &Path) -> io::Result<Option<String>> {
    match tidy(path)? {
        // Another program may keep that one by now.
        None => Ok(tail_of(&numbered(path, 1)).unwrap_or_default()),
        last => Ok(last),
    }
}

/// The last whole line of a file that is not written any longer.
fn tail_of(path: &Path) -> io::Result<Option<String>> {
    let mut file = fs::File::open(path)?;
    Ok(whole_lines(&mut file)?.1)
}

/// Cuts off a line that was not finished, and returns the last whole one.
fn tidy(path: &Path) -> io::Result<Option<String>> {
    let mut file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(f) => f,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let length = file.metadata()?.len();
    let (end, last) = whole_lines(&mut file)?;
    if end < length {
        file.set_len(end)?;
    }
    // The last line counts as written: its writer may have been killed before the disk had it.
    file.sync_data()?;
    Ok(last)
}

/// Where the last whole line ends, and that line.
fn whole_lines(file: &mut fs::File) -> io::Result<(u64, Option<String>)> {
    /// No two lines are longer.
    const TAIL: u64 = 2 * (signet_events::ocsf::LINE_BYTES_MAX as u64 + 1);
    let from = file.metadata()?.len().saturating_sub(TAIL);
    file.seek(io::SeekFrom::Start(from))?;
    let (mut end, mut last) = (from, None);
    let mut reader = io::BufReader::new(file);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if line.ends_with(b"\n") {
            end += line.len() as u64;
            last = String::from_utf8(line.clone()).ok();
        }
        line.clear();
    }
    Ok((end, last))
}

/// `path` becomes `path.1`, and so on; the oldest goes.
fn put_aside(path: &Path, keep: u32) -> io::Result<()> {
    for n in (1..keep).rev() {
        match fs::rename(numbered(path, n), numbered(path, n + 1)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    fs::rename(path, numbered(path, 1))
}

fn numbered(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_files_are_kept_up_to_a_number() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        for n in 0..5 {
            fs::write(&path, n.to_string()).unwrap();
            put_aside(&path, 3).unwrap();
        }
        let kept = |n: u32| fs::read_to_string(dir.path().join(format!("events.jsonl.{n}"))).ok();
        let kept: Vec<_> = (1..=4).map(kept).collect();
        assert_eq!(kept, [Some("4".into()), Some("3".into()), Some("2".into()), None]);
    }

    /// The cursor may be behind the file, also when the file was put aside and nothing is in the new
    /// one yet: what is in the old one is not written again.
    #[test]
    fn the_last_line_is_that_of_the_file_before_when_a_new_one_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        fs::write(&path, "one\ntwo\n").unwrap();
        assert_eq!(last_line(&path).unwrap().as_deref(), Some("two\n"));
        put_aside(&path, 2).unwrap();
        assert_eq!(last_line(&path).unwrap().as_deref(), Some("two\n"), "no file yet");
        drop(open(&path).unwrap());
        assert_eq!(last_line(&path).unwrap().as_deref(), Some("two\n"), "an empty one");
        fs::write(&path, "thr").unwrap();
        assert_eq!(last_line(&path).unwrap().as_deref(), Some("two\n"), "half a line");
        fs::write(&path, "three\n").unwrap();
        assert_eq!(last_line(&path).unwrap().as_deref(), Some("three\n"));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_was_removed_or_put_aside_is_not_written_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        let file = open(&path).unwrap();
        assert!(is_at(&path, &file).unwrap());
        fs::rename(&path, numbered(&path, 1)).unwrap();
        assert!(!is_at(&path, &file).unwrap());
        let next = open(&path).unwrap();
        assert!(!is_at(&path, &file).unwrap() && is_at(&path, &next).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&path, &next).unwrap());
    }

    #[test]
    fn a_line_that_was_not_finished_is_cut_off() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("events.jsonl");
        assert_eq!(tidy(&path).unwrap(), None);
        let long = "x".repeat(40_000);
        for (there, left, last) in [
            ("", "", None),
            ("{\"a\"", "", None),
            ("one\n", "one\n", Some("one\n")),
            ("one\ntwo\nthr", "one\ntwo\n", Some("two\n")),
        ] {
            fs::write(&path, there).unwrap();
            assert_eq!(tidy(&path).unwrap().as_deref(), last, "{there:?}");
            assert_eq!(fs::read_to_string(&path).unwrap(), left);
        }
        fs::write(&path, format!("{long}\n{long}\nlast\n{{")).unwrap();
        assert_eq!(tidy(&path).unwrap().as_deref(), Some("last\n"));
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{long}\n{long}\nlast\n"));
    }
}
