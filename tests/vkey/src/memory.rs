//! The key's flash: a small file system in memory, as the firmware expects one, kept in a file if
//! told.
//!
//! The firmware was written for littlefs, which is C; what it needs of a file system is little.

use littlefs2_core::{
    Attribute, DirEntriesCallback, DirEntry, DynFile, DynFilesystem, Error, FileCallback,
    FileOpenFlags, FileType, Metadata, OpenSeekFrom, Path, PathBuf, Predicate, Read, Result, Seek,
    SeekFrom, Write,
};
use serde::{Deserialize, Serialize};
use std::{
    cell::Cell,
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What the real keys have room for, more or less.
const BYTES_MAX: usize = 256 * 1024;
const BLOCK_BYTES: usize = 512;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Node {
    dir: bool,
    bytes: Vec<u8>,
    attributes: BTreeMap<u8, Vec<u8>>,
}

/// Every file by its path, without slashes at the ends; the root is not in it.
type Tree = BTreeMap<String, Node>;

/// Clones share their files; [`Flash::copy`] does not.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flash {
    tree: Arc<Mutex<Tree>>,
    file: Option<Arc<std::path::PathBuf>>,
}

impl Flash {
    /// The files saved in `file`, which need not be there yet. Every change is saved at once.
    pub(crate) fn kept_in(file: std::path::PathBuf) -> io::Result<Self> {
        let tree = match std::fs::read(&file) {
            Ok(saved) => serde_json::from_slice(&saved)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Tree::new(),
            Err(e) => return Err(e),
        };
        Ok(Self { tree: Arc::new(Mutex::new(tree)), file: Some(Arc::new(file)) })
    }

    /// The same files, going their own way from here on; in memory only.
    pub(crate) fn copy(&self) -> Self {
        Self { tree: Arc::new(Mutex::new(self.lock().clone())), file: None }
    }

    pub(crate) fn is_blank(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the files and saves them.
    fn change<R>(&self, f: impl FnOnce(&mut Tree) -> Result<R>) -> Result<R> {
        let mut tree = self.lock();
        let result = f(&mut tree)?;
        if let Some(file) = &self.file {
            save(file, &tree).map_err(|_| Error::IO)?;
        }
        Ok(result)
    }

    fn file<R>(&self, key: &str, f: impl FnOnce(&mut Vec<u8>) -> Result<R>) -> Result<R> {
        self.change(|tree| {
            let used: usize = tree.values().map(|n| n.bytes.len()).sum();
            let node = tree.get_mut(key).ok_or(Error::NO_SUCH_ENTRY)?;
            let before = node.bytes.len();
            let result = f(&mut node.bytes)?;
            if used - before + node.bytes.len() > BYTES_MAX {
                node.bytes.truncate(before);
                return Err(Error::NO_SPACE);
            }
            Ok(result)
        })
    }
}

fn save(file: &std::path::Path, tree: &Tree) -> io::Result<()> {
    let part = file.with_extension("part");
    std::fs::write(&part, serde_json::to_vec(tree)?)?;
    std::fs::rename(part, file)
}

fn key_of(path: &Path) -> String {
    path.as_str().split('/').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

fn parent_of(key: &str) -> &str {
    key.rsplit_once('/').map_or("", |(parent, _)| parent)
}

fn is_dir(tree: &Tree, key: &str) -> bool {
    key.is_empty() || tree.get(key).is_some_and(|n| n.dir)
}

fn children<'a>(tree: &'a Tree, dir: &'a str) -> impl Iterator<Item = (&'a String, &'a Node)> {
    tree.iter().filter(move |(key, _)| parent_of(key) == dir)
}

/// A directory's size is the number of its entries, so that an empty one can be told.
fn metadata_of(tree: &Tree, key: &str) -> Result<Metadata> {
    if is_dir(tree, key) {
        return Ok(Metadata::new(FileType::Dir, children(tree, key).count()));
    }
    tree.get(key).map(|n| Metadata::new(FileType::File, n.bytes.len())).ok_or(Error::NO_SUCH_ENTRY)
}

impl DynFilesystem for Flash {
    fn total_blocks(&self) -> usize {
        BYTES_MAX / BLOCK_BYTES
    }

    fn total_space(&self) -> usize {
        BYTES_MAX
    }

    fn available_blocks(&self) -> Result<usize> {
        Ok(self.available_space()? / BLOCK_BYTES)
    }

    fn available_space(&self) -> Result<usize> {
        Ok(BYTES_MAX - self.lock().values().map(|n| n.bytes.len()).sum::<usize>())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let key = key_of(path);
        self.change(|tree| {
            if is_dir(tree, &key) && children(tree, &key).next().is_some() {
                return Err(Error::DIR_NOT_EMPTY);
            }
            tree.remove(&key).map(drop).ok_or(Error::NO_SUCH_ENTRY)
        })
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        if is_dir(&self.lock(), &key_of(path)) {
            self.remove(path)
        } else {
            Err(Error::PATH_NOT_DIR)
        }
    }

