//! Dealers' lines that were cut: a file for each in the state directory, so that a restart keeps to
//! it, and a command on the gateway's machine or the administrators' interface resumes the line by
//! taking the file away.

use crate::config::Config;
use crate::state_dir::dealers_folder;
use signet_identity::file_stem;
use signet_rfq::DealerId;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where the files lie.
#[derive(Debug, Clone, Default)]
pub struct CutLines(PathBuf);

impl CutLines {
    pub fn of(config: &Config) -> Self {
        Self(dealers_folder(config))
    }

    /// In this folder.
    #[cfg(test)]
    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self(folder.into())
    }

    /// What is there while the dealer's line is cut.
    pub(crate) fn file(&self, dealer: &DealerId) -> PathBuf {
        self.0.join(format!("{}.cut", file_stem(dealer.as_str())))
    }

    /// Why a line is cut; `None`: it is not. A file that cannot be read cuts it all the same.
    pub fn why(&self, dealer: &DealerId) -> Option<String> {
        match fs::read_to_string(self.file(dealer)) {
            Ok(words) => Some(words.trim().to_owned()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => Some(e.to_string()),
        }
    }

    /// Cuts a line.
    pub fn cut(&self, dealer: &DealerId, words: &str) -> io::Result<()> {
        write(&self.file(dealer), words)
    }

    /// Resumes a line; whether it was cut.
    pub fn resume(&self, dealer: &DealerId) -> io::Result<bool> {
        match fs::remove_file(self.file(dealer)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            done => done.map(|()| true),
        }
    }
}

fn write(path: &Path, words: &str) -> io::Result<()> {
    signet_journal::replace_file(path, format!("{words}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_cut_until_it_is_resumed() {
        let dir = tempfile::tempdir().unwrap();
        let (lines, north) = (CutLines(dir.path().into()), DealerId::new("NORTH").unwrap());
        assert_eq!((lines.why(&north), lines.resume(&north).unwrap()), (None, false));
        lines.cut(&north, "too much").unwrap();
        assert_eq!(lines.why(&north).as_deref(), Some("too much"));
        assert_eq!(lines.why(&DealerId::new("SOUTH").unwrap()), None);
        assert!(lines.resume(&north).unwrap());
        assert_eq!(lines.why(&north), None);
        // FIX allows a slash in a name.
        let slash = DealerId::new("NORTH BANK/FX").unwrap();
        lines.cut(&slash, "too much").unwrap();
        assert_eq!(lines.why(&slash).as_deref(), Some("too much"));
        // What cannot be read cuts: fail closed.
        fs::create_dir(lines.file(&north)).unwrap();
        assert!(lines.why(&north).is_some());
    }
}
