//! Where the policy of a system is, and how it is read. What is read is judged in `judge`.

use crate::{
    error::ManagedError,
    judge::{Found, Managed, judge},
    record::{RECORD_BYTES_MAX, Record},
};
use std::{
    fs::{File, Metadata},
    io::{self, Read as _},
    path::{Path, PathBuf},
};
use time::OffsetDateTime;

/// The place of a policy. [`Place::system`] is the only one that a shipped program uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    at: At,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum At {
    /// `managed.toml`, `managed.toml.sig` and `managed.pub` in a folder. Nothing above `below` is
    /// looked at; `owner` is who may own what is there.
    #[cfg_attr(not(unix), allow(dead_code))]
    Folder { folder: PathBuf, below: PathBuf, owner: u32 },
    /// The property list of a profile.
    #[cfg(target_os = "macos")]
    Profile(PathBuf),
    /// Group policy.
    #[cfg(windows)]
    Registry,
    /// This system has none.
    #[cfg(not(any(unix, windows)))]
    Nowhere,
}

/// The file that a policy is written in.
const POLICY: &str = "managed.toml";
/// Its signature.
const SIGNATURE: &str = "managed.toml.sig";
/// The key that verifies it.
const KEY: &str = "managed.pub";
#[cfg(target_os = "macos")]
const PROFILE: &str = "/Library/Managed Preferences/desk.signet.plist";
#[cfg(windows)]
const REGISTRY: &str = "SOFTWARE\\Policies\\Signet";

impl Place {
    /// The place where this system's administrator puts it.
    #[must_use]
    pub fn system() -> Self {
        #[cfg(windows)]
        return Self { at: At::Registry };
        #[cfg(target_os = "macos")]
        return Self { at: At::Profile(PROFILE.into()) };
        #[cfg(all(unix, not(target_os = "macos")))]
        return Self {
            at: At::Folder { folder: "/etc/signet".into(), below: "/".into(), owner: 0 },
        };
        #[cfg(not(any(unix, windows)))]
        return Self { at: At::Nowhere };
    }

    /// A folder of another owner, for tests of the whole program. A shipped program never calls it:
    /// the trader could name a folder of their own.
    #[doc(hidden)]
    #[must_use]
    pub fn folder_for_tests(folder: PathBuf, owner: u32) -> Self {
        Self { at: At::Folder { below: folder.clone(), folder, owner } }
    }

    /// The place, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.at {
            At::Folder { folder, .. } => folder.join(POLICY).display().to_string(),
            #[cfg(target_os = "macos")]
            At::Profile(path) => path.display().to_string(),
            #[cfg(windows)]
            At::Registry => format!("HKLM\\{REGISTRY}"),
            #[cfg(not(any(unix, windows)))]
            At::Nowhere => "nowhere".into(),
        }
    }

    /// What is there.
    ///
    /// # Errors
    /// [`ManagedError`]: something is there and cannot be read, or others than the system's
    /// administrator can write it.
    pub fn find(&self) -> Result<Found, ManagedError> {
        match &self.at {
            At::Folder { folder, below, owner } => signed(folder, below, *owner),
            #[cfg(target_os = "macos")]
            At::Profile(path) => profile(path),
            #[cfg(windows)]
            At::Registry => registry::find(REGISTRY),
            #[cfg(not(any(unix, windows)))]
            At::Nowhere => Ok(Found::Nothing),
        }
    }
}

/// Finds the policy of `place` and judges it. `record` is the file in which the desk keeps what it
/// used last; the caller writes [`Managed::record`] there before it goes on. `None`: this computer
/// is not managed.
///
/// # Errors
/// [`ManagedError`]: the desk must not start.
pub fn load(
    place: &Place,
    now: OffsetDateTime,
    record: &Path,
) -> Result<Option<Managed>, ManagedError> {
    let damaged = || ManagedError::Record { path: record.into() };
    let seen = match plain(record, RECORD_BYTES_MAX) {
        Ok(None) => None,
        Ok(Some(bytes)) => {
            let text = String::from_utf8(bytes).map_err(|_| damaged())?;
            Some(Record::read(&text).ok_or_else(damaged)?)
        }
        Err(_) => return Err(damaged()),
    };
    judge(place.find()?, &place.shown(), now, seen.as_ref(), record.into())
}