    fn remove_dir_all(&self, path: &Path) -> Result<()> {
        let key = key_of(path);
        self.change(|tree| {
            let below = format!("{key}/");
            tree.retain(|k, _| *k != key && !k.starts_with(&below));
            Ok(())
        })
    }

    fn remove_dir_all_where(&self, path: &Path, predicate: Predicate<'_>) -> Result<usize> {
        let mut removed = 0;
        for entry in self.list(path)? {
            if entry.file_type().is_dir() {
                removed += self.remove_dir_all_where(entry.path(), predicate)?;
            } else if predicate(&entry) {
                self.remove(entry.path())?;
                removed += 1;
            }
        }
        match self.remove_dir(path) {
            Ok(()) | Err(Error::DIR_NOT_EMPTY | Error::NO_SUCH_ENTRY) => Ok(removed),
            Err(e) => Err(e),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let (from, to) = (key_of(from), key_of(to));
        self.change(|tree| {
            if !is_dir(tree, parent_of(&to)) || !tree.contains_key(&from) {
                return Err(Error::NO_SUCH_ENTRY);
            }
            let below = format!("{from}/");
            let moved: Vec<String> =
                tree.keys().filter(|k| **k == from || k.starts_with(&below)).cloned().collect();
            for key in moved {
                if let Some(node) = tree.remove(&key) {
                    tree.insert(format!("{to}{}", &key[from.len()..]), node);
                }
            }
            Ok(())
        })
    }

    fn exists(&self, path: &Path) -> bool {
        self.metadata(path).is_ok()
    }

    fn metadata(&self, path: &Path) -> Result<Metadata> {
        metadata_of(&self.lock(), &key_of(path))
    }

    fn create_file_and_then_unit(&self, path: &Path, f: FileCallback<'_>) -> Result<()> {
        self.open_file_with_flags_and_then_unit(
            FileOpenFlags::READWRITE | FileOpenFlags::CREATE | FileOpenFlags::TRUNCATE,
            path,
            f,
        )
    }

    fn open_file_and_then_unit(&self, path: &Path, f: FileCallback<'_>) -> Result<()> {
        self.open_file_with_flags_and_then_unit(FileOpenFlags::READ, path, f)
    }

    fn open_file_with_flags_and_then_unit(
        &self,
        flags: FileOpenFlags,
        path: &Path,
        f: FileCallback<'_>,
    ) -> Result<()> {
        let key = key_of(path);
        let there = {
            let tree = self.lock();
            if is_dir(&tree, &key) {
                return Err(Error::PATH_IS_DIR);
            }
            if !is_dir(&tree, parent_of(&key)) {
                return Err(Error::NO_SUCH_ENTRY);
            }
            tree.contains_key(&key)
        };
        match there {
            false if !flags.contains(FileOpenFlags::CREATE) => return Err(Error::NO_SUCH_ENTRY),
            true if flags.contains(FileOpenFlags::EXCL) => {
                return Err(Error::ENTRY_ALREADY_EXISTED);
            }
            true if flags.contains(FileOpenFlags::TRUNCATE) => self.file(&key, |bytes| {
                bytes.clear();
                Ok(())
            })?,
            true => {}
            false => self.change(|tree| {
                tree.insert(key.clone(), Node::default());
                Ok(())
            })?,
        }
        let file = Open {
            flash: self,
            at: Cell::new(0),
            append: flags.contains(FileOpenFlags::APPEND),
            key,
        };
        f(&file)
    }

    fn attribute<'a>(
        &self,
        path: &Path,
        id: u8,
        buffer: &'a mut [u8],
    ) -> Result<Option<Attribute<'a>>> {
        let tree = self.lock();
        let node = tree.get(&key_of(path)).ok_or(Error::NO_SUCH_ENTRY)?;
        Ok(node.attributes.get(&id).map(|found| {
            let n = found.len().min(buffer.len());
            buffer[..n].copy_from_slice(&found[..n]);
            Attribute::new(buffer, found.len())
        }))
    }

    fn remove_attribute(&self, path: &Path, id: u8) -> Result<()> {
        self.change(|tree| {
            let node = tree.get_mut(&key_of(path)).ok_or(Error::NO_SUCH_ENTRY)?;
            node.attributes.remove(&id);
            Ok(())
        })
    }

    fn set_attribute(&self, path: &Path, id: u8, data: &[u8]) -> Result<()> {
        self.change(|tree| {
            let node = tree.get_mut(&key_of(path)).ok_or(Error::NO_SUCH_ENTRY)?;
            node.attributes.insert(id, data.to_vec());
            Ok(())
        })
    }

