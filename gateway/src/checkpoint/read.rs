//! Files that somebody else writes, such as a second party's folder or a bundle.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

/// Reads at most `max` bytes; whoever named the path may name a pipe.
///
/// # Errors
/// It cannot be read, or has more.
pub(crate) fn read_limited(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > max {
        true => Err(io::Error::other(format!("it is longer than {max} bytes"))),
        false => Ok(bytes),
    }
}

/// The same for what was found in a folder: a pipe or a device there may never end.
///
/// # Errors
/// As [`read_limited`], or it is something else than a file.
pub(crate) fn read_found(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    match fs::metadata(path)?.is_file() {
        true => read_limited(path, max),
        false => Err(io::Error::other("it is not a file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_is_wanted_and_only_of_files() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("note");
        fs::write(&path, b"1234").unwrap();
        for read in [read_limited, read_found] {
            assert_eq!(read(&path, 4).unwrap(), b"1234");
            assert!(read(&path, 3).unwrap_err().to_string().contains("longer than 3 bytes"));
            assert!(read(&dir.path().join("none"), 4).is_err());
        }
        assert!(read_found(dir.path(), 4).unwrap_err().to_string().contains("not a file"));
        #[cfg(unix)]
        {
            // A device that never ends.
            assert!(read_limited(Path::new("/dev/zero"), 4).is_err());
            let link = dir.path().join("zero.checkpoint");
            std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
            assert!(read_found(&link, 4).unwrap_err().to_string().contains("not a file"));
        }
    }
}