fn signed(folder: &Path, below: &Path, owner: u32) -> Result<Found, ManagedError> {
    let read = |name: &str, max: u64| {
        let path = folder.join(name);
        let bytes = protected(&path, below, owner, max)?;
        Ok::<_, ManagedError>((path, bytes))
    };
    let (path, policy) = read(POLICY, crate::policy::POLICY_BYTES_MAX)?;
    let Some(policy) = policy else {
        // A signature or a key on its own is the rest of a policy that somebody took away.
        return match read(SIGNATURE, crate::minisign::FILE_BYTES_MAX)? {
            (_, None) => Ok(Found::Nothing),
            (_, Some(_)) => {
                Err(ManagedError::Unreadable { path, source: io::ErrorKind::NotFound.into() })
            }
        };
    };
    let text = |path: &Path, bytes: Vec<u8>| {
        let source = || io::Error::from(io::ErrorKind::InvalidData);
        String::from_utf8(bytes)
            .map_err(|_| ManagedError::Unreadable { path: path.into(), source: source() })
    };
    let (path, signature) = read(SIGNATURE, crate::minisign::FILE_BYTES_MAX)?;
    let signature = signature.ok_or_else(|| ManagedError::Unsigned { path: path.clone() })?;
    let signature = text(&path, signature)?;
    let (path, key) = read(KEY, crate::minisign::FILE_BYTES_MAX)?;
    let key = key.ok_or_else(|| ManagedError::NoKey { path: path.clone() })?;
    let key = text(&path, key)?;
    Ok(Found::Signed { policy, signature, key })
}

#[cfg(target_os = "macos")]
fn profile(path: &Path) -> Result<Found, ManagedError> {
    let bytes = protected(path, Path::new("/"), 0, crate::policy::POLICY_BYTES_MAX)?;
    let Some(bytes) = bytes else { return Ok(Found::Nothing) };
    Ok(Found::Values(crate::values::plist::values(&bytes)?))
}

/// A file that nobody but `owner` can write, nor put another one in its place; `None` if there is
/// none.
fn protected(
    path: &Path,
    below: &Path,
    owner: u32,
    max: u64,
) -> Result<Option<Vec<u8>>, ManagedError> {
    let unreadable = |source| ManagedError::Unreadable { path: path.into(), source };
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(unreadable(e)),
    };
    // A link, and where it leads, would have to be protected along two ways.
    if !metadata.is_file() {
        let why = "it is not an ordinary file";
        return Err(ManagedError::NotProtected { path: path.into(), why });
    }
    let file = File::open(path).map_err(unreadable)?;
    let opened = file.metadata().map_err(unreadable)?;
    guarded(path, &opened, owner)?;
    for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(below)) {
        // Not where a link leads: whoever can write there could put another folder in its place.
        let metadata = folder.symlink_metadata().map_err(unreadable)?;
        if metadata.is_symlink() {
            let why = "it is a link";
            return Err(ManagedError::NotProtected { path: folder.into(), why });
        }
        guarded(folder, &metadata, owner)?;
    }
    bounded(path, file, max).map(Some)
}

/// Others can write it if its mode says so; the mask of an access list is the group's part of it.
#[cfg(unix)]
fn guarded(path: &Path, metadata: &Metadata, owner: u32) -> Result<(), ManagedError> {
    use std::os::unix::fs::MetadataExt as _;
    const OTHERS_WRITE: u32 = 0o022;
    let why = if metadata.uid() != owner {
        "another user owns it"
    } else if metadata.mode() & OTHERS_WRITE != 0 {
        "its group or others can write it"
    } else {
        return Ok(());
    };
    Err(ManagedError::NotProtected { path: path.into(), why })
}

#[cfg(not(unix))]
fn guarded(_: &Path, _: &Metadata, _: u32) -> Result<(), ManagedError> {
    Ok(())
}

