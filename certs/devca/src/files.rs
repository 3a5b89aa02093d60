//! Certificates and server keys as files, for programs that read files.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use signet_identity::Role;

use crate::{DevCaError, DevPki, Issued};

/// Where the authorities' certificates were written.
#[derive(Debug, Clone)]
pub struct RootFiles {
    pub desks: PathBuf,
    pub gateways: PathBuf,
    pub dealers: PathBuf,
    pub admins: PathBuf,
}

/// Where an identity was written.
#[derive(Debug, Clone)]
pub struct IssuedFiles {
    pub chain: PathBuf,
    pub key: PathBuf,
}

impl DevPki {
    /// Writes `desks-ca.pem`, `gateways-ca.pem`, `dealers-ca.pem` and `admins-ca.pem`. The
    /// authorities' keys are never written.
    pub fn write_roots(&self, directory: &Path) -> Result<RootFiles, DevCaError> {
        make_private(directory)?;
        let write = |name: &str, role| {
            let path = directory.join(name);
            write_private(&path, self.authority(role).pem().as_bytes())?;
            Ok::<_, DevCaError>(path)
        };
        Ok(RootFiles {
            desks: write("desks-ca.pem", Role::Desk)?,
            gateways: write("gateways-ca.pem", Role::Gateway)?,
            dealers: write("dealers-ca.pem", Role::Dealer)?,
            admins: write("admins-ca.pem", Role::Admin)?,
        })
    }
}

impl Issued {
    /// Writes `<stem>.pem` and `<stem>-key.pem`, the directory and key for their owner only.
    pub fn write_to(&self, directory: &Path, stem: &str) -> Result<IssuedFiles, DevCaError> {
        make_private(directory)?;
        let files = IssuedFiles {
            chain: directory.join(format!("{stem}.pem")),
            key: directory.join(format!("{stem}-key.pem")),
        };
        write_private(&files.chain, self.chain_pem().as_bytes())?;
        write_private(&files.key, self.key_pem().as_bytes())?;
        Ok(files)
    }
}

pub(crate) fn make_private(directory: &Path) -> Result<(), DevCaError> {
    let failed = |source| DevCaError::File { path: directory.to_owned(), source };
    fs::create_dir_all(directory).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), DevCaError> {
    let failed = |source| DevCaError::File { path: path.to_owned(), source };
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    // Made anew, because opening an existing file would keep its old, perhaps open, mode.
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(bytes).map_err(failed)
}
