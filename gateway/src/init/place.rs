//! Files that appear together or not at all.

use super::{Account, InitError, plan::Rights};
use crate::enrol::ca::new_file;
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

/// A folder beside another one, in which everything is made first. Removed when it is dropped.
pub(super) struct Staging {
    pub(super) folder: PathBuf,
}

pub(super) fn fail(path: &Path) -> impl FnOnce(io::Error) -> InitError + '_ {
    move |source| InitError::File { path: path.to_owned(), source }
}

fn folder_for_owner(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

impl Staging {
    /// Beside `target`, so that both are on one file system.
    pub(super) fn beside(target: &Path) -> Result<Self, InitError> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let folder = target.with_file_name(format!(".{name}.init"));
        match folder_for_owner(&folder) {
            Ok(()) => Ok(Self { folder }),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(InitError::LeftOver(folder)),
            Err(e) => Err(fail(&folder)(e)),
        }
    }

    /// Writes a new file; its folder is made if it is not there.
    pub(super) fn write(&self, name: &str, bytes: &[u8], rights: Rights) -> Result<(), InitError> {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent().filter(|p| !p.exists()) {
            folder_for_owner(parent).map_err(fail(parent))?;
        }
        new_file(&path, bytes, mode(rights)).map_err(fail(&path))
    }

    /// Removes a file that was only there for the check.
    pub(super) fn remove(&self, name: &str) -> Result<(), InitError> {
        let path = self.folder.join(name);
        fs::remove_file(&path).map_err(fail(&path))
    }

    /// Adds what is there already, for the check.
    pub(super) fn borrow(&self, target: &Path, name: &str) -> Result<(), InitError> {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent().filter(|p| !p.exists()) {
            folder_for_owner(parent).map_err(fail(parent))?;
        }
        fs::hard_link(target.join(name), &path).map_err(fail(&path))
    }

    /// Puts the files into `target`: all of them, or none when one cannot be put there.
    pub(super) fn put(
        &self,
        target: &Path,
        files: &[(String, Rights)],
        account: Option<&Account>,
    ) -> Result<(), InitError> {
        for (name, rights) in files {
            let path = self.folder.join(name);
            if let Some(a) = account {
                a.own(&path, *rights).map_err(fail(&path))?;
            }
        }
        let mut done = Vec::new();
        let put = self.folders(target, files, account, &mut done).and_then(|()| {
            files.iter().try_for_each(|(name, _)| self.put_one(target, name, &mut done))
        });
        if put.is_err() {
            done.into_iter().rev().for_each(undo);
        }
        // A power cut then leaves all names; never a name without its file. Not every file system
        // does this for folders.
        for folder in folders_of(target, files) {
            let _ = fs::File::open(folder).and_then(|d| d.sync_all());
        }
        put
    }

    fn folders(
        &self,
        target: &Path,
        files: &[(String, Rights)],
        account: Option<&Account>,
        done: &mut Vec<Undo>,
    ) -> Result<(), InitError> {
        for folder in folders_of(target, files) {
            if folder.exists() {
                continue;
            }
            folder_for_owner(&folder).map_err(fail(&folder))?;
            done.push(Undo::Folder(folder.clone()));
            if let Some(a) = account.filter(|_| folder == target.join("")) {
                // The gateway's account looks into it; nobody else does.
                a.own(&folder, Rights::Settings).map_err(fail(&folder))?;
                #[cfg(unix)]
                {
                    use std::os::unix::fs::PermissionsExt as _;
                    let mode = fs::Permissions::from_mode(0o750);
                    fs::set_permissions(&folder, mode).map_err(fail(&folder))?;
                }
            }
        }
        Ok(())
    }

    fn put_one(&self, target: &Path, name: &str, done: &mut Vec<Undo>) -> Result<(), InitError> {
        let (from, to) = (self.folder.join(name), target.join(name));
        // Refuses to replace.
        match fs::hard_link(&from, &to) {
            Ok(()) => done.push(Undo::New(to)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                let kept = self.folder.join(format!(".before-{}", done.len()));
                fs::hard_link(&to, &kept).map_err(fail(&to))?;
                fs::rename(&from, &to).map_err(fail(&to))?;
                done.push(Undo::Replaced { kept, to });
            }
            Err(e) => return Err(fail(&to)(e)),
        }
        Ok(())
    }
}

/// The folder, and those in it that these files are in.
fn folders_of(target: &Path, files: &[(String, Rights)]) -> BTreeSet<PathBuf> {
    let parents = files.iter().filter_map(|(name, _)| Path::new(name).parent());
    [Path::new("")].into_iter().chain(parents).map(|p| target.join(p)).collect()
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

enum Undo {
    Folder(PathBuf),
    New(PathBuf),
    Replaced { kept: PathBuf, to: PathBuf },
}

/// Best effort: what put a file there can usually take it away.
fn undo(step: Undo) {
    let _ = match step {
        Undo::Folder(path) => fs::remove_dir(path),
        Undo::New(path) => fs::remove_file(path),
        Undo::Replaced { kept, to } => fs::rename(kept, to),
    };
}

fn mode(rights: Rights) -> u32 {
    match rights {
        Rights::Public => 0o644,
        Rights::Settings => 0o640,
        Rights::Account | Rights::Owner => 0o600,
    }
}