    fn read_dir_and_then_unit(&self, path: &Path, f: DirEntriesCallback<'_>) -> Result<()> {
        let entries = self.list(path)?;
        // littlefs lists these two first, and the firmware skips two.
        let dot = |name: &str| {
            Ok(DirEntry::new(
                path_buf(name)?,
                Metadata::new(FileType::Dir, 0),
                path.join(&path_buf(name)?),
            ))
        };
        f(&mut [dot("."), dot("..")].into_iter().chain(entries.into_iter().map(Ok)))
    }

    fn create_dir(&self, path: &Path) -> Result<()> {
        let key = key_of(path);
        self.change(|tree| {
            if key.is_empty() || tree.contains_key(&key) {
                return Err(Error::ENTRY_ALREADY_EXISTED);
            }
            if !is_dir(tree, parent_of(&key)) {
                return Err(Error::NO_SUCH_ENTRY);
            }
            tree.insert(key, Node { dir: true, ..Node::default() });
            Ok(())
        })
    }

    fn create_dir_all(&self, path: &Path) -> Result<()> {
        let key = key_of(path);
        let ends =
            key.match_indices('/').map(|(at, _)| at).chain((!key.is_empty()).then_some(key.len()));
        for end in ends {
            match self.create_dir(&path_buf(&key[..end])?) {
                Ok(()) | Err(Error::ENTRY_ALREADY_EXISTED) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn write(&self, path: &Path, contents: &[u8]) -> Result<()> {
        self.create_file_and_then_unit(path, &mut |file| file.write_all(contents))
    }

    fn write_chunk(&self, path: &Path, contents: &[u8], pos: OpenSeekFrom) -> Result<()> {
        self.open_file_with_flags_and_then_unit(FileOpenFlags::WRITE, path, &mut |file| {
            file.seek(pos.into())?;
            file.write_all(contents)
        })
    }
}

impl Flash {
    fn list(&self, path: &Path) -> Result<Vec<DirEntry>> {
        let (tree, dir) = (self.lock(), key_of(path));
        if !is_dir(&tree, &dir) {
            return Err(Error::NO_SUCH_ENTRY);
        }
        let entry = |(key, _): (&String, &Node)| {
            let name = path_buf(key.rsplit('/').next().unwrap_or(key))?;
            let at = path.join(&name);
            Ok(DirEntry::new(name, metadata_of(&tree, key)?, at))
        };
        children(&tree, &dir).map(entry).collect()
    }
}

fn path_buf(text: &str) -> Result<PathBuf> {
    PathBuf::try_from(text).map_err(|_| Error::FILENAME_TOO_LONG)
}

struct Open<'a> {
    flash: &'a Flash,
    key: String,
    at: Cell<usize>,
    append: bool,
}

impl Read for Open<'_> {
    fn read(&self, buf: &mut [u8]) -> Result<usize> {
        let tree = self.flash.lock();
        let bytes = &tree.get(&self.key).ok_or(Error::NO_SUCH_ENTRY)?.bytes;
        let rest = bytes.get(self.at.get()..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        self.at.set(self.at.get() + n);
        Ok(n)
    }
}

impl Write for Open<'_> {
    fn write(&self, data: &[u8]) -> Result<usize> {
        let at = self.flash.file(&self.key, |bytes| {
            let at = if self.append { bytes.len() } else { self.at.get() };
            let end = at
                .checked_add(data.len())
                .filter(|end| *end <= BYTES_MAX)
                .ok_or(Error::NO_SPACE)?;
            bytes.resize(bytes.len().max(end), 0);
            bytes[at..end].copy_from_slice(data);
            Ok(end)
        })?;
        self.at.set(at);
        Ok(data.len())
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

impl Seek for Open<'_> {
    fn seek(&self, pos: SeekFrom) -> Result<usize> {
        let length = self.len()?;
        let from = match pos {
            SeekFrom::Start(_) => 0,
            SeekFrom::End(_) => length,
            SeekFrom::Current(_) => self.at.get(),
        };
        let at = i64::try_from(from).unwrap_or(i64::MAX).saturating_add(i64::from(pos.off()));
        let at = usize::try_from(at).map_err(|_| Error::INVALID)?;
        self.at.set(at);
        Ok(at)
    }
}

impl DynFile for Open<'_> {
    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn len(&self) -> Result<usize> {
        self.flash.lock().get(&self.key).map(|n| n.bytes.len()).ok_or(Error::NO_SUCH_ENTRY)
    }

    fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }

