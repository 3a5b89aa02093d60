//! The account as which the gateway runs.

use super::{InitError, plan::Rights};
#[cfg(unix)]
use crate::config::Config;
use std::path::Path;

/// An account of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

impl Account {
    /// By its name.
    ///
    /// # Errors
    /// There is none.
    #[cfg(unix)]
    pub fn named(name: &str) -> Result<Self, InitError> {
        let found = nix::unistd::User::from_name(name).ok().flatten();
        let found = found.ok_or_else(|| InitError::NoAccount(name.to_owned()))?;
        Ok(Self { name: found.name, uid: found.uid.as_raw(), gid: found.gid.as_raw() })
    }

    /// By its name.
    ///
    /// # Errors
    /// Accounts are a Unix system's.
    #[cfg(not(unix))]
    pub fn named(name: &str) -> Result<Self, InitError> {
        Err(InitError::NoAccount(name.to_owned()))
    }

    /// Gives it what it needs of a file: all of it, or reading by its group.
    #[cfg(unix)]
    pub(super) fn own(&self, path: &Path, rights: Rights) -> std::io::Result<()> {
        match rights {
            Rights::Account => std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid)),
            Rights::Settings => std::os::unix::fs::chown(path, None, Some(self.gid)),
            Rights::Public | Rights::Owner => Ok(()),
        }
    }

    /// Gives it nothing: accounts are a Unix system's.
    #[cfg(not(unix))]
    pub(super) fn own(&self, _path: &Path, _rights: Rights) -> std::io::Result<()> {
        Ok(())
    }
}

/// The account that owns a gateway's state, if its folder is there.
#[cfg(unix)]
fn account_of_state(config: &Config) -> Option<(u32, String)> {
    use std::os::unix::fs::MetadataExt as _;
    let uid = std::fs::metadata(&config.gateway.state_dir).ok()?.uid();
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).ok().flatten();
    Some((uid, user.map_or_else(|| uid.to_string(), |u| u.name)))
}

/// Refuses to work beside the gateway as another account: what root makes in the state directory
/// the gateway can neither read nor write, and it stops.
///
/// # Errors
/// This is root and the state directory is somebody else's.
#[cfg(unix)]
pub fn other_account(config: &Config) -> Result<(), InitError> {
    let by = nix::unistd::geteuid();
    match account_of_state(config) {
        Some((uid, owner)) if by.is_root() && uid != 0 => Err(InitError::OtherAccount {
            folder: config.gateway.state_dir.clone(),
            owner,
            by: "root".to_owned(),
        }),
        _ => Ok(()),
    }
}
