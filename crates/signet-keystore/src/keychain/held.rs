//! Keys that the keychain holds for a [`crate::KeyHolder`] caller, before and after they have a
//! certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signet_identity::{Protection, SoftwareKey};
use zeroize::Zeroizing;

use super::entries::Entries;
use crate::holder::{HolderError, KeyLabel, KeychainError};

fn entry(label: &KeyLabel) -> String {
    format!("held/{label}")
}

pub(super) fn generate(
    entries: &mut dyn Entries,
    label: &KeyLabel,
) -> Result<SoftwareKey, HolderError> {
    let entry = entry(label);
    if entries.get(&entry)?.is_some() {
        return Err(HolderError::LabelTaken { label: label.clone() });
    }
    let pkcs8 = SoftwareKey::generate_pkcs8()?;
    let text = Zeroizing::new(STANDARD.encode(pkcs8.as_slice()));
    entries.put(&entry, text.as_bytes())?;
    Ok(SoftwareKey::from_pkcs8(&pkcs8, Protection::OsKeychain)?)
}

pub(super) fn open(
    entries: &mut dyn Entries,
    label: &KeyLabel,
) -> Result<SoftwareKey, HolderError> {
    let entry = entry(label);
    let text =
        entries.get(&entry)?.ok_or_else(|| HolderError::NoSuchKey { label: label.clone() })?;
    let malformed =
        || KeychainError::Malformed { entry: entry.clone(), why: "its private key is not base64" };
    let pkcs8 = STANDARD.decode(text.as_slice()).map(Zeroizing::new).map_err(|_| malformed())?;
    Ok(SoftwareKey::from_pkcs8(&pkcs8, Protection::OsKeychain)?)
}

pub(super) fn delete(entries: &mut dyn Entries, label: &KeyLabel) -> Result<(), HolderError> {
    match entries.remove(&entry(label))? {
        true => Ok(()),
        false => Err(HolderError::NoSuchKey { label: label.clone() }),
    }
}

/// A holder's error as one of the keychain, for a key that an identity needs.
pub(super) fn from_holder(error: HolderError) -> KeychainError {
    match error {
        HolderError::Keychain(inner) => inner,
        HolderError::NoSuchKey { .. } => {
            KeychainError::Malformed { entry: "held".into(), why: "its private key is missing" }
        }
        other => KeychainError::Other { detail: other.to_string() },
    }
}
