//! Folders and files that only their owner may read.

use crate::{LogError, sealed::beside};
use std::{
    fs,
    io::{self, Write as _},
    path::Path,
};

/// Makes `path` and what is missing above it, with mode 0700 where the system has modes. A folder
/// that exists keeps the mode somebody gave it.
pub fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file of which a crash leaves the old text or the new one, never a mixture. The user
/// alone can read it, where the system has such rights.
///
/// # Errors
/// The disk, or the rights on it. The old file then stands.
pub fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = beside(path, "new");
    put_in_place(path, &temporary, bytes).inspect_err(|_| {
        // It may be what fills the disk.
        let _ = fs::remove_file(&temporary);
    })
}

fn put_in_place(path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    // What an earlier try left, or anyone else put there, would keep its rights; and a link would
    // be written through.
    match fs::remove_file(temporary) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(temporary)?;
    file.write_all(bytes)?;
    // Windows flushes only a file that is open for writing.
    file.sync_all()?;
    drop(file);
    rename_over(temporary, path)?;
    // The name of the new file is on the disk only with its folder.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Waits until what any process wrote to a file is on the disk itself.
///
/// # Errors
/// The disk, or there is none of that name.
pub fn sync_file(path: &Path) -> Result<(), LogError> {
    #[cfg(feature = "test-double")]
    if crate::disk::loses(path) {
        return Err(LogError::Io { path: path.into(), source: io::ErrorKind::StorageFull.into() });
    }
    // Windows flushes only a file that is open for writing.
    let file = fs::OpenOptions::new().write(true).open(path);
    file.and_then(|f| f.sync_data()).map_err(|source| LogError::Io { path: path.into(), source })
}

/// On Windows a file cannot be replaced while another program, such as a virus scanner or a
/// reader, has it open. Such programs close it soon.
fn rename_over(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(windows)]
    for wait_ms in [1, 5, 20, 50, 100] {
        match fs::rename(from, to) {
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                std::thread::sleep(std::time::Duration::from_millis(wait_ms));
            }
            done => return done,
        }
    }
    fs::rename(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_its_owner_alone_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("look.toml");
        replace_file(&file, b"a long first text").unwrap();
        replace_file(&file, b"second").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"second");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_lies_where_the_new_text_is_written_is_not_written_into() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let dir = tempfile::tempdir().unwrap();
        let (file, other) = (dir.path().join("look.toml"), dir.path().join("other"));
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        fs::write(beside(&file, "new"), b"half").unwrap();
        fs::set_permissions(beside(&file, "new"), fs::Permissions::from_mode(0o644)).unwrap();
        replace_file(&file, b"first").unwrap();
        assert_eq!((fs::read(&file).unwrap(), mode(&file)), (b"first".to_vec(), 0o600));
        fs::write(&other, b"other").unwrap();
        symlink(&other, beside(&file, "new")).unwrap();
        replace_file(&file, b"second").unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"other");
        assert_eq!((fs::read(&file).unwrap(), mode(&file)), (b"second".to_vec(), 0o600));
        assert!(!fs::symlink_metadata(&file).unwrap().is_symlink());
    }

    #[test]
    fn a_refused_text_leaves_the_old_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("look.toml");
        replace_file(&file, b"first").unwrap();
        // Nothing can be written under the name of a folder.
        fs::create_dir(beside(&file, "new")).unwrap();
        assert!(replace_file(&file, b"second").is_err());
        assert_eq!(fs::read(&file).unwrap(), b"first");
    }
}
