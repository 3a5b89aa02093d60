//! What lies in the state directory, and the key that stores there are sealed with.

use crate::{
    GatewayError,
    config::{Config, TransmitSection},
};
use signet_identity::{file_stem, name_of_file};
use signet_journal::{LogError, StoreKey, private_folder};
use signet_quic::server::{KEYS_BYTES, Keys};
use std::{
    fs, io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

const SESSION_ENDING: &str = "fix";

/// Makes the folders that are missing, readable by the gateway only.
pub(crate) fn make_folders(config: &Config) -> Result<(), GatewayError> {
    let state_dir = &config.gateway.state_dir;
    for d in [state_dir, &desks_folder(config), &dealers_folder(config)] {
        private_folder(d)
            .map_err(|source| GatewayError::Io { what: d.display().to_string(), source })?;
    }
    Ok(())
}

/// Where session stores of desks lie.
pub(crate) fn desks_folder(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("desks")
}

/// Where session stores of dealers lie.
pub(crate) fn dealers_folder(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("dealers")
}

/// Where one party's session store lies in the folder of desks or of dealers.
pub(crate) fn session_file(folder: &Path, party: &str) -> PathBuf {
    folder.join(format!("{}.{SESSION_ENDING}", file_stem(party)))
}

/// Whose session store this is.
pub(crate) fn party_of_session(file: &Path) -> Option<String> {
    let stem = file.file_stem().filter(|_| file.extension().is_some_and(|e| e == SESSION_ENDING));
    stem?.to_str().map(name_of_file)
}

/// Where evidence of signed messages lies.
pub(crate) fn signed_folder(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("signed")
}

/// Where the indexes of the evidence lie: made from it, and made again when they are gone.
pub(crate) fn index_folder(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("signed-index")
}

/// Where the history of the policies lies.
pub(crate) fn history_file(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("policies.history")
}

pub(crate) fn store_key_path(config: &Config) -> PathBuf {
    config.store.key_file.clone().unwrap_or_else(|| config.gateway.state_dir.join("store.key"))
}

/// The key that stores are sealed with: read, or made at the first start.
pub(crate) fn store_key(path: &Path) -> Result<StoreKey, GatewayError> {
    kept_bytes::<32>(path).map(|b| StoreKey::new(*b))
}

/// The keys of the QUIC endpoint: read, or made at the first start. With them a gateway that has
/// restarted tells desks at once that their connections are gone.
pub(crate) fn quic_keys(config: &Config) -> Result<Keys, GatewayError> {
    kept_bytes::<KEYS_BYTES>(&config.gateway.state_dir.join("quic.key")).map(Keys::new)
}

/// The networks from which desks logged on lately.
pub(crate) fn known_networks_path(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("known.networks")
}

/// Where desks were last.
pub(crate) fn last_places_path(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("desks.places")
}

/// The certificates of desks' last sessions.
pub(crate) fn last_certificates_path(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("desks.certificates")
}

/// Where signals wait for their receiver, and what it was told.
pub(crate) fn transmit_folder(config: &Config, section: &TransmitSection) -> PathBuf {
    // Without a name it is the folder itself.
    config.gateway.state_dir.join("transmit").join(&section.name)
}

/// The last good keys of the identity providers that publish them.
pub(crate) fn signals_keys_file(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("signals.keys")
}

/// What signals said that still matters.
pub(crate) fn signals_file(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("signals.told")
}

/// The key that signals are signed with: the one of the configuration, or one of the gateway's own.
pub(crate) fn signer_path(config: &Config, section: &TransmitSection) -> PathBuf {
    section.key.clone().unwrap_or_else(|| config.gateway.state_dir.join("signals.key"))
}

/// The sealed journal of RFQs.
pub(crate) fn journal_path(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("rfqs.journal")
}

/// The last checkpoint of the evidence.
pub(crate) fn checkpoint_path(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("evidence.checkpoint")
}

/// The key that checkpoints are signed with.
pub(crate) fn checkpoint_key_path(config: &Config) -> PathBuf {
    config.gateway.state_dir.join("checkpoint.key")
}

/// The same: read, or made at the first start; with whether it was made.
pub(crate) fn checkpoint_seed(
    config: &Config,
) -> Result<(Zeroizing<[u8; 32]>, bool), GatewayError> {
    let path = checkpoint_key_path(config);
    let made = !path.exists();
    Ok((kept_bytes::<32>(&path)?, made))
}

/// Of a gateway that has run before.
pub(crate) fn existing_checkpoint_seed(
    config: &Config,
) -> Result<Zeroizing<[u8; 32]>, GatewayError> {
    let path = checkpoint_key_path(config);
    if let Err(source) = fs::metadata(&path) {
        return Err(GatewayError::Io { what: path.display().to_string(), source });
    }
    kept_bytes::<32>(&path)
}

/// A key of `N` bytes in a file that only the gateway can read: read, or made.
fn kept_bytes<const N: usize>(path: &Path) -> Result<Zeroizing<[u8; N]>, GatewayError> {
    let bytes = kept(path, || {
        let mut bytes = Zeroizing::new(vec![0u8; N]);
        aws_lc_rs::rand::fill(&mut bytes[..]).map_err(|_| LogError::Crypto)?;
        Ok(bytes)
    })?;
    let bytes: [u8; N] = bytes.as_slice().try_into().map_err(|_| {
        let why = format!("not a key of {N} bytes; restore it or remove the file");
        let source = io::Error::new(io::ErrorKind::InvalidData, why);
        GatewayError::Io { what: path.display().to_string(), source }
    })?;
    Ok(Zeroizing::new(bytes))
}

/// A secret in a file that only the gateway can read: read, or made.
pub(crate) fn kept(
    path: &Path,
    make: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, GatewayError>,
) -> Result<Zeroizing<Vec<u8>>, GatewayError> {
    let fail = |source| GatewayError::Io { what: path.display().to_string(), source };
    match fs::read(path) {
        Ok(bytes) => {
            let bytes = Zeroizing::new(bytes);
            check_private(path)?;
            Ok(bytes)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let bytes = make()?;
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(path).map_err(fail)?;
            if let Err(e) = write_down(file, path, &bytes) {
                // Half a secret would be refused at every start.
                drop(fs::remove_file(path));
                return Err(fail(e));
            }
            Ok(bytes)
        }
        Err(e) => Err(fail(e)),
    }
}

/// Everything is on the disk when this returns, the name of the file too: what is sealed with a key
/// that a power cut took is lost.
fn write_down(mut file: fs::File, path: &Path, bytes: &[u8]) -> io::Result<()> {
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        fs::File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// The store key of a gateway that has run before; for the administrator's commands, which make
/// none.
pub(crate) fn existing_store_key(config: &Config) -> Result<StoreKey, GatewayError> {
    let path = store_key_path(config);
    let bytes = fs::read(&path)
        .map_err(|source| GatewayError::Io { what: path.display().to_string(), source })?;
    present_store_key(&path, Zeroizing::new(bytes))
}

fn present_store_key(path: &Path, bytes: Zeroizing<Vec<u8>>) -> Result<StoreKey, GatewayError> {
    check_private(path)?;
    Ok(StoreKey::from_slice(&bytes)?)
}

fn check_private(path: &Path) -> Result<(), GatewayError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let fail = |source| GatewayError::Io { what: path.display().to_string(), source };
        if fs::metadata(path).map_err(fail)?.permissions().mode() & 0o077 != 0 {
            return Err(fail(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "others may read it; chmod 600",
            )));
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, GatewayError> {
        Ok(Zeroizing::new(text.to_vec()))
    }

    #[test]
    fn a_session_file_lies_in_its_folder_and_names_its_party() {
        let folder = Path::new("state/dealers");
        for party in ["NORTHBANK", "NORTH BANK/FX", "/etc/x", "A.B", "50%"] {
            let file = session_file(folder, party);
            assert_eq!(file.parent(), Some(folder), "{party}");
            assert_eq!(party_of_session(&file).as_deref(), Some(party));
        }
        assert_eq!(party_of_session(Path::new("state/dealers/NORTHBANK.cut")), None);
    }

    #[test]
    fn a_secret_is_made_once_and_read_from_then_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.key");
        assert_eq!(*kept(&path, || secret(b"one")).unwrap(), b"one");
        assert_eq!(*kept(&path, || secret(b"two")).unwrap(), b"one");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert!(kept(&path, || secret(b"two")).is_err(), "others may read it");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_secret_that_could_not_be_written_down_is_none() {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let e = write_down(full, &dir.path().join("store.key"), b"one").unwrap_err();
        assert_eq!(e.kind(), io::ErrorKind::StorageFull);
    }
}