    fn set_len(&self, size: usize) -> Result<()> {
        if size > BYTES_MAX {
            return Err(Error::NO_SPACE);
        }
        self.flash.file(&self.key, |bytes| {
            bytes.resize(size, 0);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use littlefs2_core::path;

    fn names(flash: &Flash, dir: &Path) -> Vec<String> {
        let mut names = Vec::new();
        let list = &mut |entries: &mut dyn Iterator<Item = Result<DirEntry>>| {
            names.extend(entries.map(|e| e.expect("entry").file_name().as_str().to_owned()));
            Ok(())
        };
        flash.read_dir_and_then_unit(dir, list).expect("a directory");
        names
    }

    fn read(flash: &Flash, path: &Path) -> Result<Vec<u8>> {
        let mut bytes = vec![0; 64];
        flash.open_file_and_then_unit(path, &mut |file| {
            let n = file.read(&mut bytes)?;
            bytes.truncate(n);
            Ok(())
        })?;
        Ok(bytes)
    }

    #[test]
    fn files_and_directories_behave_as_the_firmware_expects() {
        let flash = Flash::default();
        assert!(flash.is_blank());
        assert_eq!(
            flash.write(path!("fido/dat/a"), b"1"),
            Err(Error::NO_SUCH_ENTRY),
            "no parent yet"
        );
        flash.create_dir_all(path!("/fido/dat")).expect("directories");
        assert_eq!(flash.create_dir(path!("fido")), Err(Error::ENTRY_ALREADY_EXISTED));
        for (name, bytes) in [(path!("fido/dat/b"), b"second"), (path!("fido/dat/a"), b"first!")] {
            flash.write(name, bytes).expect("written");
        }
        assert_eq!(names(&flash, path!("fido/dat")), [".", "..", "a", "b"]);
        assert_eq!(
            flash.metadata(path!("fido/dat/a")).map(|m| (m.is_file(), m.len())),
            Ok((true, 6))
        );
        assert!(!flash.metadata(path!("fido/dat")).expect("there").is_empty());
        flash.write_chunk(path!("fido/dat/a"), b"XY", OpenSeekFrom::End(-2)).expect("written");
        assert_eq!(read(&flash, path!("/fido/dat/a")), Ok(b"firsXY".to_vec()));
        flash.write(path!("fido/dat/a"), b"short").expect("written");
        assert_eq!(
            read(&flash, path!("fido/dat/a")),
            Ok(b"short".to_vec()),
            "nothing of the old is left"
        );
        flash.rename(path!("fido/dat/a"), path!("fido/dat/c")).expect("renamed");
        assert_eq!(names(&flash, path!("fido/dat")), [".", "..", "b", "c"]);
        assert_eq!(flash.remove(path!("fido/dat")), Err(Error::DIR_NOT_EMPTY));
        assert_eq!(
            flash.remove_dir_all_where(path!("fido"), &|e| e.file_name() == path!("b")),
            Ok(1)
        );
        assert_eq!(names(&flash, path!("fido/dat")), [".", "..", "c"]);
        flash.remove_dir_all(path!("fido")).expect("removed");
        assert!(flash.is_blank());
    }

    #[test]
    fn attributes_stay_with_their_file() {
        let flash = Flash::default();
        flash.write(path!("a"), b"").expect("written");
        flash.set_attribute(path!("a"), 7, b"label").expect("set");
        let mut buffer = [0; 3];
        let found = flash.attribute(path!("a"), 7, &mut buffer).expect("file").expect("attribute");
        assert_eq!((found.data(), found.total_size()), (&b"lab"[..], 5));
        assert_eq!(flash.attribute(path!("a"), 8, &mut buffer), Ok(None));
        flash.remove_attribute(path!("a"), 7).expect("removed");
        assert_eq!(flash.attribute(path!("a"), 7, &mut buffer), Ok(None));
    }

    #[test]
    fn it_has_an_end_and_a_copy_goes_its_own_way() {
        let flash = Flash::default();
        flash.write(path!("a"), &[1; 1000]).expect("written");
        assert_eq!(flash.write(path!("b"), &vec![0; BYTES_MAX + 1]), Err(Error::NO_SPACE));
        assert_eq!(flash.write(path!("b"), &vec![0; BYTES_MAX - 500]), Err(Error::NO_SPACE));
        assert_eq!(flash.available_space(), Ok(BYTES_MAX - 1000));
        let copy = flash.copy();
        copy.write(path!("c"), b"mine").expect("written");
        assert!(!flash.exists(path!("c")));
    }

    #[test]
    fn what_is_kept_in_a_file_is_read_back_and_garbage_is_refused() {
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("key.json");
        let flash = Flash::kept_in(file.clone()).expect("new");
        flash.create_dir(path!("d")).expect("directory");
        flash.write(path!("d/a"), b"kept").expect("written");
        assert_eq!(
            read(&Flash::kept_in(file.clone()).expect("again"), path!("d/a")),
            Ok(b"kept".to_vec())
        );
        std::fs::write(&file, "not a memory").expect("written");
        assert!(Flash::kept_in(file).is_err());
    }
}