/// A file of the trader's own folder; `None` if there is none.
fn plain(path: &Path, max: u64) -> Result<Option<Vec<u8>>, ManagedError> {
    match File::open(path) {
        Ok(file) => bounded(path, file, max).map(Some),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ManagedError::Unreadable { path: path.into(), source }),
    }
}

fn bounded(path: &Path, file: File, max: u64) -> Result<Vec<u8>, ManagedError> {
    let mut bytes = Vec::new();
    file.take(max + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| ManagedError::Unreadable { path: path.into(), source })?;
    if bytes.len() as u64 > max {
        return Err(ManagedError::TooLarge { path: path.into(), max });
    }
    Ok(bytes)
}

#[cfg(windows)]
mod registry {
    //! Group policy. Only administrators write below `SOFTWARE\Policies`.

    use super::{Found, ManagedError, Path};
    use crate::values::{Value, Values};
    use std::io;
    use winreg::{
        RegKey,
        enums::{HKEY_LOCAL_MACHINE, KEY_READ, KEY_WOW64_64KEY, REG_DWORD, REG_MULTI_SZ, REG_SZ},
        types::FromRegValue as _,
    };

    /// Most values below the key, of all its subkeys.
    const VALUES_MAX: usize = 256;
    /// Keys below each other. No field lies so deep.
    const DEPTH_MAX: u32 = 4;

    pub(super) fn find(key: &str) -> Result<Found, ManagedError> {
        let failed = |source| ManagedError::Unreadable { path: Path::new(key).into(), source };
        let machine = RegKey::predef(HKEY_LOCAL_MACHINE);
        let top = match machine.open_subkey_with_flags(key, KEY_READ | KEY_WOW64_64KEY) {
            Ok(top) => top,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(e) => return Err(failed(e)),
        };
        let mut values = Values::new();
        add_all(&top, key, "", DEPTH_MAX, &mut values)?;
        // Group policy leaves empty keys behind.
        Ok(if values.is_empty() { Found::Nothing } else { Found::Values(values) })
    }

    /// With every key below: what stands deeper than any field is refused by its name, and not left
    /// out. `at`: where `key` is, for errors.
    fn add_all(
        key: &RegKey,
        at: &str,
        prefix: &str,
        depth: u32,
        values: &mut Values,
    ) -> Result<(), ManagedError> {
        add(key, at, prefix, values)?;
        let failed = |source| ManagedError::Unreadable { path: Path::new(at).into(), source };
        for name in key.enum_keys() {
            let name = name.map_err(failed)?;
            let at = format!("{at}\\{name}");
            let too_deep = || ManagedError::Damaged(format!("the key {at} lies too deep"));
            let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
            let inner =
                key.open_subkey_with_flags(&name, KEY_READ | KEY_WOW64_64KEY).map_err(failed)?;
            add_all(&inner, &at, &format!("{prefix}{name}/"), depth, values)?;
        }
        Ok(())
    }

    fn add(key: &RegKey, at: &str, prefix: &str, values: &mut Values) -> Result<(), ManagedError> {
        let failed = |source| ManagedError::Unreadable { path: Path::new(at).into(), source };
        for value in key.enum_values() {
            let (name, raw) = value.map_err(failed)?;
            let name = format!("{prefix}{name}");
            let wrong = || ManagedError::invalid(name.clone(), "has a value of another kind");
            let value = match raw.vtype {
                REG_SZ => Value::Text(String::from_reg_value(&raw).map_err(|_| wrong())?),
                REG_DWORD => Value::Number(u32::from_reg_value(&raw).map_err(|_| wrong())?.into()),
                REG_MULTI_SZ => {
                    Value::List(Vec::<String>::from_reg_value(&raw).map_err(|_| wrong())?)
                }
                _ => return Err(wrong()),
            };
            values.insert(name, value);
            if values.len() > VALUES_MAX {
                return Err(ManagedError::Damaged("it has too many values".into()));
            }
        }
        Ok(())
    }
}

#[cfg(all(test, unix))]
#[path = "place_tests.rs"]
mod tests;
