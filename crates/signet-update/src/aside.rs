//! Lets installers of Windows replace a program that runs.
//!
//! Windows overwrites and deletes no file that a process was started from, and the update itself is
//! such a process. It does rename one. So each file gets a copy under its name, which nothing runs,
//! and what runs goes on from the file that was renamed. The name stands for a whole file all the
//! time but between two renames.

use std::{fs, io, path::Path};

/// What a desk that is open has in use, in the program's folder.
pub const IN_USE: [&str; 2] = ["signet-desk.exe", "WebView2Loader.dll"];
/// Versions whose desks may still be open at once.
const KEPT_MAX: u32 = 64;

/// Moves these files of `folder` into `old`, on the same disk, and leaves copies in their place.
///
/// # Errors
/// A file cannot be copied or renamed, or `old` is full; it is where it was.
pub fn make_replaceable(folder: &Path, files: &[&str], old: &Path) -> io::Result<()> {
    fs::create_dir_all(old)?;
    tidy(old);
    for name in files {
        let path = folder.join(name);
        if !path.exists() {
            continue;
        }
        let free = (0..KEPT_MAX).map(|n| old.join(format!("{n}-{name}"))).find(|p| !p.exists());
        let free = free.ok_or_else(|| io::Error::other("too many old programs still run"))?;
        let copy = folder.join(format!("{name}.new"));
        fs::copy(&path, &copy)?;
        fs::rename(&path, &free)?;
        if let Err(why) = fs::rename(&copy, &path) {
            // Whichever of the two names can be had: without a program nothing can be repaired.
            let _ = fs::rename(&free, &path);
            return Err(why);
        }
    }
    Ok(())
}

/// Deletes what nothing runs from; the rest stays for the next time.
pub fn tidy(old: &Path) {
    for entry in fs::read_dir(old).into_iter().flatten().flatten() {
        let _ = fs::remove_file(entry.path());
    }
}
